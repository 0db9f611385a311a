"""How noisy each lead is: what of it changes from one time point to the next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.ranks import ranked

__all__ = ["lead_noise_mv", "lead_weights"]

# Of a normal distribution: standard deviation over median absolute deviation; a difference of two
# points has twice the variance.
_SCALE = 1.4826 / np.sqrt(2.0)
_MOST_POINTS = 4096
# Up to this much noise a lead counts in full, beyond it by the square of its excess, mV.
_FULL_MV = 0.05


def lead_noise_mv(signal: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return (n_leads,) standard deviations of the fast noise outside QRS, in mV.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV at ``MEASURING_HZ``.
    """
    if signal.shape[1] < 4:
        return np.full(len(signal), np.nan)
    # Six milliseconds apart: closer points of a record that was stored at a low rate differ too
    # little.
    stride = max(3, signal.shape[1] // _MOST_POINTS)
    steps = np.abs(signal[:, 3::stride] - signal[:, : signal.shape[1] - 3 : stride])
    answer: NDArray[np.floating] = _SCALE * ranked(steps, steps.shape[1] // 2)
    return answer


def lead_weights(noise_mv: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return (n_leads,) weights for combining leads: one, and less for noisy leads.

    Examples
    --------
    >>> lead_weights(np.array([0.01, 0.1]))
    array([1.  , 0.25])
    """
    answer: NDArray[np.floating] = np.square(np.minimum(1.0, _FULL_MV / np.fmax(noise_mv, 1e-6)))
    return answer
