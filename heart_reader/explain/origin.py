"""Which checkpoint has the gradients that explain a served one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from heart_reader.checkpoint import Checkpoint, load_checkpoint, load_manifest
from heart_reader.errors import CheckpointError, DataError, NotServable
from heart_reader.weights.fetch import SOURCE
from heart_reader.weights.find import find_reader, local_reader
from heart_reader.weights.index import shipped_readers

__all__ = ["find_origin"]


def find_origin(served: Checkpoint, named: Path | None = None, *, fetch: bool = True) -> Checkpoint:
    """Return the torch checkpoint whose gradients explain the readings of a served one.

    It is the served one itself, or the one it was exported from, which its manifest names by hash.

    Parameters
    ----------
    served
        The checkpoint that makes the readings.
    named
        Where to look; None looks among the shipped checkpoints and those beside the served one.
    fetch
        Whether a shipped checkpoint may be fetched if it is not on this machine.

    Raises
    ------
    CheckpointError
        If a named or found checkpoint is damaged.
    NotServable
        If there is no such checkpoint, or the named one belongs to another model.
    """
    if served.runtime == "torch" and named is None:
        return served
    wanted = {served.sha256, served.manifest["parent"]}
    for directory in [named] if named is not None else _candidates(served, fetch=fetch):
        origin = _load_if(directory, wanted, required=named is not None)
        if origin is not None:
            return origin
    raise NotServable(
        f"{served.directory}: an ONNX graph has no gradients, and the torch checkpoint it was exported from was not found: "
        f"name it (HEART_READER_EXPLAIN_CHECKPOINT=DIR), say where a shipped one can be fetched ({SOURCE}=FOLDER_OR_ADDRESS), or explain "
        "it by occlusion (heart-reader explain --method occlusion)"
    )


def _candidates(served: Checkpoint, *, fetch: bool) -> Iterator[Path]:
    """Yield the shipped checkpoint that the served one was exported from, then all beside it."""
    for reader in shipped_readers().values():
        if reader.runtime == "torch" and reader.sha256 in (served.sha256, served.manifest["parent"]):
            try:
                found = find_reader(reader.name) if fetch else local_reader(reader)
            except DataError:  # it can be fetched from nowhere
                found = None
            if found is not None:
                yield found
    yield from sorted(served.directory.resolve().parent.parent.glob("*/checkpoint"))


def _load_if(directory: Path, wanted: set[str | None], *, required: bool) -> Checkpoint | None:
    """Load a checkpoint if its hash is wanted and it holds torch weights."""
    try:
        manifest = load_manifest(directory)
    except CheckpointError:
        if required:
            raise
        return None
    if manifest["sha256"] in wanted:
        checkpoint = load_checkpoint(directory)
        if checkpoint.runtime == "torch":
            return checkpoint
    if required:
        raise NotServable(f"{directory}: neither the served checkpoint nor the torch checkpoint it was exported from: name that one")
    return None
