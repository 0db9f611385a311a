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
from heart_reader.data.batch import Batch
from heart_reader.edge.graph import count_macs, lift_convolutions, write_graph
from heart_reader.edge.variants import build_variants
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_file_says_what_it_is_and_not_where_it_was_made(network: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    write_graph(network, MANIFEST, path)
    said = {item.key: item.value for item in onnx.load(path).metadata_props}
    assert said["label_rule"] == "any_likelihood"
    assert '"hmt_ecgnet"' in said["model"]
    content = path.read_bytes()
    assert b"heart_reader/" not in content
    assert str(Path(__file__).resolve().parents[2]).encode() not in content


@pytest.mark.slow
def test_features_are_an_input_once_per_record(tmp_path: Path) -> None:
    space = FeatureSpace(("demographics", "measured"), {"widths": [[8, 4], [8, 4]], "signal_embedding": 8, "hidden": 8, "dropout": 0.0})
    torch.manual_seed(0)
    network = build_network("hmt_ecgnet", SMALL, 12, 5, space.to_json()).eval()
    write_graph(network, {**MANIFEST, "features": space.to_json()}, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    assert [item.name for item in session.get_inputs()] == ["signal_mv", "features", "record"]
    x = np.random.default_rng(0).standard_normal((5, 12, 100), dtype=np.float32)
    given = np.random.default_rng(1).standard_normal((3, space.slices["measured"].stop), dtype=np.float32)
    given[1] = np.nan
    given[2, space.slices["measured"]] = np.nan
    batch = Batch(x, given, np.array([0, 0, 1, 2, 2]))
    with torch.inference_mode():
        expected = network(*map(torch.from_numpy, batch.arrays().values())).numpy()
    np.testing.assert_allclose(session.run(None, batch.arrays())[0], expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["inception1d", "xresnet1d18", "nano", "hmt_ecgnet"])
def test_convolutions_are_lifted_without_changing_an_answer(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network(name, {}, 12, 5).eval()
    write_graph(network, MANIFEST, tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    ranks = {item.name: len(item.dims) for item in model.graph.initializer}
    n_convolutions = sum(isinstance(module, nn.Conv1d) for module in network.modules())
    assert [ranks[node.input[1]] for node in model.graph.node if node.op_type == "Conv"] == [4] * n_convolutions
    # What lies between convolutions stays in that shape.
    assert sum(node.op_type == "Unsqueeze" for node in model.graph.node) < n_convolutions / 2
    x = torch.randn(3, 12, 100)
    with torch.inference_mode():
        expected = network(x).numpy()
    answer = onnxruntime.InferenceSession(tmp_path / "model.onnx").run(None, {"signal_mv": x.numpy()})[0]
    np.testing.assert_allclose(answer, expected, atol=1e-4)


def test_what_reads_a_lifted_tensor_otherwise_gets_it_flat() -> None:
    make = onnx.helper.make_node
    weight = onnx.numpy_helper.from_array(np.random.default_rng(0).standard_normal((4, 2, 3)).astype(np.float32), "w")
    nodes = [
        make("Conv", ["x", "w"], ["a"], pads=[1, 1], name="first"),
        make("ReduceMean", ["a"], ["mean"], keepdims=1),
        make("Mul", ["a", "mean"], ["gated"]),
        make("MaxPool", ["a"], ["pooled"], kernel_shape=[2], strides=[2]),
        make("Concat", ["gated", "a"], ["y"], axis=2),
    ]
    shapes = {"x": (1, 2, 8), "y": (1, 4, 16), "pooled": (1, 4, 4)}
    given, *answers = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items())
    graph = onnx.helper.make_graph(nodes, "small", [given], answers, [weight])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    x = {"x": np.random.default_rng(1).standard_normal(shapes["x"]).astype(np.float32)}
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, x)
    assert lift_convolutions(model) == 1
    onnx.checker.check_model(model)
    for before, after in zip(expected, onnxruntime.InferenceSession(model.SerializeToString()).run(None, x), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-6)


def test_an_operator_without_counterpart_is_a_clear_error(tmp_path: Path) -> None:
    class Odd(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.linalg.eigvals(x[:, :, :12]).real

    with pytest.raises(NotServable, match="cannot be written as ONNX"):
        write_graph(Odd().eval(), MANIFEST, tmp_path / "model.onnx")


def test_work_is_counted_per_window() -> None:
    layers = nn.Sequential(nn.Conv1d(12, 4, 5, stride=2, padding=2), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3))
    assert count_macs(layers, MANIFEST) == 50 * 4 * 12 * 5 + 4 * 3


@pytest.mark.slow
def test_parity_is_a_limit(small_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportParityError, match="not exported"):
        build_variants(small_checkpoint, tmp_path, overrides=["export.variants=[fp32]", "export.parity_limit=1e-30"])
    assert not (tmp_path / "fp32").exists()
    build_variants(small_checkpoint, tmp_path, overrides=["export.variants=[fp32]"])
    assert load_checkpoint(tmp_path / "fp32").manifest["parent"] == load_checkpoint(small_checkpoint).sha256
