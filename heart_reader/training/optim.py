"""The optimiser, the learning rate as a pure function of the step, and averages of weights.

A learning rate that depends on the step alone needs no state to resume.

References
----------
Smith L. N., Topin N. Super-convergence: very fast training of neural networks using large learning
rates. arXiv:1708.07120 (2017). Loshchilov I., Hutter F. Decoupled weight decay regularization. ICLR
(2019). Izmailov P. et al. Averaging weights leads to wider optima and better generalization. UAI
(2018) 876-885.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from heart_reader.config import OptimizerConfig

__all__ = ["WeightAverage", "build_optimizer", "learning_rate"]

# One-cycle: the first rate is the peak over this, the last one the first over _FINAL.
_START_DIVISOR = 25.0
_FINAL_DIVISOR = 1e4


def build_optimizer(network: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """Return AdamW; weight decay acts on matrices and kernels, not on biases and normalisation."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def learning_rate(step: int, n_steps: int, config: OptimizerConfig) -> float:
    """Return the learning rate of a step.

    Parameters
    ----------
    step
        0 to n_steps - 1.

    Examples
    --------
    >>> config = OptimizerConfig(learning_rate=1.0, warmup_share=0.5)
    >>> [round(learning_rate(step, 5, config), 3) for step in range(5)]
    [0.04, 0.52, 1.0, 0.5, 0.0]
    """
    peak = config.learning_rate
    position = step / max(1, n_steps - 1)
    if config.schedule == "cosine":
        low, share = 0.0, position
        start, end = peak, low
    elif position < config.warmup_share:
        start, end, share = peak / _START_DIVISOR, peak, position / config.warmup_share
    else:
        start, end = peak, peak / _START_DIVISOR / _FINAL_DIVISOR
        share = (position - config.warmup_share) / max(1e-12, 1 - config.warmup_share)
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


class WeightAverage:
    """A running average of a network's weights and BatchNorm buffers.

    Parameters
    ----------
    state
        A ``state_dict``; copied.
    n_averaged
        How many states the average holds already.
    """

    def __init__(self, state: dict[str, Tensor], n_averaged: int = 1) -> None:
        self.state = {name: value.detach().clone() for name, value in state.items()}
        self.n_averaged = n_averaged

    @torch.no_grad()
    def move_towards(self, state: dict[str, Tensor], share: float) -> None:
        """Move every floating value by ``share`` of the way; integers (counters) are copied."""
        self.n_averaged += 1
        for name, value in state.items():
            if value.is_floating_point():
                self.state[name].lerp_(value.detach(), share)
            else:
                self.state[name].copy_(value)

    def exponential(self, state: dict[str, Tensor], decay: float) -> None:
        """Average exponentially, at first over few states so that the start does not linger."""
        warm_decay = min(decay, self.n_averaged / (self.n_averaged + 9))
        self.move_towards(state, 1 - warm_decay)

    def equal(self, state: dict[str, Tensor]) -> None:
        """Plain average over all states given so far (stochastic weight averaging)."""
        self.move_towards(state, 1 / (self.n_averaged + 1))
