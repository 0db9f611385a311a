"""The recipe behind ``heart-reader evaluate``: checkpoint, classifier, predictions of a split, report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig
from heart_reader.data.build import SIMULATED
from heart_reader.data.labels import ALL, SUPERDIAGNOSTIC
from heart_reader.data.record_table import RecordTable
from heart_reader.decisions.calibration import ece_by_chance
from heart_reader.evaluation.bootstrap import paired_bootstrap
from heart_reader.evaluation.report.report import Comparison, EvaluationReport, build_report, write_report
from heart_reader.evaluation.request import checkpoint_config, read_split
from heart_reader.evaluation.stress.stress import run_stress
from heart_reader.evaluation.stress.tables import remove_other_stress, write_stress
from heart_reader.evaluation.whole.whole import answers_statements, complete_report
from heart_reader.features.build import open_dataset
from heart_reader.folders import run_folder
from heart_reader.predictions import Predictions

__all__ = ["evaluate", "predict_split"]

PTBXL_TEST_FOLD = 2158


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
        Of the sections ``data`` and ``evaluation`` and of ``seed``, such as
        ``["evaluation.draws=100"]``.
    stress
        Whether to read the records under stress too and write that table and figure beside the
        report.
    readings
        Whether to read every record as a person would be shown it, to count contradictions and
        decided statements.
    table
        What :func:`read_split` gives for the same, where it is read already.

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
    levels = tuple(dict.fromkeys((level, *((ALL,) if answers_statements(classifier, table) else ()))))
    by_level = classifier.predict_levels(open_dataset(config, table, classifier.preprocessor, classifier.features), levels)
    predictions = by_level[level]
    manifest = classifier.checkpoint.manifest
    comparison = None
    if against is not None:
        other = EcgClassifier.load(against)
        comparison = _compare(classifier, predictions, other, _predict(other, table, config, level), config)
    caveats = (*_describe_data(table, split, predictions), _describe_chance(predictions, config.seed))
    report = build_report(
        predictions,
        classifier.thresholds.get(level),
        classifier.calibration.get(level),
        classifier.uncertainty.get(level),
        label_rule=table.label_rule,
        config_name=str(manifest["config"]["name"]),
        checkpoint_sha256=classifier.checkpoint.sha256,
        draws=config.evaluation.draws,
        confidence=config.evaluation.confidence,
        seed=config.seed,
        caveats=caveats,
        comparison=comparison,
    )
    whole = complete_report(report, classifier, table, by_level, readings=readings)
    report = whole.report
    with run_folder(out, wait=True):
        write_report(report, predictions, out, whole.subgroups)
        remove_other_stress(out, checkpoint_sha256=report.checkpoint_sha256, split=split, level=level)
    if stress:
        _stress(classifier, table, report, caveats, out)
    return report


def _stress(classifier: EcgClassifier, table: RecordTable, report: EvaluationReport, caveats: tuple[str, ...], out: Path) -> None:
    stressed = run_stress(
        classifier,
        table,
        report.level,
        config_name=report.config_name,
        draws=report.draws,
        confidence=report.confidence,
        seed=report.seed,
        caveats=caveats,
        progress=True,
    )
    write_stress(stressed, out)


def predict_split(classifier: EcgClassifier, config: ExperimentConfig, split: str) -> tuple[Predictions, tuple[str, ...]]:
    """Read a split at the checkpoint's level of interest; return the predictions and what should
    stand beside figures made from them.

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
    first: EcgClassifier, predictions: Predictions, second: EcgClassifier, others: Predictions, config: ExperimentConfig
) -> Comparison:
    level = predictions.level
    # On the split that chose the thresholds only threshold-free metrics are compared.
    thresholds = [model.thresholds.get(level) if predictions.split != "val" else None for model in (first, second)]
    differences = paired_bootstrap(
        predictions,
        others,
        thresholds[0],
        thresholds[1],
        draws=config.evaluation.draws,
        confidence=config.evaluation.confidence,
        seed=config.seed,
    )
    return Comparison(second.checkpoint.sha256, differences)


def _describe_chance(predictions: Predictions, seed: int) -> str:
    mean, low, high = ece_by_chance(predictions.y_prob, seed)
    return (
        f"A perfectly calibrated reader would have a macro ECE of {mean:.3f} [{low:.3f}, {high:.3f}] on as many records, by chance alone."
    )


def _describe_data(table: RecordTable, split: str, predictions: Predictions) -> tuple[str, ...]:
    """Return what should stand beside figures of these records: their source, who is left out, what
    they compare with.
    """
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
