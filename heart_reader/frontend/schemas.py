"""What the server takes and answers, as it appears in the OpenAPI description."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from heart_reader.frontend.answer import Answer
from heart_reader.frontend.answer_examples import ERROR, EXPLANATION, READING, SAMPLE
from heart_reader.frontend.device_schemas import DeviceReportAnswer
from heart_reader.frontend.long_schemas import LongReading

__all__ = [
    "ErrorAnswer",
    "ExplainOptions",
    "ExplanationAnswer",
    "FileFacts",
    "Health",
    "ReadOptions",
    "ReaderChoice",
    "Reading",
    "Sample",
    "SampleList",
    "Stretch",
    "Waveform",
]


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    model_config = ConfigDict(json_schema_extra={"examples": [ERROR]})

    code: str = Field(description="Stable, machine-readable name")
    message: str = Field(description="One line: what was got, what is allowed, what to do")
    detail: Any = Field(
        default=None,
        description="Further facts, such as the fields that were refused, or the code and the values of the message under messages",
    )
    request_id: str = Field(description="Quote it when reporting a problem")


class FileFacts(BaseModel):
    """What a file does not say about itself."""

    model_config = ConfigDict(extra="forbid")

    fs: float | None = Field(default=None, gt=0, le=100_000, allow_inf_nan=False, description="Sampling rate in Hz")
    unit: str | None = Field(default=None, max_length=8, description="mV, uV, nV or V")
    leads: str | None = Field(default=None, max_length=1000, description="Lead names in the order of the columns, separated by commas")

    @property
    def lead_names(self) -> tuple[str, ...] | None:
        """``leads`` as names.

        Examples
        --------
        >>> FileFacts(leads="I, II,V1").lead_names
        ('I', 'II', 'V1')
        """
        return tuple(name.strip() for name in self.leads.split(",")) if self.leads else None


class ReaderChoice(BaseModel):
    """Which of the server's readers is meant."""

    model_config = ConfigDict(extra="forbid")

    reader: str | None = Field(default=None, max_length=64, description="Name of a reader; left out, the default one", examples=[None])


class ReadOptions(FileFacts, ReaderChoice):
    """How to read a recording and what to answer."""

    waveform: bool = Field(default=False, description="Answer the signal too")
    form: Literal["reading", "fhir"] = Field(default="reading", description="Answer the reading, or a FHIR R4 bundle that names nobody")


class Stretch(ReaderChoice):
    """Which class to explain, and where in the recording."""

    finding: str = Field(min_length=1, max_length=200, description="Name of a class, such as MI", examples=["MI"])
    level: str | None = Field(
        default=None,
        max_length=200,
        description="Level of the class, or a screen; left out, the first level of a reading that has it",
        examples=[None],
    )
    start_s: float = Field(default=0.0, ge=0, le=86_400, allow_inf_nan=False, description="Where the explained stretch begins, in seconds")
    duration_s: float = Field(default=10.0, gt=0, le=30, allow_inf_nan=False, description="Its length in seconds")


class ExplainOptions(Stretch, FileFacts):
    """What to explain of an uploaded recording."""


class ClassReading(Answer):
    """One class of one level."""

    probability: float = Field(ge=0, le=1, description="Probability that the label applies")
    threshold: float | None = Field(description="Chosen on the validation data; null where those hold too few such records")
    decision: Literal["present", "absent", "uncertain"]
    zone: tuple[float, float] | None = Field(
        default=None, description="Uncertain zone: read as absent below it, as present above it; null where the threshold alone decides"
    )
    maximum: float | None = Field(default=None, description="Highest probability of one window; only for long recordings")


class ScreenReading(Answer):
    """The answer to a binary question."""

    classes: dict[str, ClassReading] = Field(description="Its one class")
    presupposes: str = Field(description="What must hold of the recording for the answer to mean anything; to be shown beside it")


class RankedClass(ClassReading):
    """One class with the level it belongs to."""

    level: str
    name: str


class Band(Answer):
    """Classes of the level of interest whose probability is alike."""

    definition: str = Field(description="What the band means, to be shown beside it")
    classes: dict[str, float] = Field(description="Name to probability, highest first")


class QualityReading(Answer):
    """What of the signal could be used."""

    verdict: Literal["good", "limited", "poor"]
    missing_leads: list[str]
    flat_leads: list[str]
    n_usable_leads: int
    n_leads: int
    findings: list[str] = Field(default=[], description="What was found in the recording, the gravest first; to be shown before any number")
    leads: dict[str, str] = Field(default={}, description="Lead to good, noisy, wandering, saturated, interrupted, flat or masked")


class Measurement(Answer):
    """One measured quantity."""

    value: float | None = Field(description="null where it cannot be measured")
    unit: str
    reason: str | None = Field(default=None, description="Why there is no value, or why it deserves little trust")


class Window(Answer):
    """One part of the recording as the model read it."""

    start_s: float
    end_s: float
    probabilities: dict[str, float]


class Excerpt(Answer):
    """Some seconds of the signal in a few of its leads."""

    fs: float = Field(description="Hz")
    lead_names: list[str]
    n_times: int = Field(description="Of the excerpt")
    start: int = Field(description="Its first sample in the recording")
    encoding: str
    data: str = Field(description="Base64 of little-endian int16 microvolts, leads first")


class Waveform(Answer):
    """The signal as it was uploaded: its own rate and its own leads. A long one comes in parts."""

    fs: float = Field(description="Hz")
    lead_names: list[str]
    n_times: int = Field(description="Of the whole recording")
    start: int = Field(default=0, description="First sample that the data hold")
    encoding: str
    data: str = Field(description="Base64 of little-endian int16 microvolts, leads first")
    excerpts: list[Excerpt] = Field(default=[], description="Of a long recording, those that its reading names")


class ConclusionLine(Answer):
    """One line of the diagnosis."""

    group: Literal["rhythm", "conduction", "axis", "infarction", "st_t", "hypertrophy", "other"]
    text: str
    codes: list[str] = Field(description="Statements it stands for; empty for what was measured alone")
    probability: float | None = Field(description="Of the statement; null for what was measured alone")


class NotStated(Answer):
    """A statement that was read as present and yields to a measurement or to another statement."""

    code: str
    probability: float
    text: str


class ConclusionReading(Answer):
    """One diagnosis, in the order in which a clinician writes it."""

    kind: Literal["normal", "abnormal", "undecided"]
    headline: str
    lines: list[ConclusionLine]
    yielded: list[NotStated]


class RhythmReading(Answer):
    """The rhythm as it was measured."""

    name: str | None = Field(description="null where the signal does not say")
    reason: str = Field(description="What the name rests on, or why there is none")
    findings: list[str]
    values: dict[str, Measurement] = Field(description="The evidence in numbers")
    beats: list[str] = Field(description="One kind per beat: normal, supraventricular, ventricular, paced or unknown")


class SaidMessage(BaseModel):
    """What an English sentence says, so that it can be said in another language."""

    code: str = Field(description="Stable, machine-readable name of the sentence")
    values: dict[str, str | int | float | list[str]] = Field(description="What it names; a text may itself be a sentence under messages")


class Reading(Answer):
    """What the model says about one recording."""

    model_config = ConfigDict(json_schema_extra={"examples": [READING]})

    record_id: str
    source_format: str
    fs: float = Field(description="Hz")
    duration_s: float
    age: float | None = Field(default=None, description="Years, as the file says; null where it does not")
    sex: Literal["male", "female"] | None = Field(default=None, description="As the file says; null where it does not")
    levels: dict[str, dict[str, ClassReading]]
    screens: dict[str, ScreenReading] = Field(default={}, description="Binary questions that the reader answers beside its levels")
    ranked: list[RankedClass]
    summary: str
    conclusion: ConclusionReading
    rhythm: RhythmReading | None = Field(default=None, description="null where nothing was measured")
    bands: dict[Literal["high", "medium", "low", "unrated"], Band]
    decision_rule: str = Field(description="What present, absent and uncertain rest on, to be shown beside them")
    measurements: dict[str, Measurement]
    lead_measurements: dict[str, dict[str, float | None]] = Field(default={}, description="Lead to quantity; mV, ms, mV*ms by its name")
    features: dict[str, bool] = Field(default={}, description="Sets of features the model reads beside the signal, and whether it had them")
    quality: QualityReading
    timeline: list[Window]
    warnings: list[str]
    messages: dict[str, SaidMessage] = Field(
        default={}, description="Each sentence of warnings, findings and reasons, as it stands there, with its code and values"
    )
    model: dict[str, str]
    notice: str
    long: LongReading | None = Field(default=None, description="Of recordings longer than a minute; null for others")
    device_report: DeviceReportAnswer | None = Field(default=None, description="What the recorder stated; null where the file says nothing")
    waveform: Waveform | None = Field(default=None, description="Only where it was asked for")


class WindowShare(Answer):
    """What one window contributes to an explanation."""

    start_s: float
    end_s: float
    share: float = Field(ge=0, le=1, description="Share of the absolute relevance; the shares sum to 1")


class MeasurementContribution(Answer):
    """What one measurement adds to the log-odds of a finding."""

    name: str = Field(description="As in readings, such as qrs_ms, or R_Amp beside a lead; others for the sum of all that are not listed")
    lead: str | None = Field(default=None, description="Null for what is measured over all leads or known of the person")
    value: float | None = Field(default=None, description="Null where it is not known, which may count too")
    unit: str
    contribution: float = Field(description="In log-odds, above 0 where it raised the probability")


class ExplanationAnswer(Answer):
    """Which leads, moments and measurements moved the probability of one finding."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXPLANATION]})

    record_id: str
    level: str
    finding: str
    method: str
    baseline: str = Field(description="What the recording was compared with")
    fs: float = Field(description="Rate of the relevance in Hz: the model's own, counted from start_s")
    start_s: float
    duration_s: float
    lead_names: list[str]
    n_times: int
    encoding: str
    relevance: str = Field(description="Base64 of uint8, (n_leads, n_times): absolute relevance, 255 where it is highest")
    signed_relevance: str = Field(description="Base64 of int8, (n_leads, n_times): above 0 where the signal raised the probability")
    lead_shares: dict[str, float] = Field(description="Share of the absolute relevance by lead; the shares sum to 1")
    raising_share: float = Field(ge=0, le=1, description="Share of the absolute relevance that speaks for the finding")
    windows: list[WindowShare]
    measurements: list[MeasurementContribution] = Field(
        default=[], description="The largest in size first, then the others; empty where the model reads the signal alone"
    )
    signal_contribution: float = Field(default=0.0, description="What the signal adds, in log-odds")
    measurement_contribution: float = Field(default=0.0, description="What all measurements add, in log-odds")
    measurement_groups: dict[Literal["rhythm", "p", "qrs", "st", "t", "further"], float] = Field(
        default={}, description="The same by what was measured: rate and rhythm, P wave and PR, QRS, ST, T wave and QT, anything else"
    )
    baseline_log_odds: float = Field(
        default=0.0, description="Of the baseline; with both contributions it gives log_odds, those of the probability"
    )
    probability: float = Field(ge=0, le=1, description="Of the finding in this stretch")
    note: str
    messages: dict[str, SaidMessage] = Field(default={}, description="Method and note with their codes and values")
    notice: str


class Sample(BaseModel):
    """One ECG that the server offers."""

    model_config = ConfigDict(json_schema_extra={"examples": [SAMPLE]})

    id: str
    title: str
    description: str = Field(description="What it shows, empty if nobody said")
    source_format: str
    labels: list[str] = Field(default=[], description="Superclasses that truly apply, empty where they are not known")


class SampleList(BaseModel):
    """The ECGs that the server offers."""

    heading: str
    samples: list[Sample]


class Health(BaseModel):
    """Whether the server lives or may be asked."""

    status: str
