"""Statistics and wavelets of every lead: features that do not depend on any beat being found.

They are computed over the whole prepared record, lead by lead. Amplitudes are taken from the mean
of the lead, since an offset belongs to the electrode. A lead that is missing has no values (NaN),
and of a flat one those are missing that divide by its spread.

The wavelet is Daubechies' with four vanishing moments, over seven octaves from half the sampling
rate downwards; ends are reflected. At 100 Hz ``D1`` is 25 to 50 Hz, ``D3`` and ``D4`` hold most of
QRS, and ``A7`` is what lies below 0.4 Hz.

References
----------
Hjorth B. EEG analysis based on time domain properties. Electroencephalography and Clinical
Neurophysiology 29 (1970) 306-310. Daubechies I. Ten lectures on wavelets. SIAM (1992), table 6.1.
Rosso O. A. et al. Wavelet entropy: a new tool for analysis of short duration brain electrical
signals. Journal of Neuroscience Methods 105 (2001) 65-75.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from heart_reader.data.leads import POSITIONS, STANDARD_LEADS
from heart_reader.data.preprocessor import PreparedEcg, Preprocessor, from_microvolts
from heart_reader.data.signal import PART_VALUES

__all__ = ["EXPERT_NAMES", "EXPERT_STEMS", "EXPERT_VERSION", "decompose", "expert_features", "lead_features"]

# Of the code of this file, like MEASURING_VERSION: raise it with every change after which any
# value of any record may differ.
EXPERT_VERSION = 1

Array = NDArray[np.float64]

LEVELS = 7
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
_BANDS = (*(f"D{level}" for level in range(1, LEVELS + 1)), f"A{LEVELS}")
EXPERT_STEMS = (
    "Stat_Mean",  # mV
    "Stat_Std",  # mV
    *(f"Stat_P{percent:02}" for percent in PERCENTILES),  # mV
    "Stat_Skewness",
    "Stat_Kurtosis",  # 3 for a normal distribution
    "Stat_Crossings",  # of the median, per second
    "Stat_LineLength",  # mV per second
    "Hjorth_Mobility",  # rad per second
    "Hjorth_Complexity",
    *(f"Wavelet_Energy_{band}" for band in _BANDS),  # share of the lead's
    "Wavelet_Entropy",  # of these shares: 0 one octave alone, 1 all alike
    *(f"Wavelet_Spread_{band}" for band in _BANDS),  # entropy within an octave: 0 one moment, 1 all the time
)
# Leads by their name and by their place; what a model does not take has no values.
_LEADS = (*STANDARD_LEADS, *POSITIONS)
EXPERT_NAMES: tuple[str, ...] = tuple(f"{stem}_{lead}" for lead in _LEADS for stem in EXPERT_STEMS)

# Daubechies' low-pass of length 8, to be convolved with; the high-pass is its mirror.
_LOW = np.array([
    -0.010597401784997278, 0.032883011666982945, 0.030841381835986965, -0.18703481171888114,
    -0.02798376941698385, 0.6308807679295904, 0.7148465705525415, 0.23037781330885523,
])  # fmt: skip
_HIGH = _LOW[::-1] * np.array([-1.0, 1.0] * 4)
# A spread below a hundredth of a microvolt is that of a constant.
_FLAT_MV = 1e-5
_FEWEST_TIMES = 8


def expert_features(prepared: PreparedEcg, preprocessor: Preprocessor) -> NDArray[np.float32]:
    """Return (len(EXPERT_NAMES),) features of a prepared record, NaN where there are none."""
    values = np.full((len(_LEADS), len(EXPERT_STEMS)), np.nan, dtype=np.float32)
    known = [row for row in np.flatnonzero(prepared.lead_mask).tolist() if preprocessor.leads[row] in _LEADS]
    # Leads of a usual record at once, those of a recording of hours one after the other.
    at_once = max(1, PART_VALUES // prepared.microvolts.shape[1])
    for first in range(0, len(known), at_once):
        rows = known[first : first + at_once]
        places = [_LEADS.index(preprocessor.leads[row]) for row in rows]
        values[places] = lead_features(from_microvolts(prepared.microvolts[rows]).astype(np.float64), preprocessor.fs)
    return values.ravel()


def lead_features(signal: Array, fs: float) -> Array:
    """Return the features of some leads.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV.
    fs
        Sampling rate in Hz.

    Returns
    -------
    ndarray
        (n_leads, len(EXPERT_STEMS)), NaN where not defined; all of them for fewer than eight
        samples.

    Examples
    --------
    >>> wave = np.sin(2 * np.pi * 5.0 * np.arange(1000) / 100.0)
    >>> (values,) = lead_features(wave[None], 100.0).round(2).tolist()
    >>> of = dict(zip(EXPERT_STEMS, values, strict=True))
    >>> of["Stat_Std"], of["Stat_Kurtosis"], of["Hjorth_Complexity"], of["Wavelet_Energy_D4"] > 0.7
    (0.71, 1.5, 1.0, True)
    """
    n_leads, n_times = signal.shape
    if n_times < _FEWEST_TIMES:
        return np.full((n_leads, len(EXPERT_STEMS)), np.nan)
    mean = signal.mean(axis=1, keepdims=True)
    around = signal - mean
    squares = around**2
    spread = np.sqrt(squares.mean(axis=1))
    percentiles = np.percentile(around, PERCENTILES, axis=1)
    above = around > percentiles[PERCENTILES.index(50)][:, None]
    slopes = np.diff(around)
    # What divides by the spread of a flat lead is not defined.
    divisor = np.where(spread < _FLAT_MV, np.nan, spread)
    mobility = np.sqrt((slopes**2).mean(axis=1)) / divisor
    statistics = [
        mean[:, 0],
        spread,
        *percentiles,
        (squares * around).mean(axis=1) / divisor**3,
        (squares**2).mean(axis=1) / divisor**4,
        (above[:, 1:] != above[:, :-1]).sum(axis=1) * fs / n_times,
        np.abs(slopes).mean(axis=1) * fs,
        mobility * fs,
        np.sqrt((np.diff(slopes) ** 2).mean(axis=1)) / divisor / mobility**2,
    ]
    energies = [band**2 for band in decompose(around)]
    shares = np.stack([energy.sum(axis=1) for energy in energies], axis=1) / (divisor**2)[:, None]
    shares /= shares.sum(axis=1, keepdims=True)
    wavelets = [*shares.T, _entropy(shares), *(_entropy(energy / _positive(energy.sum(axis=1))) for energy in energies)]
    return np.stack([*statistics, *wavelets], axis=1)


def decompose(signal: Array, levels: int = LEVELS) -> list[Array]:
    """Return the wavelet coefficients of signals, reflected at their ends.

    Parameters
    ----------
    signal
        (n_leads, n_times).

    Returns
    -------
    list of ndarray
        (n_leads, n_own_times) details of each octave, the fastest first, and at last the
        approximation.

    Examples
    --------
    >>> [band.shape for band in decompose(np.zeros((2, 1000)), 3)]
    [(2, 500), (2, 250), (2, 125), (2, 125)]
    """
    # Imported late: SciPy's filters take most of a second, and few readers take these features.
    from scipy.signal import upfirdn

    bands, rest = [], signal
    for _ in range(levels):
        half = (rest.shape[1] + 1) // 2
        bands.append(upfirdn(_HIGH, rest, mode="symmetric")[:, 1::2][:, :half])
        # The low-pass answers two coefficients later; what lies behind either end is reflection.
        rest = upfirdn(_LOW, rest, mode="symmetric")[:, 5::2][:, :half]
    return [*bands, rest]


def _entropy(shares: Array) -> Array:
    """Return Shannon's entropy of rows that sum to 1, over that of equal shares; 0 of one alone."""
    answer: Array = -xlogy(shares, shares).sum(axis=1) / np.log(max(shares.shape[1], 2))
    return answer


def _positive(sums: Array) -> Array:
    """Return a column of sums, NaN for those of nothing."""
    answer: Array = np.where(sums > 0, sums, np.nan)[:, None]
    return answer
