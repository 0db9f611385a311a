"""Hostile but legal files with the same short ECG, and the outcome that each must have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from heart_reader.data.formats import read_record
from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import EcgParameters, simulate
from heart_reader.errors import RecordError
from heart_reader.messages import Message

__all__ = ["Case", "Outcome", "outcome", "reference"]

FS_HZ = 250.0
# A file may round to the coarsest step that formats of the field use.
TOLERANCE_MV = 0.006


@cache
def reference() -> EcgRecord:
    """Return the ECG of every file: 12 leads, 4 s at 250 Hz, whole microvolts, >= 0.5 mV."""
    record = simulate(EcgParameters(), rng=np.random.default_rng(7), fs=FS_HZ, duration_s=4.0)
    signal = np.rint(record.signal * 1000).astype(np.float32) / np.float32(1000)
    return EcgRecord("reference", signal, FS_HZ, record.lead_names, age=62.0, sex="female")


@dataclass(frozen=True)
class Case:
    """One file.

    Parameters
    ----------
    name
        What is hostile about it, in a few words.
    write
        Writes it into an empty folder; returns what a user would name.
    refused
        Code of the message that must refuse it; None where it is to be read.
    warned
        Codes of messages that must be among the warnings of what is read.
    exact
        Whether what is read must be the reference: every lead that the file has, its sign, rate,
        age and sex where stated. False for files that are read with a warning about what cannot be
        known.
    arguments
        ``fs``, ``unit`` and ``leads`` of the user.
    leads
        Leads that must be there, None for all twelve.
    """

    name: str
    write: Callable[[Path], Path]
    refused: str | None = None
    warned: tuple[str, ...] = ()
    exact: bool = True
    arguments: Mapping[str, Any] = field(default_factory=dict)
    leads: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Outcome:
    """Outcome of one file: ``"refused"``, ``"right"``, ``"noted"`` or ``"misread"``."""

    kind: str
    said: tuple[str, ...]
    detail: str = ""


def outcome(case: Case, folder: Path) -> Outcome:
    """Compare one file with the reference; raise anything but a `RecordError`."""
    path = case.write(folder)
    try:
        record = read_record(path, **case.arguments)
    except RecordError as error:
        said = error.args[0]
        return Outcome("refused", _codes((said,)), str(said))
    said = _codes(record.warnings)
    wrong = _difference(record, case.leads)
    if not wrong:
        return Outcome("right", said)
    return Outcome("noted" if case.warned and set(case.warned) <= set(said) else "misread", said, wrong)


def _codes(sentences: tuple[Any, ...]) -> tuple[str, ...]:
    """Codes of messages and of the messages in them; a bare string has none."""
    found: list[str] = []
    for sentence in sentences:
        if isinstance(sentence, Message):
            found.append(sentence.code)
            for value in sentence.values.values():
                found += _codes(value if isinstance(value, tuple) else (value,))
    return tuple(found)


def _difference(record: EcgRecord, leads: tuple[str, ...] | None) -> str:
    """Say how a record differs from the reference, in a few words; empty if it does not."""
    truth = reference()
    wanted = truth.lead_names if leads is None else leads
    if set(record.lead_names) & set(truth.lead_names) != set(wanted):
        return f"leads {record.lead_names}"
    if abs(record.fs - truth.fs) > 1e-3 * truth.fs:
        return f"{record.fs} Hz"
    if record.n_times != truth.n_times:
        return f"{record.n_times} samples"
    if record.age not in (None, truth.age) or record.sex not in (None, truth.sex):
        return f"age {record.age}, sex {record.sex}"
    off = {name: float(np.abs(record.lead(name) - truth.lead(name)).max()) for name in wanted}
    worst = max(off, key=lambda name: off[name])
    return "" if off[worst] <= TOLERANCE_MV else f"{worst} off by {off[worst]:.3f} mV"
