"""The measured rhythm of a recording: its name, the evidence in numbers, and other findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from heart_reader.features.measurement import Measurement

__all__ = ["RHYTHMS", "RHYTHM_FINDINGS", "Rhythm"]

# What a rhythm may be called.
RHYTHMS = (
    "sinus",
    "atrial_fibrillation",
    "atrial_flutter",
    "supraventricular_tachycardia",
    "ventricular_tachycardia",
    "junctional",
    "paced",
)
# What may be found beside it.
RHYTHM_FINDINGS = (
    "irregular",
    "premature_supraventricular",
    "premature_ventricular",
    "couplet",
    "ventricular_run",
    "bigeminy",
    "trigeminy",
    "pause",
    "pacing_spikes",
    "av_block_1",
    "av_block_2",
    "av_block_3",
)


@dataclass(frozen=True)
class Rhythm:
    """The rhythm of one recording.

    Parameters
    ----------
    name
        One of ``RHYTHMS``; None where the signal does not say.
    reason
        A sentence: what the name rests on, or why there is none.
    findings
        Those of ``RHYTHM_FINDINGS`` that were found.
    values
        The evidence in numbers, each with unit and, where it is missing, a reason.
    beats
        One kind per beat of the record: ``"normal"``, ``"supraventricular"`` (early and narrow),
        ``"ventricular"`` (early or late, and wide), ``"paced"`` or ``"unknown"``.
    """

    name: str | None
    reason: str
    findings: tuple[str, ...] = ()
    values: Mapping[str, Measurement] = field(default_factory=dict)
    beats: tuple[str, ...] = ()

    def sentences(self) -> Iterator[str | None]:
        """Every sentence that may have a code."""
        yield self.reason
        yield from (value.reason for value in self.values.values())

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "reason": self.reason,
            "findings": list(self.findings),
            "values": {name: value.to_json() for name, value in self.values.items()},
            "beats": list(self.beats),
        }
