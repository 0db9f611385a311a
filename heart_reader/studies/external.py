"""What a reader trained elsewhere says of records that carry the nine classes of CPSC2018.

A class counts as said if one of its statements is read as present, or the measured rhythm or a
finding of it says the same; ``heart_reader/data/snomed.json`` says which these are. Nothing is
chosen on the records.

References
----------
Wilson E. B. Probable inference, the law of succession, and statistical inference. JASA 22 (1927)
209-212.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scipy.stats import binomtest
from tqdm import tqdm

from heart_reader.classifier import EcgClassifier
from heart_reader.data.challenge import ChallengeRecord
from heart_reader.data.formats import read_record
from heart_reader.data.labels import ALL
from heart_reader.data.one_record import one_record
from heart_reader.data.snomed import CPSC2018, NINE, labels_of
from heart_reader.diagnosis import NOTICE, Diagnosis
from heart_reader.errors import NotServable
from heart_reader.evaluation.markdown import markdown_table

__all__ = ["ReadRecord", "external_page", "read_records"]


@dataclass(frozen=True)
class ReadRecord:
    """One record: the classes it carries, and those that its reading says in two ways."""

    record_id: str
    labels: frozenset[str]
    stated: frozenset[str]
    measured: frozenset[str]


def read_records(classifier: EcgClassifier, records: Iterable[ChallengeRecord]) -> list[ReadRecord]:
    """Read all records that are there.

    Raises
    ------
    NotServable
        If the checkpoint has no statements.
    RecordError
        If a record cannot be read.
    """
    if ALL not in classifier.space.reading_levels(classifier.level):
        raise NotServable(f"{classifier.checkpoint.directory}: no statements in its readings: name a checkpoint with the head {ALL}")
    read = []
    for record in tqdm([record for record in records if record.path is not None], "reading", disable=None, unit="record"):
        with one_record(str(record.path)):
            diagnosis = classifier.predict(read_record(str(record.path)))
        labels = labels_of(record.codes)[CPSC2018]
        carried = frozenset(one.name for one, there in zip(NINE, labels, strict=True) if there)
        read.append(ReadRecord(record.record_id, carried, _stated(diagnosis), _measured(diagnosis)))
    return read


def _stated(diagnosis: Diagnosis) -> frozenset[str]:
    present = {code for code, answer in diagnosis.levels[ALL].items() if answer.decision == "present"}
    return frozenset(one.name for one in NINE if present & set(one.statements))


def _measured(diagnosis: Diagnosis) -> frozenset[str]:
    if diagnosis.measurements is None:
        return frozenset()
    rhythm = diagnosis.measurements.rhythm
    return frozenset(one.name for one in NINE if {rhythm.name, *rhythm.findings} & set(one.rhythm))


def external_page(read: Sequence[ReadRecord], reader: str) -> str:
    """Return Markdown: sensitivity and specificity by class, and every disagreement."""
    ways: dict[str, Callable[[ReadRecord], frozenset[str]]] = {
        "statements": lambda one: one.stated,
        "measured rhythm": lambda one: one.measured,
    }
    rows: list[tuple[object, ...]] = []
    for nine in NINE:
        with_it = [one for one in read if nine.name in one.labels]
        without = [one for one in read if nine.name not in one.labels]
        cells: list[object] = []
        for way, said in ways.items():
            if way == "measured rhythm" and not nine.rhythm:
                cells += ["–", "–"]
                continue
            cells += [_share([nine.name in said(one) for one in with_it]), _share([nine.name not in said(one) for one in without])]
        rows.append((nine.name, nine.title, len(with_it), *cells))
    header = ("class", "", "records", *(f"{way}: {what}" for way in ways for what in ("sensitivity", "specificity")))
    wrong = [one for one in read if one.labels != one.stated | one.measured]
    listed = [(one.record_id, *(", ".join(sorted(names)) or "none" for names in (one.labels, one.stated, one.measured))) for one in wrong]
    return "\n\n".join((
        f"{len(read)} records, read by `{reader}`. Intervals are Wilson's, 95 %; a class without records has no sensitivity.",
        markdown_table(header, rows),
        f"{len(wrong)} records of which labels, statements and rhythm do not say the same:",
        markdown_table(("record", "labels", "statements", "measured rhythm"), listed),
        NOTICE,
    ))  # fmt: skip


def _share(hits: Sequence[bool]) -> str:
    """Return ``3 / 4, 75 % [30, 95]``."""
    if not hits:
        return "–"
    found = binomtest(sum(hits), len(hits)).proportion_ci(method="wilson")
    return f"{sum(hits)} / {len(hits)}, {100 * sum(hits) / len(hits):.0f} % [{100 * found.low:.0f}, {100 * found.high:.0f}]"
