"""Channels really go, and what is left computes what the wide network computes without them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from heart_reader.checkpoint import load_checkpoint
from heart_reader.edge.pruning import cut_channels, l1_scores, narrow_params, taylor_scores, trace_channels
from heart_reader.errors import ConfigError
from heart_reader.models.registry import build_network, count_parameters, resolve_params
from heart_reader.training.pruned import prune

N_LEADS, N_OUTPUTS = 12, 7
EXAMPLE = (torch.zeros(1, N_LEADS, 100),)
# Small networks with everything that couples channels: a shared encoder and concatenation,
# shortcuts and gates, depthwise convolutions.
SMALL = {
    "hmt_ecgnet": {"encoder_widths": (16, 16), "group_width": 16, "global_width": 24, "embedding": 16},
    "inception1d": {
        "blocks": 4,
        "residual_every": 2,
        "n_filters": 16,
        "bottleneck": 16,
        "kernels": (9, 5),
        "reduction": 4,
        "embedding": 16,
    },
    "nano": {"stem": 16, "widths": (16, 24), "strides": (2, 1), "kernel": 5},
    "convnet1d": {"widths": (16, 24), "kernels": (5, 5)},
}


def trained_alike(name: str) -> nn.Module:
    """A small network whose batch normalisation is not the identity."""
    torch.manual_seed(3)
    network = build_network(name, SMALL[name], N_LEADS, N_OUTPUTS)
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(8, N_LEADS, 100))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.2)
    return network.eval()


def narrowed(name: str, ratio: float = 0.5) -> nn.Module:
    params = narrow_params(resolve_params(name, SMALL[name]), ratio)
    return build_network(name, params, N_LEADS, N_OUTPUTS).eval()


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_what_is_left_is_the_wide_network_with_those_channels_silent(name: str) -> None:
    wide, narrow = trained_alike(name), narrowed(name)
    narrow.load_state_dict(cut_channels(wide, narrow, EXAMPLE, l1_scores))
    assert count_parameters(narrow) < 0.5 * count_parameters(wide)
    # The same choice manually: silence the weakest channels of the wide network instead of removing
    # them.
    groups = trace_channels(wide, EXAMPLE)
    scores = l1_scores(wide, groups)
    families: dict[frozenset[str], list[int]] = {}
    for row, group in enumerate(groups):
        families.setdefault(frozenset(layer for layer, _ in group.sources), []).append(row)
    weights = wide.state_dict()
    kept = narrow.state_dict()
    for layers, rows in families.items():
        single = next(layer for layer in layers if len(weights[f"{layer}.weight"]) == len(rows))
        for row in sorted(rows, key=lambda row: scores[row])[: len(rows) - len(kept[f"{single}.weight"])]:
            for tensor, axis, index in groups[row].made:
                if not tensor.endswith("running_var"):
                    weights[tensor].select(axis, index).zero_()
    x = torch.randn(4, N_LEADS, 100)
    with torch.inference_mode():
        torch.testing.assert_close(narrow(x), wide(x), atol=1e-5, rtol=1e-4)


def test_a_shortcut_joins_the_channels_it_adds() -> None:
    class Shortcut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.last = nn.Conv1d(2, 4, 1), nn.Conv1d(4, 4, 1), nn.Linear(4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.first(x)
            return self.last((x + self.second(x)).mean(-1))

    groups = trace_channels(Shortcut().eval(), (torch.zeros(1, 2, 5),))
    assert {group.sources for group in groups} == {frozenset({("first", c), ("second", c)}) for c in range(4)}
    assert {("second.weight", 1, 2), ("last.weight", 1, 2)} <= next(group for group in groups if ("first", 2) in group.sources).read


def test_what_cannot_be_cut_is_said() -> None:
    with pytest.raises(ConfigError, match="channels cannot be taken out of it"):
        trace_channels(nn.Sequential(nn.Conv1d(12, 4, 1), nn.GRU(100, 4)).eval(), EXAMPLE)


@pytest.mark.slow
def test_a_stem_that_keeps_its_width_is_refused() -> None:
    params = resolve_params("xresnet1d18", {})
    wide, narrow = (build_network("xresnet1d18", given, N_LEADS, N_OUTPUTS).eval() for given in (params, narrow_params(params, 0.5)))
    with pytest.raises(ConfigError, match="do not show how many"):
        cut_channels(wide, narrow, EXAMPLE, l1_scores)


def test_widths_become_narrower_and_nothing_else() -> None:
    params = {"widths": (32, 64), "kernels": (7, 7), "stem": 18, "dropout": 0.3, "n_limb": 6}
    assert narrow_params(params, 0.3) == {"widths": (24, 44), "kernels": (7, 7), "stem": 12, "dropout": 0.3, "n_limb": 6}
    with pytest.raises(ConfigError, match="no layer of"):
        narrow_params({"widths": (32,)}, 0.01)


def test_taylor_spares_the_channel_that_the_loss_needs() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv1d(1, 4, 1, bias=False), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([9.0, 8.0, 7.0, 0.5]).reshape(4, 1, 1))
        network[3].weight.copy_(torch.tensor([[0.0, 0.0, 0.0, 1.0]]))
    groups = trace_channels(network.eval(), (torch.zeros(1, 1, 5),))
    x = torch.randn(16, 1, 5)
    batches = [(x, x.mean(-1) * 3)]
    by_size, by_need = l1_scores(network, groups), taylor_scores(network, groups, batches, nn.functional.mse_loss)
    channel = [next(iter(group.sources))[1] for group in groups]
    assert channel[by_size.index(min(by_size))] == 3
    assert channel[by_need.index(max(by_need))] == 3
    assert sum(score == 0 for score in by_need) == 3


@pytest.mark.parametrize("criterion", ["l1", "taylor"])
def test_a_pruned_run_is_a_checkpoint_like_any_other(small_checkpoint: Path, tmp_path: Path, criterion: str) -> None:
    settings = [f"export.pruning.criterion={criterion}", "export.pruning.epochs=1"]
    pruned = prune(small_checkpoint, tmp_path / "run", overrides=settings)
    again, origin = load_checkpoint(tmp_path / "run" / "checkpoint"), load_checkpoint(small_checkpoint)
    assert again.manifest["sha256"] == pruned.sha256
    assert again.manifest["parent"] == origin.sha256
    assert again.manifest["model"]["params"]["widths"] == [8, 8]
    assert again.manifest["config"]["training"]["start_from"] is None
    facts = again.manifest["pruning"]
    assert facts["criterion"] == criterion
    assert facts["n_parameters"][1] == again.manifest["model"]["n_parameters"] < facts["n_parameters"][0]
    assert facts["macs_per_window"][1] < 0.5 * facts["macs_per_window"][0]
    assert not list((tmp_path / "run").glob(".cut*"))
