"""Find pacemaker spikes that a low sampling rate or a filter has smeared over several points.

Around every beat the narrowest deflection before or at the begin of the QRS complex is looked for:
one that stands out of what lies 20 ms before and after it nearly as much as of what lies 50 ms
away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.beat_shapes import BeatShapes
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.ranks import median
from heart_reader.kernels.beats import heights_beside

__all__ = ["SmearedSpikes", "smeared_spikes"]

Array = NDArray[np.floating]

_NEAR, _FAR = round(0.020 * MEASURING_HZ), round(0.050 * MEASURING_HZ)
# Where a spike may be, time points from R.
_FROM, _TO, _EVERY = round(-0.16 * MEASURING_HZ), round(0.04 * MEASURING_HZ), 2
# Narrow deflections of at least this height, mV on the mean over leads, and of this share of what
# they are from afar, count as spikes.
_LEAST_MV, _LEAST_SHARPNESS = 0.08, 0.75
# A paced QRS complex is at least so wide; what lies nearer to its end counts the less, the nearer
# it is.
_WIDE_MS = 140.0
_MOST_BEATS = 40
# Other kinds of beat than the usual one are looked at from this share of the beats on.
_OFTEN = 0.2
# Logistic regression on records of PTB-XL folds 1 to 9 (32 labelled PACE among 2,979): log height,
# sharpness, time to the end of QRS, width of QRS, one.
_WEIGHTS = (1.79, 5.49, 3.31, 2.67, -14.0)


@dataclass(frozen=True, eq=False)
class SmearedSpikes:
    """The narrowest deflection before the beats; NaN without beats.

    Parameters
    ----------
    height_mv
        Its height, median over beats, mean over leads.
    sharpness
        That over its height from afar; the narrower, the nearer to one.
    share
        Share of the beats with one that is high and narrow.
    spread_ms
        How much its distance from R varies among these, a median absolute deviation.
    to_end_ms
        From it to the end of QRS, median over beats.
    score
        Probability of pacing by these and the width of QRS.
    """

    height_mv: float = math.nan
    sharpness: float = math.nan
    share: float = math.nan
    spread_ms: float = math.nan
    to_end_ms: float = math.nan
    score: float = math.nan


def smeared_spikes(signal: Array, at: NDArray[np.int64], shapes: BeatShapes, known: NDArray[np.int64]) -> SmearedSpikes:
    """Look for the narrowest deflection around each beat's begin, in the most paced kind.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV at ``MEASURING_HZ``.
    at
        (n_beats,) indices of R.
    shapes
        Times of all beats of the record.
    known
        (n_beats,) which of these the beats are.
    """
    inside = np.flatnonzero((at + _FROM - _FAR >= 0) & (at + _TO + _FAR < signal.shape[1]))
    if not len(inside) or not len(signal):
        return SmearedSpikes()
    inside = inside[np.linspace(0, len(inside) - 1, min(len(inside), _MOST_BEATS)).astype(int)]
    times = np.arange(_FROM, _TO + 1, _EVERY)
    signal, around = np.ascontiguousarray(signal, dtype=np.float32), at[inside, None] + times
    near, far = heights_beside(signal, around, _NEAR), heights_beside(signal, around, _FAR)
    # High and narrow at once, with all of a wide QRS complex still to come.
    to_end = shapes.end_ms[known[inside], None] - times * (1000.0 / MEASURING_HZ)
    narrow = near * np.minimum(near / np.maximum(far, 1e-6), 1.0) ** 2 * np.clip(to_end / _WIDE_MS, 0.0, 1.0) ** 2
    best = narrow.argmax(axis=1)
    rows = np.arange(len(inside))
    of_beats = _Beats(near[rows, best], near[rows, best] / np.maximum(far[rows, best], 1e-6), to_end[rows, best],
                      shapes.width_ms[known[inside]], -times[best] * (1000.0 / MEASURING_HZ))  # fmt: skip
    kind = shapes.kind[known[inside]]
    least = max(2.0, _OFTEN * len(kind))
    groups = [kind == number for number, n in enumerate(np.bincount(kind + 1)[1:].tolist()) if n and (number == 0 or n >= least)]
    return max((of_beats.of(group) for group in groups if group.any()), key=lambda spikes: spikes.score, default=SmearedSpikes())


class _Beats(NamedTuple):
    """Per beat: height in mV, sharpness, ms to the QRS end, QRS width in ms, ms before R."""

    height: Array
    sharpness: Array
    to_end: Array
    width: Array
    before_r: Array

    def of(self, group: NDArray[np.bool_]) -> SmearedSpikes:
        """Describe the beats of a group."""
        height, sharpness, to_end, width = (float(median(of[group])) for of in self[:4])
        spikes = group & (self.height > _LEAST_MV) & (self.sharpness > _LEAST_SHARPNESS)
        before = self.before_r[spikes if spikes.any() else group]
        inputs = (
            math.log(height + 0.02),
            min(max(sharpness, 0.5), 1.3),
            min(to_end, 220.0) / 100.0,
            min(width, 240.0) / 100.0,
            1.0,
        )
        log_odds = sum(weight * value for weight, value in zip(_WEIGHTS, inputs, strict=True))
        return SmearedSpikes(
            height_mv=height,
            sharpness=min(sharpness, 2.0),
            share=float(spikes.sum() / group.sum()),
            spread_ms=float(median(np.abs(before - median(before)))),
            to_end_ms=to_end,
            score=1.0 / (1.0 + math.exp(-log_odds)),
        )
