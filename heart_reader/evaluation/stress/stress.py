"""The stress test: every record read again with leads missing, noise, another gain or rate.

Records are changed before they are prepared, so each reading is what a user with such a recording
would get. Calibration and thresholds stay as validation chose them. Intervals and
differences rest on the same bootstrap draws under every condition.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from heart_reader.classifier import EcgClassifier
from heart_reader.data.batch import Inputs
from heart_reader.data.one_record import one_record
from heart_reader.data.record_table import RecordTable
from heart_reader.data.row_reader import RowReader
from heart_reader.diagnosis import Quality
from heart_reader.errors import LeadError
from heart_reader.evaluation.bootstrap import Difference, Estimate, difference_of, draw_metrics, estimate_of
from heart_reader.evaluation.stress.conditions import CLEAN, ONE_MISSING, SNRS_DB, Condition, stress_conditions
from heart_reader.evaluation.stress.perturbations import signal_power
from heart_reader.metrics import macro_mean
from heart_reader.predictions import Predictions

__all__ = ["AUROC", "MEAN_MISSING", "NOISE_SEED", "StressReport", "StressRow", "run_stress"]

# Not the seed of a training: every checkpoint meets the same noise and the same flat leads.
NOISE_SEED = 1984
AUROC = "macro_auroc"
MEAN_MISSING = "without-one-mean"
# What the fixed thresholds decide, measured where they were not chosen.
DECIDED = ("macro_sensitivity", "macro_specificity", "macro_f1")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class StressRow:
    """What is reached under one condition.

    Parameters
    ----------
    name, group, title
        What the condition is called.
    usable
        Share of records with enough usable leads for the classifier to decide.
    metrics
        Headline name to estimate: macro-AUROC and, where the thresholds come from another split,
        what they decide.
    differences
        Headline name to this condition minus the clean reading.
    classes, class_differences
        n_classes AUROCs, and differences of them from the clean reading.
    """

    name: str
    group: str
    title: str
    usable: float
    metrics: Mapping[str, Estimate]
    differences: Mapping[str, Difference]
    classes: tuple[Estimate, ...]
    class_differences: tuple[Difference, ...]


@dataclass(frozen=True)
class StressReport:
    """A classifier under every condition.

    Parameters
    ----------
    level, split, label_rule, config_name, checkpoint_sha256
        What was measured on what.
    class_names
        n_classes names.
    n_records
        Records read under each condition.
    draws, confidence, seed, noise_seed
        Settings of the bootstrap, and the seed of everything random in the conditions.
    noise_mv
        Ratio in dB to the noise, in mV root mean square over the leads, that it meant for the
        median record.
    rows
        The clean reading first.
    left_out
        Name of a condition to why it could not be applied.
    caveats
        Sentences that belong beside the numbers.
    """

    level: str
    split: str
    label_rule: str
    config_name: str
    checkpoint_sha256: str
    class_names: tuple[str, ...]
    n_records: int
    draws: int
    confidence: float
    seed: int
    noise_seed: int
    noise_mv: Mapping[str, float]
    rows: tuple[StressRow, ...]
    left_out: Mapping[str, str]
    caveats: tuple[str, ...]

    @property
    def summary(self) -> tuple[StressRow, ...]:
        """The rows to show: all, but of the single missing leads only their mean and the worst."""
        singles = [row for row in self.rows if row.group == ONE_MISSING and row.name != MEAN_MISSING]
        if not singles:
            return self.rows
        worst = min(singles, key=lambda row: np.inf if (point := row.metrics[AUROC].point) is None else point)
        others = [row for row in self.rows if row not in singles]
        place = [row.name for row in others].index(MEAN_MISSING) + 1
        return (*others[:place], replace(worst, title=f"worst: {worst.title}"), *others[place:])


def run_stress(
    classifier: EcgClassifier,
    table: RecordTable,
    level: str,
    *,
    config_name: str,
    draws: int,
    confidence: float,
    seed: int,
    caveats: Sequence[str] = (),
    conditions: Sequence[Condition] | None = None,
    noise_seed: int = NOISE_SEED,
    progress: bool = False,
) -> StressReport:
    """Read the records of one split under every condition and compare with the clean reading.

    Parameters
    ----------
    classifier
        The model, with its own calibration and thresholds.
    table
        Records of one split; those whose truth at the level is not fully known are left out.
    level
        A level that the checkpoint answers and the table labels.
    config_name, caveats
        Words for the report.
    draws, confidence, seed
        Settings of the bootstrap, as in the evaluation report, whose clean figures come out again.
    conditions
        The clean reading first; None means all.
    noise_seed
        Noise and flat leads are a function of this seed, the kind of noise and the record.
    progress
        Whether to draw a progress bar on a terminal.

    Raises
    ------
    RecordError
        If a record cannot be read at all; a condition that cannot be applied to it is left out with
        the reason.
    DataError
        If there are no records.
    """
    table = table.select(np.flatnonzero(~np.isnan(table.y_true(level)).any(axis=1)))
    conditions = stress_conditions(classifier.preprocessor.leads) if conditions is None else tuple(conditions)
    readings = _Readings(classifier, table, level, conditions, noise_seed)
    readings.read(progress)
    thresholds = classifier.decisions[level].thresholds
    fair = thresholds is not None and thresholds.split not in table.splits
    names = (AUROC, *DECIDED) if fair else (AUROC,)
    class_names = classifier.space.levels[level].class_names
    values = []
    for number, condition in enumerate(conditions):
        if condition.name not in readings.left_out:
            predictions = readings.predictions(number)
            drawn = draw_metrics(predictions, thresholds if fair else None, names, draws=draws, seed=seed)
            values.append(_Values(condition, float(readings.usable[number].mean()), *drawn))
    noise_mv = {f"{snr_db:g}": float(np.sqrt(np.median(readings.power) / 10 ** (snr_db / 10))) for snr_db in SNRS_DB}
    return StressReport(
        level=level,
        split="+".join(sorted(set(table.splits.tolist()))),
        label_rule=table.label_rule,
        config_name=config_name,
        checkpoint_sha256=classifier.checkpoint.sha256,
        class_names=class_names,
        n_records=len(table),
        draws=draws,
        confidence=confidence,
        seed=seed,
        noise_seed=noise_seed,
        noise_mv=noise_mv,
        rows=tuple(value.row(values[0], class_names, confidence) for value in _with_mean(values)),
        left_out=readings.left_out,
        caveats=tuple(caveats),
    )


class _Readings:
    """Probabilities of every record under every condition; one record is in memory at a time."""

    def __init__(
        self, classifier: EcgClassifier, table: RecordTable, level: str, conditions: tuple[Condition, ...], noise_seed: int
    ) -> None:
        self.classifier, self.table, self.level, self.conditions, self.noise_seed = classifier, table, level, conditions, noise_seed
        self.y_prob = np.zeros((len(conditions), len(table), len(classifier.space.levels[level].class_names)))
        self.usable = np.zeros((len(conditions), len(table)), dtype=bool)
        self.power = np.zeros(len(table))
        self.left_out: dict[str, str] = {}
        self._cells: list[tuple[int, int]] = []

    def read(self, progress: bool) -> None:
        """Fill the arrays."""
        with tqdm(total=self.usable.size, desc="stress test", unit="reading", disable=None if progress else True) as bar:
            for number, answers in enumerate(self.classifier.mean_probabilities(self._inputs())):
                self.y_prob[self._cells[number]] = answers[self.level]
                bar.update()

    def predictions(self, number: int) -> Predictions:
        """Answers under one condition, calibrated as in every reading."""
        calibration = self.classifier.decisions[self.level].calibration
        return Predictions(
            split="+".join(sorted(set(self.table.splits.tolist()))),
            level=self.level,
            class_names=self.classifier.space.levels[self.level].class_names,
            record_ids=self.table.record_ids,
            patient_ids=self.table.patient_ids,
            y_true=self.table.y_true(self.level),
            y_prob=self.y_prob[number] if calibration is None else calibration.apply(self.y_prob[number]),
        )

    def _inputs(self) -> Iterator[Inputs]:
        preprocessor, read = self.classifier.preprocessor, RowReader(self.table)
        for row, (record_id, path) in enumerate(zip(self.table.record_ids.tolist(), self.table.paths.tolist(), strict=True)):
            with one_record(path):
                record = read(row)
                self.power[row] = signal_power(record)
            for number, condition in enumerate(self.conditions):
                if condition.name in self.left_out:
                    continue
                rng = np.random.default_rng([self.noise_seed, zlib.crc32(condition.chance.encode()), zlib.crc32(record_id.encode())])
                try:
                    with one_record(path):
                        changed = condition.change(record, rng)
                        prepared = preprocessor.prepare(changed)
                        inputs = self.classifier.inputs(changed, prepared)
                except LeadError as error:
                    if condition.name == CLEAN:
                        raise
                    self.left_out[condition.name] = error.message
                    continue
                self.usable[number, row] = Quality.of(prepared, preprocessor.leads).verdict != "poor"
                self._cells.append((number, row))
                yield inputs


@dataclass(frozen=True)
class _Values:
    """Metrics under one condition, by headline name: (n_classes,), and (n_classes, n_draws)."""

    condition: Condition
    usable: float
    point: Mapping[str, Array]
    drawn: Mapping[str, Array]

    def row(self, clean: _Values, class_names: tuple[str, ...], confidence: float) -> StressRow:
        """Compare with the clean reading."""
        metrics, differences = {}, {}
        for name, of_class in self.point.items():
            point, drawn = float(macro_mean(of_class)), macro_mean(self.drawn[name])
            undefined = tuple(np.array(class_names)[np.isnan(of_class)].tolist())
            metrics[name] = replace(estimate_of(point, drawn, confidence), undefined=undefined)
            change = drawn - macro_mean(clean.drawn[name])
            differences[name] = difference_of(point, float(macro_mean(clean.point[name])), change, confidence)
        own, clean_own = self.point[AUROC], clean.point[AUROC]
        drawn_own = self.drawn[AUROC]
        changes = zip(own, clean_own, drawn_own - clean.drawn[AUROC], strict=True)
        return StressRow(
            self.condition.name,
            self.condition.group,
            self.condition.title,
            self.usable,
            metrics,
            differences,
            classes=tuple(estimate_of(*pair, confidence) for pair in zip(own, drawn_own, strict=True)),
            class_differences=tuple(difference_of(*three, confidence) for three in changes),
        )


def _with_mean(values: Sequence[_Values]) -> list[_Values]:
    """Put the mean over single missing leads, draw by draw, behind the last of them."""
    missing = [place for place, value in enumerate(values) if value.condition.group == ONE_MISSING]
    if not missing:
        return list(values)
    several = [values[place] for place in missing]
    condition = Condition(MEAN_MISSING, ONE_MISSING, f"mean of {len(several)}", lambda record, _: record)
    point = {name: np.mean([value.point[name] for value in several], axis=0) for name in values[0].point}
    drawn = {name: np.mean([value.drawn[name] for value in several], axis=0) for name in values[0].drawn}
    mean = _Values(condition, float(np.mean([value.usable for value in several])), point, drawn)
    return [*values[: missing[-1] + 1], mean, *values[missing[-1] + 1 :]]
