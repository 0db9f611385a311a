from __future__ import annotations

import numpy as np
import pytest
import torch

from heart_reader.config import OptimizerConfig
from heart_reader.models.registry import build_network
from heart_reader.training.optim import WeightAverage, build_optimizer, learning_rate
from heart_reader.training.trainer import usable_precision


@pytest.mark.parametrize("schedule", ["onecycle", "cosine"])
def test_schedule_against_torch(schedule: str) -> None:
    config = OptimizerConfig(schedule=schedule, learning_rate=0.1, warmup_share=0.3)  # type: ignore[arg-type]
    n_steps = 101
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    if schedule == "onecycle":
        # torch counts the warm-up as pct_start * total_steps - 1 steps, ours as a share of the
        # whole way.
        reference = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=n_steps, pct_start=31 / n_steps)
    else:
        reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps - 1)
    expected = []
    for _ in range(n_steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(expected) < n_steps:
            reference.step()
    ours = [learning_rate(step, n_steps, config) for step in range(n_steps)]
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-9)


def test_one_step_has_a_rate() -> None:
    assert learning_rate(0, 1, OptimizerConfig()) > 0


def test_norms_and_biases_do_not_decay() -> None:
    network = build_network("inception1d", {}, 12, 5)
    decayed, plain = build_optimizer(network, OptimizerConfig()).param_groups
    assert decayed["weight_decay"] > 0 == plain["weight_decay"]
    assert all(parameter.ndim > 1 for parameter in decayed["params"])
    assert len(decayed["params"]) + len(plain["params"]) == len(list(network.parameters()))


def test_equal_average_is_the_mean() -> None:
    states = [{"w": torch.tensor([float(value)]), "n": torch.tensor(value)} for value in (1, 2, 6)]
    average = WeightAverage(states[0])
    for state in states[1:]:
        average.equal(state)
    assert average.state["w"].item() == pytest.approx(3.0)
    assert average.state["n"].item() == 6


def test_exponential_average_forgets_its_start() -> None:
    average = WeightAverage({"w": torch.tensor([1000.0])})
    for _ in range(200):
        average.exponential({"w": torch.tensor([1.0])}, 0.99)
    assert average.state["w"].item() == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(("computed", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_bfloat16_is_not_imitated(computed: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: computed)
    assert usable_precision("bfloat16", torch.device("cpu")) == expected
    assert usable_precision("bfloat16", torch.device("cuda")) == "bfloat16"
    assert usable_precision("float16", torch.device("cpu")) == "float16"
