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

from collections.abc import Callable, Iterator

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
# above the second: chosen on the training records of MIT-BIH, patients apart.
ENTER, STAY = 0.12, 0.08
# Steps on either side of a step whose intervals are looked at with its own, and how many intervals
# there must be.
_BESIDE, _FEWEST = 1, 12
_LAGS = (1, 2, 3, 4)
_SMOOTHED = 3
# Windows of an episode in which P waves are looked for.
_ASKED = 5


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
        if smooth[first:end].max() > ENTER and (end - first) * STEP_S >= LEAST_S and not _has_p(first, end, noisy, p_waves):
            steps[first:end] = True
    return steps


def _has_p(first: int, end: int, noisy: Flags, p_waves: Callable[[int], bool | None]) -> bool:
    """Return whether most of an episode's windows that say anything show P waves."""
    answers = [answer for step in _spread(first, end, noisy) if (answer := p_waves(step)) is not None]
    return 2 * sum(answers) > len(answers)


def _spread(first: int, end: int, noisy: Flags) -> Iterator[int]:
    clean = first + np.flatnonzero(~noisy[first:end])
    if len(clean):
        yield from clean[np.unique(np.linspace(0, len(clean) - 1, _ASKED).astype(int))].tolist()
