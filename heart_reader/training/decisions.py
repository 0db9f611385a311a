"""Save weights with decisions chosen on validation through the one inference path."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heart_reader.checkpoint import Checkpoint, save_checkpoint, save_tensors
from heart_reader.classifier import EcgClassifier
from heart_reader.config import EvaluationConfig
from heart_reader.data.dataset import EcgDataset
from heart_reader.decisions.choose import choose_decisions
from heart_reader.folders import run_folder

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["save_with_decisions"]

# Weights that validation is read with before there is a checkpoint; what a killed run leaves of it
# is swept like all that is new.
PROVISIONAL = ".new-provisional"


def save_with_decisions(
    out: Path, draft: Mapping[str, Any], tensors: Mapping[str, Tensor], val_set: EcgDataset, config: EvaluationConfig
) -> Checkpoint:
    """Write ``out/checkpoint`` with decisions chosen from what its weights read on validation.

    Parameters
    ----------
    draft
        The manifest; its ``calibration``, ``thresholds``, ``uncertainty`` and ``metrics`` are
        replaced.

    Raises
    ------
    ConfigError
        If another process works in ``out``.
    CheckpointError
        If the disk is full.
    DataError
        If ``val_set`` is of another split.
    """
    undecided = {**draft, "calibration": {}, "thresholds": {}, "uncertainty": {}, "metrics": {}}
    with run_folder(out):
        provisional = out / PROVISIONAL
        try:
            save_checkpoint(provisional, undecided, lambda path: save_tensors(path, tensors))
            reader = EcgClassifier.load(provisional)
            levels = [name for name in reader.space.answerable() if name in val_set.table.labels]
            decisions = choose_decisions(reader.predict_levels(val_set, levels, calibrated=False), config)
        finally:
            shutil.rmtree(provisional, ignore_errors=True)
        return save_checkpoint(out / "checkpoint", {**undecided, **decisions}, lambda path: save_tensors(path, tensors))
