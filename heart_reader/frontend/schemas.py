"""What the server takes and answers, as it appears in the OpenAPI description."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ErrorAnswer", "Health", "ModelAnswer", "ReadOptions", "Reading", "Sample", "SampleList", "Waveform"]


class _Answer(BaseModel):
    """An answer: more fields may come in later versions; a number that is not finite becomes null."""

    model_config = ConfigDict(extra="allow", ser_json_inf_nan="null")


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    code: str = Field(description="Stable, machine-readable name")
    message: str = Field(description="One line: what was got, what is allowed, what to do")
    detail: Any = Field(default=None, description="Further facts, such as the fields that were refused")
    request_id: str = Field(description="Quote it when reporting a problem")


class ReadOptions(BaseModel):
    """What a file does not say about itself."""

    model_config = ConfigDict(extra="forbid")

    fs: float | None = Field(default=None, gt=0, le=100_000, allow_inf_nan=False, description="Sampling rate in Hz")
    unit: str | None = Field(default=None, max_length=8, description="mV, uV, nV or V")
    leads: str | None = Field(default=None, max_length=1000, description="Lead names in the order of the columns, separated by commas")
    waveform: bool = Field(default=False, description="Answer the signal too")

    @property
    def lead_names(self) -> tuple[str, ...] | None:
        """``leads`` as names.

        Examples
        --------
        >>> ReadOptions(leads="I, II,V1").lead_names
        ('I', 'II', 'V1')
        """
        return tuple(name.strip() for name in self.leads.split(",")) if self.leads else None


class ClassReading(_Answer):
    """One class of one level."""

    probability: float = Field(ge=0, le=1, description="Probability that the label applies")
    threshold: float | None = Field(description="Chosen on the validation data; null where those hold too few such records")
    decision: Literal["present", "absent", "uncertain"]
    zone: tuple[float, float] | None = Field(
        default=None, description="Uncertain zone: read as absent below it, as present above it; null where the threshold alone decides"
    )
    maximum: float | None = Field(default=None, description="Highest probability of one window; only for long recordings")


class RankedClass(ClassReading):
    """One class with the level it belongs to."""

    level: str
    name: str


class Band(_Answer):
    """Classes of the level of interest whose probability is alike."""

    definition: str = Field(description="What the band means, to be shown beside it")
    classes: dict[str, float] = Field(description="Name to probability, highest first")


class QualityReading(_Answer):
    """What of the signal could be used."""

    verdict: Literal["good", "limited", "poor"]
    missing_leads: list[str]
    flat_leads: list[str]
    n_usable_leads: int
    n_leads: int


class Window(_Answer):
    """One stretch of the recording as the model read it."""

    start_s: float
    end_s: float
    probabilities: dict[str, float]


class Waveform(_Answer):
    """The signal as it was uploaded: its own rate and its own leads."""

    fs: float = Field(description="Hz")
    lead_names: list[str]
    n_times: int
    encoding: str
    data: str = Field(description="Base64 of little-endian int16 microvolts, leads first")


class Reading(_Answer):
    """What the model says about one recording."""

    record_id: str
    source_format: str
    fs: float = Field(description="Hz")
    duration_s: float
    levels: dict[str, dict[str, ClassReading]]
    ranked: list[RankedClass]
    summary: str
    bands: dict[Literal["high", "medium", "low", "unrated"], Band]
    decision_rule: str = Field(description="What present, absent and uncertain rest on, to be shown beside them")
    measurements: dict[str, Any]
    quality: QualityReading
    timeline: list[Window]
    warnings: list[str]
    model: dict[str, str]
    notice: str
    waveform: Waveform | None = Field(default=None, description="Only where it was asked for")


class ModelAnswer(_Answer):
    """The model card, and what one request may hold."""

    max_upload_bytes: int
    max_files: int


class Sample(BaseModel):
    """One ECG that the server offers."""

    id: str
    title: str
    description: str = Field(description="What it shows, empty if nobody said")
    source_format: str


class SampleList(BaseModel):
    """The ECGs that the server offers."""

    heading: str
    samples: list[Sample]


class Health(BaseModel):
    """Whether the server lives or may be asked."""

    status: str
