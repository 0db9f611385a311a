"""Whole readings of a split, beside what the classes say each for itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from heart_reader.classifier import EcgClassifier
from heart_reader.conclusion.contradictions import find_contradictions
from heart_reader.data.one_record import one_record
from heart_reader.data.record_table import RecordTable
from heart_reader.data.row_reader import RowReader
from heart_reader.diagnosis import Diagnosis, decide
from heart_reader.errors import HeartReaderError

__all__ = ["DECISIONS", "Readings", "read_whole"]

# Decisions as they stand in arrays.
DECISIONS = ("absent", "uncertain", "present")

Decisions = Mapping[str, NDArray[np.int8]]
Levels = dict[str, dict[str, str]]
_Parts = tuple[Levels, Levels, tuple[str, ...], tuple[str, ...], str]


@dataclass(frozen=True, eq=False)
class Readings:
    """Readings of the records of one split.

    *Finished* is the reading that is shown, after its parts were made to agree; *alone* is what
    thresholds and uncertain zones say of every class for itself.

    Parameters
    ----------
    rows
        (n_readings,) positions of the records in the table that was read.
    class_names
        Level name to its n_classes names.
    finished, alone
        Level name to (n_readings, n_classes) positions in :data:`DECISIONS`.
    contradictions, contradictions_alone
        Per reading the codes of what contradicts itself in it.
    kinds
        Per reading the kind of its conclusion.
    failed
        Records that could not be read, each with the reason.
    """

    rows: NDArray[np.intp]
    class_names: Mapping[str, tuple[str, ...]]
    finished: Decisions
    alone: Decisions
    contradictions: tuple[tuple[str, ...], ...]
    contradictions_alone: tuple[tuple[str, ...], ...]
    kinds: tuple[str, ...]
    failed: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.rows)


def read_whole(classifier: EcgClassifier, table: RecordTable, *, progress: bool = False) -> Readings:
    """Read the file of every record as for a person, with measurements and conclusion.

    Parameters
    ----------
    table
        Records of one split.
    progress
        Whether to show a bar where standard error is a terminal.
    """
    rows, failed, read = [], {}, RowReader(table)
    parts: list[_Parts] = []
    bar = tqdm(table.paths.tolist(), "whole readings", unit="record", disable=not (progress and sys.stderr.isatty()))
    for row, path in enumerate(bar):
        try:
            with one_record(path):
                parts.append(_parts_of(classifier.predict(read(row))))
            rows.append(row)
        except HeartReaderError as error:
            failed[str(table.record_ids[row])] = error.message
    names = {name: classifier.space.levels[name].class_names for name in classifier.space.reading_levels(classifier.level)}
    finished, alone, contradictions, contradictions_alone, kinds = zip(*parts, strict=True) if parts else ((),) * 5
    return Readings(
        rows=np.array(rows, dtype=np.intp),
        class_names=names,
        finished=_stack(finished, names),
        alone=_stack(alone, names),
        contradictions=contradictions,
        contradictions_alone=contradictions_alone,
        kinds=kinds,
        failed=failed,
    )


def _parts_of(reading: Diagnosis) -> _Parts:
    """What is counted of one reading: finished, alone, contradictions of both, kind."""
    finished, alone, probabilities = {}, {}, {}
    for level, of in reading.levels.items():
        finished[level] = {name: answer.decision for name, answer in of.items()}
        alone[level] = {name: decide(answer.probability, answer.threshold, reading.quality, answer.zone) for name, answer in of.items()}
        probabilities[level] = {name: answer.probability for name, answer in of.items()}
    measured, kind = reading.measurements, reading.conclusion.kind
    values = {} if measured is None else {name: value.value for name, value in measured.values.items()}
    rhythm = None if measured is None else measured.rhythm
    found = find_contradictions(finished, probabilities, values, rhythm, kind)
    # Classes alone draw no conclusion.
    return finished, alone, found, find_contradictions(alone, probabilities, values, rhythm, None), kind


def _stack(readings: Sequence[Levels], names: Mapping[str, tuple[str, ...]]) -> dict[str, NDArray[np.int8]]:
    return {
        level: np.array([[DECISIONS.index(of[level][name]) for name in classes] for of in readings], dtype=np.int8).reshape(
            -1, len(classes)
        )
        for level, classes in names.items()
    }
