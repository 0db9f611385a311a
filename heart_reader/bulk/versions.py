"""Which code and which weights read: what stands beside the rows, the same in all of them."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import heart_reader
from heart_reader.bulk.columns import SCHEMA_VERSION
from heart_reader.checkpoint import Checkpoint
from heart_reader.errors import ConfigError
from heart_reader.features.feature_names import MEASURING_VERSION

__all__ = ["check_versions", "code_sha256", "versions_of"]

# What numbers depend on beside the package itself.
_PACKAGES = ("numpy", "scipy", "onnxruntime")
# What of the package reads: no pages, and no weights, which have a hash of their own.
_READS = (".py", ".json", ".npz", ".csv")
_ASIDE = {"frontend", "weights", "samples", "studies"}


def versions_of(checkpoint: Checkpoint) -> dict[str, str]:
    """Return name to version or SHA-256 of what reads here."""
    return {
        "heart_reader": heart_reader.__version__,
        "code_sha256": code_sha256(),
        "reader": str(checkpoint.manifest["model"]["name"]),
        "checkpoint_sha256": checkpoint.sha256,
        "schema_version": str(SCHEMA_VERSION),
        "measuring_version": str(MEASURING_VERSION),
        **{name: version(name) for name in _PACKAGES},
    }


def check_versions(checkpoint: Checkpoint, wanted: dict[str, str]) -> None:
    """Refuse to read with anything else than what a run was begun with.

    Raises
    ------
    ConfigError
        If this process has another version of anything, as after a change in the middle of a run,
        or on another machine.
    """
    for name, here in versions_of(checkpoint).items():
        if wanted.get(name) != here:
            raise ConfigError(f"{name} is {here} in a process that reads, and {wanted.get(name)} in this run: install the same everywhere")


@cache
def code_sha256() -> str:
    """Return the SHA-256 of the package's own files that a reading may depend on."""
    root = Path(heart_reader.__file__).parent
    found = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if path.suffix in _READS and inside.parts[0] not in _ASIDE:
            found.update(f"{inside.as_posix()}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
