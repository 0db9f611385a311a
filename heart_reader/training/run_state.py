"""What an interrupted run leaves behind, and whether a run may start; checking needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heart_reader.checkpoint import Checkpoint, file_sha256, load_checkpoint, load_manifest, load_tensors, save_tensors
from heart_reader.config import ExperimentConfig, load_config
from heart_reader.errors import CheckpointError, ConfigError, Integrity
from heart_reader.folders import atomic_directory, standing

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MEMBERS", "STATE", "can_resume", "check_start", "finished_checkpoint", "has_state", "load_state", "save_state"]

STATE = "training_state"
MEMBERS = "members"
VALUES, TENSORS, CHECKSUMS = "state.json", "tensors.safetensors", "checksums.json"
# Sections that come in when all members are trained.
AFTERWARDS = ("evaluation", "export")


def check_start(config: ExperimentConfig, out: Path, *, resume: bool) -> None:
    """Refuse a run that cannot start or resume in a folder, and unusable checkpoints to start from.

    Raises
    ------
    ConfigError
        If ``out`` holds an unfinished run without ``resume``, none with it, or another run.
    CheckpointError
        If the unfinished run is damaged, or a checkpoint to start from cannot be used.
    """
    for named in (config.training.start_from, config.training.teacher):
        if named is not None:
            load_manifest(named)
    if config.ensemble.members:
        _check_members(config, out, resume)
        return
    if not resume and has_state(out):
        raise ConfigError(f"{out} holds an unfinished run: add --resume to go on with it, or choose another --out")
    if resume and not has_state(out):
        raise ConfigError(f"{out} holds no unfinished run: leave out --resume to start one")
    if resume and _read_values(out)["config"] != config.to_json():
        raise ConfigError(f"{out} was started with another configuration: pass the same --config and --set, or choose another --out")
    if not resume:
        # Hours of work are not replaced by something else; a damaged checkpoint is.
        with suppress(CheckpointError):
            finished_checkpoint(out, config)


def _check_members(config: ExperimentConfig, out: Path, resume: bool) -> None:
    """Accept finished members only from a run of the same configuration."""
    if not (out / MEMBERS).exists():
        return
    if not resume:
        raise ConfigError(f"{out} holds members that are trained already: add --resume to go on with them, or choose another --out")
    changed = _changed(load_config(out / "config.yaml"), config) if (out / "config.yaml").exists() else ""
    if changed:
        raise ConfigError(f"{out} was started with another {changed}: pass the same --config and --set, or choose another --out")


def _changed(before: ExperimentConfig, now: ExperimentConfig) -> str:
    """Name the sections that made weights other than they would be made now."""
    # An absolute path is none of a manifest's values: of both only what a manifest keeps counts.
    old, new = (ExperimentConfig.from_json(one.to_manifest()).to_manifest() for one in (before, now))
    return " and ".join(name for name in new if name not in AFTERWARDS and new[name] != old[name])


def has_state(out: Path) -> bool:
    """Return whether a run was interrupted here."""
    return standing(out / STATE).exists()


def can_resume(out: Path) -> bool:
    """Return whether ``--resume`` has something to go on from: a state, or finished members."""
    return has_state(out) or (out / MEMBERS).exists()


def finished_checkpoint(out: Path, config: ExperimentConfig) -> Checkpoint | None:
    """Return the checkpoint of a run that is complete, None if there is none yet.

    Raises
    ------
    ConfigError
        If it was trained by another configuration.
    CheckpointError
        If it is damaged.
    """
    if has_state(out) or not standing(out / "checkpoint").exists():
        return None
    checkpoint = load_checkpoint(out / "checkpoint")
    if not checkpoint.manifest.get("training", {}).get("complete", True):
        raise CheckpointError(f"{out}: its training was interrupted, and what it would go on from is gone: remove {out} to train it anew")
    changed = _changed(ExperimentConfig.from_json(dict(checkpoint.manifest["config"])), config)
    if changed:
        raise ConfigError(f"{out} was trained with another {changed}: remove it, or choose another --out")
    return checkpoint


def save_state(
    out: Path, tensors: Mapping[str, Tensor], values: Mapping[str, Any], config: ExperimentConfig, records: Mapping[str, str]
) -> None:
    """Write all that a run needs to go on, with checksums, in place of what it wrote before.

    Parameters
    ----------
    tensors, values
        As ``Trainer.state`` gives them.
    records
        Hash of the record ids of each split.

    Raises
    ------
    CheckpointError
        If the disk is full or not writable.
    """
    with atomic_directory(out / STATE, CheckpointError) as folder:
        save_tensors(folder / TENSORS, tensors)
        text = json.dumps({"config": config.to_json(), "records_sha256": dict(records), "trainer": values})
        (folder / VALUES).write_text(text, encoding="utf-8")
        checksums = {name: file_sha256(folder / name) for name in (VALUES, TENSORS)}
        (folder / CHECKSUMS).write_text(json.dumps(checksums), encoding="utf-8")


def load_state(out: Path, records: Mapping[str, str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return what :func:`save_state` wrote.

    Raises
    ------
    ConfigError
        If the records are others now.
    Integrity
        If it is damaged.
    """
    values = _read_values(out)
    if values["records_sha256"] != dict(records):
        raise ConfigError(f"{out} was started with other records than the data sources give now: bring them back, or choose another --out")
    return load_tensors(standing(out / STATE) / TENSORS), values["trainer"]


def _read_values(out: Path) -> dict[str, Any]:
    """Check both files and read the one of plain values."""
    folder = standing(out / STATE)
    name = CHECKSUMS
    try:
        checksums = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
        for name in (VALUES, TENSORS):
            if file_sha256(folder / name) != checksums[name]:
                raise damaged_state(out, f"{name} does not match its checksum")
        values: dict[str, Any] = json.loads((folder / VALUES).read_text(encoding="utf-8"))
    except OSError as error:
        raise damaged_state(out, f"{name}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise damaged_state(out, f"{name} is not what was written") from None
    return values


def damaged_state(out: Path, what: str) -> Integrity:
    """Say that an interrupted run cannot go on."""
    return Integrity(f"{standing(out / STATE)}: damaged, {what}: remove {out} and train again without --resume, or choose another --out")
