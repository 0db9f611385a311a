"""Write files of a Contec ECG90A, and the tables that are made of them, to the byte."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import reference

__all__ = ["Contec", "stored", "table_rows", "write_file", "write_table"]

Digital = NDArray[np.int64]
OFF = 0x6800


@dataclass(frozen=True)
class Contec:
    """How to write the reference, as if it had been recorded at 800 Hz.

    Parameters
    ----------
    start
        What the file begins with, before the sex.
    person
        Sex, age and weight.
    changed
        Changes II, III and the chest leads, (8, 1000) steps.
    off
        Of these eight, those whose electrode is off.
    tail
        Bytes behind the footer; a negative number cuts.
    """

    start: bytes = b"0000050\0\0\0" + b"2020-11-16 21:44:39\0" + b"\0\0" + b"Jane D\0\0"
    person: tuple[int, int, int] = (0, 62, 70)
    changed: Callable[[Digital], Digital] | None = None
    off: Sequence[int] = ()
    tail: int = 0


def stored(spec: Contec) -> Digital:
    """II, III and the chest leads in steps of 5 microvolts."""
    truth = reference()
    steps = np.stack([np.rint(truth.lead(name) / 0.005) for name in ("II", "III", *STANDARD_LEADS[6:])]).astype(np.int64)
    return steps if spec.changed is None else spec.changed(steps)


def write_file(folder: Path, spec: Contec) -> Path:
    """Write a file as the device does."""
    steps = stored(spec) + 2048
    for row in spec.off:
        steps[row] = OFF
    content = spec.start + struct.pack("<3B", *spec.person) + np.ascontiguousarray(steps.T).astype("<u2").tobytes() + bytes(37)
    path = folder / "0000050.ECG"
    path.write_bytes(content[: spec.tail] if spec.tail < 0 else content + bytes(spec.tail))
    return path


def table_rows(spec: Contec) -> list[list[str]]:
    """Twelve cells for each time point; halves are rounded towards zero."""
    rows = []
    for ii, iii, *chest in stored(spec).T.tolist():
        limb = [ii - iii, ii, iii, int(iii / 2) - ii, int(ii / 2) - iii, int((ii + iii) / 2)]
        cells = ["" if number + 2 in spec.off else str(value) for number, value in enumerate(chest)]
        rows.append([*map(str, limb), *cells])
    return rows


def write_table(folder: Path, spec: Contec, change: Callable[[list[list[str]]], list[list[str]]] | None = None, end: str = "\n") -> Path:
    """Write a table of a file."""
    rows = table_rows(spec)
    path = folder / "0000050.ECG.csv"
    path.write_text(end.join(",".join(row) for row in (change(rows) if change else rows)) + end, newline="")
    return path
