"""What a report says beyond one level: statements, whole readings, groups of people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from heart_reader.classifier import EcgClassifier
from heart_reader.data.labels import ALL, SUPERDIAGNOSTIC
from heart_reader.data.record_table import RecordTable
from heart_reader.evaluation.report.report import EvaluationReport
from heart_reader.evaluation.statements import Statements, measure_statements
from heart_reader.evaluation.subgroups import MACRO, SubgroupRow, measure_subgroups
from heart_reader.evaluation.whole.consistency import Consistency, measure_consistency
from heart_reader.evaluation.whole.decided_statements import commonest_statements
from heart_reader.evaluation.whole.readings import read_split
from heart_reader.metrics.metrics import METRICS
from heart_reader.predictions import Predictions

__all__ = ["Whole", "answers_statements", "complete_report"]

# Of a level with more classes than these the commonest statements alone are measured in groups of
# people.
MAX_CLASSES = 12
# Sinus rhythm says nothing beside the others.
SINUS = "SR"
OPTIMISTIC = "Thresholds and uncertain zones were chosen on this split: what its whole readings contradict or call normal is optimistic."


@dataclass(frozen=True)
class Whole:
    """A completed report and what goes to files of its own.

    Parameters
    ----------
    report
        With statements, groups of people and, if asked for, whole readings.
    subgroups
        Every class in every group.
    """

    report: EvaluationReport
    subgroups: tuple[SubgroupRow, ...]


def answers_statements(classifier: EcgClassifier, table: RecordTable) -> bool:
    """Return whether statements are both read and known."""
    return ALL in classifier.space.answerable() and ALL in table.labels


def complete_report(
    report: EvaluationReport,
    classifier: EcgClassifier,
    table: RecordTable,
    predictions: Mapping[str, Predictions],
    *,
    readings: bool,
) -> Whole:
    """Add what one level does not tell.

    Parameters
    ----------
    report
        Of the level of interest; its bootstrap settings are used.
    classifier
        What is evaluated.
    table
        The records.
    predictions
        By level: of the report's, and of ``all`` where :func:`answers_statements`.
    readings
        Whether to read every record's file as a person would be shown it; some 40 milliseconds
        each.
    """
    settings: dict[str, Any] = {"draws": report.draws, "confidence": report.confidence, "seed": report.seed}
    subgroups = _subgroups(report, classifier, table, predictions, settings)
    consistency = _consistency(report, classifier, table, settings) if readings else None
    chosen_here = any(of.split == report.split for of in classifier.thresholds.values())
    report = replace(
        report,
        statements=_statements(classifier, predictions.get(ALL), settings),
        consistency=consistency,
        subgroups=tuple(row for row in subgroups if row.name == MACRO),
        caveats=(*report.caveats, OPTIMISTIC) if consistency is not None and chosen_here else report.caveats,
    )
    return Whole(report, subgroups)


def _statements(classifier: EcgClassifier, predictions: Predictions | None, settings: Mapping[str, Any]) -> Statements:
    if predictions is None:
        return Statements(reason="the reader answers no statements, or the data know none")
    if len(predictions) == 0:
        return Statements(reason="the statements of no record are fully known")
    return measure_statements(predictions, classifier.space, **settings)


def _consistency(report: EvaluationReport, classifier: EcgClassifier, table: RecordTable, settings: Mapping[str, Any]) -> Consistency:
    splits = {classifier.thresholds[name].split for name in (ALL, SUPERDIAGNOSTIC) if name in classifier.thresholds}
    reason = None if splits else "the reader has no thresholds"
    if report.split in splits:
        reason = "the thresholds were chosen on this split"
    return measure_consistency(read_split(classifier, table, progress=True), table, decided_reason=reason, **settings)


def _subgroups(
    report: EvaluationReport,
    classifier: EcgClassifier,
    table: RecordTable,
    predictions: Mapping[str, Predictions],
    settings: Mapping[str, Any],
) -> tuple[SubgroupRow, ...]:
    parts = {name: of for name, of in predictions.items() if len(of.class_names) <= MAX_CLASSES}
    thresholds = dict(classifier.thresholds)
    if ALL in predictions and len(predictions[ALL]) and (names := commonest_statements(table, MAX_CLASSES, without=(SINUS,))):
        kept = np.array([name in names for name in predictions[ALL].class_names])
        parts[ALL] = _classes(predictions[ALL], kept)
        if ALL in thresholds:
            values = tuple(value for value, keep in zip(thresholds[ALL].values, kept, strict=True) if keep)
            thresholds[ALL] = replace(thresholds[ALL], values=values)
    without = [metric.class_name for name, metric in METRICS.items() if name in report.reasons and metric.class_name is not None]
    return measure_subgroups(tuple(parts.values()), thresholds, table, without=without, **settings)


def _classes(predictions: Predictions, kept: np.ndarray) -> Predictions:
    """Some of the classes."""
    names = tuple(np.array(predictions.class_names)[kept].tolist())
    return replace(predictions, class_names=names, y_true=predictions.y_true[:, kept], y_prob=predictions.y_prob[:, kept])
