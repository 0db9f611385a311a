"""What an export may set of a checkpoint's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from heart_reader.checkpoint import Checkpoint, load_checkpoint
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.errors import NotServable

__all__ = ["check_export", "export_config"]


def export_config(checkpoint: Checkpoint, overrides: Sequence[str]) -> ExperimentConfig:
    """Return the configuration of a checkpoint with overrides.

    Raises
    ------
    ConfigError
        If a key or value is not allowed.
    """
    return override_config(ExperimentConfig.from_json(dict(checkpoint.manifest["config"])), overrides)


def check_export(directory: Path, overrides: Sequence[str]) -> None:
    """Refuse a checkpoint or settings that nothing can be exported from, before torch is loaded.

    Raises
    ------
    CheckpointError
        If the checkpoint, or one that a variant is made from, cannot be used.
    ConfigError
        If a key or value is not allowed.
    """
    checkpoint = load_checkpoint(directory)
    if checkpoint.runtime != "torch":
        raise NotServable(f"{directory}: an ONNX checkpoint is not exported again: use the checkpoint it was exported from")
    export = export_config(checkpoint, overrides).export
    if "nano-int8" in export.variants and export.nano is not None:
        load_checkpoint(export.nano)
