"""What a checkpoint says of itself: the fields of ``manifest.json``, their kinds, and its hash.

A device reads and checks a manifest with the standard library alone; where one is written, pydantic
checks it against the same definition, more strictly.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import UnionType
from typing import Any, TypedDict, get_args, get_origin, get_type_hints, is_typeddict

from heart_reader.errors import CheckpointError, FormatVersion, Integrity, NotServable

__all__ = [
    "FORMAT",
    "LARGEST_MANIFEST",
    "MANIFEST",
    "Manifest",
    "check_complete",
    "installed_versions",
    "manifest_sha256",
    "parse_manifest",
    "written_by",
]

FORMAT = 1
MANIFEST = "manifest.json"
# The largest shipped one has 0.1 MB.
LARGEST_MANIFEST = 4_000_000


class Model(TypedDict):
    """A network by name."""

    name: str
    params: dict[str, Any]
    n_parameters: int


class Weights(TypedDict):
    """The weights file."""

    file: str
    sha256: str
    bytes: int


class Origin(TypedDict, total=False):
    """How a checkpoint came about, where there is something to say."""

    training: dict[str, Any]
    pruning: dict[str, Any]
    edge: dict[str, Any]


class Manifest(Origin):
    """Every field of a manifest; what stands within is understood by what reads it."""

    format: int
    created: str
    model: Model
    preprocessor: dict[str, Any]
    leads: list[str]
    levels: dict[str, Any]
    label_rule: str
    calibration: dict[str, Any]
    thresholds: dict[str, Any]
    uncertainty: dict[str, Any] | None
    features: dict[str, Any] | None
    metrics: dict[str, Any]
    data: dict[str, Any]
    config: dict[str, Any]
    seed: int
    git_commit: str | None
    versions: dict[str, str | None]
    parent: str | None
    weights: Weights
    sha256: str


def manifest_sha256(manifest: Mapping[str, Any]) -> str:
    """Return the hash of a manifest without its own ``sha256``, independent of layout and order."""
    content = {key: value for key, value in manifest.items() if key != "sha256"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def parse_manifest(path: Path) -> Manifest:
    """Read and verify a manifest.

    Raises
    ------
    NotServable
        If there is none, or it cannot be read.
    FormatVersion
        If it was written by another format.
    Integrity
        If it was changed or is incomplete.
    """
    manifest = _load(path)
    found = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
    if not isinstance(manifest, dict) or type(found) is not int or found != FORMAT:
        writer = written_by(manifest)
        by, remedy = (f" of {writer}", f"read it with {writer}, or ") if writer else ("", "")
        raise FormatVersion(
            f"{path.parent}: checkpoint format {str(found)[:40]}{by}; this version reads format {FORMAT}: {remedy}train or export it again"
        )
    absent = sorted(Manifest.__required_keys__ - manifest.keys())
    if absent:
        raise Integrity(f"{path}: {', '.join(absent)} missing; copy the checkpoint again")
    try:
        unchanged = manifest["sha256"] == manifest_sha256(manifest)
    except (ValueError, RecursionError):  # what JSON cannot write again was never written by us
        unchanged = False
    if not unchanged:
        raise Integrity(f"{path}: does not match its own hash: it was edited; copy the checkpoint again")
    _check(path, "", manifest, Manifest)
    return manifest  # type: ignore[return-value]  # checked just now


def written_by(manifest: object) -> str | None:
    """Return who trained a checkpoint, such as ``"heart_reader 0.2.0"``, if known."""
    versions = manifest.get("versions") if isinstance(manifest, Mapping) else None
    version_of = versions.get("heart-reader") if isinstance(versions, Mapping) else None
    return f"heart_reader {str(version_of)[:20]}" if version_of else None


def _load(path: Path) -> object:
    try:
        if not path.is_file():
            raise FileNotFoundError
        size_mb, largest_mb = path.stat().st_size / 1e6, LARGEST_MANIFEST / 1e6
        if size_mb > largest_mb:
            raise Integrity(f"{path}: {size_mb:.0f} MB; a manifest has at most {largest_mb:.0f}: copy the checkpoint again")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotServable(f"{path.parent}: no {MANIFEST} in it: pass a checkpoint directory, such as results/NAME/checkpoint") from None
    except OSError as error:
        raise NotServable(f"{path}: cannot be read ({error.strerror or error}): make it readable for this user") from None
    except (ValueError, RecursionError):
        raise Integrity(f"{path}: not JSON: the file was changed or cut short; copy the checkpoint again") from None


def _check(path: Path, prefix: str, values: Mapping[str, Any], of: type) -> None:
    """Refuse a field of another kind, truth values as numbers, and negative numbers."""
    for key, kind in get_type_hints(of).items():
        if key not in values and key in Origin.__optional_keys__:
            continue
        value = values.get(key)
        if isinstance(value, bool) or not isinstance(value, _plain(kind)):
            raise Integrity(f"{path}: {prefix}{key} is {_clip(value)}, which no {key} can be; copy the checkpoint again")
        if isinstance(value, int) and value < 0:
            raise Integrity(f"{path}: {prefix}{key} is {_clip(value)}, which is negative; copy the checkpoint again")
        if is_typeddict(kind):
            _check(path, f"{key}.", value, kind)  # type: ignore[arg-type]  # a dict, as was checked


def _plain(kind: Any) -> type | tuple[type, ...]:
    """Return the class, or classes, of a value of a kind."""
    if isinstance(kind, UnionType):
        return tuple(get_origin(one) or one for one in get_args(kind))
    return dict if is_typeddict(kind) else get_origin(kind) or kind


def _clip(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def installed_versions(names: Iterable[str]) -> dict[str, str | None]:
    """Return the version of each distribution, None where it is not installed."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def check_complete(directory: Path, manifest: Mapping[str, Any]) -> None:
    """Check a manifest that is about to be written.

    Raises
    ------
    CheckpointError
        If a field is missing or holds something else than it should.
    """
    from pydantic import ValidationError

    try:
        _written(Manifest).model_validate(manifest)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise CheckpointError(f"{directory}: the manifest's {place}: {first['msg'].lower()}") from None


@cache
def _written(of: type) -> Any:
    """Return a pydantic model of a typed dictionary."""
    from pydantic import ConfigDict, create_model

    fields: dict[str, Any] = {}
    for key, kind in get_type_hints(of).items():
        optional = key not in of.__required_keys__  # type: ignore[attr-defined]
        fields[key] = (_written(kind) if is_typeddict(kind) else kind | None if optional else kind, None if optional else ...)
    return create_model(of.__name__, __config__=ConfigDict(strict=True, extra="allow"), **fields)
