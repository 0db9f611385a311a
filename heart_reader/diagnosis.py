"""A reading of one ECG: probabilities with their thresholds and decisions, what they rest on, and what to be careful about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["NOTICE", "ClassReading", "Diagnosis", "Quality", "decide"]

NOTICE = "Research use only. Not a medical device. Do not use for diagnosis or treatment."
RANKED_LENGTH = 10


@dataclass(frozen=True)
class ClassReading:
    """One class of one level.

    Parameters
    ----------
    probability
        Calibrated probability that the label applies, mean over windows.
    threshold
        From the validation split; None where that split had too few such records to choose one.
    decision
        ``"present"``, ``"absent"`` or ``"uncertain"``.
    maximum
        Highest probability of a single window, given for recordings longer than the usual ten seconds.
    """

    probability: float
    threshold: float | None
    decision: str
    maximum: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        values: dict[str, Any] = {"probability": self.probability, "threshold": self.threshold, "decision": self.decision}
        return values if self.maximum is None else {**values, "maximum": self.maximum}


@dataclass(frozen=True)
class Quality:
    """What of the signal could be used.

    Parameters
    ----------
    missing_leads, flat_leads
        Leads of the model that the record does not have, or has without any deflection.
    n_usable_leads, n_leads
        Leads with a signal, and leads that the model reads.
    """

    missing_leads: tuple[str, ...]
    flat_leads: tuple[str, ...]
    n_usable_leads: int
    n_leads: int

    @property
    def verdict(self) -> str:
        """``"good"``, ``"limited"`` (some leads absent) or ``"poor"`` (under half of them there: no decision is made)."""
        if self.n_usable_leads == self.n_leads:
            return "good"
        return "limited" if 2 * self.n_usable_leads >= self.n_leads else "poor"

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "verdict": self.verdict,
            "missing_leads": list(self.missing_leads),
            "flat_leads": list(self.flat_leads),
            "n_usable_leads": self.n_usable_leads,
            "n_leads": self.n_leads,
        }


@dataclass(frozen=True)
class Diagnosis:
    """A reading.

    Parameters
    ----------
    record_id, source_format, fs, duration_s
        Of the recording as it was read; Hz and seconds.
    levels
        Level name to class name to reading; the level of interest comes first.
    quality
        Usable leads.
    timeline
        Per window of the level of interest: ``start_s``, ``end_s``, ``probabilities``.
    warnings
        From reading, preparing and deciding.
    model
        ``name``, ``checkpoint_sha256``, ``label_rule``.
    measurements
        Name to ``{"value", "reason"}``; empty until measured.
    """

    record_id: str
    source_format: str
    fs: float
    duration_s: float
    levels: Mapping[str, Mapping[str, ClassReading]]
    quality: Quality
    timeline: tuple[Mapping[str, Any], ...]
    warnings: tuple[str, ...]
    model: Mapping[str, str]
    measurements: Mapping[str, Any]

    @property
    def level(self) -> str:
        """Name of the level of interest."""
        return next(iter(self.levels))

    @property
    def ranked(self) -> list[dict[str, Any]]:
        """The most probable classes of the finest level, at most ten, highest first; classes without a threshold are left out."""
        name = "all" if "all" in self.levels else self.level
        readings = [(label, reading) for label, reading in self.levels[name].items() if reading.threshold is not None]
        readings.sort(key=lambda item: -item[1].probability)
        return [{"level": name, "name": label, **reading.to_json()} for label, reading in readings[:RANKED_LENGTH]]

    @property
    def summary(self) -> str:
        """One or two sentences with the numbers they rest on."""
        by_decision: dict[str, list[str]] = {"present": [], "uncertain": [], "absent": []}
        for label, reading in self.levels[self.level].items():
            by_decision[reading.decision].append(f"{label} ({reading.probability:.0%})")
        if by_decision["present"]:
            text = f"Above threshold: {', '.join(by_decision['present'])}."
        elif self.quality.verdict == "poor":
            text = "No decision: too few usable leads."
        else:
            text = "No class reaches its threshold; that is no proof of a normal heart."
        if by_decision["uncertain"]:
            text += f" Uncertain: {', '.join(by_decision['uncertain'])}."
        return text

    def to_json(self) -> dict[str, Any]:
        """Return plain values, the same for the command line and the server."""
        return {
            "record_id": self.record_id,
            "source_format": self.source_format,
            "fs": self.fs,
            "duration_s": self.duration_s,
            "levels": {level: {name: reading.to_json() for name, reading in readings.items()} for level, readings in self.levels.items()},
            "ranked": self.ranked,
            "summary": self.summary,
            "measurements": dict(self.measurements),
            "quality": self.quality.to_json(),
            "timeline": [dict(window) for window in self.timeline],
            "warnings": list(self.warnings),
            "model": dict(self.model),
            "notice": NOTICE,
        }


def decide(probability: float, threshold: float | None, quality: Quality) -> str:
    """Return the decision for one class; nothing is called present or absent without a threshold and a usable signal.

    Examples
    --------
    >>> good, poor = Quality((), (), 12, 12), Quality(("V1",), (), 1, 12)
    >>> decide(0.7, 0.5, good), decide(0.3, 0.5, good), decide(0.7, None, good), decide(0.7, 0.5, poor)
    ('present', 'absent', 'uncertain', 'uncertain')
    """
    if threshold is None or quality.verdict == "poor":
        return "uncertain"
    return "present" if probability >= threshold else "absent"
