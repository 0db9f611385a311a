"""What fails on validation does not get its final name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heart_reader.checkpoint import load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExportConfig
from heart_reader.data.synthetic import random_parameters, simulate
from heart_reader.edge.gate import Parity, judge
from heart_reader.edge.variants import build_variants
from heart_reader.errors import ConfigError, DataError, ExportParityError, NotServable
from heart_reader.predictions import Predictions
from heart_reader.training.ensemble import join
from heart_reader.training.pruned import prune_origin

pytestmark = pytest.mark.slow

SAME = Parity(n_records=4, largest=1e-7, mean=1e-8, alone=1e-8)


def predictions(noise: float, split: str = "val") -> Predictions:
    """Two classes; the second is ranked the worse the more noise."""
    rng = np.random.default_rng(0)
    y_true = (rng.random((200, 2)) < 0.3).astype(np.float32)
    y_prob = 1 / (1 + np.exp(-(4 * y_true - 2 + rng.normal(0, 1, y_true.shape))))
    y_prob[:, 1] = np.clip(y_prob[:, 1] + noise * rng.random(200), 0, 1)
    names = np.array([f"r{row}" for row in range(200)])
    return Predictions(split, "level", ("A", "B"), names, names, y_true, y_prob)


def test_a_variant_as_good_passes_and_a_worse_one_does_not() -> None:
    config = ExportConfig()
    assert judge(predictions(0), predictions(0), SAME, config, exact=True).problems == ()
    gate = judge(predictions(0), predictions(0.9), SAME, config, exact=False)
    assert len(gate.problems) == 2
    assert "macro-AUROC falls" in gate.problems[0]
    assert "AUROC of B falls" in gate.problems[1]
    assert gate.to_json(forced=True)["forced"] is True
    assert gate.to_json(forced=False)["passed"] is False
    # A class may fall while the mean stays within its limit.
    assert len(judge(predictions(0), predictions(0.9), SAME, ExportConfig(macro_limit=1.0), exact=False).problems) == 1


def test_a_better_variant_passes() -> None:
    assert judge(predictions(0.9), predictions(0), SAME, ExportConfig(), exact=False).problems == ()


def test_parity_counts_where_it_is_promised() -> None:
    apart = Parity(n_records=4, largest=0.02, mean=0.001, alone=1e-9)
    assert judge(predictions(0), predictions(0), apart, ExportConfig(), exact=False).problems == ()
    assert "a probability differs by 2.0e-02" in judge(predictions(0), predictions(0), apart, ExportConfig(), exact=True).problems[0]
    batch = Parity(n_records=4, largest=0.02, mean=0.001, alone=0.01)
    assert "read alone" in judge(predictions(0), predictions(0), batch, ExportConfig(), exact=False).problems[0]


def test_only_validation_may_judge() -> None:
    with pytest.raises(DataError, match="only validation"):
        judge(predictions(0, "test"), predictions(0, "test"), SAME, ExportConfig(), exact=True)
    other = predictions(0)
    with pytest.raises(DataError, match="same ones"):
        judge(predictions(0), replace(other, record_ids=other.record_ids[::-1]), SAME, ExportConfig(), exact=True)


def test_variants_carry_their_judgement_and_their_own_decisions(variants: Path, small_checkpoint: Path) -> None:
    origin, fp32, int8 = (load_checkpoint(path) for path in (small_checkpoint, variants / "fp32", variants / "int8"))
    for variant in (fp32, int8):
        edge = variant.manifest["edge"]
        assert edge["gate"]["passed"] is True
        assert edge["gate"]["split"] == "val"
        assert variant.manifest["parent"] == edge["reference_sha256"] == origin.sha256
        assert edge["macs_per_window"] > 0
    assert fp32.manifest["thresholds"] == origin.manifest["thresholds"]
    assert fp32.manifest["edge"]["gate"]["parity"]["largest"] < 1e-5
    assert int8.manifest["thresholds"] != origin.manifest["thresholds"]
    assert int8.manifest["edge"]["calibration"]["split"] == "train"
    assert int8.manifest["edge"]["gate"]["parity"]["largest"] > 1e-5
    assert EcgClassifier.load(variants / "int8").card()["runtime"] == "onnx"


def test_a_variant_that_fails_is_written_by_force_only(small_checkpoint: Path, tmp_path: Path) -> None:
    impossible = ["export.variants=[int8]", "export.parity_limit=1e-30", "export.macro_limit=0", "export.class_limit=0"]
    # Ranges from a single record, so that something is lost for sure.
    impossible += ["export.quantization.records=1", "export.quantization.max_shift=1"]
    with pytest.raises(ExportParityError, match="not exported; --force"):
        build_variants(small_checkpoint, tmp_path, overrides=impossible)
    assert list(tmp_path.iterdir()) == []
    build_variants(small_checkpoint, tmp_path, overrides=impossible, force=True)
    gate = load_checkpoint(tmp_path / "int8").manifest["edge"]["gate"]
    assert (gate["passed"], gate["forced"]) == (False, True)
    assert gate["problems"]


def test_a_pruned_variant_descends_from_the_pruned_network(small_checkpoint: Path, tmp_path: Path) -> None:
    settings = ["export.variants=[pruned-int8]", "export.macro_limit=1", "export.class_limit=1", "export.pruning.epochs=1"]
    (variant,) = build_variants(small_checkpoint, tmp_path, overrides=settings, prune=prune_origin)
    pruned = load_checkpoint(tmp_path / "pruned" / "checkpoint")
    assert variant.manifest["parent"] == pruned.sha256
    assert variant.manifest["edge"]["reference_sha256"] == pruned.manifest["parent"] == load_checkpoint(small_checkpoint).sha256
    assert variant.manifest["model"]["params"]["widths"] == [8, 8]


def test_trees_of_an_ensemble_stay_in_its_variants(small_checkpoint: Path, trees_checkpoint: Path, tmp_path: Path) -> None:
    joined, _ = join([small_checkpoint, trees_checkpoint], tmp_path / "joined", weights=[1, 4])
    settings = [
        "export.variants=[fp32, int8, pruned-int8]", "export.macro_limit=1", "export.class_limit=1", "export.pruning.epochs=1",
        f"export.student={small_checkpoint}",
    ]  # fmt: skip
    fp32, int8, pruned = build_variants(joined.directory, tmp_path / "edge", overrides=settings, prune=prune_origin)
    members = pruned.manifest["model"]["params"]
    assert [member["name"] for member in members["members"]] == ["convnet1d", "feature_trees"]
    np.testing.assert_allclose(members["weights"], np.repeat([[0.2], [0.8]], 76, axis=1))
    assert members["members"][0]["params"]["widths"] == [8, 8]
    assert pruned.manifest["edge"]["reference_sha256"] == joined.sha256
    # Thresholds and leaves are stored in fewer bits, and say nearly the same.
    assert int8.manifest["weights"]["bytes"] < 0.7 * fp32.manifest["weights"]["bytes"]
    assert int8.manifest["edge"]["gate"]["parity"]["mean"] < 0.01
    record = simulate(random_parameters("MI", np.random.default_rng(0)), rng=np.random.default_rng(0), fs=500.0, duration_s=10.0)
    readings = [EcgClassifier.load(one.directory).predict(record).levels["superdiagnostic"] for one in (fp32, int8)]
    first, second = ([reading.probability for reading in levels.values()] for levels in readings)
    np.testing.assert_allclose(second, first, atol=0.1)


def test_fewer_windows_are_an_option_of_the_8_bit_variants(small_checkpoint: Path, tmp_path: Path) -> None:
    settings = ["export.stride_s=2.5", "export.variants=[fp32, int8]", "export.macro_limit=1", "export.class_limit=1"]
    fp32, int8 = build_variants(small_checkpoint, tmp_path, overrides=settings)
    assert [one.manifest["preprocessor"]["stride_s"] for one in (fp32, int8)] == [1.25, 2.5]


def test_what_cannot_be_exported_is_refused(small_checkpoint: Path, variants: Path, tiny_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(NotServable, match="use the checkpoint it was exported from"):
        build_variants(variants / "fp32", tmp_path)
    with pytest.raises(NotServable, match="no manifest"):
        build_variants(small_checkpoint, tmp_path, overrides=["export.variants=[nano-int8]", f"export.nano={tmp_path}"])
    with pytest.raises(ConfigError, match="belongs to the trained weights"):
        build_variants(small_checkpoint, tmp_path, overrides=["training.epochs=3"])
    assert build_variants(small_checkpoint, tmp_path, overrides=["export.variants=[nano-int8]", "export.nano=null"]) == []
    assert list(tmp_path.iterdir()) == []
