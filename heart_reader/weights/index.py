"""The index of shipped readers: what each is, how good, and the size and SHA-256 of its files.

``index.json`` beside this file lists those that this version knows. A folder or address of weights
(``HEART_READER_WEIGHTS``) has an ``index.json`` of the same form beside one folder per reader.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from heart_reader.checkpoint import file_sha256, load_checkpoint
from heart_reader.errors import DataError
from heart_reader.folders import write_text
from heart_reader.manifest import MANIFEST

__all__ = [
    "DEFAULT_READER",
    "INDEX",
    "PACKAGED",
    "ShippedReader",
    "cache_folder",
    "describe",
    "file_is",
    "is_published",
    "parse_index",
    "shipped_readers",
    "write_index",
]

DEFAULT_READER = "ptbxl-pruned-int8"
INDEX = "index.json"
# Readers that the package itself carries lie here, a folder each.
PACKAGED = Path(__file__).resolve().parent
INDEX_FORMAT = 1


@dataclass(frozen=True)
class ShippedReader:
    """One entry of the index.

    Parameters
    ----------
    name
        What it is asked for by.
    title
        What it is, in a few words.
    sha256
        Identity of the checkpoint, see :attr:`heart_reader.checkpoint.Checkpoint.sha256`.
    parent
        Identity of the checkpoint that it was exported from, if it was.
    runtime
        ``"torch"`` or ``"onnx"``.
    model
        Name of the network.
    parameters
        Number of trained values.
    figures
        Measured values by name, such as ``test_macro_auroc``.
    licence
        SPDX identifier of the licence of the weights.
    files
        Name to size in bytes and SHA-256.
    """

    name: str
    title: str
    sha256: str
    parent: str | None
    runtime: str
    model: str
    parameters: int
    figures: Mapping[str, float]
    licence: str
    files: Mapping[str, Mapping[str, Any]]

    @property
    def n_bytes(self) -> int:
        """Size of all files."""
        return sum(int(file["bytes"]) for file in self.files.values())


@cache
def shipped_readers() -> Mapping[str, ShippedReader]:
    """Return the readers that this version of heart_reader knows, by name."""
    return parse_index((PACKAGED / INDEX).read_text(encoding="utf-8"), str(PACKAGED / INDEX))


def parse_index(text: str, where: str) -> dict[str, ShippedReader]:
    """Return the readers that an ``index.json`` lists, by name.

    Raises
    ------
    DataError
        If it is no index of this version, or names files outside of its folders.
    """
    try:
        values = json.loads(text)
        if values["format"] != INDEX_FORMAT:
            raise DataError(f"{where}: index format {values['format']!r}; this version reads format {INDEX_FORMAT}")
        readers = {name: ShippedReader(name=name, **entry) for name, entry in values["readers"].items()}
        for reader in readers.values():
            for file, facts in reader.files.items():
                if any({"/", "\\", ":"} & set(part) or part.startswith(".") for part in (reader.name, file)):
                    raise DataError(f"{where}: {file!r} of reader {reader.name!r} is no plain file name")
                int(facts["bytes"]), str(facts["sha256"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{where}: no index of weights ({type(error).__name__} {error})") from None
    return readers


def describe(name: str, directory: Path, *, title: str, figures: Mapping[str, float], licence: str = "CC-BY-4.0") -> ShippedReader:
    """Return the entry of a checkpoint.

    Raises
    ------
    CheckpointError
        If it is damaged.
    """
    checkpoint = load_checkpoint(directory)
    model = checkpoint.manifest["model"]
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": file_sha256(path)} for path in (directory / MANIFEST, checkpoint.weights_path)
    }
    return ShippedReader(
        name=name,
        title=title,
        sha256=checkpoint.sha256,
        parent=checkpoint.manifest["parent"],
        runtime=checkpoint.runtime,
        model=model["name"],
        parameters=model["n_parameters"],
        figures=figures,
        licence=licence,
        files=files,
    )


def write_index(folder: Path, readers: Mapping[str, ShippedReader]) -> None:
    """Write ``index.json`` into a folder of weights."""
    entries = {name: {key: value for key, value in asdict(reader).items() if key != "name"} for name, reader in readers.items()}
    text = json.dumps({"format": INDEX_FORMAT, "readers": entries}, indent=2)
    write_text(folder / INDEX, text + "\n")


def file_is(path: Path, facts: Mapping[str, Any]) -> bool:
    """Return whether a file has the size and the SHA-256 that an index states."""
    return path.is_file() and path.stat().st_size == facts["bytes"] and file_sha256(path) == facts["sha256"]


def is_published(sha256: str) -> bool:
    """Return whether a checkpoint is shipped; its reports predate its publication."""
    return any(reader.sha256 == sha256 for reader in shipped_readers().values())


def cache_folder() -> Path:
    """Return the folder of fetched readers: ``heart-reader/weights`` in the user's cache."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "heart-reader" / "weights"
