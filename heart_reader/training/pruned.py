"""Prune a trained network and train what is left, with the unpruned network as teacher.

Each ratio becomes a run like those of ``heart-reader train`` in ``DIR/prune-50``, and
``DIR/pruning.md`` has the table: parameters, multiply-accumulates, size and validation AUROC
before, right after the cut, and after training.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from heart_reader.checkpoint import Checkpoint, load_checkpoint, load_tensors, save_checkpoint, save_tensors
from heart_reader.config import ExperimentConfig
from heart_reader.data.build import build_table
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.preprocessor import Preprocessor
from heart_reader.edge.graph import count_macs, example_inputs
from heart_reader.edge.pruning import cut_channels, l1_scores, narrow_params, taylor_scores
from heart_reader.edge.variants import Origin, check_alike, export_config, open_origin
from heart_reader.errors import ConfigError
from heart_reader.features.build import open_dataset
from heart_reader.features.feature_space import FeatureSpace
from heart_reader.folders import run_folder, write_text
from heart_reader.models.feature_models import FORESTS
from heart_reader.models.registry import ENSEMBLE, EcgNetwork, build_network, count_parameters
from heart_reader.runtimes import build_torch_network
from heart_reader.training.ensemble import beside_trees
from heart_reader.training.losses import MultiLevelLoss
from heart_reader.training.manifest import save_with_decisions
from heart_reader.training.run import train

__all__ = ["prune", "prune_origin", "write_table"]

CUT, PRUNED_RUN = ".new-cut", "pruned"
TAYLOR_BATCHES = 16


def prune(directory: Path, out: Path, *, overrides: Sequence[str] = (), teacher: Path | None = None) -> Checkpoint:
    """Write ``out/checkpoint``, the network of ``directory`` with fewer channels, trained again.

    Parameters
    ----------
    directory
        A torch checkpoint of a registered model.
    overrides
        Such as ``["export.pruning.ratio=0.3"]``.
    teacher
        Checkpoint whose probabilities are learned, too; None means the unpruned network.

    Raises
    ------
    ConfigError
        If the checkpoint cannot be pruned, or another process works in ``out``.
    CheckpointError, DataError
        If the checkpoint or the records cannot be used.
    """
    origin = load_checkpoint(directory)
    if origin.manifest["model"]["name"] == ENSEMBLE:
        raise ConfigError(f"{directory}: an ensemble is not pruned as such: prune a network that it taught, or one of its members")
    with run_folder(out):
        return _prune(origin, out, export_config(origin, overrides), teacher or directory)


def prune_origin(origin: Origin, out: Path, overrides: Sequence[str]) -> tuple[Origin, Origin]:
    """Prune what is exported, or the network that an ensemble taught, and train what is left.

    Parameters
    ----------
    out
        Folder of the variants; the run is ``out/pruned``.

    Returns
    -------
    tuple
        What the pruned variant is compared with, and what pruning left.

    Raises
    ------
    ConfigError
        If there is no network to prune.
    CheckpointError, DataError
        If checkpoint or records cannot be used.
    """
    out = out / PRUNED_RUN
    if origin.checkpoint.manifest["model"]["name"] != ENSEMBLE:
        checkpoint = prune(origin.checkpoint.directory, out, overrides=overrides)
        return origin, open_origin(checkpoint.directory, overrides)
    student = origin.config.export.student
    if student is None:
        raise ConfigError(
            f"{origin.checkpoint.directory}: an ensemble is not pruned as such: name a network that it taught with --set export.student=, "
            "or leave pruned-int8 out of export.variants"
        )
    wide = check_alike(open_origin(student, overrides), origin, "export.student")
    checkpoint = prune(student, out, overrides=overrides)
    if FORESTS.isdisjoint(member["name"] for member in origin.checkpoint.manifest["model"]["params"]["members"]):
        return wide, open_origin(checkpoint.directory, overrides)
    # Trees are fast; beside a narrow network they count as much as in the ensemble.
    joined = beside_trees(origin.checkpoint, checkpoint, out.with_name(f"{out.name}-with-trees"), origin.val_set)
    return origin, open_origin(joined.directory, overrides)


def _prune(origin: Checkpoint, out: Path, config: ExperimentConfig, teacher: Path) -> Checkpoint:
    train_set, val_set = _open(config, origin)
    wide, narrow = _cut(origin, config, train_set)
    model = {**origin.manifest["model"], "params": _params(origin, config), "n_parameters": count_parameters(narrow)}
    try:
        cut = save_with_decisions(out / CUT, {**origin.draft(), "model": model}, narrow.state_dict(), val_set, config.evaluation)
        tuned = train(_finetuning(config, model, cut, teacher), out).checkpoint
    finally:
        shutil.rmtree(out / CUT, ignore_errors=True)
    level = config.task.level
    facts = {
        "ratio": config.export.pruning.ratio,
        "criterion": config.export.pruning.criterion,
        "n_parameters": [count_parameters(wide), count_parameters(narrow)],
        "macs_per_window": [count_macs(wide, origin.manifest), count_macs(narrow, origin.manifest)],
        "weights_bytes": [origin.manifest["weights"]["bytes"], tuned.manifest["weights"]["bytes"]],
        "validation_macro_auroc": {
            name: one.manifest["metrics"][level]["macro_auroc"] for name, one in (("before", origin), ("cut", cut), ("trained", tuned))
        },
    }
    return _signed(tuned, origin, facts, teacher)


def _open(config: ExperimentConfig, origin: Checkpoint) -> tuple[EcgDataset, EcgDataset]:
    space = FeatureSpace.from_json(origin.manifest["features"], origin.origin)
    dataset = open_dataset(config, build_table(config), Preprocessor.from_json(origin.manifest["preprocessor"]), space)
    return dataset.split("train"), dataset.split("val")


def _params(origin: Checkpoint, config: ExperimentConfig) -> dict[str, Any]:
    return narrow_params(origin.manifest["model"]["params"], config.export.pruning.ratio)


def _cut(origin: Checkpoint, config: ExperimentConfig, train_set: EcgDataset) -> tuple[EcgNetwork, EcgNetwork]:
    """Return the network and its narrower version with the weights that stay."""
    wide = build_torch_network(origin)
    assert isinstance(wide, EcgNetwork)
    n_outputs = train_set.table.space.n_outputs
    narrow = build_network(
        origin.manifest["model"]["name"], _params(origin, config), len(origin.manifest["leads"]), n_outputs, origin.manifest["features"]
    ).eval()
    score = l1_scores
    if config.export.pruning.criterion == "taylor":
        loss = MultiLevelLoss(train_set.table.space, config.task.level, config.training.loss)
        score = partial(taylor_scores, batches=_batches(config, train_set), loss=loss)
    narrow.load_state_dict(cut_channels(wide, narrow, example_inputs(origin.manifest, 1), score))
    return wide, narrow


def _batches(config: ExperimentConfig, train_set: EcgDataset) -> list[tuple[torch.Tensor, ...]]:
    """Crops of training records with their targets."""
    rng = np.random.default_rng([config.seed, len(train_set)])
    size = min(config.training.batch_size, len(train_set))
    batches = []
    for _ in range(TAYLOR_BATCHES):
        positions = rng.permutation(len(train_set))[:size]
        arrays = [train_set.random_crops(positions, rng, config.augmentation)]
        if train_set.features is not None:
            arrays.append(train_set.features[positions])
        batches.append(tuple(torch.from_numpy(array) for array in (*arrays, train_set.targets[positions])))
    return batches


def _finetuning(config: ExperimentConfig, model: Mapping[str, Any], cut: Checkpoint, teacher: Path) -> ExperimentConfig:
    pruning = config.export.pruning
    training = config.training.model_copy(
        update={
            "start_from": cut.directory,
            "teacher": teacher,
            "epochs": pruning.epochs,
            "swa_start": None,
            "optimizer": config.training.optimizer.model_copy(update={"learning_rate": pruning.learning_rate}),
        }
    )
    name = f"{config.name}-pruned-{round(100 * pruning.ratio)}"
    narrower = config.model.model_copy(update={"name": model["name"], "params": model["params"]})
    return config.model_copy(update={"name": name, "model": narrower, "training": training})


def _signed(tuned: Checkpoint, origin: Checkpoint, facts: Mapping[str, Any], teacher: Path) -> Checkpoint:
    """Add the parent and what pruning did to the manifest."""
    config = dict(tuned.manifest["config"])
    config["training"] = {**config["training"], "start_from": None}
    facts = {**facts, "teacher_sha256": load_checkpoint(teacher).sha256}
    draft = {**tuned.draft(), "config": config, "parent": origin.sha256, "pruning": facts}
    tensors = load_tensors(tuned.weights_path)
    return save_checkpoint(tuned.directory, draft, lambda path: save_tensors(path, tensors))


def write_table(pruned: Sequence[Checkpoint], out: Path) -> str:
    """Write ``pruning.json`` and ``pruning.md`` of several pruned networks and return the table."""
    facts = [one.manifest["pruning"] for one in pruned]
    lines = [
        "| channels removed | criterion | parameters | MACs per window | weights | validation macro-AUROC: before, cut, trained |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for item in facts:
        (wide, narrow), (before, after), (large, small) = item["n_parameters"], item["macs_per_window"], item["weights_bytes"]
        scores = item["validation_macro_auroc"]
        lines.append(
            f"| {item['ratio']:.0%} | {item['criterion']} | {wide:,} to {narrow:,} | {before / 1e6:.1f} M to {after / 1e6:.1f} M "
            f"| {large / 1e3:.0f} KB to {small / 1e3:.0f} KB | {scores['before']:.4f}, {scores['cut']:.4f}, {scores['trained']:.4f} |"
        )
    table = "\n".join(lines) + "\n"
    write_text(out / "pruning.json", json.dumps(facts, indent=2) + "\n")
    write_text(out / "pruning.md", table)
    return table
