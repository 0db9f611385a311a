from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from heart_reader.checkpoint import load_checkpoint
from heart_reader.errors import ConfigError, NotServable
from heart_reader.training.recalibrate import recalibrate

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = {"norm": "1,0,0,0,0", "mi_inferior": "0,1,0,0,0", "cd_lbbb": "0,0,0,1,0", "hyp_lvh": "0,0,0,0,1"}


def test_weights_stay_and_decisions_change(tiny_checkpoint: Path, tmp_path: Path) -> None:
    other = "data.sources=[{kind: synthetic, n_records: 80, seed: 3}]"
    moved = recalibrate(tiny_checkpoint, tmp_path / "moved", overrides=[other, "evaluation.thresholds=youden"])
    origin = load_checkpoint(tiny_checkpoint)
    first, second = origin.tensors(), moved.tensors()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert moved.manifest["parent"] == origin.sha256
    assert moved.manifest["thresholds"]["superdiagnostic"]["rule"] == "youden"
    assert [path.name for path in (tmp_path / "moved").iterdir()] == ["checkpoint"]


def test_same_data_same_decisions(tiny_checkpoint: Path, tmp_path: Path) -> None:
    origin, again = load_checkpoint(tiny_checkpoint).manifest, recalibrate(tiny_checkpoint, tmp_path / "again").manifest
    for key in ("calibration", "thresholds", "uncertainty", "metrics", "levels"):
        assert again[key] == origin[key]


def test_what_made_the_weights_cannot_change(tiny_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="belongs to the trained weights"):
        recalibrate(tiny_checkpoint, tmp_path / "x", overrides=["preprocessing.fs=500"])


def test_the_checkpoint_itself_is_not_replaced(tiny_checkpoint: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(tiny_checkpoint, tmp_path / "run" / "checkpoint"))
    before = (own / "manifest.json").read_bytes()
    with pytest.raises(ConfigError, match="would replace the checkpoint that is recalibrated"):
        recalibrate(own, tmp_path / "elsewhere" / ".." / "run")
    assert (own / "manifest.json").read_bytes() == before


def test_another_hospital_may_know_superclasses_only(tiny_checkpoint: Path, tmp_path: Path) -> None:
    rows = "".join(f"{ROOT / 'test_files' / name}.csv,val,{labels}\n" for name, labels in EXAMPLES.items())
    (tmp_path / "t.csv").write_text(f"path,split,NORM,MI,STTC,CD,HYP\n{rows}")
    overrides = [f"data.root={tmp_path}", "data.sources=[{kind: table, path: t.csv}]"]
    manifest = recalibrate(tiny_checkpoint, tmp_path / "there", overrides=overrides).manifest
    assert "superdiagnostic" in manifest["thresholds"]
    assert "rhythm" not in manifest["thresholds"]


def test_other_labels_are_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"path,split,SICK,WELL\n{ROOT / 'test_files' / 'norm.csv'},val,0,1\n")
    source = "data.sources=[{kind: table, path: t.csv, label_columns: [SICK, WELL]}]"
    with pytest.raises(NotServable, match="level superdiagnostic has other classes"):
        recalibrate(tiny_checkpoint, tmp_path / "x", overrides=[f"data.root={tmp_path}", source])
