"""Whether a P wave precedes the QRS complexes: what is there must look the same before every beat, and be no part of something larger.

In atrial fibrillation the stretch before QRS differs from beat to beat, in complete block it holds a P wave now and then, so in both
its beats hardly correlate with each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.beats import BEAT_FROM
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.delineation import Delineation

__all__ = ["PWaves", "has_p_wave"]

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class PWaves:
    """Which beats have a P wave before them.

    Parameters
    ----------
    probability
        (n_beats,) for every beat of the stretch, NaN where it cannot be told.
    onset_ms
        (n_beats,) onset of P in milliseconds from R, negative; NaN for a beat without a P wave.
    present
        Whether P waves precede the beats of this record; None where it cannot be told.
    record_probability
        Probability of that, NaN where it cannot be told.
    likeness
        How alike the stretches before QRS are from beat to beat, a correlation; NaN where there is no room for a P wave.
    share
        Of the beats that could be told, how many have a P wave; NaN without such beats.
    pr_sd_ms
        How much the PR interval varies from beat to beat; NaN with fewer than three P waves.
    """

    probability: Array
    onset_ms: Array
    present: bool | None
    record_probability: float
    likeness: float
    share: float
    pr_sd_ms: float

# What is compared: from a little before the onset of P to a little after its offset, every fourth time point.
_MARGIN, _EVERY = round(0.02 * MEASURING_HZ), 4
# Least correlation of single beats with the mean of the others, and least size of the wave, mV over all leads.
_LEAST_LIKENESS, _LEAST_MV = 0.45, 0.004
_MOST_BEATS = 40


def has_p_wave(signal: Array, at: NDArray[np.int64], delineation: Delineation, weights: Array) -> tuple[bool, float]:
    """Tell whether the beats have a P wave, and how alike what precedes them is.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV at ``MEASURING_HZ``.
    at
        (n_beats,) indices of R.
    delineation
        Of their median, which says where a P wave would be.
    weights
        (n_leads,) how much each lead counts, 0 to 1.

    Returns
    -------
    tuple
        The answer, and the mean correlation of each beat with the mean of the others, NaN with a single beat or no room for a P wave.
    """
    wave = delineation.waves.get("p")
    if wave is None:
        return False, math.nan
    first, last = wave.onset - _MARGIN - BEAT_FROM, min(wave.offset + _MARGIN, delineation.waves["qrs"].onset) - BEAT_FROM
    whole = at[(at + first >= 0)][:_MOST_BEATS]
    if not len(whole):
        return False, math.nan
    times = np.arange(first, last, _EVERY)
    cut = signal[:, whole[:, None] + times].transpose(1, 0, 2)
    # Without mean and slope: a T wave that is still falling, or breathing, is no P wave.
    ramp = np.linspace(-1.0, 1.0, len(times))
    cut = cut - cut.mean(axis=2, keepdims=True)
    cut = (cut - (cut @ ramp / (ramp @ ramp))[..., None] * ramp) * weights[:, None]
    cut = cut.reshape(len(whole), -1)
    mean = cut.mean(axis=0)
    size = float(np.sqrt(np.square(mean).mean()))
    if len(whole) < 2:
        return size > _LEAST_MV, math.nan
    likeness = _likeness(cut, mean)
    return likeness > _LEAST_LIKENESS and size > _LEAST_MV, likeness


def _likeness(cut: Array, mean: Array) -> float:
    """Mean correlation of each row with the mean of the others."""
    others = (mean * len(cut) - cut) / (len(cut) - 1)
    together = (cut * others).sum(axis=1)
    sizes = np.sqrt(np.square(cut).sum(axis=1)) * np.sqrt(np.square(others).sum(axis=1))
    return float((together / np.maximum(sizes, 1e-9)).mean())
