"""Prepare a recording for measuring: cut it, resample to 500 Hz, remove baseline wander."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.signal import resample
from heart_reader.features.ranks import median
from heart_reader.kernels.beats import means_from, without_baseline

__all__ = ["MEASURING_HZ", "ConditionedEcg", "condition", "level_baseline"]

# 2 ms, the step in which intervals are given; also the rate at which clinical recorders store.
MEASURING_HZ = 500.0
# The level before each QRS complex is a mean over this time, seconds before the beat.
_LEVEL_FROM_S, _LEVEL_TO_S = 0.10, 0.07

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class ConditionedEcg:
    """A part of a record.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV at ``MEASURING_HZ``.
    beats
        (n_beats,) indices of the QRS complexes within it.
    start_s
        Where it begins in the record, seconds.
    """

    signal: Array
    beats: NDArray[np.int64]
    start_s: float


def condition(signal: Array, fs: float, beats: NDArray[np.int64], first: int, last: int) -> ConditionedEcg:
    """Cut a part out of a recording and bring it to ``MEASURING_HZ``.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV.
    fs
        Hz.
    beats
        (n_beats,) indices into the recording.
    first, last
        Begin and end of the part, indices.
    """
    inside = beats[(beats >= first) & (beats < last)] - first
    stretch = resample(signal[:, first:last], fs, MEASURING_HZ)
    return ConditionedEcg(stretch, np.rint(inside * (MEASURING_HZ / fs)).astype(np.int64), first / fs)


def level_baseline(signal: Array, beats: NDArray[np.int64]) -> Array:
    """Subtract straight lines between the levels before the QRS complexes of neighbouring beats.

    A filter would bend ST segments and T waves; between two such levels nothing else is changed.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV at ``MEASURING_HZ``.
    beats
        (n_beats,) indices.
    """
    low, high = (round(seconds * MEASURING_HZ) for seconds in (_LEVEL_FROM_S, _LEVEL_TO_S))
    knots = beats[beats >= low]
    if not len(knots):
        return signal - median(signal)[:, None]
    signal = np.ascontiguousarray(signal, dtype=np.float32)
    return without_baseline(signal, means_from(signal, knots - low + 1, low - high), knots - (low + high) // 2)
