"""The one file that reads or writes weights.

A checkpoint is a directory: ``manifest.json``, which a person can read, and one weights file, ``weights.safetensors`` or
``model.onnx``. The manifest carries the SHA-256 of the weights and of itself, so one changed byte in either is noticed. Nothing is
pickled. A directory appears under its final name only when it is complete.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heart_reader.errors import CheckpointError, FormatVersion, HeartReaderError, Integrity, NotServable

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "FORMAT",
    "Checkpoint",
    "atomic_directory",
    "default_checkpoint",
    "load_checkpoint",
    "load_manifest",
    "load_tensors",
    "save_checkpoint",
    "save_tensors",
    "served_checkpoint",
]

FORMAT = 1
MANIFEST = "manifest.json"
SAFETENSORS = "weights.safetensors"
ONNX = "model.onnx"
REQUIRED = (
    "format", "created", "model", "preprocessor", "leads", "levels", "label_rule", "calibration", "thresholds", "uncertainty",
    "features", "metrics", "data", "config", "seed", "git_commit", "versions", "weights", "parent", "sha256",
)  # fmt: skip
# What saving itself puts into the manifest.
ADDED = ("format", "weights", "sha256")
RESULTS = Path(__file__).resolve().parent.parent / "results"
SHIPPED = RESULTS / "ptbxl-ensemble" / "checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint on disk.

    Parameters
    ----------
    directory
        Where it is.
    manifest
        The parsed ``manifest.json``.
    """

    directory: Path
    manifest: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """Identity of the checkpoint: hash of the manifest, which holds the hash of the weights."""
        return str(self.manifest["sha256"])

    @property
    def weights_path(self) -> Path:
        """The weights file."""
        return self.directory / str(self.manifest["weights"]["file"])

    @property
    def runtime(self) -> str:
        """``"torch"`` or ``"onnx"``."""
        return "onnx" if self.weights_path.suffix == ".onnx" else "torch"

    def draft(self) -> dict[str, Any]:
        """Return a copy of the manifest for a checkpoint derived from this one, without what :func:`save_checkpoint` adds."""
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


def served_checkpoint() -> Path:
    """Return the directory of the shipped reader as an ONNX graph: it starts without torch and reads faster."""
    return RESULTS / "edge" / "fp32"


def default_checkpoint() -> Path:
    """Return the directory of the shipped reader."""
    return SHIPPED


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
    directory = Path(directory)
    manifest = load_manifest(directory)
    file = str(manifest["weights"]["file"])
    if file not in (SAFETENSORS, ONNX):
        raise Integrity(f"{directory / MANIFEST}: weights file {file!r}; {SAFETENSORS} or {ONNX} is allowed")
    if not (directory / file).is_file():
        raise Integrity(f"{directory}: {file} is missing; copy the checkpoint again")
    if _file_sha256(directory / file) != manifest["weights"]["sha256"]:
        raise Integrity(f"{directory / file}: does not match the hash in its manifest: changed or cut short; copy the checkpoint again")
    return Checkpoint(directory, manifest)


def load_manifest(directory: Path) -> dict[str, Any]:
    """Read and verify the manifest of a checkpoint; the weights need not be there.

    Raises
    ------
    NotServable
        If there is no manifest.
    FormatVersion
        If it was written by another format.
    Integrity
        If it was changed or is incomplete.
    """
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except OSError:
        raise NotServable(f"{directory}: no {MANIFEST} in it: pass a checkpoint directory such as {SHIPPED}") from None
    except ValueError:
        raise Integrity(f"{directory / MANIFEST}: not JSON: the file was changed or cut short; copy the checkpoint again") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
        raise FormatVersion(f"{directory}: checkpoint format {found}; this version reads format {FORMAT}: train or export it again")
    absent = [key for key in REQUIRED if key not in manifest]
    if absent:
        raise Integrity(f"{directory / MANIFEST}: {', '.join(absent)} missing; copy the checkpoint again")
    if manifest["sha256"] != _manifest_sha256(manifest):
        raise Integrity(f"{directory / MANIFEST}: does not match its own hash: it was edited; copy the checkpoint again")
    return manifest


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
    with atomic_directory(directory) as temporary:
        write_weights(temporary / file)
        complete: dict[str, Any] = {
            "format": FORMAT,
            **manifest,
            "weights": {"file": file, "sha256": _file_sha256(temporary / file), "bytes": (temporary / file).stat().st_size},
        }
        complete["sha256"] = _manifest_sha256(complete)
        absent = [key for key in REQUIRED if key not in complete]
        if absent:
            raise CheckpointError(f"{directory}: the manifest lacks {', '.join(absent)}")
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


@contextlib.contextmanager
def atomic_directory(final: Path) -> Iterator[Path]:
    """Give a temporary sibling directory that takes the final name when the block ends without error.

    Raises
    ------
    CheckpointError
        If the disk is full or not writable.
    """
    final = Path(final)
    temporary: Path | None = None
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
        temporary.chmod(0o755)
        yield temporary
        for file in temporary.iterdir():
            _sync(file)
        _replace(temporary, final)
    except HeartReaderError:
        raise
    except OSError as error:
        reason = "the disk is full: free some space" if error.errno == errno.ENOSPC else f"{error.strerror or error}"
        raise CheckpointError(f"{final}: could not be written, {reason}; nothing was left under that name") from error
    except Exception as error:
        if "No space left" in str(error):  # safetensors and onnx wrap the operating system's error in their own
            raise CheckpointError(f"{final}: could not be written, the disk is full: free some space") from error
        raise
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _replace(temporary: Path, final: Path) -> None:
    """Rename; a directory cannot replace a full one, so the old one steps aside first."""
    if not final.exists():
        temporary.rename(final)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{final.name}.old.", dir=final.parent))
    final.rename(aside / "old")
    try:
        temporary.rename(final)
    except OSError:
        (aside / "old").rename(final)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _manifest_sha256(manifest: Mapping[str, Any]) -> str:
    content = {key: value for key, value in manifest.items() if key != "sha256"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()
