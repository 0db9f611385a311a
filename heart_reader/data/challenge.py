"""Folders of the PhysioNet Challenges: records with their diagnoses, in headers or a table.

A record is a WFDB header whose comment ``#Dx:`` lists SNOMED CT codes, or one of CPSC2018's
original files, whose classes stand in ``REFERENCE.csv``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from heart_reader.data.csv_file import read_csv
from heart_reader.data.folder_listing import FolderListing
from heart_reader.data.formats import find_records
from heart_reader.data.formats.comments import age_and_sex
from heart_reader.data.formats.files import HEAD_BYTES, decode_text, read_bytes
from heart_reader.data.formats.wfdb_header import parse_header
from heart_reader.data.snomed import CODES, CPSC2018, NINE, codes_of, labels_of
from heart_reader.errors import DataError, MissingFiles

__all__ = ["REFERENCE", "SIMULATED", "ChallengeFolder", "ChallengeRecord", "read_challenge_folder"]

REFERENCE = "REFERENCE.csv"
# A comment of records that nobody may take for real ones.
SIMULATED = "Origin: simulated, no person was recorded"
_DX = re.compile(r"\s*dx\s*:(.*)", re.IGNORECASE)
_LABELS = ("First_label", "Second_label", "Third_label")
_MOST_NAMED = 5


@dataclass(frozen=True)
class ChallengeRecord:
    """One record and what is known of it without its signal.

    Parameters
    ----------
    record_id
        Its file's name, without the ending.
    path
        What ``read_record`` takes; None where only a table lists it.
    codes
        Its diagnoses, SNOMED CT; empty where there are none.
    fs, n_times, age, sex
        Hz, samples of each lead, years, ``"male"`` or ``"female"``; None where not stated.
    simulated
        Whether its header says :data:`SIMULATED`.
    """

    record_id: str
    path: str | None
    codes: tuple[str, ...]
    fs: float | None = None
    n_times: int | None = None
    age: float | None = None
    sex: str | None = None
    simulated: bool = False


@dataclass(frozen=True)
class ChallengeFolder:
    """All records of a folder, by name, and what is remarkable about them: note to number."""

    records: tuple[ChallengeRecord, ...]
    notes: Mapping[str, int] = field(default_factory=dict)

    def summary(self) -> str:
        """Return the notes as one line, empty without any."""
        return "; ".join(f"{count} {note}" for note, count in self.notes.items())


def read_challenge_folder(folder: Path) -> ChallengeFolder:
    """Read the headers of a folder and below it, and ``REFERENCE.csv`` where it lies in it.

    A record in both forms is read by its header. Codes that are not known count as no class.

    Raises
    ------
    DataError
        If a header and the table contradict each other, a row of the table cannot be understood, or
        two records have one name.
    MissingFiles
        If there is no such folder, or nothing in it.
    UnreadableRecord
        If a header is damaged.
    """
    if not folder.is_dir():
        raise MissingFiles(f"{folder}: no such folder: set data.root, or the folder of the source, to where the records are")
    paths = find_records(folder)
    headers = _by_name([path for path in paths if path.suffix == ".hea"])
    originals = _by_name([path for path in paths if path.suffix == ".mat"])
    listed = _read_reference(folder / REFERENCE) if (folder / REFERENCE).exists() else {}
    listing = FolderListing()
    records = {name: _read_header(path, listed.get(name), listing) for name, path in headers.items()}
    records |= {name: ChallengeRecord(name, str(path), listed.get(name, ())) for name, path in originals.items() if name not in headers}
    records |= {name: ChallengeRecord(name, None, codes) for name, codes in listed.items() if name not in records}
    if not records:
        raise MissingFiles(f"{folder}: neither headers (.hea) nor {REFERENCE}: name the folder of the records")
    in_order = tuple(records[name] for name in sorted(records))
    twice = len(headers.keys() & originals.keys())
    return ChallengeFolder(
        in_order, {**_notes(in_order), **({"records are there in both forms: their headers are read": twice} if twice else {})}
    )


def _by_name(paths: Sequence[Path]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for path in paths:
        if path.stem in named:
            raise DataError(f"{path} and {named[path.stem]} have one name: keep one of them, or rename it")
        named[path.stem] = path
    return named


def _read_header(path: Path, listed: tuple[str, ...] | None, listing: FolderListing) -> ChallengeRecord:
    header = parse_header(decode_text(read_bytes(str(path), HEAD_BYTES)), str(path))
    codes = tuple(_codes(header.comments))
    if listed is not None and not (labels_of(codes)[CPSC2018] == labels_of(listed)[CPSC2018]).all():
        said = [", ".join(one.name for one, there in zip(NINE, labels_of(of)[CPSC2018], strict=True) if there) for of in (codes, listed)]
        raise DataError(f"{path}: its #Dx says {said[0] or 'none of the nine'}, {REFERENCE} says {said[1]}: correct one of them")
    age, sex = age_and_sex(header.comments)
    there = path if header.signals and listing.file(path.with_name(header.signals[0].file_name)) is not None else None
    return ChallengeRecord(
        path.stem, None if there is None else str(there), codes, header.fs, header.n_times, age, sex, SIMULATED in header.comments
    )


def _codes(comments: Sequence[str]) -> Iterator[str]:
    for comment in comments:
        if match := _DX.fullmatch(comment):
            yield from (code.strip() for code in match[1].split(",") if code.strip())


def _read_reference(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the codes of each record of CPSC2018's own table."""
    table = read_csv(path, "name the folder of CPSC2018's records")
    columns = [table.column(name) for name in _LABELS if name in table.header]
    listed: dict[str, tuple[str, ...]] = {}
    for row, name in enumerate(table.column("Recording")):
        cells = [column[row] for column in columns if column[row]]
        wrong = [cell for cell in cells if cell not in {str(number + 1) for number in range(len(NINE))}]
        if wrong or not cells:
            raise DataError(
                f"{table.where(row)}: label {(wrong or [''])[0]!r}; whole numbers from 1 to {len(NINE)} are needed: correct the row"
            )
        if name in listed:
            raise DataError(f"{table.where(row)}: {name} is listed twice: keep one row per record")
        listed[name] = codes_of(sorted({int(cell) for cell in cells}))
    return listed


def _notes(records: Sequence[ChallengeRecord]) -> dict[str, int]:
    """Count what is remarkable about diagnoses."""
    unknown = Counter(code for record in records for code in record.codes if code not in CODES)
    repeated = sum(_has_twins(record.codes) for record in records)
    notes = {"records carry two codes of one class: it counts once": repeated} if repeated else {}
    if unknown:
        named = ", ".join(f"{code} ({count})" for code, count in unknown.most_common(_MOST_NAMED))
        more = f" and {len(unknown) - _MOST_NAMED} more" if len(unknown) > _MOST_NAMED else ""
        notes[f"times a SNOMED code that is not known, which counts as no class: {named}{more}"] = unknown.total()
    return notes


def _has_twins(codes: Sequence[str]) -> bool:
    nine = [CODES[code].nine for code in codes if code in CODES and CODES[code].nine is not None]
    return len(set(nine)) < len(nine)
