"""Train a model of several members, decided by records that no member was trained with.

The training records are dealt into folds, patients whole. Each kind of member is trained on all of
them, which gives the members, and once without each fold. What was trained without a
fold reads it, so that every training record has an answer of the very mixture that never saw it. On
these answers each output's shares of the kinds are chosen; on them and on validation, read by the
members themselves, calibration, thresholds and uncertain zones. A class of 50 training records thus
has 50 to decide by, and not the five that fell into validation.

A member or a fold that is already trained in ``out/members`` is taken as it is, so an interrupted
run goes on.

References
----------
Stone M. Cross-validatory choice and assessment of statistical predictions. Journal of the Royal
Statistical Society B 36 (1974) 111-147. Wolpert D. H. Stacked generalization. Neural Networks 5
(1992) 241-259.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from heart_reader.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, save_tensors
from heart_reader.classifier import EcgClassifier
from heart_reader.config import EnsembleConfig, ExperimentConfig, FeaturesConfig, MemberConfig
from heart_reader.data.batch import Batch
from heart_reader.data.build import build_preprocessor, build_table
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.labels import LabelSpace, sigmoid
from heart_reader.data.record_table import RecordTable
from heart_reader.data.vocabulary import with_titles
from heart_reader.decisions.choose import choose_decisions
from heart_reader.decisions.thresholds import HELD_OUT
from heart_reader.errors import ConfigError
from heart_reader.features.build import choose_space, open_dataset
from heart_reader.folders import run_folder
from heart_reader.metrics import class_values
from heart_reader.pooling import level_means
from heart_reader.predictions import Predictions
from heart_reader.training.cross_validation import deal_folds, hold_out
from heart_reader.training.ensemble import describe_members, joined_tensors, output_columns
from heart_reader.training.processes import ALONE, Processes
from heart_reader.training.run import TrainingOutcome, train, write_config
from heart_reader.training.run_state import MEMBERS, check_start, finished_checkpoint, has_state

__all__ = ["Shares", "choose_shares", "train_joined"]

# A kind's shares are tried in this many steps.
STEPS = 10
# An output with this many positives weighs its own score as much as the mean of all outputs.
TYPICAL_POSITIVES = 30
# An output with fewer positives takes the shares of all outputs together.
FEWEST_POSITIVES = 5
# Records read at a time.
CHUNK = 64


@dataclass(frozen=True, eq=False)
class Shares:
    """How much each kind of member counts.

    Parameters
    ----------
    values
        (n_kinds, n_outputs), each column sums to 1.
    together
        Mean AUROC of outputs with enough positives, out of fold: optimistic, as chosen there.
    alone
        The same of each kind alone, over the outputs it answers: (n_kinds,).
    """

    values: NDArray[np.float64]
    together: float
    alone: tuple[float, ...]


def train_joined(
    config: ExperimentConfig, out: Path, *, resume: bool = False, table: RecordTable | None = None, processes: Processes = ALONE
) -> TrainingOutcome:
    """Train what ``config.ensemble`` names and write ``out/checkpoint``.

    Parameters
    ----------
    config
        The experiment; each member is trained as it says, with a model of its own.
    resume
        Go on with an interrupted run in ``out``.
    table
        The records that the configuration names, where they are read already.
    processes
        Those that share the training of each member; the first one alone reads held-out records.

    Raises
    ------
    ConfigError
        If another process trains in ``out``, or it holds members and ``resume`` is not asked, or
        members of another configuration, or there are fewer than two kinds of members.
    DataError
        If the data cannot be used.
    CheckpointError
        If the disk is full.
    """
    kinds = config.ensemble.members
    if len(kinds) < 2:
        raise ConfigError(f"ensemble.members: {len(kinds)} kind of member; name at least two, or leave the section out")
    if kinds[0].heads is not None:
        raise ConfigError("ensemble.members: the first kind answers all heads: name its heads in task.heads alone")
    with run_folder(out) if processes.first else nullcontext():
        processes.first_says(lambda: check_start(config, out, resume=resume))
        if table is None:
            with processes.in_turn():
                table = build_table(config)
        return _train_members(config, out, table, processes)


def _train_members(config: ExperimentConfig, out: Path, table: RecordTable, processes: Processes) -> TrainingOutcome:
    folds = deal_folds(table, config.task.level, config.ensemble.folds, config.seed)
    if processes.first:
        write_config(out, config)
    parts = {f"fold-{number}": hold_out(table, folds, number) for number in range(config.ensemble.folds)}
    members: list[list[Path]] = []
    held_out: list[list[Path]] = []
    for kind in config.ensemble.members:
        runs = [(seed, "full", table) for seed in range(config.seed, config.seed + kind.seeds)]
        # One member per kind and fold: more of them would rank a little better and cost as much as
        # the members themselves.
        runs += [(config.seed, name, part) for name, part in parts.items()]
        trained = []
        for seed, name, part in runs:
            member = _member_config(config, kind, seed)
            own_heads = replace(part, space=part.space.with_heads(member.task.heads))
            outcome = _trained(member, out / MEMBERS / member.name / name, own_heads, processes)
            if not outcome.complete:
                return outcome
            trained.append(outcome.checkpoint.directory)
        members.append(trained[: kind.seeds])
        held_out.append(trained[kind.seeds :])

    def join() -> TrainingOutcome:
        records = open_dataset(config, table, build_preprocessor(config), choose_space(config.features))
        read = _Read.of(records, folds, members, held_out)
        return TrainingOutcome(_join(config, out, records, read, members), True)

    return processes.first_says(join)


def _member_config(config: ExperimentConfig, kind: MemberConfig, seed: int) -> ExperimentConfig:
    """One member as an experiment of its own."""
    features = config.features if kind.features else FeaturesConfig()
    heads = kind.heads or config.task.heads
    name = f"{kind.model.name}-{seed}" if kind.heads is None else f"{kind.model.name}-{'-'.join(heads)}-{seed}"
    update = {"name": name, "seed": seed, "model": kind.model, "features": features, "ensemble": EnsembleConfig()}
    return config.model_copy(update={**update, "task": config.task.model_copy(update={"heads": heads})})


def _trained(config: ExperimentConfig, run: Path, table: RecordTable, processes: Processes) -> TrainingOutcome:
    tqdm.write(f"{run}")
    checkpoint, resume = processes.first_says(lambda: (finished_checkpoint(run, config), has_state(run)))
    if checkpoint is not None:
        return TrainingOutcome(checkpoint, True)
    return train(config, run, resume=resume, table=table, processes=processes)


def _join(config: ExperimentConfig, out: Path, records: EcgDataset, read: _Read, members: Sequence[Sequence[Path]]) -> Checkpoint:
    table = records.table
    shares = choose_shares(read, records.targets, table.space)
    # Members of a kind divide its share equally.
    sizes = [len(own) for own in members]
    weights = np.repeat(shares.values / np.array(sizes)[:, None], sizes, axis=0)
    checkpoints = [load_checkpoint(path) for own in members for path in own]
    scores = {"out_of_fold_auroc": {"joined": shares.together, "alone": list(shares.alone)}}
    draft = describe_members(checkpoints, weights.tolist(), "out_of_fold", scores, mean_of="log_odds")
    draft |= {"levels": with_titles(table.space).to_json(), "config": config.to_manifest()}
    decisions = choose_decisions(read.predictions(shares.values, table), config.evaluation)
    tensors = joined_tensors([one.tensors() for one in checkpoints], torch.tensor(weights, dtype=torch.float32))
    return save_checkpoint(out / "checkpoint", {**draft, **decisions}, lambda path: save_tensors(path, tensors))


@dataclass(frozen=True, eq=False)
class _Read:
    """What each kind of member says of records it was not trained with."""

    rows: NDArray[np.int64]  # (n_records,) of the table: training records, then validation
    logits: list[NDArray[np.float32]]  # per record (n_kinds, n_windows, n_outputs), 0 where a kind does not answer
    n_train: int  # how many of the rows are training records
    answered: NDArray[np.bool_]  # (n_kinds, n_outputs) whether a kind answers an output

    @classmethod
    def of(
        cls, records: EcgDataset, folds: NDArray[np.int64], members: Sequence[Sequence[Path]], held_out: Sequence[Sequence[Path]]
    ) -> _Read:
        rows, logits = [], []
        columns = output_columns([load_checkpoint(own[0]) for own in members])
        groups = [(np.flatnonzero(folds == number), [[of[number]] for of in held_out]) for number in range(int(folds.max()) + 1)]
        n_train = sum(len(where) for where, _ in groups)
        for where, kinds in (*groups, (np.flatnonzero(records.table.splits == "val"), members)):
            rows.append(where)
            logits += list(_read(records, where, kinds, columns))
        answered = np.array([[output in own for output in range(records.table.space.n_outputs)] for own in columns])
        return cls(np.concatenate(rows), logits, n_train, answered)

    def mixed(self, shares: NDArray[np.float64], records: slice = slice(None)) -> Iterator[NDArray[np.float64]]:
        """Yield (n_windows, n_outputs) log-odds per record, of (n_kinds, n_outputs) shares."""
        for per_kind in self.logits[records]:
            yield np.einsum("ko,kwo->wo", shares, per_kind)

    def predictions(self, shares: NDArray[np.float64], table: RecordTable) -> dict[str, Predictions]:
        """Return by level what the mixture reads, before calibration."""
        chosen = table.select(self.rows)
        means = [level_means(table.space, logits) for logits in self.mixed(shares)]
        return {
            name: Predictions.of(chosen, name, np.concatenate([mean[name] for mean in means]), HELD_OUT)
            for name in table.space.answerable()
            if name in chosen.labels
        }


def _read(
    records: EcgDataset, where: NDArray[np.int64], kinds: Sequence[Sequence[Path]], columns: Sequence[Sequence[int]]
) -> Iterator[NDArray[np.float32]]:
    """Yield per record (n_kinds, n_windows, n_outputs) logits, averaged within kinds."""
    classifiers = [[EcgClassifier.load(path) for path in own] for own in kinds]
    for start in tqdm(range(0, len(where), CHUNK), "reading held-out records", unit="chunk", disable=None):
        batch = Batch.of([records.inputs(int(row)) for row in where[start : start + CHUNK]])
        answers = np.zeros((len(kinds), len(batch), records.table.space.n_outputs), dtype=np.float32)
        for own, answer, columns_of in zip(classifiers, answers, columns, strict=True):
            answer[:, columns_of] = np.mean([member.logits(batch) for member in own], axis=0)
        yield from np.split(answers, np.flatnonzero(np.diff(batch.record)) + 1, axis=1)


def choose_shares(read: _Read, targets: NDArray[np.float32], space: LabelSpace) -> Shares:
    """Choose the shares that rank each output best on training records, out of fold.

    A rare output has too few positives to choose by: its AUROC is averaged with that of all
    outputs, the more so the fewer it has.

    Parameters
    ----------
    targets
        (n_rows, n_outputs) labels of the whole table, NaN where not known.
    """
    y_true = targets[read.rows[: read.n_train]]
    n_kinds = read.logits[0].shape[0]
    tried = [np.array(shares) for shares in _simplex(n_kinds)]
    scores = np.array([_scores(read, shares, y_true) for shares in tried])
    n_positive = np.nansum(y_true, axis=0)
    enough = n_positive >= FEWEST_POSITIVES
    overall = np.nanmean(scores[:, enough], axis=1, keepdims=True)
    own = np.where(enough & np.isfinite(scores), scores, overall)
    # Shares of a kind that does not answer an output are no choice.
    unable = np.array([((shares[:, None] > 0) & ~read.answered).any(axis=0) for shares in tried])
    joined = np.where(unable, -np.inf, (n_positive * own + TYPICAL_POSITIVES * overall) / (n_positive + TYPICAL_POSITIVES))
    best = joined.argmax(axis=0)
    together = float(np.nanmean(own[best, np.arange(space.n_outputs)][enough]))
    corners = [next(n for n, shares in enumerate(tried) if shares[kind] == 1) for kind in range(n_kinds)]
    alone = tuple(float(np.nanmean(scores[n, enough & can])) for n, can in zip(corners, read.answered, strict=True))
    return Shares(np.stack([tried[n] for n in best], axis=1), together, alone)


def _scores(read: _Read, shares: NDArray[np.float64], y_true: NDArray[np.float32]) -> NDArray[np.float64]:
    """AUROC of every output over the training records whose label is known, (n_outputs,)."""
    each = np.repeat(shares[:, None], y_true.shape[1], axis=1)
    y_prob = np.stack([sigmoid(logits).mean(axis=0) for logits in read.mixed(each, slice(0, read.n_train))])
    known = ~np.isnan(y_true)
    columns = zip(known.T, y_true.T, y_prob.T, strict=True)
    return np.array([class_values("macro_auroc", true[of, None], prob[of, None])[0] for of, true, prob in columns])


def _simplex(n_kinds: int) -> Iterator[tuple[float, ...]]:
    """Yield all shares in steps of ``1 / STEPS`` that sum to 1."""
    for counts in product(range(STEPS + 1), repeat=n_kinds - 1):
        if sum(counts) <= STEPS:
            yield tuple(count / STEPS for count in (*counts, STEPS - sum(counts)))
