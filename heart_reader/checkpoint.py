"""The one file that reads or writes weights.

A checkpoint is a directory: ``manifest.json``, which a person can read, and one weights file,
``weights.safetensors`` or ``model.onnx``. The manifest carries the SHA-256 of the weights and of
itself, so one changed byte in either is noticed. Nothing is pickled. A directory appears under its
final name only when it is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heart_reader.data.labels import LabelSpace
from heart_reader.data.preprocessor import Preprocessor
from heart_reader.errors import CheckpointError, ConfigError, Integrity, NotServable
from heart_reader.folders import atomic_directory, standing
from heart_reader.manifest import FORMAT, MANIFEST, Manifest, check_complete, manifest_sha256, parse_manifest, written_by

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Checkpoint",
    "differing",
    "file_sha256",
    "load_checkpoint",
    "load_manifest",
    "load_tensors",
    "save_checkpoint",
    "save_tensors",
    "understood",
]

SAFETENSORS = "weights.safetensors"
ONNX = "model.onnx"
# What reading a field raises that holds something else than it should.
MISUNDERSTANDINGS = (
    ConfigError, AssertionError, AttributeError, LookupError, ArithmeticError, MemoryError, RecursionError, TypeError, ValueError,
)  # fmt: skip
# What saving itself puts into the manifest.
ADDED = ("format", "weights", "sha256")


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint on disk."""

    directory: Path
    manifest: Manifest

    @property
    def sha256(self) -> str:
        """Identity of the checkpoint: hash of the manifest, which holds the hash of the weights."""
        return str(self.manifest["sha256"])

    @property
    def origin(self) -> str:
        """Where it is and which heart_reader trained it, for messages."""
        writer = written_by(self.manifest)
        return f"{self.directory}, by {writer}" if writer else str(self.directory)

    @property
    def weights_path(self) -> Path:
        """The weights file."""
        return self.directory / str(self.manifest["weights"]["file"])

    @property
    def runtime(self) -> str:
        """``"torch"`` or ``"onnx"``."""
        return "onnx" if self.weights_path.suffix == ".onnx" else "torch"

    def draft(self) -> dict[str, Any]:
        """Return a copy of the manifest without what :func:`save_checkpoint` adds."""
        return {key: value for key, value in self.manifest.items() if key not in ADDED}

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights of a torch checkpoint.

        Raises
        ------
        NotServable
            If the checkpoint holds an ONNX graph.
        """
        if self.runtime != "torch":
            raise NotServable(f"{self.directory}: an ONNX checkpoint has no torch weights: use the checkpoint it was exported from")
        return load_tensors(self.weights_path)


def load_checkpoint(directory: Path) -> Checkpoint:
    """Read and verify a checkpoint.

    Raises
    ------
    NotServable
        If the directory is no checkpoint.
    FormatVersion
        If it was written by another format.
    Integrity
        If the manifest or the weights were changed or are incomplete.
    """
    directory = standing(Path(directory))
    manifest = load_manifest(directory)
    file, n_bytes = manifest["weights"]["file"], manifest["weights"]["bytes"]
    if file not in (SAFETENSORS, ONNX):
        raise Integrity(f"{directory / MANIFEST}: weights file {file[:80]!r}; {SAFETENSORS} or {ONNX} is allowed")
    weights = directory / file
    if not weights.is_file():
        raise Integrity(f"{directory}: {file} is missing; copy the checkpoint again")
    try:
        same = weights.stat().st_size == n_bytes and file_sha256(weights) == manifest["weights"]["sha256"]
    except OSError as error:
        raise NotServable(f"{weights}: cannot be read ({error.strerror or error}): make it readable for this user") from None
    if not same:
        raise Integrity(f"{weights}: does not match the hash in its manifest: changed or cut short; copy the checkpoint again")
    return Checkpoint(directory, manifest)


def load_manifest(directory: Path) -> Manifest:
    """Read and verify the manifest of a checkpoint; the weights need not be there."""
    return parse_manifest(standing(Path(directory)) / MANIFEST)


@contextlib.contextmanager
def understood(checkpoint: Checkpoint) -> Iterator[None]:
    """Refuse, in one line, a manifest with something else in its fields than belongs there.

    Raises
    ------
    Integrity
        If the block fails because it cannot understand the manifest.
    """
    try:
        yield
    except MISUNDERSTANDINGS as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise Integrity(f"{checkpoint.directory / MANIFEST}: cannot be understood ({reason}); copy the checkpoint again") from None


def differing(ours: Manifest, theirs: Manifest, names: Sequence[str]) -> list[str]:
    """Return which of some fields mean something else in another manifest.

    Preprocessing and levels count by what they mean, for versions state more of it than those
    before them.
    """
    return [name for name in names if _meaning(ours, name) != _meaning(theirs, name)]


def _meaning(manifest: Mapping[str, Any], name: str) -> object:
    if name == "preprocessor":
        return Preprocessor.from_json(manifest[name])
    return LabelSpace.from_json(manifest[name]) if name == "levels" else manifest.get(name)


def save_checkpoint(
    directory: Path,
    manifest: Mapping[str, Any],
    write_weights: Callable[[Path], None],
    *,
    onnx: bool = False,
    verify: Callable[[Path], None] | None = None,
) -> Checkpoint:
    """Write a checkpoint directory, whole or not at all.

    Parameters
    ----------
    directory
        Final place; a checkpoint that stands there is replaced.
    manifest
        Every field but ``format``, ``weights`` and ``sha256``, which are added here.
    write_weights
        Writes the weights to the path it is given.
    onnx
        Whether the weights are an ONNX graph.
    verify
        Looks at the complete checkpoint before it takes its final name, and raises to refuse it.

    Raises
    ------
    CheckpointError
        If the disk is full or not writable; what stood there before stays.
    """
    file = ONNX if onnx else SAFETENSORS
    with atomic_directory(directory, CheckpointError) as temporary:
        write_weights(temporary / file)
        complete: dict[str, Any] = {
            "format": FORMAT,
            **manifest,
            "weights": {"file": file, "sha256": file_sha256(temporary / file), "bytes": (temporary / file).stat().st_size},
        }
        complete["sha256"] = manifest_sha256(complete)
        check_complete(directory, complete)
        text = json.dumps(complete, indent=2, ensure_ascii=False, allow_nan=False)
        (temporary / MANIFEST).write_text(text + "\n", encoding="utf-8")
        if verify is not None:
            verify(temporary)
    return load_checkpoint(directory)


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors."""
    from safetensors.torch import save_file

    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read tensors that :func:`save_tensors` wrote.

    Raises
    ------
    Integrity
        If the file is not a sound safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise Integrity(f"{path}: {error}; copy the file again") from None


def file_sha256(path: Path) -> str:
    """Return the hash of a file in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
