"""The columns of the result: a row per record, whatever became of it.

No name, number, date of birth or date of recording is in a row: what a file says of who was
recorded is not read. Keys and paths are what the source calls its files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from heart_reader.bulk.items import Item
from heart_reader.checkpoint import Checkpoint, understood
from heart_reader.data.conversion.identity import OLDEST_YEARS
from heart_reader.data.labels import LabelSpace
from heart_reader.data.record import EcgRecord
from heart_reader.diagnosis import Diagnosis
from heart_reader.features.feature_names import GLOBAL_UNITS
from heart_reader.messages import Message

__all__ = ["DECISIONS", "SCHEMA_VERSION", "Columns", "Row", "class_column", "error_row", "reading_row"]

# Raise it with every change of a column's name, type or meaning.
SCHEMA_VERSION = 1

_TEXTS = pa.list_(pa.field("item", pa.string()))
# Name to type and meaning, before and after the measurements and the classes.
_FIRST = {
    "key": (pa.string(), "what the record is called, once in the whole result"),
    "path": (pa.string(), "its file or shard, as the source says it"),
    "error_code": (pa.string(), "why it was not read; null where it was"),
    "error": (pa.string(), "the same as a sentence"),
    "source_format": (pa.string(), "format of the file"),
    "fs_hz": (pa.float32(), "sampling rate"),
    "duration_s": (pa.float32(), "length"),
    "n_leads": (pa.int16(), "leads of the file"),
    "age_years": (pa.float32(), f"as the file says; above {OLDEST_YEARS:g} it is {OLDEST_YEARS:g}"),
    "sex": (pa.string(), "male or female, as the file says"),
    "acquired_year": (pa.int16(), "year of the recording, as the file says"),
    "quality": (pa.string(), "good, limited or poor"),
    "quality_findings": (_TEXTS, "codes of what was found in the signal"),
    "n_usable_leads": (pa.int16(), "leads of the model with a signal"),
    "warnings": (_TEXTS, "codes of what was assumed, repaired or left out"),
    "conclusion": (pa.string(), "normal, abnormal or undecided"),
    "statements": (_TEXTS, "codes that the conclusion states, in its order"),
    "not_stated": (_TEXTS, "codes that were read as present and are not stated, for others contradict them"),
    "rhythm": (pa.string(), "measured rhythm; null where the signal does not say"),
    "rhythm_findings": (_TEXTS, "what was found beside it"),
    "doubtful": (_TEXTS, "measurements that deserve little trust"),
}
_LETTER = {"probability": "p", "decision": "d"}
# Half of all columns have one of three words: as categories they take a fraction of the time.
DECISIONS = ("absent", "present", "uncertain")
_CODE = {word: code for code, word in enumerate(DECISIONS)}
_WORDS = pa.array(DECISIONS, pa.string())
_DECIDED = pa.dictionary(pa.int8(), pa.string())


class Row(NamedTuple):
    """A row to be: values by column, and of a reading what it says of each class.

    Parameters
    ----------
    values
        Column to value, without those of classes.
    probabilities, decisions
        Per class, in the order of the columns; decisions as places in ``DECISIONS``. None where
        nothing was read.
    """

    values: dict[str, Any]
    probabilities: list[float] | None = None
    decisions: list[int] | None = None


def class_column(kind: str, level: str, name: str) -> str:
    """Return the column of a class.

    Parameters
    ----------
    kind
        ``"probability"`` or ``"decision"``.

    Examples
    --------
    >>> class_column("probability", "all", "AFIB"), class_column("decision", "all", "AFIB")
    ('p_all_AFIB', 'd_all_AFIB')
    """
    return f"{_LETTER[kind]}_{level}_{name}"


class Columns:
    """The schema of one checkpoint's results, and what fills it.

    Parameters
    ----------
    levels
        Level name to the names of its classes, in the order of the columns.
    about
        What stands in the metadata of the schema: versions and checksums.
    """

    def __init__(self, levels: Mapping[str, Sequence[str]], about: Mapping[str, str]) -> None:
        self.levels = levels
        fields = [pa.field(name, type_, metadata={"meaning": meaning}) for name, (type_, meaning) in _FIRST.items()]
        fields += [pa.field(name, pa.float32(), metadata={"unit": unit, "kind": "measurement"}) for name, unit in GLOBAL_UNITS.items()]
        for kind, type_ in (("probability", pa.float32()), ("decision", _DECIDED)):
            for level, names in levels.items():
                fields += [
                    pa.field(class_column(kind, level, name), type_, metadata={"kind": kind, "level": level, "class": name})
                    for name in names
                ]
        self.schema = pa.schema(fields, metadata=dict(about))

    @classmethod
    def of(cls, checkpoint: Checkpoint, about: Mapping[str, str]) -> Columns:
        """Return the columns of what a checkpoint answers."""
        with understood(checkpoint):
            space = LabelSpace.from_json(checkpoint.manifest["levels"])
            level = checkpoint.manifest["config"]["task"]["level"]
            names = (*space.reading_levels(level), *space.screens(level))
            return cls({name: tuple(space.levels[name].class_names) for name in names}, about)

    def table(self, rows: Sequence[Row]) -> pa.Table:
        """Return rows as a table."""
        n_classes = sum(map(len, self.levels.values()))
        unread = np.array([row.probabilities is None for row in rows])
        nothing = [0] * n_classes
        probabilities = np.array([row.probabilities or nothing for row in rows], np.float32)
        decisions = np.array([row.decisions or nothing for row in rows], np.int8)
        plain = [self.schema.field(place) for place in range(len(self.schema) - 2 * n_classes)]
        columns = [pa.array([row.values.get(field.name) for row in rows], field.type) for field in plain]
        columns += [pa.array(column, mask=unread) for column in probabilities.T]
        columns += [pa.DictionaryArray.from_arrays(pa.array(column, mask=unread), _WORDS) for column in decisions.T]
        return pa.Table.from_arrays(columns, schema=self.schema)


def error_row(item: Item, code: str, sentence: str) -> Row:
    """Return the row of a record that was not read."""
    return Row({"key": item.key, "path": item.path, "error_code": code, "error": sentence})


def reading_row(item: Item, record: EcgRecord, reading: Diagnosis) -> Row:
    """Return the row of a reading."""
    values: dict[str, Any] = {
        "key": item.key,
        "path": item.path,
        "source_format": reading.source_format,
        "fs_hz": reading.fs,
        "duration_s": reading.duration_s,
        "n_leads": len(record.lead_names),
        "age_years": None if reading.age is None else min(reading.age, OLDEST_YEARS),
        "sex": reading.sex,
        "acquired_year": _year(reading),
        "quality": reading.quality.verdict,
        "quality_findings": _codes(reading.quality.findings),
        "n_usable_leads": reading.quality.n_usable_leads,
        "warnings": _codes(reading.warnings),
        "conclusion": reading.conclusion.kind,
        "statements": [code for line in reading.conclusion.lines for code in line.codes],
        "not_stated": [code for code, _, _ in reading.conclusion.yielded],
    }
    if reading.measurements is not None:
        values["rhythm"] = reading.measurements.rhythm.name
        values["rhythm_findings"] = list(reading.measurements.rhythm.findings)
        plain = reading.measurements.to_json()
        values["doubtful"] = [name for name, of in plain.items() if of["value"] is not None and of["reason"] is not None]
        values |= {name: of["value"] for name, of in plain.items()}
    answers = [one for of in (*reading.levels.values(), *(screen.classes for screen in reading.screens.values())) for one in of.values()]
    return Row(values, [one.probability for one in answers], [_CODE[one.decision] for one in answers])


def _year(reading: Diagnosis) -> int | None:
    """Return the year of the recording, the most that may be known of its date."""
    acquired = "" if reading.device_report is None else reading.device_report.acquired or ""
    return int(acquired[:4]) if acquired[:4].isdigit() and acquired[:4].isascii() else None


def _codes(said: Iterable[str]) -> list[str]:
    """Return the codes of sentences, each once; free text, which may name somebody, is left out."""
    return list(dict.fromkeys(text.code if isinstance(text, Message) else "other" for text in said))
