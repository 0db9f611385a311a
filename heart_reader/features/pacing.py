"""Find pacemaker spikes by their width: they are far narrower than anything a heart makes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.kernels.beats import narrow_peaks

__all__ = ["find_spikes", "without_spikes"]

Array = NDArray[np.floating]
Indices = NDArray[np.int64]

# A recording that stores fewer points per second has smeared its spikes.
_LEAST_HZ = 400.0
# A spike jumps within one or two time points. It stands out of what lies this far before and after
# it, by this much on the mean over leads; a little farther away it hardly stands out more, whereas
# the peak of a QRS complex does.
_NEAR_S, _FAR_S = 0.004, 0.006
_LEAST_MV, _NEAR_OF_FAR = 0.10, 0.77
# No pacemaker, in two chambers and with a fast heart, sends more; this is noise.
_MOST_PER_S = 6.0
_CUT_BEFORE_S, _CUT_AFTER_S = 0.006, 0.010


def find_spikes(signal: Array, fs: float) -> Indices:
    """Return one rising index per pacemaker spike; none below 400 Hz, which smears them.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV.
    fs
        Hz.
    """
    far = round(_FAR_S * fs)
    if fs < _LEAST_HZ or signal.shape[1] < 4 * far:
        return np.zeros(0, np.int64)
    near = round(_NEAR_S * fs)
    found = narrow_peaks(np.ascontiguousarray(signal, dtype=np.float32), 0.4 * _LEAST_MV, near, far, _LEAST_MV, _NEAR_OF_FAR)
    spikes = found[np.diff(found, prepend=-far * 4) > 2 * far].astype(np.int64)
    return spikes if len(spikes) <= _MOST_PER_S * signal.shape[1] / fs else spikes[:0]


def without_spikes(signal: Array, fs: float, spikes: Indices) -> Array:
    """Return the signal with a straight line in place of each spike.

    Parameters
    ----------
    signal
        (n_leads, n_times).
    spikes
        (n_spikes,) indices.
    """
    if not len(spikes):
        return signal
    around = np.arange(-round(_CUT_BEFORE_S * fs), round(_CUT_AFTER_S * fs) + 1)
    cut = np.unique(np.clip(spikes[:, None] + around, 0, signal.shape[1] - 1))
    kept = np.setdiff1d(np.arange(signal.shape[1]), cut, assume_unique=True)
    bridged = signal.copy()
    for row in bridged:
        row[cut] = np.interp(cut, kept, row[kept])
    return bridged
