from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import heart_reader
from heart_reader import __version__
from heart_reader.checkpoint import SAFETENSORS, differing, load_checkpoint, save_checkpoint, save_tensors
from heart_reader.errors import CheckpointError, FormatVersion, HeartReaderError, Integrity, NotServable
from heart_reader.manifest import MANIFEST


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    target = tmp_path / "checkpoint"
    shutil.copytree(tiny_checkpoint, target)
    return target


def test_what_is_saved_is_loaded(tiny_checkpoint: Path, tmp_path: Path) -> None:
    first = load_checkpoint(tiny_checkpoint)
    tensors = first.tensors()
    second = save_checkpoint(tmp_path / "again", first.draft(), lambda path: save_tensors(path, tensors))
    assert second.manifest == first.manifest
    assert all(torch.equal(value, tensors[name]) for name, value in second.tensors().items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again"]


@pytest.mark.parametrize("name", [MANIFEST, SAFETENSORS])
@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_one_changed_byte_is_noticed(copy: Path, name: str, place: float) -> None:
    content = bytearray((copy / name).read_bytes())
    content[int(len(content) * place)] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(CheckpointError):
        load_checkpoint(copy)


def test_truncated_or_missing_weights_are_noticed(copy: Path) -> None:
    weights = copy / SAFETENSORS
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(Integrity, match="copy the checkpoint again"):
        load_checkpoint(copy)
    weights.unlink()
    with pytest.raises(Integrity, match="missing"):
        load_checkpoint(copy)


def test_other_formats_and_other_folders_are_refused(copy: Path, tmp_path: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    versions = {**manifest["versions"], "heart-reader": "9.1"}
    (copy / MANIFEST).write_text(json.dumps({**manifest, "format": 2, "versions": versions}))
    with pytest.raises(FormatVersion, match=r"format 2 of heart_reader 9\.1; .* reads format 1: read it with heart_reader 9\.1, or train"):
        load_checkpoint(copy)
    (copy / MANIFEST).write_text(json.dumps({"format": 2}))
    with pytest.raises(FormatVersion, match="format 2; this version reads format 1: train or export it again"):
        load_checkpoint(copy)
    (copy / MANIFEST).write_text("[]")
    with pytest.raises(FormatVersion):
        load_checkpoint(copy)
    with pytest.raises(NotServable, match=r"no manifest\.json"):
        load_checkpoint(tmp_path / "absent")


def test_a_weights_file_elsewhere_is_refused(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest["weights"]["file"] = "../weights.safetensors"
    (copy / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(Integrity):
        load_checkpoint(copy)


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("I/O error: No space left on device")])
def test_a_full_disk_leaves_what_was_there(copy: Path, failure: Exception) -> None:
    before = load_checkpoint(copy)

    def write(path: Path) -> None:
        path.write_bytes(b"half")
        raise failure

    with pytest.raises(CheckpointError, match="disk is full"):
        save_checkpoint(copy, before.draft(), write)
    assert load_checkpoint(copy).sha256 == before.sha256
    assert [path.name for path in copy.parent.iterdir()] == ["checkpoint"]


def test_a_refused_checkpoint_leaves_nothing(copy: Path, tmp_path: Path) -> None:
    origin = load_checkpoint(copy)

    def refuse(path: Path) -> None:
        assert load_checkpoint(path).sha256 == origin.sha256
        raise HeartReaderError("no")

    with pytest.raises(HeartReaderError, match="no"):
        save_checkpoint(tmp_path / "new", origin.draft(), lambda path: save_tensors(path, origin.tensors()), verify=refuse)
    assert not (tmp_path / "new").exists()


def test_an_incomplete_manifest_is_not_saved(copy: Path, tmp_path: Path) -> None:
    origin = load_checkpoint(copy)
    manifest = origin.draft()
    del manifest["label_rule"]
    with pytest.raises(CheckpointError, match="label_rule"):
        save_checkpoint(tmp_path / "new", manifest, lambda path: save_tensors(path, origin.tensors()))


@pytest.mark.parametrize(("field", "value"), [("seed", "1"), ("leads", "I"), ("model", {"name": "convnet1d"})])
def test_a_manifest_of_other_kinds_is_not_saved(tiny_checkpoint: Path, tmp_path: Path, field: str, value: object) -> None:
    origin = load_checkpoint(tiny_checkpoint)
    with pytest.raises(CheckpointError, match=f"the manifest's {field}"):
        save_checkpoint(tmp_path / "new", {**origin.draft(), field: value}, lambda path: save_tensors(path, origin.tensors()))
    assert list(tmp_path.iterdir()) == []


def test_messages_name_the_version_that_trained_a_checkpoint(tiny_checkpoint: Path) -> None:
    assert load_checkpoint(tiny_checkpoint).origin == f"{tiny_checkpoint}, by heart_reader {__version__}"


def test_a_device_reads_a_manifest_without_pydantic(tiny_checkpoint: Path) -> None:
    script = "import sys; sys.modules['pydantic'] = None; from heart_reader.checkpoint import load_checkpoint; load_checkpoint(sys.argv[1])"
    folder = Path(heart_reader.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))}
    subprocess.run([sys.executable, "-c", script, str(tiny_checkpoint)], check=True, env=environment)


def test_what_an_older_version_does_not_state_is_no_difference(tiny_checkpoint: Path) -> None:
    now = load_checkpoint(tiny_checkpoint).manifest
    older: Any = json.loads(json.dumps(now))
    del older["preprocessor"]["keep"]
    for level in older["levels"]["levels"].values():
        level.pop("titles", None)
    names = ("preprocessor", "leads", "levels", "label_rule")
    assert older["preprocessor"] != now["preprocessor"]
    assert differing(now, older, names) == []
    older["preprocessor"]["fs"] = 250.0
    older["label_rule"] = "likelihood_50"
    assert differing(now, older, names) == ["preprocessor", "label_rule"]
