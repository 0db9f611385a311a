"""Choose calibration, thresholds and zones of uncertainty anew, without touching the weights.

Models lose calibration when they move to another hospital; some hundred labelled records of it, in
a table whose split is ``val``, bring it back. The same command applies another rule, such as
``--set evaluation.thresholds=youden``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from heart_reader.checkpoint import Checkpoint, load_checkpoint
from heart_reader.config import override_config
from heart_reader.data.build import build_table
from heart_reader.data.labels import LabelSpace
from heart_reader.data.preprocessor import Preprocessor
from heart_reader.errors import ConfigError, NotServable
from heart_reader.evaluation.request import checkpoint_config
from heart_reader.features.build import open_dataset
from heart_reader.features.feature_space import FeatureSpace
from heart_reader.training.manifest import save_with_decisions

__all__ = ["recalibrate"]


def recalibrate(directory: Path, out: Path, *, overrides: Sequence[str] = ()) -> Checkpoint:
    """Write ``out/checkpoint``: the same weights, decided anew on the configured validation split.

    Parameters
    ----------
    directory
        A torch checkpoint.
    overrides
        Changes of ``data.*``, ``evaluation.*`` and ``name``.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be used.
    ConfigError
        If an override would change what made the weights, or ``out`` holds the checkpoint itself.
    NotServable
        If it holds an ONNX graph, or its levels have other classes than the data.
    DataError
        If the records cannot be used.
    """
    if (out / "checkpoint").resolve() == directory.resolve():
        raise ConfigError(f"--out {out}: would replace the checkpoint that is recalibrated: name another folder")
    origin = load_checkpoint(directory)
    config = checkpoint_config(origin, overrides)
    tensors = origin.tensors()
    # Another hospital's table may know only one level; what it does not know gets no threshold.
    table = build_table(override_config(config, [f"task.heads=[{config.task.level}]"])).split("val")
    own = LabelSpace.from_json(origin.manifest["levels"])
    for name, level in table.space.levels.items():
        if name in own.levels and level.class_names != own.levels[name].class_names:
            raise NotServable(f"{directory}: its level {name} has other classes than {table.source}: name a table with the same labels")
    preprocessor = Preprocessor.from_json(origin.manifest["preprocessor"])
    space = FeatureSpace.from_json(origin.manifest["features"], origin.origin)
    val_set = open_dataset(config, table, preprocessor, space)
    draft = {
        **origin.draft(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "levels": LabelSpace({**table.space.levels, **own.levels}, own.heads).to_json(),
        "config": config.to_manifest(),
        "parent": origin.sha256,
    }
    return save_with_decisions(out, draft, tensors, val_set, config.evaluation)
