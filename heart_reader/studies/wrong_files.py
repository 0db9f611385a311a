"""Count how often files are noticed that say something wrong about themselves.

Real records are read as they are, and with a wrong sampling rate, unit, order or sign of leads. A
file is *noted* if a sentence about it says what may be wrong, *withheld* if nothing is decided or
it is refused. The table becomes a section of ``results/robustness.md``. The weights that decide
were fitted to the training records of PTB-XL (folds 1 to 8); of these, and of the test split,
nothing is read here unless asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import find_records, read_record
from heart_reader.data.one_record import one_record
from heart_reader.data.record import EcgRecord
from heart_reader.data.sources.ptbxl import rows_of_folds
from heart_reader.errors import LeadError, RecordError
from heart_reader.evaluation.markdown import markdown_table
from heart_reader.evaluation.stress import perturbations
from heart_reader.messages import Message

__all__ = ["HEADING", "SAYS_SO", "TITLE", "WAYS", "Seen", "record_sets", "see", "wrong_files_table"]

TITLE = "Robustness"
HEADING = "Files that say something wrong about themselves"
# Sentences that say that a file is not what it says.
SAYS_SO = frozenset((
    "all_leads_upside_down", "arm_leads_or_dextrocardia", "arm_leads_swapped", "chest_leads_reversed", "identities_broken",
    "lead_unit_wrong", "lead_upside_down", "leads_exchanged", "leg_electrode", "limb_leads_exchanged", "no_measurements",
    "rate_implausible", "right_arm_and_leg_swapped", "too_quick", "too_slow", "voltage_high", "voltage_low",
))  # fmt: skip
_SEED = 11
_CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")

Change = Callable[[EcgRecord, np.random.Generator], EcgRecord]
WAYS: dict[str, Change] = {
    "rate × 2": lambda record, _: perturbations.misstate_rate(record, 2.0),
    "rate × 2.5": lambda record, _: perturbations.misstate_rate(record, 2.5),
    "rate / 2": lambda record, _: perturbations.misstate_rate(record, 0.5),
    "amplitude × 10": lambda record, _: perturbations.scale_gain(record, 10.0),
    "amplitude / 10": lambda record, _: perturbations.scale_gain(record, 0.1),
    "arm electrodes swapped": lambda record, _: perturbations.swap_arms(record),
    "chest leads reversed": lambda record, _: perturbations.reverse_chest(record),
    "V1 and V6 exchanged": lambda record, _: perturbations.swap_leads(record, "V1", "V6"),
    "one chest lead negated": lambda record, rng: perturbations.scale_lead(record, str(rng.choice(_CHEST)), -1.0),
    "one lead × 1000": lambda record, rng: perturbations.scale_lead(record, str(rng.choice(record.lead_names)), 1000.0),
}


@dataclass(frozen=True)
class Seen:
    """Outcome of one file, and the classes that were read as present."""

    noted: bool
    withheld: bool
    present: frozenset[str]


def see(classifier: EcgClassifier, record: EcgRecord) -> Seen:
    """Read a record and say what became of it; a refused one is noted and withheld."""
    try:
        reading = classifier.predict(record)
    except RecordError:
        return Seen(True, True, frozenset())
    codes = {sentence.code for sentence in reading.quality.findings if isinstance(sentence, Message)}
    present = frozenset(name for name, one in reading.levels[classifier.level].items() if one.decision == "present")
    return Seen(bool(codes & SAYS_SO), reading.quality.verdict == "poor", present)


def wrong_files_table(classifier: EcgClassifier, sets: Mapping[str, Sequence[Path]]) -> str:
    """Read every record in every way, and return the tables.

    Parameters
    ----------
    sets
        Name of a set to its files.
    """
    clean: dict[str, list[Seen]] = {name: [] for name in sets}
    # The outcome of the unchanged record beside it.
    changed: dict[str, list[tuple[Seen, Seen]]] = {way: [] for way in WAYS}
    for name, paths in sets.items():
        for number, path in enumerate(tqdm(paths, name, unit="record", disable=not sys.stderr.isatty())):
            with one_record(path):
                record = read_record(path)
                clean[name].append(see(classifier, record))
            for way, change in WAYS.items():
                try:
                    with one_record(f"{path}, {way}"):
                        seen = see(classifier, change(record, np.random.default_rng((_SEED, number))))
                except LeadError:
                    continue  # a record of few leads cannot be wrong in this way
                changed[way].append((seen, clean[name][-1]))
    as_they_are = [(name, *_shares(of)) for name, of in clean.items()]
    rows = [
        (
            way,
            *_shares([one for one, _ in pairs]),
            _percent([one.present != right.present for one, right in pairs]),
            _percent([one.present != right.present and not one.noted for one, right in pairs]),
        )
        for way, pairs in changed.items()
    ]
    return (
        f"{markdown_table(('records as they are', 'records', 'noted', 'withheld'), as_they_are)}\n\n"
        f"{markdown_table(('what is wrong', 'records', 'noted', 'withheld', 'decisions changed', 'changed and not noted'), rows)}"
    )


def _shares(seen: Sequence[Seen]) -> tuple[object, ...]:
    return len(seen), _percent([one.noted for one in seen]), _percent([one.withheld for one in seen])


def _percent(of: Sequence[bool]) -> str:
    return f"{100 * np.mean(of):.1f} %" if of else "–"


def record_sets(folder: Path, split: str) -> Iterator[tuple[str, list[Path]]]:
    """Yield the sets of real records that are there, PTB-XL first.

    Raises
    ------
    MissingFiles
        If there is no PTB-XL.
    """
    rows = rows_of_folds(folder / "ptbxl", {"train": range(1, 9), "val": (9,), "test": (10,)}[split])
    for title, column in (("100 Hz", "filename_lr"), ("500 Hz", "filename_hr")):
        there = [path for row in rows if (path := folder / "ptbxl" / f"{row[column]}.hea").is_file()]
        if there:
            yield f"PTB-XL, {split}, {title}", there
    for name, title in (("ludb", "LUDB"), ("challenge", "Challenge 2020 and 2021"), ("cpsc2018", "CPSC2018")):
        if (folder / name).is_dir():
            yield title, [path for path in find_records(folder / name) if path.suffix == ".hea"]
