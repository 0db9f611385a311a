"""Candidates for the edges of waves: threshold crossings of the slope, by lead and overall.

The slope of a wave is high on its flanks and low before its onset and after its offset. Its
smoothed size is compared with several fractions of its maximum; the crossings bracket the boundary,
and ``delineation`` makes one time of them. All leads together (the root of the mean square slope)
say where the wave is, so that a lead with hardly any deflection does not follow its noise.

References
----------
Laguna P. et al. Automatic detection of wave boundaries in multilead ECG signals: validation with
the CSE database. Comput. Biomed. Res. 27 (1994) 45-60. Martinez J. P. et al. A wavelet-based ECG
delineator: evaluation on standard databases. IEEE Trans. Biomed. Eng. 51 (2004) 570-581.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.beats import BEAT_FROM
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.kernels.waves import p_edges, qrs_edges, t_edges

__all__ = ["BOUNDARIES", "Wave", "find_waves"]

Array = NDArray[np.floating]

BOUNDARIES = ("p_on", "p_off", "qrs_on", "qrs_off", "t_on", "t_off")

_MS = MEASURING_HZ / 1000.0
# Standard deviation of the Gaussian whose derivative measures the slope, milliseconds: about a
# tenth of the wave. The height of a T wave is measured on a signal smoothed by the last.
_QRS_SMOOTH_MS, _P_SMOOTH_MS, _T_SMOOTH_MS, _HEIGHT_SMOOTH_MS = 5.0, 10.0, 16.0, 8.0
# Thresholds outwards from the flanks of a wave, as shares of its highest slope; the first guesses
# of onset and offset are the third and the fifth for QRS, the third for T, the second for P.
_QRS_FRACTIONS = np.array([0.02, 0.035, 0.05, 0.07, 0.10, 0.15, 0.25])
_P_FRACTIONS, _T_FRACTIONS = np.array([0.20, 0.27]), np.array([0.2, 0.3, 0.4, 0.5, 0.6])
_P_INNER_SHARES = np.array([0.35, 0.45, 0.55, 0.70])
_LEAD_QRS_FRACTIONS, _LEAD_P_FRACTIONS = np.array([0.03, 0.05, 0.10, 0.20]), np.array([0.20, 0.35, 0.50])
_LEAD_T_FRACTIONS = np.array([0.20, 0.30, 0.45])
# The middle of a P wave is likeliest this long before QRS onset; the peak of a T wave this long
# after R, times the root of the RR interval in seconds; with these standard deviations, in time
# points.
_P_TO_QRS, _P_SPREAD, _R_TO_T, _T_SPREAD = 57.5, 45.0, 145.0, 55.0


@dataclass(frozen=True, eq=False)
class Wave:
    """Candidates for the two boundaries of one wave.

    Parameters
    ----------
    onset, offset
        First guesses from all leads together, indices into the beat.
    onset_candidates, offset_candidates
        (n_leads, n_candidates) milliseconds from the first guess, positive is later.
    size
        (n_leads,) highest slope of each lead over that of all leads together.
    slope
        Highest slope of all leads together, mV per time point.
    peak
        Index where the wave is largest.
    """

    onset: int
    offset: int
    onset_candidates: Array
    offset_candidates: Array
    size: Array
    slope: float
    peak: int


def find_waves(beat: Array, rr: float, weights: Array | None = None) -> dict[str, Wave]:
    """Look for QRS, T and P in a median beat, in this order: each limits where the next may be.

    Parameters
    ----------
    beat
        (n_leads, n_times) in mV at ``MEASURING_HZ``, R at ``BEAT_FROM``.
    rr
        Usual RR interval in time points.
    weights
        (n_leads,) share of each lead in what all leads say together, 0 to 1; None is one for all.

    Returns
    -------
    dict
        ``"qrs"``, and ``"t"`` and ``"p"`` where there is room for them. Whether a P wave is there
        is not decided here.
    """
    weights = np.ones(len(beat)) if weights is None else weights
    shares = weights / max(float(weights.sum()), 1e-9)
    beat = np.ascontiguousarray(beat, dtype=np.float32)
    qrs = Wave(*qrs_edges(beat, shares, _QRS_TABLES))
    waves = {"qrs": qrs}
    last = round(min(BEAT_FROM + 390, BEAT_FROM + rr - 50, qrs.onset + 300 * math.sqrt(rr / MEASURING_HZ), beat.shape[1] - 40))
    if last - qrs.offset > 58:
        times = np.arange(qrs.offset + 8, last) - (BEAT_FROM + _R_TO_T * math.sqrt(rr / MEASURING_HZ))
        likely = np.exp(-0.5 * np.square(times / _T_SPREAD))
        waves["t"] = Wave(*t_edges(beat, shares, _T_TABLES, likely, (qrs.onset, qrs.offset)))
    before = (waves["t"].offset if "t" in waves else last) - rr - 2
    first = max(BEAT_FROM - 200, round(before), 4)
    if qrs.onset - 2 - first >= 30:
        p = p_edges(beat, shares, _P_TABLES, _P_LIKELY, (first, qrs.onset))
        if p is not None:
            waves["p"] = Wave(*p)
    return waves


def _gaussian(smooth_ms: float, order: int) -> Array:
    """Return a Gaussian to three standard deviations, or its derivative."""
    sigma = smooth_ms * _MS
    reach = int(3.0 * sigma + 0.5)
    times = np.arange(-reach, reach + 1)
    bell = np.exp(-0.5 / (sigma * sigma) * times**2)
    bell /= bell.sum()
    answer: Array = bell * times * (1.0 / (sigma * sigma)) if order else bell
    return answer


_QRS_TABLES = (_gaussian(_QRS_SMOOTH_MS, 1), _QRS_FRACTIONS, _LEAD_QRS_FRACTIONS)
_P_TABLES = (_gaussian(_P_SMOOTH_MS, 1), _P_FRACTIONS, _P_INNER_SHARES, _LEAD_P_FRACTIONS)
_T_TABLES = (_gaussian(_T_SMOOTH_MS, 1), _gaussian(_HEIGHT_SMOOTH_MS, 0), _T_FRACTIONS, _LEAD_T_FRACTIONS)
_P_LIKELY = np.exp(-0.5 * np.square((_P_TO_QRS - np.arange(BEAT_FROM)) / _P_SPREAD))
