"""A state-space network (S4D) that reads both ways through time.

A diagonal linear state-space model is, over a window, one long convolution. Its kernel is made from
a few learned decays and oscillations per feature map, in real arithmetic, so that an exported graph
holds an ordinary depthwise convolution of the window's length.

References
----------
Gu A. et al. On the parameterization and initialization of diagonal state space models. NeurIPS 35
(2022) 35971-35983. Mehari T., Strodthoff N. Towards quantitative precision for ECG analysis:
leveraging state space models, self-supervision and patient metadata. IEEE JBHI 27 (2023) 5326-5334
(the layout: four layers, both directions, 2.5 s windows).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from heart_reader.models.blocks import LinearHead
from heart_reader.models.registry import register

__all__ = ["S4dKernel", "S4dLayer", "long_convolution", "s4d"]

# Above this length the matrix of shifted kernels costs more than the Fourier transform.
_LONGEST_MATRIX = 512


class S4dKernel(nn.Module):
    """Diagonal state-space kernels in both directions of time, discretised by zero-order hold.

    Parameters
    ----------
    n_states
        Real states of each feature map; two of them make one decaying oscillation.
    dt_min, dt_max
        Range of the initial step sizes, log-uniform: 2 / step time points are remembered.

    Raises
    ------
    ValueError
        If ``n_states`` is odd.
    """

    def __init__(self, n_features: int, *, n_states: int, dt_min: float, dt_max: float) -> None:
        super().__init__()
        if n_states % 2:
            raise ValueError(f"n_states {n_states}: choose an even number, states come in pairs")
        n_pairs = n_states // 2
        self.shape = (n_features, n_pairs)
        # Kept flat: the optimiser spares one-dimensional parameters from weight decay, which would
        # drag the time scales of the dynamics.
        self.log_dt = nn.Parameter(math.log(dt_min) + torch.rand(n_features) * (math.log(dt_max) - math.log(dt_min)))
        self.log_decay = nn.Parameter(torch.full((n_features * n_pairs,), math.log(0.5)))
        self.frequency = nn.Parameter(math.pi * torch.arange(n_pairs, dtype=torch.float32).repeat(n_features))
        # Read-out: (direction, real and imaginary part, feature map, pair).
        self.readout = nn.Parameter(torch.randn(2, 2, n_features, n_pairs) * math.sqrt(0.5))
        self.skip = nn.Parameter(torch.randn(n_features))

    def forward(self, n_times: int) -> Tensor:
        """Return (n_features, 2 n_times - 1) weights, from the earliest input to the latest."""
        dt = self.log_dt.exp().unsqueeze(-1)
        rate = -self.log_decay.view(self.shape).exp()  # the pole is rate + i frequency
        frequency = self.frequency.view(self.shape)
        growth, angle = rate * dt, frequency * dt
        # Gain of the zero-order hold, (exp(pole dt) - 1) / pole.
        real, imaginary = growth.exp() * angle.cos() - 1, growth.exp() * angle.sin()
        power = rate.square() + frequency.square()
        gain_real, gain_imaginary = (real * rate + imaginary * frequency) / power, (imaginary * rate - real * frequency) / power
        c_real = 2 * (self.readout[:, 0] * gain_real - self.readout[:, 1] * gain_imaginary)
        c_imaginary = 2 * (self.readout[:, 0] * gain_imaginary + self.readout[:, 1] * gain_real)
        times = torch.arange(n_times, device=dt.device, dtype=dt.dtype)
        size, phase = (growth.unsqueeze(-1) * times).exp(), angle.unsqueeze(-1) * times
        kernels = (c_real.unsqueeze(-1) * (size * phase.cos()) - c_imaginary.unsqueeze(-1) * (size * phase.sin())).sum(dim=-2)
        now = kernels[0, :, :1] + self.skip.unsqueeze(-1)
        return torch.cat([kernels[0, :, 1:].flip(-1), now, kernels[1, :, : n_times - 1]], dim=-1)


def long_convolution(x: Tensor, kernel: Tensor, *, training: bool) -> Tensor:
    """Convolve every feature map with a kernel that spans the window.

    The same sum three ways. A depthwise convolution is what exported graphs hold, but its gradient
    is slow: training multiplies by the matrix of shifted kernels instead (nine times faster for 250
    points), or by Fourier transform where that matrix would be large.

    Parameters
    ----------
    x
        (n, n_features, n_times).
    kernel
        (n_features, 2 n_times - 1), see :meth:`S4dKernel.forward`.
    """
    n_times = x.shape[-1]
    if not training:
        # Padded beforehand (ten times faster in torch), and with a second dimension (nine times
        # faster in ONNX Runtime).
        padded = functional.pad(x, (n_times - 1, n_times - 1)).unsqueeze(2)
        return functional.conv2d(padded, kernel[:, None, None], groups=x.shape[1]).squeeze(2)
    if n_times <= _LONGEST_MATRIX:
        # Turning the input round in time makes the matrix a view of the kernel, and symmetric.
        shifted = kernel.flip(-1).unfold(-1, n_times, 1)
        return torch.bmm(x.flip(-1).transpose(0, 1), shifted).transpose(0, 1)
    length = 3 * n_times
    product = torch.fft.rfft(x.float(), n=length) * torch.fft.rfft(kernel.flip(-1), n=length)
    answer: Tensor = torch.fft.irfft(product, n=length)[..., n_times - 1 : 2 * n_times - 1].to(x.dtype)
    return answer


class S4dLayer(nn.Module):
    """State-space convolution, GELU, gated mix of feature maps, shortcut, layer normalisation.

    Parameters
    ----------
    dropout
        Probability of a feature map, after the convolution and after the mix.
    """

    def __init__(self, n_features: int, *, n_states: int, dt_min: float, dt_max: float, dropout: float) -> None:
        super().__init__()
        self.kernel = S4dKernel(n_features, n_states=n_states, dt_min=dt_min, dt_max=dt_max)
        # Whole feature maps are dropped: the next long convolution would fill single points in.
        self.activate = nn.Sequential(nn.GELU(), nn.Dropout1d(dropout))
        self.mix = nn.Sequential(nn.Conv1d(n_features, 2 * n_features, 1), nn.GLU(dim=1), nn.Dropout1d(dropout))
        self.norm = nn.LayerNorm(n_features)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_features, n_times) to the same shape."""
        convolved = long_convolution(x, self.kernel(x.shape[-1]), training=self.training)
        mixed = x + self.mix(self.activate(convolved))
        normed: Tensor = self.norm(mixed.transpose(1, 2)).transpose(1, 2)
        return normed


@register
def s4d(
    n_leads: int,
    n_outputs: int,
    *,
    width: int = 256,
    layers: int = 4,
    patch: int = 1,
    n_states: int = 16,
    dt_min: float = 0.001,
    dt_max: float = 0.1,
    dropout: float = 0.2,
) -> tuple[nn.Module, nn.Module]:
    """Build S4D layers and a linear head.

    Other parameters are those of :class:`S4dKernel`.

    The published network pools the average over time alone. The maximum stands beside it here: with
    a few thousand records it is worth 0.04 of validation macro-AUROC after eight epochs.

    Sixteen states reach 35 Hz at the longest step and 100 Hz sampling, the band of the QRS complex.
    An ONNX graph of it has the fixed number of time points that it was exported with.

    Parameters
    ----------
    width
        Feature maps; each layer has about 2 width^2 parameters.
    patch
        Time points that the first mix of the leads makes one; 2 trains twice as fast.
    dropout
        See :class:`S4dLayer`; also before the logits.
    """
    stem = nn.Conv1d(n_leads, width, patch, stride=patch)
    stack = (S4dLayer(width, n_states=n_states, dt_min=dt_min, dt_max=dt_max, dropout=dropout) for _ in range(layers))
    return nn.Sequential(stem, *stack), LinearHead(width, n_outputs, dropout)
