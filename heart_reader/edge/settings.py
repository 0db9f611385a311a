"""What an export may set of a checkpoint's configuration."""

from __future__ import annotations

from collections.abc import Sequence

from heart_reader.checkpoint import Checkpoint
from heart_reader.config import ExperimentConfig, override_config

__all__ = ["export_config"]


def export_config(checkpoint: Checkpoint, overrides: Sequence[str]) -> ExperimentConfig:
    """Return the configuration of a checkpoint with overrides.

    Raises
    ------
    ConfigError
        If a key or value is not allowed.
    """
    return override_config(ExperimentConfig.from_json(dict(checkpoint.manifest["config"])), overrides)
