"""Where a long recording fibrillates: intervals that follow no pattern, and no P waves.

In atrial fibrillation an interval is as unlike the one before it as unlike the second, third and
fourth before it. After premature beats in a pattern one of these is alike, single premature beats
do not move a median, and breathing changes intervals little by little. Where intervals say
fibrillation, the P waves of some ten-second windows decide whether it is sinus rhythm after all.

References
----------
Hindricks G. et al. 2020 ESC guidelines for the diagnosis and management of atrial fibrillation.
Eur. Heart J. 42 (2021) 373-498: an episode lasts 30 s or more. Petrenas A., Marozas V., Sornmo L.
Low-complexity detection of atrial fibrillation in continuous long-term monitoring. Comput. Biol.
Med. 65 (2015) 184-191.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.ranks import running_median
from heart_reader.long.episodes import spans

__all__ = ["LEAST_S", "STEP_S", "fibrillating_steps", "irregularity"]

Times = NDArray[np.float64]
Flags = NDArray[np.bool_]

STEP_S = 10.0
LEAST_S = 30.0
# An episode begins where the irregularity exceeds the first of these and lasts as long as it stays
# above the second. They were chosen on the 24 records of MIT-BIH at hand, of which two fibrillate.
ENTER, STAY = 0.12, 0.08
# Steps on either side of a step whose intervals are looked at with its own, and how many intervals
# there must be.
_BESIDE, _FEWEST = 1, 12
_LAGS = (1, 2, 3, 4)
_SMOOTHED = 3
# In every third step of an episode P waves are looked for, in at most so many.
_EVERY, _ASKED = 3, 12


def irregularity(beat_s: Times, plain: Flags, n_steps: int) -> Times:
    """Return how much intervals differ from those before them, relative to the usual one.

    Parameters
    ----------
    beat_s
        (n_beats,) times of all beats.
    plain
        (n_beats - 1,) which intervals count: none beside a ventricular beat, for one.
    n_steps
        Steps of ``STEP_S`` seconds.

    Returns
    -------
    ndarray
        (n_steps,), NaN where there are too few intervals.

    Examples
    --------
    >>> beats = np.cumsum(np.tile([0.6, 1.0], 40))
    >>> irregularity(beats, np.ones(79, bool), 6).round(3).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    rr, at = np.diff(beat_s)[plain], beat_s[1:][plain]
    edges = np.searchsorted(at, np.arange(n_steps + 1) * STEP_S)
    values = np.full(n_steps, np.nan)
    for step in range(n_steps):
        cut = rr[edges[max(step - _BESIDE, 0)] : edges[min(step + 1 + _BESIDE, n_steps)]]
        if len(cut) >= _FEWEST:
            usual = float(np.median(cut))
            values[step] = min(float(np.median(np.abs(cut[lag:] - cut[:-lag]))) for lag in _LAGS) / usual
    return values


def fibrillating_steps(
    values: Times, noisy: Flags, p_waves: Callable[[int], bool | None], limits: tuple[float, float] = (ENTER, STAY)
) -> Flags:
    """Return which steps fibrillate.

    Parameters
    ----------
    values
        (n_steps,) from :func:`irregularity`.
    noisy
        (n_steps,) whose beats say nothing.
    p_waves
        Tells of a step whether P waves precede its beats, None if nobody can say.
    """
    known = np.isfinite(values) & ~noisy
    smooth = running_median(np.where(known, values, 0.0), _SMOOTHED) if len(values) else values
    steps = np.zeros(len(values), bool)
    for first, end in spans(smooth > STAY):
        if smooth[first:end].max() > ENTER and (end - first) * STEP_S >= LEAST_S:
            steps[first:end] = _without_p(first, end, noisy, p_waves)
    for first, end in spans(steps):
        steps[first:end] = (end - first) * STEP_S >= LEAST_S
    return steps


def _without_p(first: int, end: int, noisy: Flags, p_waves: Callable[[int], bool | None]) -> Flags:
    """Return which steps of a span have no P waves, by the asked steps nearest to each."""
    clean = first + np.flatnonzero(~noisy[first:end])
    if not len(clean):
        return np.ones(end - first, bool)
    count = min(_ASKED, -(-len(clean) // _EVERY))
    asked = np.unique(clean[np.linspace(0, len(clean) - 1, count).astype(int)])
    # Neighbours have a say, for a window of ten seconds is short.
    said = [p_waves(step) for step in asked.tolist()]
    votes = np.convolve([0 if answer is None else 1 if answer else -1 for answer in said], np.ones(3), "same")
    nearest = np.abs(np.arange(first, end)[:, None] - asked).argmin(axis=1)
    answer: Flags = votes[nearest] <= 0
    return answer
