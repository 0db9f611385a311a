"""The recipe of ``heart-reader train``: table, cache, network, training, decisions, checkpoint."""

from __future__ import annotations

import csv
import hashlib
import io
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from matplotlib.figure import Figure
from torch import nn
from tqdm import tqdm

from heart_reader.checkpoint import Checkpoint, load_checkpoint
from heart_reader.config import ExperimentConfig
from heart_reader.data.build import build_preprocessor, build_table
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.labels import LabelSpace
from heart_reader.data.preprocessor import Preprocessor
from heart_reader.data.record_table import RecordTable
from heart_reader.errors import ConfigError, DataError
from heart_reader.features.build import choose_space, open_dataset
from heart_reader.features.feature_space import FeatureSpace
from heart_reader.folders import remove_directory, run_folder, write_text, write_whole
from heart_reader.metrics import metric_value
from heart_reader.models.feature_models import FEATURE_MODELS
from heart_reader.models.registry import EcgNetwork, build_network
from heart_reader.pooling import level_means
from heart_reader.runtimes import build_torch_network
from heart_reader.training.feature_models import fit_features
from heart_reader.training.manifest import build_manifest, records_sha256, save_with_decisions
from heart_reader.training.processes import ALONE, Processes
from heart_reader.training.run_state import STATE, check_start, damaged_state, load_state, save_state
from heart_reader.training.trainer import Trainer

__all__ = ["TrainingOutcome", "train", "write_config"]

VALIDATION_WINDOWS = 256


@dataclass(frozen=True)
class TrainingOutcome:
    """What a run left behind."""

    checkpoint: Checkpoint  # usable, whether training is complete or not
    complete: bool  # False if it was interrupted; ``--resume`` goes on


def train(
    config: ExperimentConfig,
    out: Path,
    *,
    resume: bool = False,
    on_epoch: Callable[[Mapping[str, float]], None] | None = None,
    table: RecordTable | None = None,
    processes: Processes = ALONE,
) -> TrainingOutcome:
    """Train a model.

    Parameters
    ----------
    out
        Directory of the run: ``checkpoint/``, ``config.yaml``, ``history.csv``,
        ``learning_curves.png``.
    resume
        Go on with an interrupted run in ``out``, to the same bits as an uninterrupted one.
    on_epoch
        Gets each epoch's row of ``history.csv``; raising ends the run without a checkpoint.
    table
        Other records, or other splits of them, than the configuration names.
    processes
        Those that share the training; all of them call this. The first one alone touches ``out``.

    Raises
    ------
    ConfigError
        If another process trains in ``out``, or it holds an unfinished run and ``resume`` is not
        asked, or the other way round, or of another configuration.
    DataError
        If the data cannot be used, or processes have different records.
    CheckpointError
        If the disk is full, or the unfinished run is damaged.
    """
    with run_folder(out) if processes.first else nullcontext():
        processes.first_says(lambda: check_start(config, out, resume=resume))
        if table is None:
            with processes.in_turn():
                table = build_table(config)
        return _train(config, out, table, resume=resume, on_epoch=on_epoch, processes=processes)


def _train(
    config: ExperimentConfig,
    out: Path,
    table: RecordTable,
    *,
    resume: bool,
    on_epoch: Callable[[Mapping[str, float]], None] | None,
    processes: Processes,
) -> TrainingOutcome:
    _describe(table, config.task.level)
    _check_same(table, processes)
    space = choose_space(config.features)
    with processes.in_turn():
        records = open_dataset(config, table, build_preprocessor(config), space, check=processes.local_rank == 0)
    if config.model.name in FEATURE_MODELS:
        return processes.first_says(lambda: _train_on_features(config, out, records, space))
    train_set, val_set = records.split("train"), records.split("val")
    network = _build(config, train_set, space, processes)
    teacher = _teacher(config, table, space)
    trainer = Trainer(
        network,
        train_set,
        lambda model: _score(model, val_set, config, trainer),
        config,
        space=space,
        teacher=teacher,
        processes=processes,
    )
    if processes.first:
        write_config(out, config)
    if resume:
        tensors, values = processes.first_says(lambda: load_state(out, records_sha256(table)))
        try:
            trainer.restore(tensors, values)
        except (RuntimeError, KeyError, TypeError, ValueError) as error:  # another version of this code wrote it
            reason = " ".join(str(error).split())[:120]
            raise damaged_state(out, f"it does not fit this version of the model ({reason})") from None

    def save() -> None:
        if not processes.first:
            return
        save_state(out, *trainer.state(), config, records_sha256(table))
        _write_history(out, trainer.progress.history)

    def after_epoch() -> None:
        save()
        if on_epoch is not None:
            on_epoch(trainer.progress.history[-1])

    def finish(complete: bool) -> TrainingOutcome:
        progress = trainer.progress
        training = {
            "epochs": progress.epoch,
            "best_epoch": progress.best_epoch,
            "elapsed_s": round(progress.elapsed_s, 1),
            "device": str(trainer.device),
            "precision": trainer.precision,
            "complete": complete,
            "processes": processes.size,
        }
        manifest = build_manifest(config, network, records, space, training)
        checkpoint = save_with_decisions(out, manifest, trainer.chosen(), val_set, config.evaluation)
        if progress.history:
            write_whole(out / "learning_curves.png", lambda path: _plot_learning_curves(progress.history, progress.best_epoch, path))
        if complete:
            remove_directory(out / STATE)
        return TrainingOutcome(checkpoint, complete)

    with ExitStack() as stack:
        complete = trainer.fit(stack.enter_context(_stop_on_signal(processes)), after_epoch)
        if not complete:
            save()
        if not processes.several:
            stack.close()
        # To several processes torchrun repeats the signal that stopped them; it must not end this.
        return processes.first_says(lambda: finish(complete))


def _check_same(table: RecordTable, processes: Processes) -> None:
    """Refuse processes that found other records than the first one, in an older copy perhaps."""
    if not processes.several:
        return
    labels = [values.tobytes() for _, values in sorted(table.labels.items())]
    digest = hashlib.sha256(b"\n".join(["\n".join((*table.record_ids, *table.splits)).encode(), *labels])).hexdigest()
    other = int((processes.gather(np.array([digest])) != processes.first_says(lambda: digest)).sum())
    if other:
        raise DataError(
            f"{table.source}: {other} of {processes.size} processes found other records or labels than the first one: "
            "give all machines the same data, or one folder that all of them see"
        )


def _describe(table: RecordTable, level: str) -> None:
    """Print what the records are; refuse a level without a class that can be learnt or measured."""
    counts = ", ".join(f"{name} {count}" for name, count in table.counts().items())
    left_out = "; ".join(f"{count} {reason}" for reason, count in table.left_out.items())
    tqdm.write(f"{table.source}: {counts}" + (f" (left out: {left_out})" if left_out else ""))
    n_unknown = int((table.patient_ids == "").sum())
    if n_unknown:
        tqdm.write(f"{n_unknown} records have no patient id: that no patient is in two splits rests on their split column")
    for split, consequence in (("train", "cannot be learnt"), ("val", "get no threshold and are read as uncertain")):
        gaps = table.describe_gaps(level, split, complete=split == "val")
        if gaps:
            tqdm.write(f"level {level}, split {split}: {gaps}: these {consequence}")


def _build(config: ExperimentConfig, train_set: EcgDataset, space: FeatureSpace | None, processes: Processes) -> EcgNetwork:
    if config.training.threads or processes.several:
        torch.set_num_threads(config.training.threads or processes.threads())
    torch.manual_seed(config.seed)
    n_leads, n_outputs = len(config.preprocessing.leads), train_set.table.space.n_outputs
    features = None if space is None else space.to_json()
    network = build_network(config.model.name, config.model.params, n_leads, n_outputs, features)
    if not processes.first:
        return network  # the trainer gives all processes the first one's weights and statistics
    mean, std = train_set.lead_statistics()
    network.standardize.set_statistics(torch.from_numpy(mean), torch.from_numpy(std))
    if network.fusion is not None and train_set.features is not None:
        network.fusion.set_statistics(torch.from_numpy(train_set.features))
    if config.training.start_from is not None:
        _take_weights(network, load_checkpoint(config.training.start_from), config)
    return network


def _take_weights(network: EcgNetwork, origin: Checkpoint, config: ExperimentConfig) -> None:
    """Start from another checkpoint: its backbone, and its head where outputs agree."""
    # Mean and spread of the leads stay those of the own training records.
    tensors = {name: value for name, value in origin.tensors().items() if not name.startswith("standardize.")}
    own = network.state_dict()
    fitting = {name: value for name, value in tensors.items() if name in own and own[name].shape == value.shape}
    left_out = sorted((own.keys() | tensors.keys()) - fitting.keys() - {"standardize.mean", "standardize.std"})
    if any(name.startswith("backbone.") for name in left_out):
        raise ConfigError(
            f"training.start_from {origin.directory}: {origin.manifest['model']['name']} does not fit {config.model.name} "
            f"({left_out[0]} differs): start from a checkpoint of the same model and params"
        )
    network.load_state_dict({**own, **fitting})
    tqdm.write(f"started from {origin.directory}" + (f", without {', '.join(left_out)}" if left_out else ""))


def _teacher(config: ExperimentConfig, table: RecordTable, space: FeatureSpace | None) -> nn.Module | None:
    """Load the teacher, which must have the same outputs, windows and features."""
    if config.training.teacher is None:
        return None
    checkpoint = load_checkpoint(config.training.teacher)
    same_outputs = LabelSpace.from_json(checkpoint.manifest["levels"]) == table.space
    theirs = FeatureSpace.from_json(checkpoint.manifest["features"], checkpoint.origin)
    same_features = theirs is None or (space is not None and theirs.sets == space.sets)
    same_signals = Preprocessor.from_json(checkpoint.manifest["preprocessor"]) == build_preprocessor(config)
    if not (same_outputs and same_features and same_signals):
        raise ConfigError(
            f"training.teacher {checkpoint.directory}: other outputs, features or preprocessing than this run; train it alike"
        )
    return build_torch_network(checkpoint)


def _score(network: EcgNetwork, val_set: EcgDataset, config: ExperimentConfig, trainer: Trainer) -> dict[str, float]:
    """Score the level of interest on validation, uncalibrated; each process reads its records."""
    level, space = config.task.level, val_set.table.space
    own, records = trainer.processes.rows(len(val_set)), val_set.records_of_windows()
    first, after, _ = own.indices(len(val_set))
    logits = []
    with torch.inference_mode(), trainer.autocast():
        for part in val_set.parts(VALIDATION_WINDOWS, own):
            inputs = [torch.from_numpy(array).to(trainer.device) for array in part.arrays().values()]
            logits.append(network(*inputs).float().cpu().numpy())
    y_prob = np.empty((0, len(space.levels[level].class_names)))
    if logits:
        y_prob = level_means(space, np.concatenate(logits), records[(records >= first) & (records < after)])[level]
    y_prob = trainer.processes.gather(y_prob)
    y_true = val_set.table.y_true(level)
    known = ~np.isnan(y_true).any(axis=1)
    return {f"val_{name}": metric_value(name, y_true[known], y_prob[known]) for name in ("macro_auroc", "macro_auprc")}


def _train_on_features(config: ExperimentConfig, out: Path, records: EcgDataset, space: FeatureSpace | None) -> TrainingOutcome:
    """Fit what reads features alone; it takes minutes at most and is not resumed."""
    write_config(out, config)
    started = time.monotonic()
    train_set = records.split("train")
    network = fit_features(config.model, train_set.features, train_set.targets, config.seed)
    training = {"epochs": None, "best_epoch": None, "elapsed_s": round(time.monotonic() - started, 1), "device": "cpu", "complete": True}
    manifest = build_manifest(config, network, records, space, training)
    return TrainingOutcome(save_with_decisions(out, manifest, network.state_dict(), records.split("val"), config.evaluation), True)


def write_config(out: Path, config: ExperimentConfig) -> None:
    """Write ``out/config.yaml``, with every default."""
    out.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(config.to_json(), sort_keys=False)
    write_text(out / "config.yaml", text)


def _write_history(out: Path, history: list[dict[str, float]]) -> None:
    if not history:
        return
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(history[0]))
    writer.writeheader()
    writer.writerows(history)
    write_text(out / "history.csv", stream.getvalue())


@contextmanager
def _stop_on_signal(processes: Processes) -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C or SIGTERM into a stop after the current step; a second Ctrl-C acts at once.

    Several processes get the terminal's Ctrl-C and torchrun's own signals besides: only the first
    counts.
    """
    asked = threading.Event()

    def ask(number: int, _frame: Any) -> None:
        asked.set()
        if processes.several:
            return
        signal.signal(signal.SIGINT, signal.default_int_handler)
        tqdm.write("stopping after this step; press Ctrl-C again to stop at once")

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _plot_learning_curves(history: Sequence[dict[str, Any]], best_epoch: int, path: Path) -> None:
    """Draw training loss, learning rate and validation scores over epochs; epoch 0 marks none."""
    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    loss_axes, score_axes = figure.subplots(1, 2)
    loss_axes.plot(epochs, [row["train_loss"] for row in history], color="#1f4e79", label="training loss")
    loss_axes.set(xlabel="epoch", ylabel="training loss")
    rate_axes = loss_axes.twinx()
    rate_axes.plot(epochs, [row["learning_rate"] for row in history], color="#999999", linestyle=":", label="learning rate")
    rate_axes.set_ylabel("learning rate", color="#666666")
    score_axes.plot(epochs, [row["val_macro_auroc"] for row in history], color="#b03a2e", label="macro-AUROC")
    score_axes.plot(epochs, [row["val_macro_auprc"] for row in history], color="#b9770e", label="macro-AUPRC")
    if best_epoch:
        score_axes.axvline(best_epoch, color="#666666", linewidth=0.8, label=f"kept: epoch {best_epoch}")
    score_axes.set(xlabel="epoch", ylabel="validation, before calibration")
    score_axes.legend(frameon=False, loc="lower right")
    for axes in (loss_axes, score_axes):
        axes.spines[["top"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.savefig(path, dpi=130)
