"""What Triton gets says what the classifier says, and its own schema reads the configuration."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import onnxruntime
import pytest
import tritonclient
from onnx import serialization

from heart_reader.checkpoint import load_checkpoint
from heart_reader.classifier import BATCH_WINDOWS, EcgClassifier
from heart_reader.commands import main
from heart_reader.data.batch import Batch
from heart_reader.edge.triton import with_features_per_window, with_unsigned_weights, write_triton_model
from heart_reader.errors import NotServable
from heart_reader.weights import find_reader

SHIPPED = "ptbxl-int8"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the shipped reader in a model repository."""
    return write_triton_model(find_reader(SHIPPED), tmp_path_factory.mktemp("models"))


def schema() -> ModuleType:
    """Triton's model configuration, from its client; the package around it would need gRPC."""
    path = Path(tritonclient.__path__[0], "grpc", "model_config_pb2.py")
    spec = importlib.util.spec_from_file_location("model_config_pb2", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_schema_of_triton_reads_the_configuration(model: Path) -> None:
    triton = schema()
    # A reader of text formats that takes messages of any schema.
    config = serialization.registry.get("textproto").deserialize_proto((model / "config.pbtxt").read_bytes(), triton.ModelConfig())
    manifest = load_checkpoint(find_reader(SHIPPED)).manifest
    assert (config.name, config.platform, config.max_batch_size) == ("", "onnxruntime_onnx", BATCH_WINDOWS)
    assert config.HasField("dynamic_batching")
    assert [(one.kind, one.count) for one in config.instance_group] == [(triton.ModelInstanceGroup.KIND_CPU, 2)]
    assert config.parameters["intra_op_thread_count"].string_value == "1"
    assert config.parameters["checkpoint_sha256"].string_value == manifest["sha256"]
    graph = onnxruntime.InferenceSession(str(model / "1" / "model.onnx"))
    for said, there in ((config.input, graph.get_inputs()), (config.output, graph.get_outputs())):
        assert {one.name: list(one.dims) for one in said} == {one.name: one.shape[1:] for one in there}
        assert {one.data_type for one in said} == {triton.TYPE_FP32}
    warm = config.model_warmup[0].inputs
    assert {name: list(warm[name].dims) for name in warm} == {one.name: list(one.dims) for one in config.input}
    labels = (model / config.output[0].label_filename).read_text(encoding="utf-8").splitlines()
    assert (len(labels), len(set(labels))) == (config.output[0].dims[0], len(labels))
    assert {"all/AFIB", "superdiagnostic/NORM"} <= set(labels)


@pytest.mark.parametrize("name", [SHIPPED, "ptbxl-nano-int8"])
def test_a_session_without_our_options_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    """As Triton opens it: nothing but the number of threads is set."""
    classifier = EcgClassifier.load(find_reader(name))
    written = write_triton_model(find_reader(name), tmp_path)
    assert written == tmp_path / name
    onnx.checker.check_model(onnx.load(written / "1" / "model.onnx"), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(written / "1" / "model.onnx"), options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(5)
    sizes = {one.name: one.shape[1:] for one in session.get_inputs()}
    for n in (1, 3, BATCH_WINDOWS):
        arrays = {"signal_mv": rng.normal(0, 0.4, (n, *sizes["signal_mv"])).astype(np.float32)}
        if "features" in sizes:
            features = rng.normal(0, 1, (n, *sizes["features"])).astype(np.float32)
            arrays["features"] = np.where(rng.random(features.shape) < 0.2, np.float32(np.nan), features)
        expected = classifier.logits(Batch(arrays["signal_mv"], arrays.get("features"), np.arange(n)))
        np.testing.assert_array_equal(session.run(["logits"], arrays)[0], expected)


def test_no_signed_weight_is_left_and_none_changes_its_value(model: Path) -> None:
    def weights(graph: onnx.ModelProto) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Of each node that reads a weight of 8 bits: the integers, and what they stand for."""
        values = {item.name: onnx.numpy_helper.to_array(item) for item in graph.graph.initializer}
        found = {}
        for node in graph.graph.node:
            if node.op_type == "DequantizeLinear" and node.input[0] in values and values[node.input[0]].itemsize == 1:
                integers, zero = values[node.input[0]], values[node.input[2]] if len(node.input) > 2 else np.int8(0)
                axis = next((item.i for item in node.attribute if item.name == "axis"), 1)
                shape = [-1 if place == axis else 1 for place in range(integers.ndim)] if np.ndim(zero) else []
                found[node.output[0]] = (integers, integers.astype(int) - zero.astype(int).reshape(shape))
        return found

    before = weights(onnx.load(find_reader(SHIPPED) / "model.onnx"))
    after = weights(onnx.load(model / "1" / "model.onnx"))
    assert {integers.dtype.name for integers, _ in before.values()} == {"int8"}
    assert {integers.dtype.name for integers, _ in after.values()} == {"uint8"}
    assert before.keys() == after.keys()
    for name, (_, meant) in before.items():
        np.testing.assert_array_equal(after[name][1], meant)


def test_a_graph_without_either_stays_as_it_is() -> None:
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Relu", ["signal_mv"], ["logits"])
    ends = ([value("signal_mv", 1, ["n", 2])], [value("logits", 1, ["n", 2])])
    plain = onnx.helper.make_model(onnx.helper.make_graph([node], "plain", *ends))
    before = plain.SerializeToString()
    assert (with_features_per_window(plain), with_unsigned_weights(plain)) == (False, 0)
    assert plain.SerializeToString() == before


def test_only_an_onnx_checkpoint_is_written(tiny_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(NotServable, match="export this checkpoint with --out first"):
        write_triton_model(tiny_checkpoint, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_the_command_writes_it_again_over_the_old_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert main(["export", SHIPPED, "--triton", str(tmp_path)]) == 0
    assert "tritonserver --model-repository" in capsys.readouterr().out
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file() and path.name[0] != ".") == [
        f"{SHIPPED}/1/model.onnx", f"{SHIPPED}/config.pbtxt", f"{SHIPPED}/labels.txt"
    ]  # fmt: skip


@pytest.mark.parametrize("more", [[], ["--triton", "x", "--out", "y"], ["--triton", "x", "--variants", "int8"]])
def test_the_command_says_what_it_needs(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", SHIPPED, *more]) == 2
    assert "--out" in capsys.readouterr().err
