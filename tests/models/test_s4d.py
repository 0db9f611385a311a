"""The long convolution of a state-space layer equals its recursion, however it is computed."""

from __future__ import annotations

import pytest
import torch

from heart_reader.errors import ConfigError
from heart_reader.models.registry import build_network
from heart_reader.models.s4d import S4dKernel, long_convolution


def _kernel(n_features: int = 3, n_states: int = 4) -> S4dKernel:
    torch.manual_seed(0)
    return S4dKernel(n_features, n_states=n_states, dt_min=0.01, dt_max=0.1)


def _scan(module: S4dKernel, x: torch.Tensor, direction: int) -> torch.Tensor:
    """Run state = a state + b x, y = 2 Re(c state) point by point, in complex arithmetic."""
    dt = module.log_dt.exp()[:, None].double()
    pole = torch.complex(-module.log_decay.view(module.shape).exp().double(), module.frequency.view(module.shape).double())
    c = torch.complex(module.readout[direction, 0].double(), module.readout[direction, 1].double())
    a, b = (pole * dt).exp(), ((pole * dt).exp() - 1) / pole
    state, out = torch.zeros_like(pole), []
    for t in range(x.shape[-1]):
        state = a * state + b * x[:, t, None]
        out.append(2 * (c * state).sum(-1).real)
    return torch.stack(out, dim=-1)


def test_the_kernel_is_the_recursion_both_ways() -> None:
    module, x = _kernel(), torch.randn(3, 40, dtype=torch.float64)
    backwards = _scan(module, x.flip(-1), 1).flip(-1)
    # Backwards starts at the next point: the present one belongs to the forward direction.
    later = torch.cat([backwards[:, 1:], torch.zeros(3, 1)], dim=-1)
    expected = _scan(module, x, 0) + later + module.skip[:, None] * x
    got = long_convolution(x.float()[None], module(40), training=False)[0]
    torch.testing.assert_close(got, expected.float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_times", [1, 100, 250, 600])  # the last one goes through the Fourier transform
def test_training_and_reading_convolve_alike(n_times: int) -> None:
    module, x = _kernel(), torch.randn(2, 3, n_times)
    kernel = module(n_times)
    assert kernel.shape == (3, 2 * n_times - 1)
    read, trained = (long_convolution(x, kernel, training=training) for training in (False, True))
    torch.testing.assert_close(trained, read, rtol=1e-4, atol=1e-4)


def test_weight_decay_spares_the_dynamics() -> None:
    dynamics = {"log_dt", "log_decay", "frequency"}
    assert all(parameter.ndim == 1 for name, parameter in _kernel().named_parameters() if name in dynamics)


def test_odd_states_are_refused() -> None:
    with pytest.raises(ConfigError, match="choose an even number"):
        build_network("s4d", {"n_states": 3}, 12, 5)
