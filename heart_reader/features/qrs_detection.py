"""Find the QRS complexes of a recording from all of its leads at once.

The leads are filtered to the band of the QRS complex and their slopes averaged, each lead in units
of its own beats and weighted by how far these stand out of its noise. A peak of that activity is a
beat where it is high beside the beats around it and beside the rest of the signal; a lower one
close before or after is a P or a T wave. Where a beat seems to be missing, a lower one is accepted.
The whole recording is known, so every comparison looks forwards as well as back.

References
----------
Pan J., Tompkins W. J. A real-time QRS detection algorithm. IEEE Trans. Biomed. Eng. 32 (1985)
230-236. Christov I. I. Real time electrocardiogram QRS detection using combined adaptive threshold.
BioMed. Eng. OnLine 3 (2004) 28.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.filters import butterworth
from heart_reader.features.ranks import running_median, steps
from heart_reader.kernels.band import slopes_in_band
from heart_reader.kernels.peaks import high_peaks
from heart_reader.kernels.ranks import ranked_rows, window_medians

__all__ = ["detect_qrs"]

Array = NDArray[np.floating]
Indices = NDArray[np.int64]

# Slopes are taken at about this rate: finer adds cost and no beat.
_WORKING_HZ = 180.0
_BAND_HZ = (6.0, 22.0)
# Long enough to join the flanks of a wide QRS complex, too short to lift a T wave.
_SMOOTH_S = 0.12
_REFRACTORY_S = 0.2
# The level of beats is the median over seven parts of the highest activity in each.
_STRETCH_S, _N_STRETCHES = 1.6, 7
# Activity of a beat, relative to the beats around it and to the median activity around it.
_MIN_LEVEL, _MIN_LEVEL_MISSED, _MIN_CONTRAST = 0.24, 0.15, 2.0
# A T wave follows a complex at least this much larger within this time; a P wave precedes one.
_T_WITHIN_S, _T_RATIO = 0.36, 2.0
_P_WITHIN_S, _P_RATIO = 0.28, 1.4
# A beat seems to be missing where an RR interval is this much longer than the median of nine around
# it.
_LONG_RR, _N_RR = 1.6, 9
# No QRS complex that can be measured has less slope than this anywhere, in mV/s after the filter.
_LEAST_SLOPE = 0.4
# Longer recordings are searched in pieces, each with a margin of what lies around it.
_PIECE_S, _MARGIN_S = 300.0, 15.0
_SHORTEST_S = 0.3


@dataclass(frozen=True, eq=False)
class _Peaks:
    """Candidates: index, and height relative to the beats and to the median activity around."""

    at: Indices
    level: Array
    contrast: Array

    def where(self, keep: NDArray[np.bool_]) -> _Peaks:
        return _Peaks(self.at[keep], self.level[keep], self.contrast[keep])


def detect_qrs(signal: Array, fs: float) -> Indices:
    """Return where the QRS complexes are, as indices in rising order, to about 20 ms.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV, finite.
    fs
        Hz.

    Returns
    -------
    ndarray
        (n_beats,) int64.

    Examples
    --------
    >>> from heart_reader.data.synthetic import EcgParameters, simulate_with_truth
    >>> rng = np.random.default_rng(0)
    >>> ecg = simulate_with_truth(EcgParameters(), rng=rng, fs=500.0, duration_s=10.0)
    >>> off_s = detect_qrs(ecg.record.signal, 500.0) / 500.0 - ecg.truth.beat_s
    >>> bool(np.abs(off_s).max() < 0.03)
    True
    """
    n_times = signal.shape[1]
    if n_times < _SHORTEST_S * fs:
        return np.zeros(0, np.int64)
    piece, margin = int(_PIECE_S * fs), int(_MARGIN_S * fs)
    found = []
    for start in range(0, max(1, n_times - margin), piece):
        # The last piece takes what would be too short for one of its own.
        end = start + piece if start + piece < n_times - margin else n_times
        low = max(0, start - margin)
        beats = low + _detect(signal[:, low : min(n_times, end + margin)], fs)
        found.append(beats[(beats >= start) & (beats < end)])
    return np.concatenate(found)


def _detect(signal: Array, fs: float) -> Indices:
    activity, hz, step = _activity(signal, fs)
    peaks = _chosen(_candidates(activity, hz), hz)
    return peaks * step + step // 2


def _activity(signal: Array, fs: float) -> tuple[Array, float, int]:
    """Return (n,) smoothed mean slope of the leads, its rate and time points per value."""
    step = max(1, round(fs / _WORKING_HZ))
    hz = fs / step
    margin = min(signal.shape[1] // step - 1, round(hz))
    values = np.ascontiguousarray(signal, dtype=np.float32)
    slope = slopes_in_band(values, step, *_band(hz), margin, max(1, round(_SMOOTH_S * hz)), 0.5 * hz)
    return _lead_weights(slope) @ slope, hz, step


@lru_cache(maxsize=16)
def _band(hz: float) -> tuple[Array, Array, Array]:
    high = min(_BAND_HZ[1], 0.45 * hz)
    # Below 20 Hz the band lies lower, for there would be none.
    return butterworth(min(_BAND_HZ[0], high / 1.5), high, hz)


def _lead_weights(slope: Array) -> Array:
    """Return (n_leads,) weights of sum one, large where beats stand out of the lead's noise."""
    if len(slope) == 1:
        return np.ones(1)
    # Every beat is higher than 96 of 100 values where it lasts 0.04 of an RR interval or more.
    ranks = np.array([slope.shape[1] // 2, int(0.96 * slope.shape[1])])
    middle, high = ranked_rows(slope, ranks).T
    contrast = high / np.maximum(middle, 1e-3)
    weights = np.where(high > _LEAST_SLOPE, np.square(np.minimum(contrast, 20.0)) / np.maximum(high, _LEAST_SLOPE), 0.0)
    if not weights.any():
        return np.full(len(slope), 1.0 / len(slope))
    # In mV/s again: the weighted activity keeps the size of the slopes it was made from.
    answer: Array = weights / weights.sum()
    return answer


def _candidates(activity: Array, hz: float) -> _Peaks:
    at = high_peaks(activity, _LEAST_SLOPE, max(1, int(_REFRACTORY_S * hz)))
    width = max(1, int(_STRETCH_S * hz))
    starts = np.arange(0, len(activity), width)
    highest = running_median(np.maximum.reduceat(activity, starts), _N_STRETCHES)
    middle = window_medians(activity, np.maximum(starts - width, 0), np.minimum(starts + 2 * width, len(activity)))
    centres = starts + width / 2
    level = activity[at] / np.maximum(np.interp(at, centres, highest), _LEAST_SLOPE)
    contrast = activity[at] / np.maximum(np.interp(at, centres, middle), 1e-9)
    peaks = _Peaks(at, level, contrast)
    return peaks.where(level > _MIN_LEVEL_MISSED)


def _chosen(peaks: _Peaks, hz: float) -> Indices:
    """Drop P waves, T waves and low peaks, then look again where a beat seems to be missing."""
    peaks = peaks.where(~_beside_larger(peaks, hz))
    found = np.flatnonzero((peaks.level > _MIN_LEVEL) & (peaks.contrast > _MIN_CONTRAST))
    for _ in range(2):
        missed = _missed(peaks, found, hz)
        if not missed:
            break
        found = np.union1d(found, missed)
    return peaks.at[found]


def _beside_larger(peaks: _Peaks, hz: float) -> NDArray[np.bool_]:
    """Return which peaks are P or T waves of a larger one among the two before or after."""
    times, beside = peaks.at / hz, np.zeros(len(peaks.at), bool)
    for shift in (1, 2):
        near = times[shift:] - times[:-shift]
        earlier, later = peaks.level[:-shift], peaks.level[shift:]
        beside[shift:] |= (near < _T_WITHIN_S) & (earlier > _T_RATIO * later)
        beside[:-shift] |= (near < _P_WITHIN_S) & (later > _P_RATIO * earlier)
    return beside


def _missed(peaks: _Peaks, found: Indices, hz: float) -> list[int]:
    """Return the highest candidate in each RR interval that is too long, away from its ends."""
    if len(found) < 3:
        return []
    rr = steps(peaks.at[found].astype(np.float64))
    usual = running_median(rr, _N_RR)
    added = []
    for gap in np.flatnonzero(rr > _LONG_RR * usual):
        before, after = found[gap], found[gap + 1]
        inside = np.arange(before + 1, after)
        since, until = peaks.at[inside] - peaks.at[before], peaks.at[after] - peaks.at[inside]
        apart = (since > max(_T_WITHIN_S * hz, 0.45 * usual[gap])) & (until > max(0.25 * hz, 0.4 * usual[gap]))
        inside = inside[apart & (peaks.contrast[inside] > _MIN_CONTRAST)]
        if len(inside):
            added.append(int(inside[np.argmax(peaks.level[inside])]))
    return added
