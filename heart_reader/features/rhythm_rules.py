"""Name the rhythm of a record by rules on its numbers, or say why it cannot be named.

References
----------
"""

from __future__ import annotations

import math

from heart_reader.data.record import EcgRecord
from heart_reader.features.beat_analysis import BeatAnalysis
from heart_reader.features.feature_names import RHYTHM_FEATURES
from heart_reader.features.measurement import Measurement
from heart_reader.features.rhythm import Rhythm
from heart_reader.features.rhythm_numbers import gather
from heart_reader.messages import message

__all__ = ["read_rhythm"]

NOT_MEASURABLE = message("stretch_too_short")


def read_rhythm(record: EcgRecord, analysis: BeatAnalysis) -> Rhythm:
    """Name the rhythm of a record."""
    evidence = gather(analysis)
    values = {
        name: Measurement(None, unit, NOT_MEASURABLE) if math.isnan(evidence.numbers[name]) else Measurement(evidence.numbers[name], unit)
        for name, (_, unit) in RHYTHM_FEATURES.items()
    }
    return Rhythm(None, NOT_MEASURABLE, (), values, ())
