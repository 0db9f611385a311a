"""Kernel of amplitudes: what is measured of each lead between the boundaries of a median beat."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from heart_reader.kernels import kernel
from heart_reader.kernels.peaks import local_maxima

__all__ = ["STEMS", "lead_amplitudes"]

Array = NDArray[np.floating]

_MS = 2.0
# Deflections smaller than this are not called Q, R or S.
_LEAST_MV = 0.025
# A dip within a deflection is a notch from this size on, absolute and of the deflection's lead.
_NOTCH_MV, _NOTCH_SHARE = 0.05, 0.05
# What P falls to at its end counts from this depth on.
_TERMINAL_MV = 0.01
# ST is measured so many time points after J.
_AFTER_J = {"ST_Amp": 0, "ST_Amp40ms": 20, "ST_Amp80ms": 40}

STEMS = (
    *("P_Amp", "P_Area", "P_Terminal", "T_Amp", "T_Area", *_AFTER_J, "Q_Amp", "Q_Dur", "R_Amp", "R_Dur", "S_Amp", "S_Dur"),
    *("RS_Ratio", "R_Notch", "QRS_IntDefl", "QRS_AmpPP", "QRS_Area", "QRS_Lowest"),
)


@kernel
def lead_amplitudes(beat: NDArray[np.float32], at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Measure each lead, (20, n_leads) in the order of ``STEMS``, NaN where a wave is missing.

    Parameters
    ----------
    beat
        (n_leads, n_times) in mV at 500 Hz, at most 650 time points.
    at
        (6,) indices of onset and offset of P, QRS and T, -1 where there is none; the onset of QRS
        at least five points from the start.
    """
    p_on, p_off, onset, offset, t_on, t_off = at.tolist()
    values = dict.fromkeys(STEMS, np.full(len(beat), math.nan))
    level = _mean(beat[:, onset - 5 : onset])
    values |= _qrs_values(beat[:, onset : offset + 1] - level)
    for stem, after in _AFTER_J.items():
        j = min(offset + after, beat.shape[1] - 3)
        values[stem] = (_mean(beat[:, j - 1 : j + 2]) - level)[:, 0]
    if p_on >= 0 and p_off >= 0:
        values |= _p_values(beat[:, p_on : p_off + 1])
    if t_on >= 0 and t_off >= 0:
        t = beat[:, t_on : t_off + 1] - level
        values |= {"T_Amp": _largest(t), "T_Area": _area(t)}
    return np.array([values[stem] for stem in STEMS], dtype=np.float64)


def _mean(part: Array) -> Array:
    """Return (n_leads, 1), summed in the order of time."""
    return part.cumsum(axis=1)[:, -1:] / np.float32(part.shape[1])


def _area(part: Array) -> Array:
    """Return (n_leads,) mV*ms, summed in the order of time."""
    answer: Array = part.cumsum(axis=1, dtype=np.float64)[:, -1] * _MS
    return answer


def _qrs_values(qrs: Array) -> dict[str, Array]:
    """Name the deflections of QRS: R the highest, Q and S what lies below the level beside it."""
    rows, times = np.arange(len(qrs)), np.arange(qrs.shape[1])
    r_at = qrs.argmax(axis=1)
    r = qrs[rows, r_at]
    has_r = r >= _LEAST_MV
    # Without an R wave the whole complex is one Q wave (QS).
    before = (times < r_at[:, None]) | ~has_r[:, None]
    q_part, s_part = np.where(before, qrs, 0.0), np.where(before, 0.0, qrs)
    q, s = q_part.min(axis=1), s_part.min(axis=1)
    q_ms, r_ms, s_ms = _lobe_ms(np.array([-q_part, qrs, -s_part]), np.array([q_part.argmin(axis=1), r_at, s_part.argmin(axis=1)]))
    q, s = np.where(q <= -_LEAST_MV, q, 0.0), np.where(s <= -_LEAST_MV, s, 0.0)
    r = np.where(has_r, r, 0.0)
    highest, lowest = qrs.max(axis=1), qrs.min(axis=1)
    below = lowest <= -_LEAST_MV
    return {
        "Q_Amp": q,
        "Q_Dur": q_ms * (q < 0),
        "R_Amp": r,
        "R_Dur": r_ms * has_r,
        "S_Amp": s,
        "S_Dur": s_ms * (s < 0),
        "RS_Ratio": np.divide(r, -lowest, out=np.full_like(r, math.nan), where=below),
        "R_Notch": _notches(qrs, highest - lowest),
        "QRS_IntDefl": np.where(has_r, r_at * _MS, math.nan),
        "QRS_AmpPP": highest - lowest,
        "QRS_Area": _area(qrs),
        "QRS_Lowest": lowest,
    }


def _p_values(part: Array) -> dict[str, Array]:
    line = np.linspace(0.0, 1.0, part.shape[1])
    p = part - _mean(part[:, :3]) * (1 - line) - _mean(part[:, -3:]) * line
    half = part.shape[1] // 3
    low = np.minimum(p[:, half:], 0.0)
    # Depth times duration of the negative end, as it is read with a ruler; zero where P ends
    # upright.
    terminal = low.min(axis=1) * (low < -_TERMINAL_MV).sum(axis=1) * _MS
    return {"P_Amp": _largest(p), "P_Area": _area(p), "P_Terminal": terminal}


def _largest(part: Array) -> Array:
    """Return the value farthest from zero in each row."""
    answer: Array = part[np.arange(len(part)), np.abs(part).argmax(axis=1)]
    return answer


def _lobe_ms(part: Array, at: NDArray[np.int64]) -> Array:
    """Return how long, (...), each row of (..., n_times) stays above zero around a point."""
    n, times = part.shape[-1], np.arange(part.shape[-1])
    low = part <= 0.0
    left = np.where(low & (times < at[..., None]), times, -1).max(axis=-1)
    right = np.where(low & (times > at[..., None]), times, n).min(axis=-1)
    answer: Array = (right - left - 1) * _MS
    return answer


def _is_prominent(values: list[float], peak: int) -> bool:
    """Whether values fall by 1 or more on both sides of a peak, before they rise above it."""
    for way in (-1, 1):
        at = peak + way
        while values[peak] - values[at] < 1.0:
            if values[at] > values[peak]:
                return False
            at += way
    return True


def _notches(qrs: Array, span: Array) -> Array:
    """Count the dips and bumps that do not cross the level; ``span`` is the height of each row."""
    n_leads, n_times = qrs.shape
    # Upward and downward parts of all rows one after the other, zeros between them, in units of
    # what counts as a notch.
    parts = np.zeros((2, n_leads, n_times + 2), qrs.dtype)
    inside = parts[:, :, 1:-1]
    inside[:] = qrs, -qrs
    np.maximum(inside, 0.0, out=inside)
    inside /= np.maximum(_NOTCH_MV, _NOTCH_SHARE * span)[:, None]
    joined = parts.ravel()
    peaks = local_maxima(joined)
    values = joined.tolist()
    peaks = np.array([at for at in peaks[joined[peaks] >= 1.0].tolist() if _is_prominent(values, at)], dtype=np.int64)
    starts = np.flatnonzero((joined[1:] > 0) & (joined[:-1] <= 0)) + 1
    lobe = np.searchsorted(starts, peaks, side="right")
    again = peaks[1:][lobe[1:] == lobe[:-1]]
    return np.bincount(again // (n_times + 2) % n_leads, minlength=n_leads).astype(float)
