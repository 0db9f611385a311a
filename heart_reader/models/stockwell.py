"""The Stockwell transform as a fixed filter bank: what frequencies a lead holds, and when.

References
----------
Stockwell R. G., Mansinha L., Lowe R. P. Localization of the complex spectrum: the S transform. IEEE
Transactions on Signal Processing 44 (1996) 998-1001.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["StockwellBank"]

# Half width of the kernels in standard deviations of their Gaussian, which is 0.03 % there.
_HALF_WIDTH = 4.0


class StockwellBank(nn.Module):
    """Magnitudes of the S-transform at some frequencies, without trained values.

    The voice of a frequency f is the lead filtered by ``f / sqrt(2 pi) exp(-t^2 f^2 / 2)``, the
    Gaussian window of the transform, times ``exp(i 2 pi f t)``: convolutions with a real and an
    imaginary kernel, which every runtime has, where a Fourier transform of the whole window has
    no 8-bit or small-device kernel. Beyond its ends a lead is taken as zero.

    Parameters
    ----------
    fs
        Sampling rate of the signal in Hz; it must be that of the preprocessing.
    low_hz, high_hz, n_frequencies
        Frequencies, as far apart from each other in octaves.
    stride
        Time points between two frames.

    Raises
    ------
    ValueError
        If the frequencies are not positive, rising and below half the sampling rate.

    Examples
    --------
    >>> StockwellBank(100.0, 1.5, 40.0, 32, 5)(torch.zeros(2, 12, 1000)).shape
    torch.Size([2, 12, 32, 200])
    """

    frequencies_hz: Tensor
    kernels: Tensor

    def __init__(self, fs: float, low_hz: float, high_hz: float, n_frequencies: int, stride: int) -> None:
        super().__init__()
        if not (0 < low_hz < high_hz < fs / 2 and n_frequencies >= 2 and stride >= 1):
            raise ValueError(f"{n_frequencies} frequencies from {low_hz} to {high_hz} Hz: rising ones between 0 and {fs / 2} Hz are needed")
        self.stride = stride
        frequencies = torch.logspace(math.log10(low_hz), math.log10(high_hz), n_frequencies, dtype=torch.float64)
        half = math.ceil(_HALF_WIDTH / low_hz * fs)
        seconds = torch.arange(-half, half + 1, dtype=torch.float64) / fs
        turns = frequencies[:, None] * seconds
        window = frequencies[:, None] / (math.sqrt(2 * math.pi) * fs) * torch.exp(-0.5 * turns**2)
        kernels = torch.cat([window * torch.cos(2 * math.pi * turns), window * torch.sin(2 * math.pi * turns)])
        self.register_buffer("frequencies_hz", frequencies.float(), persistent=False)
        self.register_buffer("kernels", kernels.float()[:, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_leads, n_times) to (n, n_leads, n_frequencies, ceil(n_times / stride))."""
        n_leads, n_times = x.shape[1], x.shape[2]
        half = self.kernels.shape[2] // 2
        voices = functional.conv1d(x.reshape(-1, 1, n_times), self.kernels, stride=self.stride, padding=half)
        real, imaginary = voices.chunk(2, dim=1)
        # Zero has no derivative of its own; the floor lies far below a microvolt.
        magnitude = torch.sqrt(real * real + imaginary * imaginary + 1e-12)
        return magnitude.reshape(-1, n_leads, magnitude.shape[1], magnitude.shape[2])
