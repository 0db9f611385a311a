"""The reading of one ECG: probabilities, thresholds, decisions, evidence and warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from heart_reader.conclusion.conclude import Conclusion
from heart_reader.conclusion.reconcile import ClassReading
from heart_reader.data.preprocessor import PreparedEcg
from heart_reader.data.record import FLAT_MV
from heart_reader.decisions.decision import decided, decision_limits
from heart_reader.messages import Message, coded, message

if TYPE_CHECKING:
    from heart_reader.data.device_report import DeviceReport
    from heart_reader.features.measurement import Measurements
    from heart_reader.long.excerpts import Excerpt
    from heart_reader.long.reading import LongReading

__all__ = ["BANDS", "NOTICE", "ClassReading", "Diagnosis", "Quality", "Screen", "decide"]

NOTICE = "Research use only. Not a medical device. Do not use for diagnosis or treatment."
RANKED_LENGTH = 10
# More classes than these in one band are counted rather than named.
NAMED_LENGTH = 8
EVEN = 0.5
# Calibrated probabilities are plain language only where a word agrees with both the number and the
# decision.
BANDS = {
    "high": message("band_high", even=100 * EVEN),
    "medium": message("band_medium", even=100 * EVEN),
    "low": message("band_low", even=100 * EVEN),
    "unrated": message("band_unrated"),
}


@dataclass(frozen=True)
class Screen:
    """The answer to a binary question that is put beside the levels of a reading.

    Parameters
    ----------
    classes
        Its one class with its reading.
    presupposes
        What must hold of the recording for the answer to mean anything, in a sentence.
    """

    classes: Mapping[str, ClassReading]
    presupposes: Message

    @classmethod
    def of(cls, answer: Mapping[str, ClassReading], presupposes: Message, sides: Sequence[ClassReading]) -> Screen:
        """Make it of an answer, which is not decided where the reading states neither side."""
        if sides and all(side.decision != "present" for side in sides):
            answer = {name: one._replace(decision="uncertain") for name, one in answer.items()}
        return cls(answer, presupposes)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"classes": {name: reading.to_json() for name, reading in self.classes.items()}, "presupposes": self.presupposes}


@dataclass(frozen=True)
class Quality:
    """What of the signal could be used.

    Parameters
    ----------
    missing_leads, flat_leads
        Leads of the model that the record does not have, or has without any deflection.
    n_usable_leads, n_leads
        Leads with a signal, and leads that the model reads.
    signal
        What the recording itself is worth: ``"good"``, ``"limited"`` or ``"poor"`` (no heartbeat,
        most leads spoiled, or a file that is very likely not what it says).
    findings
        Sentences about what was found in it, such as leads that seem to be swapped; the gravest
        first.
    leads
        Lead name to what its signal is: ``"good"``, ``"noisy"``, ``"saturated"`` and so on.
    """

    missing_leads: tuple[str, ...]
    flat_leads: tuple[str, ...]
    n_usable_leads: int
    n_leads: int
    signal: str = "good"
    findings: tuple[str, ...] = ()
    leads: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """``"good"``, ``"limited"`` or, if the recording cannot be trusted, ``"poor"``."""
        if 2 * self.n_usable_leads < self.n_leads or self.signal == "poor":
            return "poor"
        return "limited" if self.n_usable_leads < self.n_leads or self.signal == "limited" else "good"

    @property
    def why_poor(self) -> Message | None:
        """Why nothing is decided; None where something can be."""
        if self.verdict != "poor":
            return None
        found = next((sentence for sentence in self.findings if isinstance(sentence, Message)), None)
        return found or message("few_usable_leads", usable=self.n_usable_leads, leads=self.n_leads)

    @classmethod
    def of(cls, prepared: PreparedEcg, leads: tuple[str, ...]) -> Quality:
        """Return which leads are missing or flat, and so how far a reading can be trusted.

        Parameters
        ----------
        prepared
            A record as the model reads it.
        leads
            Names of its n_leads leads.
        """
        span_uv = prepared.microvolts.max(axis=1).astype(np.int32) - prepared.microvolts.min(axis=1)
        flat = prepared.lead_mask & (span_uv < FLAT_MV * 1000)
        return cls(
            missing_leads=tuple([name for name, there in zip(leads, prepared.lead_mask.tolist(), strict=True) if not there]),
            flat_leads=tuple([name for name, still in zip(leads, flat.tolist(), strict=True) if still]),
            n_usable_leads=int(np.count_nonzero(prepared.lead_mask & ~flat)),
            n_leads=len(leads),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "verdict": self.verdict,
            "missing_leads": list(self.missing_leads),
            "flat_leads": list(self.flat_leads),
            "n_usable_leads": self.n_usable_leads,
            "n_leads": self.n_leads,
            "findings": list(self.findings),
            "leads": dict(self.leads),
        }


@dataclass(frozen=True)
class Diagnosis:
    """A reading.

    Parameters
    ----------
    record_id, source_format, fs, duration_s
        What was read: its name, format, sampling rate in Hz and duration in seconds.
    levels
        Level name to class name to reading; the level of interest comes first. Decisions agree with
        each other, with the measurements and with the conclusion.
    conclusion
        All of it as one diagnosis.
    quality
        Usable leads.
    timeline
        Per window of the level of interest: ``start_s``, ``end_s``, ``probabilities``.
    warnings
        From reading, preparing and deciding.
    model
        ``name``, ``checkpoint_sha256``, ``label_rule``.
    age, sex
        Years and ``"male"`` or ``"female"`` as the file says, None where it does not.
    measurements
        Intervals, axes and voltages of the recording as it was read, at its own rate; None where
        nobody asked for them.
    features
        Which sets of features the network takes beside the signal, and whether anything of each was
        known; empty for the signal alone.
    alpha
        Share of errors of each kind that the uncertain zones of the level of interest allow; None
        if it has no zones.
    long
        The recording as a whole, if it lasts more than a minute and was measured.
    screens
        Binary level to its answer, for those that the model answers beside its level of interest.
    device_report
        What the file says of the ECG beside its signal, on which nothing here rests; or None.
    """

    record_id: str
    source_format: str
    fs: float
    duration_s: float
    levels: Mapping[str, Mapping[str, ClassReading]]
    conclusion: Conclusion
    quality: Quality
    timeline: tuple[Mapping[str, Any], ...]
    warnings: tuple[str, ...]
    model: Mapping[str, str]
    age: float | None
    sex: str | None
    measurements: Measurements | None
    features: Mapping[str, bool]
    alpha: float | None
    long: LongReading | None = None
    screens: Mapping[str, Screen] = field(default_factory=dict)
    device_report: DeviceReport | None = None

    @property
    def excerpts(self) -> tuple[Excerpt, ...]:
        """What is printed of a recording that was read as a whole; nothing of any other."""
        from heart_reader.long.excerpts import excerpts_of

        return excerpts_of(self.long, self.measurements)

    @property
    def level(self) -> str:
        """Name of the level of interest."""
        return next(iter(self.levels))

    @property
    def ranked(self) -> list[dict[str, Any]]:
        """The ten most probable classes of the finest level, highest first, decided or not."""
        name = "all" if "all" in self.levels else self.level
        readings = sorted(self.levels[name].items(), key=lambda item: -item[1].probability)
        return [{"level": name, "name": label, **reading.to_json()} for label, reading in readings[:RANKED_LENGTH]]

    @property
    def bands(self) -> dict[str, dict[str, Any]]:
        """Classes of the level of interest by band: ``high``, ``medium``, ``low``, ``unrated``.

        Each has its ``definition``, a sentence to be shown beside it, and its ``classes``, name to
        probability, highest first.
        """
        return {
            name: {"definition": definition, "classes": {label: reading.probability for label, reading in self._rated[name].items()}}
            for name, definition in BANDS.items()
        }

    @cached_property
    def decision_rule(self) -> Message:
        """What present, absent and uncertain rest on, in a sentence."""
        return message("rule_threshold") if self.alpha is None else message("rule_zones", share=100 * self.alpha)

    @cached_property
    def summary(self) -> Message:
        """The headline, then every class of the level of interest in its band, with its number."""
        bands = [message(f"summary_{name}", labels=_labels(readings)) for name, readings in self._rated.items() if readings]
        sentences = [self.conclusion.headline, *bands]
        if self.conclusion.kind != "abnormal" and self.quality.verdict != "poor":
            sentences.append(message("no_proof_of_normal"))
        return message("sentences", sentences=sentences)

    @cached_property
    def _rated(self) -> dict[str, dict[str, ClassReading]]:
        """Band to class to reading, highest probability first."""
        rated: dict[str, dict[str, ClassReading]] = {name: {} for name in BANDS}
        poor = self.quality.verdict == "poor"
        for label, reading in sorted(self.levels[self.level].items(), key=lambda item: -item[1].probability):
            rated[_band(reading, poor=poor)][label] = reading
        return rated

    def _sentences(self) -> Iterator[str | None]:
        """Every sentence of the reading that may have a code."""
        yield from self.warnings
        yield from self.quality.findings
        yield from self.conclusion.sentences()
        yield from (self.summary, self.decision_rule, *BANDS.values())
        yield from (screen.presupposes for screen in self.screens.values())
        if self.measurements is not None:
            yield from (measurement.reason for measurement in self.measurements.values.values())
            yield from self.measurements.rhythm.sentences()
        if self.long is not None:
            yield from self.long.sentences()
            yield from (one.title for one in self.excerpts)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, the same for the command line and the server.

        ``messages`` maps each of its English sentences to a code and values, with which it can be
        said in another language.
        """
        return {
            "record_id": self.record_id,
            "source_format": self.source_format,
            "fs": self.fs,
            "duration_s": self.duration_s,
            "age": self.age,
            "sex": self.sex,
            "levels": {level: {name: reading.to_json() for name, reading in readings.items()} for level, readings in self.levels.items()},
            "screens": {level: screen.to_json() for level, screen in self.screens.items()},
            "ranked": self.ranked,
            "summary": self.summary,
            "conclusion": self.conclusion.to_json(),
            "bands": self.bands,
            "decision_rule": self.decision_rule,
            "measurements": {} if self.measurements is None else self.measurements.to_json(),
            "lead_measurements": {} if self.measurements is None else self.measurements.leads_to_json(),
            "rhythm": None if self.measurements is None else self.measurements.rhythm.to_json(),
            "features": dict(self.features),
            "quality": self.quality.to_json(),
            "timeline": [dict(window) for window in self.timeline],
            "long": None if self.long is None else {**self.long.to_json(), "excerpts": [one.to_json() for one in self.excerpts]},
            "warnings": list(self.warnings),
            "messages": coded(self._sentences()),
            "model": dict(self.model),
            "device_report": None if self.device_report is None else self.device_report.to_json(),
            "notice": NOTICE,
        }


def decide(probability: float, threshold: float | None, quality: Quality, zone: tuple[float, float] | None = None) -> str:
    """Return the decision for one class: uncertain without threshold or usable signal.

    Nothing is present at less than five per cent, whatever its threshold.

    Parameters
    ----------
    probability
        Calibrated.
    threshold
        Decides where there is no zone; None decides nothing.
    quality
        Quality of the signal.
    zone
        Limits of the uncertain zone, which belong to it.

    Examples
    --------
    >>> good, poor = Quality((), (), 12, 12), Quality(("V1",), (), 1, 12)
    >>> decide(0.7, 0.5, good), decide(0.3, 0.5, good), decide(0.7, None, good)
    ('present', 'absent', 'uncertain')
    >>> decide(0.7, 0.5, poor), decide(0.01, 0.005, good)
    ('uncertain', 'uncertain')
    >>> [decide(probability, 0.5, good, (0.4, 0.6)) for probability in (0.39, 0.4, 0.6, 0.61)]
    ['absent', 'uncertain', 'uncertain', 'present']
    """
    return "uncertain" if quality.verdict == "poor" else decided(probability, decision_limits(threshold, zone))


def _band(reading: ClassReading, *, poor: bool) -> str:
    """Return the band of a class; a zone open at one end is too vague for medium."""
    if reading.decision == "uncertain":
        bounded = reading.zone is not None and reading.zone[0] > 0 and reading.zone[1] < 1
        return "medium" if bounded and not poor else "unrated"
    if reading.decision == "present":
        return "high" if reading.probability >= EVEN else "medium"
    return "low" if reading.probability < EVEN else "medium"


def _labels(readings: Mapping[str, ClassReading]) -> list[Message]:
    """Names with their numbers, as many as a sentence can hold."""
    named = []
    for label, reading in readings.items():
        # A decision is named where the number alone would not suggest it.
        unexpected = reading.decision == ("present" if reading.probability < EVEN else "absent")
        code = f"class_share_{reading.decision}" if unexpected else "class_share"
        named.append(message(code, label=_class_code(label), share=_percent(reading.probability)))
    further = [reading.probability for reading in readings.values()][NAMED_LENGTH:]
    if not further:
        return named
    return [message("classes_more", classes=named[:NAMED_LENGTH], count=len(further), share=_percent(further[0]))]


@lru_cache(maxsize=1024)
def _class_code(label: str) -> Message:
    return message("class_code", statement=label)


def _percent(probability: float) -> Message:
    """Whole percent; nothing is said to be impossible or certain."""
    if 0 < probability < 0.01:
        return message("percent_below", share=1)
    return message("percent_above", share=99) if 0.99 < probability < 1 else message("percent", share=100 * probability)
