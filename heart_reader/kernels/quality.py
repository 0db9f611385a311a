"""Kernels of the quality gate: sums over a median beat that tell false rates and leads.

All sums run in the order of leads, then of time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.kernels import kernel

__all__ = ["arrangement_sums", "energies", "longest_run", "misfit", "standing_still", "stays_near"]

Array = NDArray[np.float64]
Beat = NDArray[np.float32]

_SMALL_MV = 1e-6
# Time points looked at together: a recording of days has too many for lists of their places.
_AT_ONCE = 1 << 20
# QRS is as wide as the energy of all leads exceeds this share of the highest.
_WIDE_SHARE = 0.25


@kernel
def standing_still(signal: Beat, least: int) -> list[bool]:
    """Return for each of (n_leads, n_times) whether it keeps one value for so many time points."""
    # Such a lead has the same value at two neighbours among points half as far apart; few others
    # have, and need the closer look.
    thin = signal[:, :: max(1, least // 2)]
    alike = (thin[:, 1:] == thin[:, :-1]).any(axis=1) if least > 1 else np.ones(len(signal), bool)
    return [bool(like) and longest_run(lead[1:] == lead[:-1]) + 1 >= least for like, lead in zip(alike, signal, strict=True)]


def longest_run(flags: NDArray[np.bool_]) -> int:
    """Return how many true values follow each other at most."""
    longest, last = 0, -1
    for start in range(0, len(flags), _AT_ONCE):
        ends = start + np.flatnonzero(~flags[start : start + _AT_ONCE])
        if len(ends):
            longest = max(longest, int(np.diff(ends, prepend=last).max()) - 1)
            last = int(ends[-1])
    return max(longest, len(flags) - 1 - last)


@kernel
def misfit(limb: Array, factors: Array) -> tuple[float, float]:
    """Return how far limb leads are from what I and II make of them, and how large all are.

    Parameters
    ----------
    limb
        (n_leads, n_times), three leads or more; I and II first.
    factors
        (n_leads - 2, 2) what the others are made of.

    Returns
    -------
    tuple
        The largest root mean square of what is left of a lead over those of what it is and should
        be, and the root mean square of all leads; about their means both.
    """
    centred = limb - limb.cumsum(axis=1)[:, -1:] / limb.shape[1]
    made = factors[:, :1] * centred[:1] + factors[:, 1:] * centred[1:2]
    energy, of_made, left = (np.square(of).cumsum(axis=1)[:, -1] for of in (centred, made, centred[2:] - made))
    worst = np.sqrt((left / np.maximum(energy[2:] + of_made, 1e-12)).max())
    return float(worst), float(np.sqrt(energy.cumsum()[-1] / limb.size))


@kernel
def stays_near(lead: Beat, length: int, reach: float) -> bool:
    """Return whether more than half of every part is closer than ``reach`` to the first's median.

    Parameters
    ----------
    lead
        (n_times,).
    length
        Of a part, time points; what is left behind the last whole one is not looked at.
    """
    n_parts, at_once = len(lead) // length, max(1, _AT_ONCE // length)
    parts = lead[: n_parts * length].reshape(n_parts, length)
    level = np.float32(np.median(parts[0].astype(np.float64))) if n_parts else np.float32(0)
    near = (np.abs(parts[start : start + at_once] - level) < np.float32(reach) for start in range(0, n_parts, at_once))
    return all(bool((2 * np.count_nonzero(part, axis=1) > length).all()) for part in near)


@kernel
def energies(beat: Beat, r: int, about: int, after: int) -> Array:
    """Return (6,) sums of squares over all leads, in mV, and a width.

    Parameters
    ----------
    beat
        (n_leads, n_times).
    r
        Index of R.
    about, after
        Time points on either side of R that hold QRS, and from R to ST.

    Returns
    -------
    NDArray
        Of QRS about its mean, of its steps from point to point and of the steps between these; of
        what follows about its mean and of its steps; and the number of points where the energy
        about the median exceeds a quarter of the highest.
    """
    levelled = beat.astype(np.float64)
    half = beat.shape[1] // 2
    ranked = np.partition(levelled, (half - 1, half), axis=1)
    levelled -= ranked[:, half, None] if beat.shape[1] % 2 else 0.5 * (ranked[:, half - 1, None] + ranked[:, half, None])
    qrs, rest = levelled[:, r - about : r + about], levelled[:, r + after :]
    qrs = qrs - qrs.cumsum(axis=1)[:, -1:] / qrs.shape[1]
    step, rest_step = qrs[:, 1:] - qrs[:, :-1], rest[:, 1:] - rest[:, :-1]
    rest = rest - rest.cumsum(axis=1)[:, -1:] / rest.shape[1]
    energy = np.square(levelled).sum(axis=0)
    sums = [np.square(of).sum(axis=0).cumsum()[-1] for of in (qrs, step, step[:, 1:] - step[:, :-1], rest, rest_step)]
    return np.array([*sums, np.count_nonzero(energy > _WIDE_SHARE * energy.max())])


@kernel
def arrangement_sums(beat: Beat, qrs: tuple[int, int], end: int, p: tuple[int, int]) -> Array:
    """Return (120,) measures of order and signs of eight leads.

    Parameters
    ----------
    beat
        (8, n_times) in mV; the first two are I and II.
    qrs
        Begin and end of QRS, indices.
    end
        Of ST-T, which begins where QRS ends.
    p
        Begin and end of P; the same where there is none.

    Returns
    -------
    NDArray
        Likeness of every two leads in QRS, and in ST-T; and per lead: likeness of QRS to that of
        III, which way each points in QRS and in ST-T, its share of P, how much of QRS lies above
        the level, sizes of QRS and of ST-T over the usual, and what its first half adds up to.
    """
    first, last = qrs
    level = beat[:, max(0, first - 6) : first + 1].astype(np.float64).cumsum(axis=1)[:, -1] / (first + 1 - max(0, first - 6))
    # Time first: sums over it then run in its order.
    of_qrs, of_st_t, of_p = (np.ascontiguousarray((beat[:, low:high] - level[:, None]).T) for low, high in (qrs, (last, end), p))
    gram, gram_st_t = _products(of_qrs), _products(of_st_t)
    norm, norm_st_t = np.sqrt(np.diagonal(gram)) + _SMALL_MV, np.sqrt(np.diagonal(gram_st_t)) + _SMALL_MV
    lead_iii = of_qrs[:, 1] - of_qrs[:, 0]
    norm_iii = np.sqrt(np.square(lead_iii).cumsum()[-1]) + _SMALL_MV
    above, below = np.maximum(of_qrs.max(axis=0), 0.0), np.maximum(-of_qrs.min(axis=0), 0.0)
    sizes, pairs = np.abs(of_qrs).sum(axis=0) + _SMALL_MV, np.triu_indices(8, 1)
    return np.concatenate(
        (
            (gram / (norm[:, None] * norm))[pairs],
            (gram_st_t / (norm_st_t[:, None] * norm_st_t))[pairs],
            (of_qrs * lead_iii[:, None]).sum(axis=0) / (norm * norm_iii),
            of_qrs.sum(axis=0) / sizes,
            of_st_t.sum(axis=0) / (np.abs(of_st_t).sum(axis=0) + _SMALL_MV),
            of_p.sum(axis=0) / (np.abs(of_p).sum(axis=0).cumsum()[-1] / 8 + _SMALL_MV),
            above / (above + below + _SMALL_MV),
            norm / np.sqrt(np.square(norm).cumsum()[-1] / 8),
            norm_st_t / np.sqrt(np.square(norm_st_t).cumsum()[-1] / 8),
            of_qrs[: max(len(of_qrs) // 2, 2)].sum(axis=0) / sizes,
        )
    )


def _products(waves: Array) -> Array:
    """Return (n_leads, n_leads) sums of products of every two leads of (n_times, n_leads)."""
    answer: Array = (waves[:, :, None] * waves[:, None, :]).sum(axis=0)
    return answer
