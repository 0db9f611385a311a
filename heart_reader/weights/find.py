"""Find a reader in the package, in a checkout, in the cache, or fetch it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from heart_reader.checkpoint import load_manifest
from heart_reader.errors import CheckpointError
from heart_reader.folders import standing
from heart_reader.weights.index import DEFAULT_READER, PACKAGED, ShippedReader, cache_folder, shipped_readers

__all__ = ["find_reader", "local_reader"]

RESULTS = Path("results")


def find_reader(name_or_path: str | Path | None = None) -> Path:
    """Return the directory of a checkpoint.

    Parameters
    ----------
    name_or_path
        None for the default reader; the name of a shipped one, such as ``"ptbxl-nano-int8"``; or a
        checkpoint directory of your own. A name is looked for in the package, in ``results/`` under
        the working directory and in the cache, and fetched from where ``HEART_READER_WEIGHTS``
        says.

    Raises
    ------
    ConfigError
        If there is neither a reader of that name nor such a folder; the message lists the readers.
    DataError
        If it is not on this machine and cannot be fetched.
    Integrity
        If fetched files differ from the index; they are removed.
    """
    path = Path(DEFAULT_READER if name_or_path is None else name_or_path)
    if name_or_path is not None and (len(path.parts) != 1 or standing(path).is_dir()):
        return path
    known = shipped_readers().get(path.name)
    found = local_reader(known) if known is not None else None
    if found is not None:
        return found
    from heart_reader.weights.fetch import fetch

    return fetch(path.name)


def local_reader(reader: ShippedReader) -> Path | None:
    """Return where a shipped reader lies on this machine, None if it does not."""
    for place in _places(reader.name):
        try:
            if load_manifest(place)["sha256"] == reader.sha256:
                return place
        except CheckpointError:
            continue
    return None


def _places(name: str) -> Iterator[Path]:
    yield PACKAGED / name
    yield (RESULTS / name / "checkpoint").resolve()
    yield cache_folder() / name
