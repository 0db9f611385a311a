"""What the atria do, from what is left of the signal without its QRS complexes and T waves.

The median QRST of each kind of beat is subtracted from the leads that show the atria best. What
remains repeats itself once per P wave in sinus rhythm, three to six times a second in flutter, and
is spread over 4 to 9 Hz in fibrillation.

References
----------
Slocum J. et al. Diagnosis of atrial fibrillation from surface electrocardiograms based on
computer-detected atrial activity. J. Electrocardiol. 25 (1992) 1-8. Stridh M., Sornmo L.
Spatiotemporal QRST cancellation techniques for analysis of atrial fibrillation. IEEE Trans. Biomed.
Eng. 48 (2001) 105-111.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from heart_reader.features.beat_analysis import BeatAnalysis
from heart_reader.features.beats import median_around
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.kernels.rhythm import band_powers, bridged, highest_repeat, step_means, windowed, without_beats

__all__ = ["ATRIAL_HZ", "AtrialActivity", "atrial_activity", "residual"]

Array = NDArray[np.floating]

# Atria are slow: a hundredth of a second is fine enough.
_STEP = 5
ATRIAL_HZ = MEASURING_HZ / _STEP
_LEADS = ("II", "III", "aVF", "V1")
# What of a beat is subtracted: from before QRS to this share of the RR interval, where its T wave
# has ended.
_FROM, _TO_SHARE, _TO_MOST = round(0.07 * ATRIAL_HZ), 0.55, round(0.46 * ATRIAL_HZ)
# Around a beat that nothing alike is known of, the signal is replaced by a straight line.
_BLANK_FROM, _BLANK_TO = round(0.07 * ATRIAL_HZ), round(0.32 * ATRIAL_HZ)
# Of QRS alone, for flutter waves that keep step with the beats.
_QRS_FROM, _QRS_TO = round(0.06 * ATRIAL_HZ), round(0.09 * ATRIAL_HZ)
# Bands in Hz: all that can be atrial; fibrillation; flutter (210 to 370 per minute); lags of P
# waves in seconds.
_ALL_HZ, _FIBRILLATION_HZ, _FLUTTER_HZ, _P_LAG_S = (1.5, 20.0), (4.0, 9.0), (3.5, 6.2), (0.32, 1.4)
_SHORTEST_S = 2.5
# Slower than this, it would make neighbouring flutter waves look alike.
_QUICK_HZ = 2.5


@dataclass(frozen=True, eq=False)
class AtrialActivity:
    """The atria in numbers; NaN where the part is too short.

    Parameters
    ----------
    fibrillation_share
        Of the power of what is left, how much lies between 4 and 9 Hz.
    fibrillation_mv
        Root mean square of that part, mV.
    flutter_score, flutter_rate_bpm
        How well what is left repeats itself at a rate of flutter (a correlation, at one and two
        periods), and that rate per minute.
    flutter_locked
        How far a harmonic of the ventricular rate stands out between its neighbours in the band of
        flutter, QRS left out: flutter whose waves keep step with the beats. A ratio of powers, as
        logarithm to base 10.
    atrial_periodicity, atrial_rate_bpm
        The same as the flutter score for the rates of P waves.
    """

    fibrillation_share: float = math.nan
    fibrillation_mv: float = math.nan
    flutter_score: float = math.nan
    flutter_rate_bpm: float = math.nan
    flutter_locked: float = math.nan
    atrial_periodicity: float = math.nan
    atrial_rate_bpm: float = math.nan


def residual(analysis: BeatAnalysis) -> tuple[Array, Array]:
    """Return the atrial leads without QRST and without QRS, twice (n_leads, n_times) in mV."""
    rows = [n for n, name in enumerate(analysis.lead_names) if name in _LEADS] or list(range(min(4, len(analysis.lead_names))))
    slow = step_means(np.ascontiguousarray(analysis.signal[rows], dtype=np.float32), _STEP)
    if analysis.main is None:
        return slow, slow
    without_qrs, rest = slow, slow
    to = max(_BLANK_TO // 2, round(min(_TO_MOST, _TO_SHARE * analysis.rr / _STEP)))
    for kind in (analysis.main.beats, *analysis.others):
        at = np.rint(kind.at / _STEP).astype(np.int64)
        without_qrs = bridged(without_qrs, at, _QRS_FROM, _QRS_TO)
        if len(at) < 3:
            rest = bridged(rest, at, _BLANK_FROM, _BLANK_TO)
        else:
            usual = median_around(slow, at, _FROM, to)
            rest = without_beats(rest, np.ascontiguousarray(usual, dtype=np.float32), at, _FROM)
    return rest, without_qrs


def atrial_activity(analysis: BeatAnalysis) -> tuple[AtrialActivity, Array]:
    """Describe the atria.

    Returns
    -------
    tuple
        The description and the signal without QRST, (n_leads, n_times) in mV at ``ATRIAL_HZ``.
    """
    if not len(analysis.lead_names):
        return AtrialActivity(), np.zeros((0, 0))
    rest, without_qrs = residual(analysis)
    n_times = rest.shape[1]
    if n_times < _SHORTEST_S * ATRIAL_HZ:
        return AtrialActivity(), rest
    size, window, bands = _spectrum(n_times)
    spectra = fft.rfft(windowed(rest, without_qrs, window, size), axis=1)
    powers = band_powers(spectra.view(np.float64), bands.first, bands.quick, bands.stop)
    total = float(powers[0].sum())
    if total <= 0.0:
        return AtrialActivity(), rest
    fibrillation = float(powers[0, bands.fibrillation].sum())
    repeats, quick_repeats = fft.irfft(powers[:2], size, axis=1)
    flutter, flutter_s = _best_lag(quick_repeats, 1.0 / _FLUTTER_HZ[1], 1.0 / _FLUTTER_HZ[0], twice=True)
    periodicity, p_s = _best_lag(repeats, *_P_LAG_S, twice=False)
    # One-sided power of all leads, the window takes three eighths.
    mean_square = 2.0 * fibrillation / (size * n_times * len(rest) * 0.375)
    return AtrialActivity(
        fibrillation_share=fibrillation / total,
        fibrillation_mv=math.sqrt(mean_square),
        flutter_score=flutter,
        flutter_rate_bpm=60.0 / flutter_s,
        flutter_locked=_locked(powers[2], ATRIAL_HZ / size, MEASURING_HZ / analysis.rr),
        atrial_periodicity=periodicity,
        atrial_rate_bpm=60.0 / p_s,
    ), rest


class _Bands(NamedTuple):
    """Places in a spectrum: what can be atrial, its quick part, and fibrillation."""

    first: int
    quick: int
    stop: int
    fibrillation: slice


@lru_cache(maxsize=16)
def _spectrum(n_times: int) -> tuple[int, Array, _Bands]:
    """Return the size of spectra whose correlations do not go round, a Hann window and bands."""
    size: int = fft.next_fast_len(n_times + round(2 * _P_LAG_S[1] * ATRIAL_HZ), real=True)
    hz = np.arange(size // 2 + 1) * (ATRIAL_HZ / size)
    first, quick, low = np.searchsorted(hz, (_ALL_HZ[0], _QUICK_HZ, _FIBRILLATION_HZ[0])).tolist()
    stop, high = np.searchsorted(hz, (_ALL_HZ[1], _FIBRILLATION_HZ[1]), side="right").tolist()
    return size, np.hanning(n_times), _Bands(first, quick, stop, slice(low, high))


def _best_lag(repeats: Array, shortest_s: float, longest_s: float, twice: bool) -> tuple[float, float]:
    """Return the highest peak of the correlation, at two periods if asked for, and its lag in s."""
    value, lag = highest_repeat(repeats, math.ceil(shortest_s * ATRIAL_HZ), math.floor(longest_s * ATRIAL_HZ), twice)
    return value / max(float(repeats[0]), 1e-12), lag / ATRIAL_HZ


def _locked(power: Array, bin_hz: float, ventricular_hz: float) -> float:
    """Return how far a harmonic of the ventricular rate exceeds its neighbours, as logarithm."""
    most = math.floor(_FLUTTER_HZ[1] / ventricular_hz)
    inside = [k for k in range(2, most + 1) if _FLUTTER_HZ[0] <= k * ventricular_hz <= _FLUTTER_HZ[1]]
    if not inside:
        return math.nan
    edges = [[round((k + beside) * ventricular_hz / bin_hz) for beside in (-0.3, 0.3)] for k in range(inside[0] - 1, inside[-1] + 2)]
    levels = [max(sum(power[first : last + 1].tolist()), 1e-12) for first, last in edges]
    return math.log10(max(here / max(before, after) for before, here, after in zip(levels, levels[1:], levels[2:], strict=False)))
