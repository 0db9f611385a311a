"""Metrics for women and men, by age, device and site: who is served worse than others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.record_table import RecordTable
from heart_reader.decisions.decision import Thresholds
from heart_reader.evaluation.bootstrap import Difference, Estimate, difference_of, draw_weights, estimate_of
from heart_reader.metrics import METRICS, Sample, WeightedSample, macro_mean
from heart_reader.metrics.registry import Metric
from heart_reader.predictions import Predictions

__all__ = ["EVERYBODY", "MACRO", "MIN_CASES", "SUBGROUP_METRICS", "SubgroupRow", "group_records", "measure_subgroups", "subgroup_csv_rows"]

# Metrics are stated of a class with at least so many positives and negatives in a group.
MIN_CASES = 10
# Devices and sites with fewer records stand together.
MIN_RECORDS = 20
AGE_GROUPS = {"under 40": (0, 40), "40 to 59": (40, 60), "60 to 79": (60, 80), "80 and over": (80, np.inf)}
SEXES = {"female": "women", "male": "men"}
EVERYBODY = "everybody"
OTHERS = "others"
MACRO = "mean over classes"
AUROC = "auroc"
SUBGROUP_METRICS = ("auroc", "auprc", "sensitivity", "specificity", "ppv", "f1", "ece", "brier")

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SubgroupRow:
    """One class, or the mean over classes, in one group of records.

    Parameters
    ----------
    grouping, group
        Such as ``"sex"`` and ``"women"``.
    level, name
        Level and name of the class; :data:`MACRO` for the mean over the classes with enough
        cases in the group.
    n_records, n_positive
        Counts of the group; ``n_positive`` is None for the mean.
    metrics
        Per-class name to estimate; without those that need decisions or probabilities that were
        chosen on this split.
    difference
        AUROC of the group minus that of the other records of the grouping; None for everybody, and
        where it is not defined.
    reason
        Why nothing is stated; None where it is.
    """

    grouping: str
    group: str
    level: str
    name: str
    n_records: int
    n_positive: int | None
    metrics: Mapping[str, Estimate]
    difference: Difference | None = None
    reason: str | None = None


def group_records(table: RecordTable) -> dict[str, dict[str, Mask]]:
    """Return grouping to group to which records belong to it, (n_records,).

    Records of unknown group belong to none; groupings of a single group are left out.
    """
    groupings: dict[str, dict[str, Mask]] = {}
    if table.sexes is not None:
        groupings["sex"] = {title: table.sexes == sex for sex, title in SEXES.items()}
    if table.ages is not None:
        groupings["age"] = {title: (table.ages >= low) & (table.ages < high) for title, (low, high) in AGE_GROUPS.items()}
    for name, values in table.groups.items():
        counts = Counter(value for value in values.tolist() if value)
        large = [value for value, count in sorted(counts.items(), key=lambda pair: -pair[1]) if count >= MIN_RECORDS]
        groupings[name] = {value: values == value for value in large}
        groupings[name][OTHERS] = (values != "") & ~np.isin(values, large)
    present = {name: {title: mask for title, mask in groups.items() if mask.any()} for name, groups in groupings.items()}
    return {name: groups for name, groups in present.items() if len(groups) > 1}


def measure_subgroups(
    predictions: Sequence[Predictions],
    thresholds: Mapping[str, Thresholds],
    table: RecordTable,
    *,
    without: Sequence[str] = (),
    draws: int,
    confidence: float,
    seed: int,
) -> tuple[SubgroupRow, ...]:
    """Measure classes in every group of records, everybody first.

    The same patients are drawn for all groups of a level.

    Parameters
    ----------
    predictions
        Per level; a level may bring some of its classes only.
    thresholds
        By level. A metric that needs them is left out where they are missing or were chosen on this
        split.
    table
        Sex, age and further columns of (at least) these records.
    without
        Names of metrics that may not be stated on this split.
    draws, confidence, seed
        As in :func:`heart_reader.evaluation.bootstrap.bootstrap`.
    """
    groupings = group_records(table)
    row_of = {name: row for row, name in enumerate(table.record_ids.tolist())}
    rows: list[SubgroupRow] = []
    for of_level in predictions:
        level_thresholds = thresholds.get(of_level.level)
        if level_thresholds is not None and level_thresholds.split == of_level.split:
            level_thresholds = None
        here = np.array([row_of[name] for name in of_level.record_ids.tolist()], dtype=np.intp)
        measured = _Level(of_level, level_thresholds, without, confidence)
        measured.add("", EVERYBODY, np.ones(len(of_level), dtype=bool), None)
        for grouping, groups in groupings.items():
            anybody = np.any(list(groups.values()), axis=0)[here]
            for title, mask in groups.items():
                measured.add(grouping, title, mask[here], anybody & ~mask[here])
        for weights in draw_weights(of_level.patient_ids, draws, seed):
            measured.draw(weights)
        rows += measured.rows()
    return tuple(rows)


def subgroup_csv_rows(rows: Sequence[SubgroupRow]) -> list[dict[str, object]]:
    """Return one flat row per class and group, None where not stated."""
    flat = []
    for row in rows:
        values: dict[str, object] = {"grouping": row.grouping, "group": row.group, "level": row.level, "class": row.name}
        values |= {"n_records": row.n_records, "n_positive": row.n_positive, "reason": row.reason}
        for name in SUBGROUP_METRICS:
            estimate = row.metrics.get(name, Estimate(None, None, None))
            values |= {name: estimate.point, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        gap = row.difference or Difference(None, None, None, None, None, None)
        values |= {"auroc_difference": gap.difference, "auroc_difference_low": gap.low, "auroc_difference_high": gap.high}
        flat.append(values)
    return flat


class _Drawn:
    """Some classes on some records, under one block of draws after the other."""

    def __init__(self, predictions: Predictions, limits: Array | None, mask: Mask, columns: Mask, metrics: Mapping[str, Metric]) -> None:
        self._mask = mask
        self._metrics = metrics
        self._blocks: dict[str, list[Array]] = {name: [] for name in metrics}
        self._sample: Sample | None = None
        self.point: dict[str, Array] = {name: np.empty(0) for name in metrics}
        if columns.any() and mask.any():
            self._sample = Sample(
                predictions.y_true[mask][:, columns], predictions.y_prob[mask][:, columns], None if limits is None else limits[columns]
            )
            once = WeightedSample(self._sample)
            self.point = {name: metric.compute(once)[:, 0] for name, metric in metrics.items()}

    def draw(self, weights: Array) -> None:
        """Measure a block of draws, (n_records, n_draws) of the whole level."""
        if self._sample is not None:
            weighted = WeightedSample(self._sample, weights[self._mask])
            for name, blocks in self._blocks.items():
                blocks.append(self._metrics[name].compute(weighted))

    def values(self) -> dict[str, Array]:
        """Per-class name to (n_classes, n_draws)."""
        return {name: np.concatenate(blocks, axis=1) if blocks else np.empty((0, 0)) for name, blocks in self._blocks.items()}


@dataclass(frozen=True)
class _Group:
    """One group of records, and the others of its grouping where it is compared with them."""

    grouping: str
    title: str
    n_records: int
    positives: NDArray[np.int64]
    enough: Mask
    own: _Drawn
    others: _Drawn | None


class _Level:
    """The records of one level, group by group."""

    def __init__(self, predictions: Predictions, thresholds: Thresholds | None, without: Sequence[str], confidence: float) -> None:
        self._predictions = predictions
        self._limits = None if thresholds is None else thresholds.as_array()
        named = {metric.class_name: metric for metric in METRICS.values()}
        decided = thresholds is not None
        self._metrics = {
            name: named[name] for name in SUBGROUP_METRICS if name not in without and (decided or not named[name].needs_thresholds)
        }
        self._confidence = confidence
        self._groups: list[_Group] = []

    def add(self, grouping: str, title: str, mask: Mask, rest: Mask | None) -> None:
        """Measure a group too, against the rest."""
        ours, n_records = self._predictions, int(mask.sum())
        positives = ours.y_true[mask].sum(axis=0).astype(int)
        enough = (positives >= MIN_CASES) & (n_records - positives >= MIN_CASES)
        own = _Drawn(ours, self._limits, mask, enough, self._metrics)
        others = None if rest is None or not enough.any() else _Drawn(ours, self._limits, rest, enough, {AUROC: self._metrics[AUROC]})
        self._groups.append(_Group(grouping, title, n_records, positives, enough, own, others))

    def draw(self, weights: Array) -> None:
        """Measure a block of draws in every group, so that no more than a block is held."""
        for group in self._groups:
            group.own.draw(weights)
            if group.others is not None:
                group.others.draw(weights)

    def rows(self) -> Iterator[SubgroupRow]:
        """Yield of every group the mean over classes, then every class."""
        for group in self._groups:
            yield from self._rows(group)

    def _rows(self, group: _Group) -> Iterator[SubgroupRow]:
        level, class_names = self._predictions.level, self._predictions.class_names
        point, drawn = group.own.point, group.own.values()
        difference, differences = self._differences(point, drawn, group.others)
        left_out = tuple(np.array(class_names)[~group.enough].tolist())
        reason = None if group.enough.any() else "no class has enough cases"
        about = (group.grouping, group.title, level)
        yield SubgroupRow(*about, MACRO, group.n_records, None, self._macro(point, drawn, left_out), difference, reason)
        place = {int(column): position for position, column in enumerate(np.flatnonzero(group.enough))}
        for column, name in enumerate(class_names):
            n_positive = int(group.positives[column])
            if column not in place:
                reason = f"{n_positive} with it, {group.n_records - n_positive} without: at least {MIN_CASES} of each are needed"
                yield SubgroupRow(*about, name, group.n_records, n_positive, {}, None, reason)
                continue
            at = place[column]
            metrics = {metric: estimate_of(values[at], drawn[metric][at], self._confidence) for metric, values in point.items()}
            yield SubgroupRow(*about, name, group.n_records, n_positive, metrics, differences.get(at))

    def _differences(
        self, point: dict[str, Array], drawn: dict[str, Array], others: _Drawn | None
    ) -> tuple[Difference | None, dict[int, Difference]]:
        """AUROC against the other records: of the mean, and by place among the chosen classes."""
        if others is None:
            return None, {}
        ours, theirs, other_drawn = point[AUROC], others.point[AUROC], others.values()
        if len(theirs) == 0 or np.isnan(theirs).any():
            return None, {}
        gaps = drawn[AUROC] - other_drawn[AUROC]
        of_class = {at: difference_of(*pair, self._confidence) for at, pair in enumerate(zip(ours, theirs, gaps, strict=True))}
        return difference_of(float(ours.mean()), float(theirs.mean()), macro_mean(gaps), self._confidence), of_class

    def _macro(self, point: dict[str, Array], drawn: dict[str, Array], left_out: tuple[str, ...]) -> dict[str, Estimate]:
        return {
            name: replace(estimate_of(float(macro_mean(values[:, None])[0]), macro_mean(drawn[name]), self._confidence), undefined=left_out)
            for name, values in point.items()
            if len(values)
        }
