"""Malformed manifests: loading says one line, soon and in little memory."""

from __future__ import annotations

import copy
import json
import os
import random
import resource
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heart_reader.checkpoint import ONNX, SAFETENSORS, load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.errors import CheckpointError, FormatVersion, Integrity, NotServable
from heart_reader.manifest import LARGEST_MANIFEST, MANIFEST
from heart_reader.manifest import manifest_sha256 as own_hash
from heart_reader.runtimes import build_torch_network
from heart_reader.weights import find_reader, shipped_readers

SHIPPED = [find_reader(name) for name in shipped_readers()]
# More manually: HEART_READER_MUTATIONS=10000 python -m pytest tests/test_manifests.py
N_MUTATIONS = int(os.environ.get("HEART_READER_MUTATIONS", "400"))


def nested(depth: int) -> Any:
    value: Any = 0
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


ABSURD: tuple[Any, ...] = (
    None, True, 0, 1, 2, -1, 3.7, -0.5, 1e-300, 1e308, 10**9, -(10**9), 10**18, 10**400, "", "\x00", "../../etc/passwd", "x" * 100_000,
    [], {}, [[]], {"a": 1}, [1e9] * 1000, nested(20), nested(300),
)  # fmt: skip
NOISE = (b"[", b"{", b"9" * 5000, b"NaN", b"-", b'"', b"\\ud800", b"\xff", b"[" * 100_000, b"1e999")


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All places in a manifest, of lists the first few."""
    if place:
        yield place
    for key in value if isinstance(value, dict) else range(min(len(value), 4)) if isinstance(value, list) else ():
        yield from places(value[key], (*place, key))


def mutate(manifest: dict[str, Any], rng: random.Random) -> None:
    """Change, remove or rename one value, every field of the manifest as often as any other."""
    field = rng.choice(sorted(manifest))
    *way, last = rng.choice([place for place in places(manifest) if place[0] == field])
    target = manifest
    for key in way:
        target = target[key]
    kind = rng.randrange(6)
    if kind == 0:
        del target[last]
    elif kind == 1 and isinstance(target, dict):
        target[f"{last}x"] = target.pop(last)
    else:
        target[last] = copy.deepcopy(rng.choice(ABSURD))


def spoil(raw: bytes, rng: random.Random) -> bytes:
    """Change the text itself."""
    place = rng.randrange(len(raw))
    flipped = bytes([raw[place] ^ 1 << rng.randrange(8)])
    middles = (flipped, b"", rng.choice(NOISE) + raw[place : place + 1])
    return raw[:place] + rng.choice(middles) + raw[place + rng.choice((1, 1, 500)) :]


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """Every shipped checkpoint, with its weights linked beside a manifest that may be changed."""
    made = {}
    for number, directory in enumerate(SHIPPED):
        made[directory] = tmp_path_factory.mktemp("manifests") / str(number)
        made[directory].mkdir()
        for name in (SAFETENSORS, ONNX):
            if (directory / name).exists():
                (made[directory] / name).symlink_to(directory / name)
    return made


def outcome(directory: Path) -> str:
    """Load as a classifier does, up to its runtime."""
    try:
        EcgClassifier(load_checkpoint(directory), lambda _batch: None)  # type: ignore[arg-type, return-value]
    except CheckpointError as error:
        short = "\n" not in str(error) and len(str(error)) < 1000
        return error.code if short else str(error)
    return "loaded"


@pytest.mark.slow
def test_any_value_may_stand_anywhere(copies: dict[Path, Path]) -> None:
    rng = random.Random(0)
    manifests = {directory: json.loads((directory / MANIFEST).read_text()) for directory in SHIPPED}
    outcomes: Counter[str] = Counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(N_MUTATIONS):
        directory = rng.choice(SHIPPED)
        manifest = copy.deepcopy(manifests[directory])
        mutate(manifest, rng)
        if "sha256" in manifest:
            manifest["sha256"] = own_hash(manifest)
        (copies[directory] / MANIFEST).write_text(json.dumps(manifest))
        outcomes[outcome(copies[directory])] += 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB
    # Some change what loading does not rest on, such as the name of a version.
    assert outcomes.keys() <= {"integrity", "format_version", "not_servable", "loaded"}
    assert outcomes["integrity"] > N_MUTATIONS / 4


def test_any_text_may_stand_there(copies: dict[Path, Path]) -> None:
    rng = random.Random(1)
    for _ in range(N_MUTATIONS // 2):
        directory = rng.choice(SHIPPED)
        (copies[directory] / MANIFEST).write_bytes(spoil((directory / MANIFEST).read_bytes(), rng))
        said = outcome(copies[directory])
        if said == "loaded":  # a blank more or less
            assert json.loads((copies[directory] / MANIFEST).read_text()) == json.loads((directory / MANIFEST).read_text())
        else:
            assert said in ("integrity", "format_version")


def test_a_huge_manifest_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / MANIFEST).open("wb") as file:
        file.truncate(1_000_000_000)
    with pytest.raises(Integrity, match="1000 MB; a manifest has at most 4"):
        load_checkpoint(tmp_path)
    (tmp_path / MANIFEST).write_bytes(b"[" * LARGEST_MANIFEST)
    with pytest.raises(Integrity, match="not JSON"):
        load_checkpoint(tmp_path)


def test_what_is_no_file_is_no_manifest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / MANIFEST)  # which would be waited for without end
    with pytest.raises(NotServable, match=r"no manifest\.json"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("found", [True, 1.0, "1", None, [1], 10**400, "x" * 10**6])
def test_another_format_is_said_shortly(tmp_path: Path, found: object) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps({"format": found}))
    with pytest.raises((FormatVersion, Integrity)) as caught:
        load_checkpoint(tmp_path)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("value", [10**9, 10**18, -1, "x", {}])
@pytest.mark.parametrize("name", ["stem", "kernel", "widths"])
def test_no_memory_is_taken_for_an_absurd_network(copies: dict[Path, Path], name: str, value: object) -> None:
    directory = find_reader("ptbxl-nano")
    manifest = json.loads((directory / MANIFEST).read_text())
    manifest["model"]["params"][name] = value
    manifest["sha256"] = own_hash(manifest)
    (copies[directory] / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError) as caught:
        build_torch_network(load_checkpoint(copies[directory]))
    assert len(str(caught.value)) < 1000
