"""Find pacemaker spikes that a low sampling rate or a filter has smeared over several points.

Around every beat the narrowest deflection before or at the begin of the QRS complex is looked for:
one that stands out of what lies 20 ms before and after it nearly as much as of what lies 50 ms
away.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.beat_shapes import BeatShapes
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.ranks import middle
from heart_reader.kernels.single_beats import narrowest

__all__ = ["SmearedSpikes", "smeared_spikes"]

Array = NDArray[np.floating]

_NEAR, _FAR = round(0.020 * MEASURING_HZ), round(0.050 * MEASURING_HZ)
# Where a spike may be, time points from R.
_FROM, _TO = round(-0.16 * MEASURING_HZ), round(0.04 * MEASURING_HZ)
_TIMES = np.arange(_FROM, _TO + 1, 2)
_MS = 1000.0 / MEASURING_HZ
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
    inside = np.flatnonzero((at >= _FAR - _FROM) & (at < signal.shape[1] - _FAR - _TO))
    if not len(inside) or not len(signal):
        return SmearedSpikes()
    if len(inside) > _MOST_BEATS:
        inside = inside[np.linspace(0, len(inside) - 1, _MOST_BEATS).astype(int)]
    rows = known[inside]
    end_ms, width_ms = shapes.end_ms[rows], shapes.width_ms[rows]
    # High and narrow at once, with all of a wide QRS complex still to come.
    signal = np.ascontiguousarray(signal, dtype=np.float32)
    found = narrowest(signal, at[inside], end_ms / _MS, _TIMES, _NEAR, _FAR, _WIDE_MS / _MS)
    kinds: dict[int, list[_Spike]] = defaultdict(list)
    for kind, height, from_afar, time, end, width in zip(
        shapes.kind[rows].tolist(), *found.tolist(), end_ms.tolist(), width_ms.tolist(), strict=True
    ):
        kinds[kind].append(_Spike(height, height / max(from_afar, 1e-6), end - time * _MS, width, -time * _MS))
    least = max(2.0, _OFTEN * len(rows))
    often = [kinds[number] for number in sorted(kinds) if number == 0 or (number > 0 and len(kinds[number]) >= least)]
    return max((_described(spikes) for spikes in often), key=lambda spikes: spikes.score, default=SmearedSpikes())


class _Spike(NamedTuple):
    """Of a beat: height in mV and over that from afar, ms to QRS end, QRS width, ms before R."""

    height: float
    sharpness: float
    to_end: float
    width: float
    before_r: float


def _described(spikes: list[_Spike]) -> SmearedSpikes:
    """Describe what may be spikes of the beats of one kind."""
    height, sharpness, to_end, width, _ = (middle(of_all) for of_all in zip(*spikes, strict=True))
    sure = [spike.before_r for spike in spikes if spike.height > _LEAST_MV and spike.sharpness > _LEAST_SHARPNESS]
    before = sure or [spike.before_r for spike in spikes]
    usual = middle(before)
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
        share=len(sure) / len(spikes),
        spread_ms=middle(abs(time - usual) for time in before),
        to_end_ms=to_end,
        score=1.0 / (1.0 + math.exp(-log_odds)),
    )
