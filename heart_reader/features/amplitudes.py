"""Amplitudes, areas and durations of the waves of each lead, from the median beat.

Amplitudes count from the level just before QRS onset, those of P from the line between its onset
and its offset. All leads are measured between the same boundaries, those of the whole heart.

References
----------
Kligfield P. et al. Recommendations for the standardization and interpretation of the
electrocardiogram, part I. Circulation 115 (2007) 1306-1324. Das M. K. et al. Significance of a
fragmented QRS complex versus a Q wave in patients with coronary artery disease. Circulation 113
(2006) 2495-2501.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.beats import BEAT_FROM
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.filters import local_maxima
from heart_reader.features.wave_edges import BOUNDARIES

__all__ = ["lead_values"]

Array = NDArray[np.floating]

_MS = 1000.0 / MEASURING_HZ
# Deflections smaller than this are not called Q, R or S.
_LEAST_MV = 0.025
# A dip within a deflection is a notch from this size on, absolute and of the deflection's lead.
_NOTCH_MV, _NOTCH_SHARE = 0.05, 0.05


def lead_values(beat: Array, overall_ms: Array) -> dict[str, Array]:
    """Return PTB-XL+ stem to (n_leads,) values; NaN where a wave is missing.

    Parameters
    ----------
    beat
        (n_leads, n_times) in mV at ``MEASURING_HZ``, R at ``BEAT_FROM``.
    overall_ms
        (6,) boundaries in milliseconds from R, NaN where there is none.

    Notes
    -----
    Amplitudes in mV (Q and S negative, 0 where there is no such wave), areas in mV*ms, durations in
    ms.
    """
    at = {
        name: None if math.isnan(ms) else min(max(BEAT_FROM + round(ms / _MS), 8), beat.shape[1] - 1)
        for name, ms in zip(BOUNDARIES, overall_ms.tolist(), strict=True)
    }
    nothing = np.full(len(beat), math.nan)
    values = dict.fromkeys(("P_Amp", "P_Area", "P_Terminal", "T_Amp", "T_Area"), nothing)
    onset, offset = at["qrs_on"], at["qrs_off"]
    assert onset is not None
    assert offset is not None
    level = beat[:, onset - 5 : onset].mean(axis=1, keepdims=True)
    values |= _qrs_values(beat[:, onset : offset + 1] - level)
    for stem, after_ms in (("ST_Amp", 0), ("ST_Amp40ms", 40), ("ST_Amp80ms", 80)):
        j = min(offset + round(after_ms / _MS), beat.shape[1] - 3)
        values[stem] = beat[:, j - 1 : j + 2].mean(axis=1) - level[:, 0]
    if at["p_on"] is not None and at["p_off"] is not None:
        values |= _p_values(beat[:, at["p_on"] : at["p_off"] + 1])
    if at["t_on"] is not None and at["t_off"] is not None:
        t = beat[:, at["t_on"] : at["t_off"] + 1] - level
        values |= {"T_Amp": _largest(t), "T_Area": t.sum(axis=1) * _MS}
    return values


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
        "QRS_Area": qrs.sum(axis=1) * _MS,
        "QRS_Lowest": lowest,
    }


def _p_values(part: Array) -> dict[str, Array]:
    line = np.linspace(0.0, 1.0, part.shape[1])
    p = part - part[:, :3].mean(axis=1, keepdims=True) * (1 - line) - part[:, -3:].mean(axis=1, keepdims=True) * line
    half = part.shape[1] // 3
    low = np.minimum(p[:, half:], 0.0)
    # Depth times duration of the negative end, as it is read with a ruler; zero where P ends
    # upright.
    return {"P_Amp": _largest(p), "P_Area": p.sum(axis=1) * _MS, "P_Terminal": low.min(axis=1) * (low < -0.01).sum(axis=1) * _MS}


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
