"""Evaluate a checkpoint: predictions of a split, their report, whole readings, stress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig
from heart_reader.data.labels import ALL, SUPERDIAGNOSTIC
from heart_reader.data.record_table import RecordTable
from heart_reader.data.sources.synthetic import SIMULATED
from heart_reader.decisions.calibration import ece_by_chance
from heart_reader.evaluation.bootstrap import paired_bootstrap
from heart_reader.evaluation.report.report import Comparison, EvaluationReport, build_report
from heart_reader.evaluation.report.write import write_report
from heart_reader.evaluation.request import checkpoint_config, read_split
from heart_reader.evaluation.statements import Statements, measure_statements
from heart_reader.evaluation.stress.page import remove_other_stress, write_stress
from heart_reader.evaluation.stress.stress import run_stress
from heart_reader.evaluation.subgroups import MACRO, SubgroupRow, measure_subgroups
from heart_reader.evaluation.whole.consistency import Consistency, commonest_statements, measure_consistency
from heart_reader.evaluation.whole.readings import read_whole
from heart_reader.features.build import open_dataset
from heart_reader.folders import run_folder
from heart_reader.metrics import METRICS
from heart_reader.predictions import Predictions

__all__ = ["evaluate", "predict_split"]

PTBXL_TEST_FOLD = 2158
# Of a level with more classes the commonest statements alone are measured in groups of people.
MAX_CLASSES = 12
# Sinus rhythm says nothing beside the others.
SINUS = "SR"
OPTIMISTIC = "Thresholds and uncertain zones were chosen on this split: what its whole readings contradict or call normal is optimistic."


def evaluate(
    directory: Path,
    out: Path,
    *,
    split: str,
    level: str | None = None,
    against: Path | None = None,
    overrides: Sequence[str] = (),
    stress: bool = False,
    readings: bool = True,
    table: RecordTable | None = None,
) -> EvaluationReport:
    """Read one split with a checkpoint and write the report.

    Parameters
    ----------
    directory
        A checkpoint of either runtime.
    out
        Folder of the report.
    split
        ``val`` or ``test``.
    level
        A level that the checkpoint answers; None means its level of interest.
    against
        Another checkpoint, compared on the same records by a paired bootstrap.
    overrides
        Values for ``data``, ``evaluation`` and ``seed``, such as
        ``["evaluation.draws=100"]``.
    stress
        Whether to read the records under stress too and write that table and figure beside the
        report.
    readings
        Whether to read every record as a person would be shown it, to count contradictions and
        decided statements; some 40 milliseconds each.
    table
        What :func:`heart_reader.evaluation.request.read_split` gives for the same, where it is read
        already.

    Raises
    ------
    CheckpointError
        If a checkpoint cannot be used or does not answer the level.
    ConfigError
        If an override would change what made the weights.
    DataError
        If the records cannot be used.
    """
    with run_folder(out, wait=True):  # before minutes of work for a place that cannot be written
        pass
    classifier = EcgClassifier.load(directory)
    config = checkpoint_config(classifier.checkpoint, overrides)
    level = level or classifier.level
    if table is None:
        table = read_split(classifier.checkpoint, config, split=split, level=level)
    answers_statements = ALL in classifier.space.answerable() and ALL in table.labels
    levels = tuple(dict.fromkeys((level, *((ALL,) if answers_statements else ()))))
    by_level = classifier.predict_levels(open_dataset(config, table, classifier.preprocessor, classifier.features), levels)
    predictions = by_level[level]
    decisions = classifier.decisions[level]
    settings: dict[str, Any] = {"draws": config.evaluation.draws, "confidence": config.evaluation.confidence, "seed": config.seed}
    comparison = None
    if against is not None:
        other = EcgClassifier.load(against)
        comparison = _compare(classifier, predictions, other, _predict(other, table, config, level), settings)
    mean, low, high = ece_by_chance(predictions.y_prob, config.seed)
    caveats = (
        *_describe_data(table, split, predictions),
        f"A perfectly calibrated model would have a macro ECE of {mean:.3f} [{low:.3f}, {high:.3f}] on as many records, by chance alone.",
    )
    config_name = str(classifier.checkpoint.manifest["config"]["name"])
    report = build_report(
        predictions,
        decisions.thresholds,
        decisions.calibration,
        decisions.uncertainty,
        label_rule=table.label_rule,
        config_name=config_name,
        checkpoint_sha256=classifier.checkpoint.sha256,
        caveats=caveats,
        comparison=comparison,
        **settings,
    )
    further = _Further(report, classifier, table, by_level, settings)
    subgroups = further.subgroups()
    consistency = further.consistency() if readings else None
    chosen_here = any(thresholds.split == split for thresholds in classifier.thresholds.values())
    report = replace(
        report,
        statements=further.statements(),
        consistency=consistency,
        subgroups=tuple(row for row in subgroups if row.name == MACRO),
        caveats=(*report.caveats, OPTIMISTIC) if consistency is not None and chosen_here else report.caveats,
    )
    with run_folder(out, wait=True):
        write_report(report, predictions, out, subgroups)
        remove_other_stress(out, checkpoint_sha256=report.checkpoint_sha256, split=split, level=level)
    if stress:
        write_stress(run_stress(classifier, table, level, config_name=config_name, caveats=caveats, progress=True, **settings), out)
    return report


def predict_split(classifier: EcgClassifier, config: ExperimentConfig, split: str) -> tuple[Predictions, tuple[str, ...]]:
    """Read a split at the checkpoint's level of interest.

    Returns
    -------
    tuple
        The predictions, and what should stand beside figures made from them.

    Raises
    ------
    DataError
        If the records cannot be used.
    """
    table = read_split(classifier.checkpoint, config, split=split, level=classifier.level)
    predictions = _predict(classifier, table, config, classifier.level)
    return predictions, _describe_data(table, split, predictions)


def _predict(classifier: EcgClassifier, table: RecordTable, config: ExperimentConfig, level: str) -> Predictions:
    return classifier.predict_many(open_dataset(config, table, classifier.preprocessor, classifier.features), level)


def _compare(
    first: EcgClassifier, predictions: Predictions, second: EcgClassifier, others: Predictions, settings: Mapping[str, Any]
) -> Comparison:
    level = predictions.level
    # On the split that chose the thresholds only threshold-free metrics are compared.
    thresholds = [model.decisions[level].thresholds if predictions.split != "val" else None for model in (first, second)]
    return Comparison(second.checkpoint.sha256, paired_bootstrap(predictions, others, *thresholds, **settings))


def _describe_data(table: RecordTable, split: str, predictions: Predictions) -> tuple[str, ...]:
    """Source of the records, who is left out, and what their figures compare with."""
    caveats = [f"Data: {table.source}."]
    caveats += [f"{count} records left out: {reason}." for reason, count in table.left_out.items()]
    n_unknown = len(table) - len(predictions)
    if n_unknown:
        caveats.append(
            f"{n_unknown} of {len(table)} records are left out because their truth at level {predictions.level} is not fully known. They "
            "are no random part: of records listed with their superclasses alone, normal ones are known in full more often."
        )
    if SIMULATED in table.source:
        caveats.append("Simulated ECGs: no figure here says anything about real ones.")
    elif split == "test" and "PTB-XL" in table.source and predictions.level != SUPERDIAGNOSTIC:
        caveats.append(f"Comparable with published figures only if the {len(predictions)} records are all of the official test fold's.")
    elif split == "test" and "PTB-XL" in table.source and len(predictions) != PTBXL_TEST_FOLD:
        caveats.append(
            f"{len(predictions)} records are not the whole official test fold of PTB-XL ({PTBXL_TEST_FOLD} labelled records): "
            "these figures are not comparable with published ones."
        )
    return tuple(caveats)


@dataclass(frozen=True)
class _Further:
    """What a report says beyond one level: statements, whole readings, groups of people."""

    report: EvaluationReport
    classifier: EcgClassifier
    table: RecordTable
    predictions: Mapping[str, Predictions]
    settings: Mapping[str, Any]

    def statements(self) -> Statements:
        """How single statements are ranked."""
        predictions = self.predictions.get(ALL)
        if predictions is None:
            return Statements(reason="the model answers no statements, or the data know none")
        if len(predictions) == 0:
            return Statements(reason="the statements of no record are fully known")
        return measure_statements(predictions, self.classifier.space, **self.settings)

    def consistency(self) -> Consistency:
        """What every record's file comes to as a person would be shown it."""
        thresholds = self.classifier.thresholds
        splits = {thresholds[name].split for name in (ALL, SUPERDIAGNOSTIC) if name in thresholds}
        reason = None if splits else "the model has no thresholds"
        if self.report.split in splits:
            reason = "the thresholds were chosen on this split"
        readings = read_whole(self.classifier, self.table, progress=True)
        return measure_consistency(readings, self.table, decided_reason=reason, **self.settings)

    def subgroups(self) -> tuple[SubgroupRow, ...]:
        """Every class in every group of people."""
        parts = {name: of for name, of in self.predictions.items() if len(of.class_names) <= MAX_CLASSES}
        thresholds = dict(self.classifier.thresholds)
        of_all = self.predictions.get(ALL)
        if of_all is not None and len(of_all) and (names := commonest_statements(self.table, MAX_CLASSES, without=(SINUS,))):
            kept: NDArray[np.bool_] = np.isin(of_all.class_names, names)
            classes = tuple(np.array(of_all.class_names)[kept].tolist())
            parts[ALL] = replace(of_all, class_names=classes, y_true=of_all.y_true[:, kept], y_prob=of_all.y_prob[:, kept])
            if ALL in thresholds:
                values = tuple(value for value, keep in zip(thresholds[ALL].values, kept, strict=True) if keep)
                thresholds[ALL] = replace(thresholds[ALL], values=values)
        without = [metric.class_name for name, metric in METRICS.items() if name in self.report.reasons and metric.class_name is not None]
        return measure_subgroups(tuple(parts.values()), thresholds, self.table, without=without, **self.settings)
