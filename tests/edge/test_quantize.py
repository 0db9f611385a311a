"""INT8 is in integers where it should be, and its ranges come from training records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

from heart_reader.checkpoint import load_checkpoint
from heart_reader.config import ExperimentConfig, QuantizationConfig
from heart_reader.data.dataset import EcgDataset
from heart_reader.edge.graph import write_graph
from heart_reader.edge.quantize import (
    CalibrationRecords,
    _lone_additions,
    choose_calibration_records,
    shrink,
    write_dynamic,
    write_float16,
    write_static,
)
from heart_reader.edge.variants import open_origin
from heart_reader.errors import DataError, LeakageError
from heart_reader.runtimes import build_torch_network

LAYERS = ("Conv", "Gemm")


@pytest.fixture(scope="module")
def dataset(small_checkpoint: Path) -> EcgDataset:
    return open_origin(small_checkpoint, []).dataset


@pytest.fixture(scope="module")
def records(dataset: EcgDataset) -> CalibrationRecords:
    return choose_calibration_records(dataset.split("train"), 24, seed=1)


@pytest.fixture(scope="module")
def float_graph(small_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "model.onnx"
    checkpoint = load_checkpoint(small_checkpoint)
    write_graph(build_torch_network(checkpoint), checkpoint.manifest, path)
    return path


def weight_types(path: Path) -> dict[str, int]:
    """Per weighted layer the type its weights are stored in."""
    graph = onnx.load(path).graph
    made_by = {output: node for node in graph.node for output in node.output}
    stored = {item.name: item.data_type for item in graph.initializer}
    types = {}
    for node in (node for node in graph.node if node.op_type in LAYERS):
        name = node.input[1]
        types[node.name] = stored[name] if name in stored else stored[made_by[name].input[0]]
    return types


def logits(path: Path, records: CalibrationRecords) -> np.ndarray:
    return np.asarray(onnxruntime.InferenceSession(path).run(None, records.feeds[0])[0])


def test_every_weighted_layer_is_in_8_bits_with_a_scale_per_channel(float_graph: Path, records: CalibrationRecords, tmp_path: Path) -> None:
    sensitivity = write_static(float_graph, tmp_path / "int8.onnx", records, QuantizationConfig(max_shift=1.0))
    assert sensitivity.float_layers == ()
    assert set(weight_types(tmp_path / "int8.onnx").values()) == {TensorProto.INT8}
    graph = onnx.load(tmp_path / "int8.onnx").graph
    convolution = next(node for node in graph.node if node.op_type == "Conv")
    made_by = {output: node for node in graph.node for output in node.output}
    scale = next(item for item in graph.initializer if item.name == made_by[convolution.input[1]].input[1])
    assert list(scale.dims) == [16]
    zero = next(item for item in graph.initializer if item.name == made_by[convolution.input[0]].input[2])
    assert zero.data_type == TensorProto.UINT8
    assert (tmp_path / "int8.onnx").stat().st_size < float_graph.stat().st_size
    # The logits leave the last layer as floats, not as one of 256 steps.
    assert "QuantizeLinear" not in {node.op_type for node in graph.node if graph.output[0].name in node.output}
    assert sensitivity.shift == pytest.approx(sensitivity.shift_all)
    assert 0 < sensitivity.shift < 0.05


def test_harmful_layers_stay_in_float_until_little_is_lost(float_graph: Path, records: CalibrationRecords, tmp_path: Path) -> None:
    everything = write_static(float_graph, tmp_path / "all.onnx", records, QuantizationConfig(max_shift=1.0)).shift_all
    config = QuantizationConfig(max_shift=everything / 2)
    sensitivity = write_static(float_graph, tmp_path / "some.onnx", records, config)
    assert sensitivity.shift <= config.max_shift < sensitivity.shift_all
    assert sensitivity.float_layers[0] == max(sensitivity.per_layer, key=lambda name: sensitivity.per_layer[name])
    types = weight_types(tmp_path / "some.onnx")
    assert {name for name, kind in types.items() if kind == TensorProto.FLOAT} == set(sensitivity.float_layers)


@pytest.mark.parametrize(("setting", "kind"), [("uint8", TensorProto.UINT8), ("int8", TensorProto.INT8)])
def test_activations_are_signed_where_asked(
    setting: str, kind: int, float_graph: Path, records: CalibrationRecords, tmp_path: Path
) -> None:
    config = QuantizationConfig(activations=setting, max_shift=1.0)  # type: ignore[arg-type]
    write_static(float_graph, tmp_path / "int8.onnx", records, config)
    graph = onnx.load(tmp_path / "int8.onnx").graph
    zeros = {node.input[2] for node in graph.node if node.op_type == "QuantizeLinear"}
    assert {item.data_type for item in graph.initializer if item.name in zeros} == {kind}


def test_dynamic_and_float16_answer_alike_and_are_smaller(float_graph: Path, records: CalibrationRecords, tmp_path: Path) -> None:
    write_dynamic(float_graph, tmp_path / "dynamic.onnx")
    write_float16(float_graph, tmp_path / "fp16.onnx")
    expected = logits(float_graph, records)
    for name, tolerance in (("dynamic", 0.3), ("fp16", 0.02)):
        path = tmp_path / f"{name}.onnx"
        assert path.stat().st_size < float_graph.stat().st_size
        np.testing.assert_allclose(logits(path, records), expected, atol=tolerance)


@pytest.mark.parametrize("split", ["val", "test"])
def test_records_of_other_splits_may_not_set_ranges(dataset: EcgDataset, split: str) -> None:
    with pytest.raises(LeakageError, match="only training records"):
        choose_calibration_records(dataset.split(split), 8, seed=1)
    with pytest.raises(LeakageError, match="only training records"):
        choose_calibration_records(dataset, 8, seed=1)


def test_calibration_without_records_is_refused(tiny_config: ExperimentConfig, dataset: EcgDataset) -> None:
    with pytest.raises(DataError):
        choose_calibration_records(dataset.split("nowhere"), 8, seed=1)


def test_the_same_seed_draws_the_same_records(dataset: EcgDataset, records: CalibrationRecords) -> None:
    again = choose_calibration_records(dataset.split("train"), 24, seed=1)
    assert again.to_json() == records.to_json()
    assert choose_calibration_records(dataset.split("train"), 24, seed=2).to_json() != records.to_json()


def of_leaves(low: np.ndarray, high: np.ndarray, path: Path) -> np.ndarray:
    """Choose every leaf of two tables once, after both were stored narrow: (2, n)."""
    make, tensor = onnx.helper.make_node, onnx.TensorProto
    given = onnx.helper.make_tensor_value_info("left", tensor.BOOL, (len(low),))
    answer = onnx.helper.make_tensor_value_info("y", tensor.FLOAT, (len(low),))
    tables = [onnx.numpy_helper.from_array(values, name) for values, name in ((low, "low"), (high, "high"))]
    graph = onnx.helper.make_graph([make("Where", ["left", "low", "high"], ["y"])], "leaves", [given], [answer], tables)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10), path)
    shrink(path)
    session = onnxruntime.InferenceSession(path)
    return np.array([session.run(None, {"left": np.full(len(low), side)})[0] for side in (True, False)])


def test_trees_that_have_not_grown_stay_zero(tmp_path: Path) -> None:
    nothing = np.zeros(2000, dtype=np.float32)
    assert not of_leaves(nothing, nothing, tmp_path / "model.onnx").any()


def test_the_halves_of_a_forest_share_one_scale_and_take_a_byte_a_leaf(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    low, high = (rng.normal(size=5000).astype(np.float32) * size for size in (0.01, 1.0))
    kept = of_leaves(low, high, tmp_path / "model.onnx")
    step = np.abs(high).max() / 127
    assert np.abs(kept - [low, high]).max() <= 0.5001 * step
    np.testing.assert_allclose(kept / step, np.rint(kept / step), atol=1e-3)
    assert (tmp_path / "model.onnx").stat().st_size < 10_000 + 1500


def test_sums_that_no_integers_read_stay_in_float() -> None:
    """The variance of a normalisation lies many orders below its largest value."""
    make = onnx.helper.make_node
    nodes = [
        make("Conv", ["x", "w"], ["y"], "first"),
        make("Add", ["y", "eps"], ["safe"], "under_the_root"),
        make("Sqrt", ["safe"], ["root"], "root"),
        make("Add", ["root", "y"], ["residual"], "residual"),
        make("Conv", ["residual", "w"], ["z"], "second"),
    ]
    assert _lone_additions(nodes) == ["under_the_root"]
