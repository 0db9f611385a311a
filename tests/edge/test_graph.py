"""The ONNX file: lean, free of batch normalisation, and silent about the machine that wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from heart_reader.checkpoint import load_checkpoint
from heart_reader.edge.export import export
from heart_reader.edge.graph import count_macs, write_graph
from heart_reader.errors import ExportParityError, NotServable
from heart_reader.features.feature_space import FeatureSpace
from heart_reader.models.registry import build_network

MANIFEST: dict[str, Any] = {
    "model": {"name": "hmt_ecgnet", "params": {}, "n_parameters": 0},
    "preprocessor": {"fs": 100.0, "window_s": 1.0, "leads": [f"L{row}" for row in range(12)]},
    "leads": [f"L{row}" for row in range(12)],
    "label_rule": "any_likelihood",
    "seed": 1,
    "features": None,
}
SMALL = {"encoder_widths": (8, 8), "group_width": 8, "global_width": 8, "embedding": 8}


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    network = build_network("hmt_ecgnet", SMALL, 12, 5)
    with torch.no_grad():
        for _ in range(3):
            network.train()(torch.randn(16, 12, 100))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_()
    return network.eval()


def test_every_batch_normalisation_is_folded_and_nothing_else_changes(network: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    write_graph(network, MANIFEST, path)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node].count("BatchNormalization") == 0
    session = onnxruntime.InferenceSession(path)
    for n in (1, 5):
        x = torch.randn(n, 12, 100)
        with torch.inference_mode():
            expected = network(x).numpy()
        np.testing.assert_allclose(session.run(None, {"signal_mv": x.numpy()})[0], expected, atol=1e-5)


def test_the_file_says_what_it_is_and_not_where_it_was_made(network: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    write_graph(network, MANIFEST, path)
    said = {item.key: item.value for item in onnx.load(path).metadata_props}
    assert said["label_rule"] == "any_likelihood"
    assert '"hmt_ecgnet"' in said["model"]
    content = path.read_bytes()
    assert b"heart_reader/" not in content
    assert str(Path(__file__).resolve().parents[2]).encode() not in content


def test_features_are_a_second_input(tmp_path: Path) -> None:
    space = FeatureSpace(("demographics",), {"widths": [[8, 4]], "signal_embedding": 8, "hidden": 8, "dropout": 0.0})
    features = space.to_json()
    torch.manual_seed(0)
    network = build_network("hmt_ecgnet", SMALL, 12, 5, features).eval()
    write_graph(network, {**MANIFEST, "features": features}, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    assert [item.name for item in session.get_inputs()] == ["signal_mv", "features"]
    x = torch.randn(3, 12, 100)
    given = torch.randn(3, len(features["sets"][0]["names"]))
    given[1] = torch.nan
    with torch.inference_mode():
        expected = network(x, given).numpy()
    np.testing.assert_allclose(session.run(None, {"signal_mv": x.numpy(), "features": given.numpy()})[0], expected, atol=1e-5)


def test_an_operator_without_counterpart_is_a_clear_error(tmp_path: Path) -> None:
    class Odd(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.linalg.eigvals(x[:, :, :12]).real

    with pytest.raises(NotServable, match="cannot be written as ONNX"):
        write_graph(Odd().eval(), MANIFEST, tmp_path / "model.onnx")


def test_work_is_counted_per_window() -> None:
    layers = nn.Sequential(nn.Conv1d(12, 4, 5, stride=2, padding=2), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3))
    assert count_macs(layers, MANIFEST) == 50 * 4 * 12 * 5 + 4 * 3


def test_parity_is_a_limit(small_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportParityError, match="not exported"):
        export(small_checkpoint, tmp_path, overrides=["export.parity_limit=1e-30"])
    assert not (tmp_path / "fp32").exists()
    export(small_checkpoint, tmp_path)
    assert load_checkpoint(tmp_path / "fp32").manifest["parent"] == load_checkpoint(small_checkpoint).sha256
