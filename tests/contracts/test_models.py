"""Every registered model keeps the same promises; a model file that registers nothing fails."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import heart_reader.models
from heart_reader.errors import ConfigError
from heart_reader.models.registry import MODELS, EcgNetwork, build_network, count_parameters, resolve_params

N_LEADS, N_OUTPUTS, N_TIMES = 12, 7, 250
# Files of the package that are parts of models, not models.
PARTS = {"blocks", "ensemble", "feature_layers", "feature_models", "feature_trees", "fusion", "registry", "stockwell"}
# Trained values for 12 leads and the 76 outputs of statements and superclasses together.
N_PARAMETERS = {
    "convnet1d": 176_524,
    "hmt_ecgnet": 345_500,
    "inception1d": 572_796,
    "nano": 64_268,
    "resnet1d": 8_776_396,
    "resnet1d_wang": 482_508,
    "resnet34_1d": 16_678_860,
    "s4d": 621_900,
    "se_resnet1d": 16_801_144,
    "stockwell_convnextv2": 706_780,
    "xresnet1d18": 374_092,
    "xresnet1d34": 703_820,
    "xresnet1d50": 963_148,
    "xresnet1d101": 1_881_420,
    "xresnet1d152": 2_799_692,
}
# The exporter takes seconds per hundred layers; the same blocks are exported in xresnet1d18,
# xresnet1d50 and resnet1d.
SLOW_TO_EXPORT = {"resnet34_1d", "se_resnet1d", "xresnet1d34", "xresnet1d101", "xresnet1d152"}


@pytest.fixture(params=sorted(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def network(name: str) -> EcgNetwork:
    torch.manual_seed(0)
    return build_network(name, {}, N_LEADS, N_OUTPUTS)


def test_every_model_file_registers_a_model() -> None:
    files = {module.name for module in pkgutil.iter_modules(heart_reader.models.__path__)} - PARTS
    registered = {builder.__module__.rpartition(".")[2] for builder in MODELS.values()}
    assert files == registered


@pytest.mark.parametrize("n", [1, 3])
def test_shape_and_finite(network: EcgNetwork, n: int) -> None:
    logits = network.eval()(torch.randn(n, N_LEADS, N_TIMES))
    assert logits.shape == (n, N_OUTPUTS)
    assert torch.isfinite(logits).all()


def test_silence_and_saturation_stay_finite(network: EcgNetwork) -> None:
    network.eval()
    for value in (0.0, 32.767):
        assert torch.isfinite(network(torch.full((2, N_LEADS, N_TIMES), value))).all()


def test_any_length_from_one_second(network: EcgNetwork) -> None:
    for n_times in (100, 1000):
        assert network.eval()(torch.zeros(2, N_LEADS, n_times)).shape == (2, N_OUTPUTS)


def test_every_parameter_gets_a_gradient(network: EcgNetwork) -> None:
    # The second step counts: a residual branch may start as zero, and then only its last factor has
    # a gradient at first.
    optimizer = torch.optim.SGD(network.train().parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (network(torch.randn(4, N_LEADS, N_TIMES)) - 1).square().mean().backward()
        optimizer.step()
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.abs().sum() > 0]
    assert without == []


def test_trains_in_bfloat16(network: EcgNetwork) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network.train()(torch.randn(4, N_LEADS, N_TIMES))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), torch.full((4, N_OUTPUTS), 0.5))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(parameter.grad is not None and torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_a_record_is_read_alike_alone_and_in_a_batch(network: EcgNetwork) -> None:
    x = torch.randn(5, N_LEADS, N_TIMES)
    with torch.inference_mode():
        network.eval()
        torch.testing.assert_close(network(x)[2:3], network(x[2:3]), rtol=1e-4, atol=1e-5)


def test_same_seed_same_weights(name: str) -> None:
    def weights() -> dict[str, torch.Tensor]:
        torch.manual_seed(3)
        return build_network(name, {}, N_LEADS, N_OUTPUTS).state_dict()

    first, second = weights(), weights()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_standardize_travels_with_the_weights(network: EcgNetwork) -> None:
    network.standardize.set_statistics(torch.arange(12.0), torch.cat([torch.zeros(1), torch.full((11,), 2.0)]))
    state = network.state_dict()
    assert state["standardize.mean"].squeeze().tolist() == list(range(12))
    assert state["standardize.std"].squeeze().tolist() == [1.0] + [2.0] * 11


@pytest.mark.filterwarnings("ignore")  # the exporter's own deprecations
@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW_TO_EXPORT else n for n in sorted(MODELS)])
def test_onnx_agrees(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network(name, {}, N_LEADS, N_OUTPUTS).eval()
    path = tmp_path / "model.onnx"
    torch.onnx.export(
        network,
        (torch.zeros(2, N_LEADS, N_TIMES),),
        path,
        dynamo=True,
        external_data=False,
        verbose=False,
        dynamic_shapes=({0: torch.export.Dim("n", min=1)},),
    )
    assert not {"DFT", "STFT", "Loop", "Scan", "If"} & {node.op_type for node in onnx.load(path).graph.node}
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for n in (1, 5):
        x = np.random.default_rng(n).standard_normal((n, N_LEADS, N_TIMES), dtype=np.float32)
        with torch.inference_mode():
            expected = network(torch.from_numpy(x)).numpy()
        np.testing.assert_allclose(session.run(None, {session.get_inputs()[0].name: x})[0], expected, atol=1e-4)


def test_unknown_model_and_parameter_are_named() -> None:
    with pytest.raises(ConfigError, match="registered models are"):
        build_network("inception9d", {}, 12, 5)
    with pytest.raises(ConfigError, match="inception1d has no depth; it has blocks"):
        resolve_params("inception1d", {"depth": 3})
    with pytest.raises(ConfigError, match="choose a divisor"):
        build_network("inception1d", {"blocks": 5}, 12, 5)


def test_every_model_has_its_size(name: str) -> None:
    assert count_parameters(build_network(name, {}, 12, 76)) == N_PARAMETERS[name]


def test_published_sizes() -> None:
    published = {"hmt_ecgnet": 0.34e6, "inception1d": 0.555e6, "resnet1d": 8.7e6, "xresnet1d101": 1.9e6}
    for name, size in published.items():
        assert count_parameters(build_network(name, {}, 12, 5)) == pytest.approx(size, rel=0.03)


def test_nano_holds_only_what_8_bit_runtimes_know() -> None:
    network = build_network("nano", {}, 12, 76)
    kinds = {type(module).__name__ for module in network.backbone.modules() if not list(module.children())}
    assert kinds == {"Conv1d", "BatchNorm1d", "ReLU"}
    assert count_parameters(network) <= 100_000


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_an_xresnet_has_as_many_layers_as_its_name_says(depth: int) -> None:
    backbone = build_network(f"xresnet1d{depth}", {}, 12, 5).backbone
    convolutions = [n for n, m in backbone.named_modules() if isinstance(m, torch.nn.Conv1d) and "shortcut" not in n]
    stem = 3
    assert len(convolutions) - stem + 1 + 1 == depth  # the stem counts as one layer, the logits as another


NEW_MODEL = """
from torch import nn

from heart_reader.models.blocks import LinearHead
from heart_reader.models.registry import register


@register
def smallest(n_leads, n_outputs, *, width=4, dropout=0.0):
    return nn.Conv1d(n_leads, width, 5, padding=2), LinearHead(width, n_outputs, dropout)
"""
USE_IT = """
import sys
from pathlib import Path

import heart_reader.models

out = Path(sys.argv[1])
heart_reader.models.__path__.append(str(out / "added"))  # as if the file lay among the others

from heart_reader.classifier import EcgClassifier
from heart_reader.config import load_config
from heart_reader.data.formats import read_record
from heart_reader.edge.variants import build_variants
from heart_reader.training.run import train

settings = [
    "model={name: smallest, params: {width: 3}}", "data.sources=[{kind: synthetic, n_records: 60, seed: 1}]", "training.epochs=1",
    f"data.cache_dir={out / 'cache'}", "training.batch_size=16",
]
train(load_config(None, settings), out / "run")
any_change = ["export.variants=[fp32]", "export.macro_limit=1", "export.class_limit=1"]
(exported,) = build_variants(out / "run/checkpoint", out / "edge", overrides=any_change)
record = read_record(sys.argv[2])
trained, small = (EcgClassifier.load(path).predict(record) for path in (out / "run/checkpoint", exported.directory))
assert trained.model["name"] == "smallest"
assert abs(trained.ranked[0]["probability"] - small.ranked[0]["probability"]) < 1e-4
"""


def test_one_file_adds_a_model_that_is_trained_exported_and_read_with(tmp_path: Path) -> None:
    (tmp_path / "added").mkdir()
    (tmp_path / "added/smallest.py").write_text(NEW_MODEL)
    example = Path(__file__).resolve().parents[2] / "test_files/cd_lbbb.hea"
    path = os.pathsep.join(filter(None, [str(Path(heart_reader.models.__path__[0]).parents[1]), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-c", USE_IT, str(tmp_path), str(example)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path})
    assert answer.returncode == 0, answer.stderr
