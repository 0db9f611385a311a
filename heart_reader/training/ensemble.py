"""Join trained checkpoints into one that reads like any other.

Run: ``heart-reader ensemble results/A/checkpoint results/B/checkpoint --out
results/NAME``.

Weights come from validation by Nelder-Mead. Because a handful of weights fitted to a few hundred
records can do worse on new ones than no weights at all, they have to beat the plain mean on
held-out halves of validation; else the plain mean is taken. ``--weights`` gives them instead, for
instance those that :mod:`heart_reader.training.cross_validation` found on the training records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import softmax
from torch import Tensor

from heart_reader.checkpoint import Checkpoint, differing, load_checkpoint, save_checkpoint, save_tensors
from heart_reader.classifier import BATCH_WINDOWS, EcgClassifier
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.build import build_table
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.labels import LabelSpace, sigmoid
from heart_reader.data.vocabulary import with_titles
from heart_reader.decisions.choose import decided_out_of_fold
from heart_reader.decisions.decision import log_odds
from heart_reader.errors import CheckpointError, ConfigError
from heart_reader.evaluation.bootstrap import bootstrap_units
from heart_reader.features.build import open_dataset
from heart_reader.metrics import metric_value
from heart_reader.models.ensemble import MeanOf
from heart_reader.models.feature_models import FORESTS
from heart_reader.models.registry import ENSEMBLE
from heart_reader.pooling import level_means
from heart_reader.training.manifest import save_with_decisions

__all__ = [
    "Weighting",
    "beside_trees",
    "choose_weights",
    "describe_members",
    "fit_weights",
    "join",
    "joined_tensors",
    "mixture",
    "output_columns",
]

HALVES = 10
# What members must share, for their outputs to mean the same.
SHARED = ("preprocessor", "leads", "label_rule")


@dataclass(frozen=True)
class Weighting:
    """Weights of an ensemble and the contest they come from."""

    rule: str  # "nelder-mead", "mean" or "given"
    weights: tuple[float, ...]  # one per member, sum 1
    # Mean macro-AUROC on held-out halves of validation; None where weights were given.
    fitted_score: float | None = None
    mean_score: float | None = None


def join(
    directories: Sequence[Path], out: Path, *, weights: Sequence[float] | None = None, overrides: Sequence[str] = ()
) -> tuple[Checkpoint, Weighting]:
    """Write the ensemble of several torch checkpoints, with decisions chosen on validation.

    Parameters
    ----------
    directories
        At least two checkpoints trained on the same records with the same preprocessing. The first
        one answers all heads; the others may answer some of them.
    weights
        One per checkpoint, positive; None lets validation choose.
    overrides
        Changes of the first member's configuration, such as ``["evaluation.thresholds=youden"]``.

    Raises
    ------
    CheckpointError
        If a member is missing, altered, or does not fit the others.
    ConfigError
        If there are fewer than two members.
    """
    members = [load_checkpoint(path) for path in directories]
    _check(members)
    config = override_config(ExperimentConfig.from_json(dict(members[0].manifest["config"])), [f"name={out.name}", *overrides])
    classifiers = [EcgClassifier.load(path) for path in directories]
    table = build_table(config).split("val")
    space = next((classifier.features for classifier in classifiers if classifier.features is not None), None)
    val_set = open_dataset(config, table, classifiers[0].preprocessor, space)
    if weights is None:
        weighting = choose_weights(classifiers, val_set, config)
    elif len(weights) == len(members) and min(weights) > 0:
        weighting = Weighting("given", tuple(weight / sum(weights) for weight in weights))
    else:
        raise ConfigError(
            f"weights {', '.join(f'{weight:g}' for weight in weights)} for {len(members)} checkpoints: one positive weight each is needed"
        )
    tensors = joined_tensors([member.tensors() for member in members], torch.tensor(weighting.weights, dtype=torch.float32))
    scores = {"held_out_score": {"nelder-mead": weighting.fitted_score, "mean": weighting.mean_score}}
    draft = describe_members(members, list(weighting.weights), weighting.rule, scores)
    draft |= {"levels": with_titles(table.space).to_json(), "config": config.to_manifest()}
    return save_with_decisions(out, draft, tensors, val_set, config.evaluation), weighting


def beside_trees(ensemble: Checkpoint, network: Checkpoint, out: Path, val_set: EcgDataset) -> Checkpoint:
    """Replace the networks of an ensemble by one network, and keep the forests.

    The network counts as much as those it stands for. Decisions that the ensemble took out of fold
    stay; others are chosen anew on validation.

    Parameters
    ----------
    network
        Answers all heads of the ensemble.
    val_set
        Records of the validation split.

    Raises
    ------
    CheckpointError
        If the network does not fit.
    """
    params = ensemble.manifest["model"]["params"]
    if _outputs_of(network) != _outputs_of(ensemble):
        raise CheckpointError(f"{network.directory}: other heads than {ensemble.directory}: train both alike")
    n_outputs = LabelSpace.from_json(ensemble.manifest["levels"]).n_outputs
    weights = np.array([np.broadcast_to(weight, n_outputs) for weight in params["weights"]], dtype=np.float64)
    own = ensemble.tensors()
    trees = [row for row, member in enumerate(params["members"]) if member["name"] in FORESTS]
    networks = [row for row in range(len(params["members"])) if row not in trees]
    given = np.vstack([weights[networks].sum(axis=0), weights[trees]])
    prefixes = [f"members.{row}." for row in trees]
    forests = [{name.removeprefix(of): value for name, value in own.items() if name.startswith(of)} for of in prefixes]
    tensors = joined_tensors([network.tensors(), *forests], torch.tensor(given, dtype=torch.float32))
    model = network.manifest["model"]
    first = {"name": model["name"], "params": model["params"], "fused": False, "outputs": list(range(n_outputs))}
    members = [{**first, "checkpoint_sha256": network.sha256}, *(params["members"][row] for row in trees)]
    draft = {**ensemble.draft(), "created": datetime.now(UTC).isoformat(timespec="seconds"), "parent": ensemble.sha256}
    n_parameters = model["n_parameters"] + sum(value.numel() for name, value in tensors.items() if name.endswith((".threshold", ".leaf")))
    model_params = {**params, "members": members, "weights": given.tolist()}
    draft["model"] = {"name": ENSEMBLE, "params": model_params, "n_parameters": n_parameters}
    config = ExperimentConfig.from_json(dict(ensemble.manifest["config"]))
    chosen = save_with_decisions(out, draft, tensors, val_set, config.evaluation)
    if not decided_out_of_fold(ensemble.manifest):
        return chosen
    kept = {name: ensemble.manifest[name] for name in ("calibration", "thresholds", "uncertainty")}
    return save_checkpoint(out / "checkpoint", {**chosen.draft(), **kept}, lambda path: save_tensors(path, tensors))


def joined_tensors(members: Sequence[Mapping[str, Tensor]], weights: Tensor) -> dict[str, Tensor]:
    """Return the tensors of an ``EnsembleNetwork`` with these members."""
    tensors = {"weights": weights}
    for row, member in enumerate(members):
        tensors |= {f"members.{row}.{name}": value for name, value in member.items()}
    return tensors


def describe_members(
    members: Sequence[Checkpoint],
    weights: Sequence[float] | Sequence[Sequence[float]],
    rule: str,
    scores: Mapping[str, Any],
    mean_of: MeanOf = "probability",
) -> dict[str, Any]:
    """Return the manifest of the ensemble, without levels, configuration and decisions.

    Parameters
    ----------
    members
        The first one answers all heads.
    weights, mean_of
        See :class:`heart_reader.models.ensemble.EnsembleNetwork`.
    """
    models = [member.manifest["model"] for member in members]
    params = {
        "members": [
            {
                "name": model["name"],
                "params": model["params"],
                "fused": member.manifest["features"] is not None,
                "outputs": columns,
                "checkpoint_sha256": member.sha256,
            }
            for model, member, columns in zip(models, members, output_columns(members), strict=True)
        ],
        "weights": list(weights),
        "mean_of": mean_of,
        "rule": rule,
        **scores,
    }
    elapsed_s = sum(member.manifest["training"]["elapsed_s"] for member in members)
    return {
        **members[0].draft(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": {"name": ENSEMBLE, "params": params, "n_parameters": sum(model["n_parameters"] for model in models)},
        "training": {**members[0].manifest["training"], "epochs": None, "best_epoch": None, "elapsed_s": elapsed_s},
        "features": _features_of(members),
        "parent": None,
    }


def choose_weights(classifiers: Sequence[EcgClassifier], val_set: EcgDataset, config: ExperimentConfig) -> Weighting:
    """Fit weights on validation and keep them only if they hold on held-out halves of it."""
    read = mixture(classifiers, val_set, config.task.level)
    y_true = val_set.table.y_true(config.task.level)
    known = np.asarray(~np.isnan(y_true).any(axis=1))

    def score(weights: NDArray[np.float64], rows: Any) -> float:
        return metric_value("macro_auroc", y_true[rows], read(weights)[rows])

    plain = np.full(len(classifiers), 1 / len(classifiers))
    fitted_scores, mean_scores = [], []
    units = bootstrap_units(val_set.table.patient_ids)
    for half in range(HALVES):
        first = np.random.default_rng([config.seed, half]).random(units.max() + 1)[units] < 0.5
        weights = fit_weights(partial(score, rows=first & known), len(plain))
        fitted_scores.append(score(weights, ~first & known))
        mean_scores.append(score(plain, ~first & known))
    fitted_score, mean_score = float(np.nanmean(fitted_scores)), float(np.nanmean(mean_scores))
    if fitted_score > mean_score:
        weights = fit_weights(partial(score, rows=known), len(plain))
        return Weighting("nelder-mead", tuple(map(float, weights)), fitted_score, mean_score)
    return Weighting("mean", tuple(map(float, plain)), fitted_score, mean_score)


def mixture(classifiers: Sequence[EcgClassifier], dataset: EcgDataset, level: str) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return a function from (n_members,) weights to uncalibrated (n_records, n_classes).

    Parameters
    ----------
    classifiers
        The members; the first one answers all heads.
    """
    records, space = dataset.records_of_windows(), classifiers[0].space
    # NaN where a member does not answer an output.
    outputs = np.full((len(classifiers), len(records), space.n_outputs), np.nan)
    columns = output_columns([one.checkpoint for one in classifiers])
    for member, classifier, own in zip(outputs, classifiers, columns, strict=True):
        logits = np.concatenate([classifier.logits(part) for part in dataset.parts(BATCH_WINDOWS)])
        member[:, own] = sigmoid(logits.astype(np.float64))
    answered = ~np.isnan(outputs[:, :1])

    def read(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        share = np.tensordot(weights, answered, axes=1)
        mean = np.tensordot(weights, np.nan_to_num(outputs), axes=1) / share
        return level_means(space, log_odds(mean), records)[level]

    return read


def fit_weights(score: Callable[[NDArray[np.float64]], float], n_members: int) -> NDArray[np.float64]:
    """Maximise a score over weights of sum 1, by Nelder-Mead over their logarithms.

    Parameters
    ----------
    score
        Takes (n_members,) weights.

    Returns
    -------
    ndarray
        (n_members,), sum 1.
    """
    # Around zero SciPy's own simplex is so small that AUROC, a step function, does not move on it.
    simplex = np.vstack([np.zeros(n_members), np.eye(n_members)])
    options = {"maxfev": 60 * n_members, "initial_simplex": simplex}
    answer = minimize(lambda x: -score(softmax(x)), simplex[0], method="Nelder-Mead", options=options)
    weights: NDArray[np.float64] = softmax(answer.x)
    return weights


def output_columns(members: Sequence[Checkpoint]) -> list[list[int]]:
    """Return where each member's outputs stand among those of the first, which answers all."""
    first = LabelSpace.from_json(members[0].manifest["levels"])
    columns = []
    for member in members:
        heads = LabelSpace.from_json(member.manifest["levels"]).heads
        columns.append([place for head in heads for place in range(first.n_outputs)[first.head_slice(head)]])
    return columns


def _check(members: Sequence[Checkpoint]) -> None:
    if len(members) < 2:
        raise ConfigError(f"an ensemble of {len(members)}: name at least two checkpoints")
    first: Mapping[str, Any] = members[0].manifest
    fused = _features_of(members)
    for member in members:
        if member.manifest["model"]["name"] == ENSEMBLE:
            raise CheckpointError(f"{member.directory} is an ensemble itself: name its members instead")
        different = differing(members[0].manifest, member.manifest, SHARED)
        if not set(_outputs_of(member)) <= set(_outputs_of(members[0])):
            different.append("heads")
        if member.manifest["features"] not in (None, fused):
            different.append("features")
        if different:
            raise CheckpointError(f"{member.directory}: {', '.join(different)} differ from {members[0].directory}: train both alike")
        for split, digest in member.manifest["data"]["records_sha256"].items():
            if digest != first["data"]["records_sha256"][split]:
                raise CheckpointError(
                    f"{member.directory} was trained with other {split} records than {members[0].directory}: name members of one data set"
                )


def _features_of(members: Sequence[Checkpoint]) -> Mapping[str, Any] | None:
    """Return the features that the members share; those that read the signal alone have none."""
    return next((member.manifest["features"] for member in members if member.manifest["features"] is not None), None)


def _outputs_of(checkpoint: Checkpoint) -> list[tuple[str, tuple[str, ...]]]:
    """Return heads and their classes, in the order of the outputs."""
    space = LabelSpace.from_json(checkpoint.manifest["levels"])
    return [(head, space.levels[head].class_names) for head in space.heads]
