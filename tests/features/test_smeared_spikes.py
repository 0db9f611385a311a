"""Smeared spikes are looked for in kinds of beats, not in beats of none."""

from __future__ import annotations

import math

import numpy as np

from heart_reader.features.beat_shapes import BeatShapes
from heart_reader.features.smeared_spikes import SmearedSpikes, smeared_spikes

N_BEATS = 10
AT = 300 + 400 * np.arange(N_BEATS)


def found(kind: int) -> SmearedSpikes:
    """What is found in beats of one kind that all have a spike before a wide QRS complex."""
    signal = np.zeros((2, 400 * (N_BEATS + 2)), np.float32)
    signal[:, AT - 20] = 1.0
    wide = np.full(N_BEATS, 160.0)
    shapes = BeatShapes(kind=np.full(N_BEATS, kind), begin_ms=-0.5 * wide, end_ms=0.5 * wide, usual_ms=160.0)
    return smeared_spikes(signal, AT, shapes, np.arange(N_BEATS))


def test_spikes_of_the_usual_beats_are_described() -> None:
    spikes = found(0)
    assert spikes.height_mv == 1.0
    assert spikes.share == 1.0
    assert spikes.to_end_ms == 120.0


def test_beats_that_are_of_no_kind_are_left_out() -> None:
    assert math.isnan(found(-1).score)
