"""Recordings of Contec's ECG90A: its own files, and tables that are made of them without any names.

The device stores leads II and III and the chest leads at 800 Hz, 5 microvolts a step, 2048 for 0 mV
and 26624 for an electrode that is off. Tables of it are known by how their limb leads are computed:
halves are rounded towards zero, in every row.

References
----------
Rigacci N. Contec ECG90A Electrocardiograph - ECG File Format.
https://www.rigacci.org/wiki/doku.php/tecnica/misc/contec_ecg_file_format: a layout found by study
of files, for the maker publishes none.
"""

from __future__ import annotations

import os
import re

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.device_report import DeviceReport, Patient
from heart_reader.data.formats.agreement import agreed_names
from heart_reader.data.formats.csv_table import parse_table
from heart_reader.data.formats.files import (
    HEAD_BYTES,
    Given,
    check_fs,
    check_length,
    damaged,
    decode_text,
    file_size,
    plausible_age,
    read_bytes,
)
from heart_reader.data.formats.registry import register_format
from heart_reader.data.leads import STANDARD_LEADS, derive_limb_leads
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["FS_HZ", "STEP_MV", "is_from_ecg90a", "read_contec"]

FS_HZ = 800.0
STEP_MV = 0.005
DEVICE = "Contec ECG90A"
_HEADER_BYTES, _FOOTER_BYTES, _SERIES = 43, 37, 8
_ZERO, _OFF = 2048, 0x6800
_START = re.compile(rb"\d{7}\0..(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\0", re.DOTALL)
_ROW = re.compile(rb"-?\d{1,6}(?:,-?\d{1,6}){5}(?:,(?:-?\d{1,6})?){6}\r?\n")
# Rows that are looked at, and of them the fewest whose halves are rounded.
_ROWS, _LEAST_ROUNDED = 500, 25
_MOST_DIGITS = 6
_SEXES = {0: "female", 1: "male"}


def is_from_ecg90a(limb: NDArray[np.integer]) -> bool:
    """Return whether limb leads were computed as tables of this device have them.

    Parameters
    ----------
    limb
        (6, n_times) whole numbers in the usual order; some hundred are enough.

    Examples
    --------
    >>> ii, iii = np.arange(-60, 60), 7 * np.arange(120) % 60 - 30
    >>> halves = [np.trunc(value / 2).astype(int) for value in (iii, ii, ii + iii)]
    >>> limb = np.stack([ii - iii, ii, iii, halves[0] - ii, halves[1] - iii, halves[2]])
    >>> is_from_ecg90a(limb), is_from_ecg90a(limb + [[0], [0], [0], [1], [0], [0]])
    (True, False)
    """
    return bool(_add_up(limb).all()) and _rounded(limb) >= _LEAST_ROUNDED


def _add_up(limb: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Mark the time points whose limb leads follow from II and III."""
    lead_i, ii, iii, avr, avl, avf = limb.astype(np.int64)
    halves = [np.trunc(value / 2).astype(np.int64) for value in (iii, ii, ii + iii)]
    same: NDArray[np.bool_] = (lead_i == ii - iii) & (avr == halves[0] - ii) & (avl == halves[1] - iii) & (avf == halves[2])
    return same


def _rounded(limb: NDArray[np.integer]) -> int:
    """Count halves that floor or an even neighbour would have given another number."""
    ii, iii = limb[1].astype(np.int64), limb[2].astype(np.int64)
    return sum(int(np.count_nonzero((value < 0) & (value % 4 == 1))) for value in (iii, ii, ii + iii))


def _is_stored(head: bytes, path: str) -> bool:
    return len(head) >= _HEADER_BYTES and bool(_START.match(head)) and head[_HEADER_BYTES - 3] in (0, 1, 255)


def _is_table(head: bytes) -> bool:
    if not _ROW.match(head):
        return False
    rows = head.splitlines()[:_ROWS]
    try:
        limb = np.array([row.split(b",")[:6] for row in (rows if len(rows) == _ROWS else rows[:-1])]).astype(np.int64)
    except (ValueError, OverflowError):
        return False
    return limb.ndim == 2 and is_from_ecg90a(limb.T)


def _is_contec(head: bytes, path: str) -> bool:
    return _is_stored(head, path) or _is_table(head)


@register_format(
    "contec",
    title="Contec",
    suffixes=(".ecg", ".csv"),
    sniff=_is_contec,
    lists=_is_contec,
    states="age and sex; rate, unit and leads are those of the ECG90A",
)
def read_contec(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read a file of the device, or a table of one; see :class:`Format` for parameters and errors.

    ``given.leads`` names all twelve leads, ``given.unit`` is that of a step of the samples.
    """
    fs = FS_HZ if given.fs is None else check_fs(path, given.fs)
    stored = _is_stored(head, path)
    steps = _stored(path, fs, given) if stored else _table(path, head, fs, given)
    names = agreed_names(path, STANDARD_LEADS, given.leads)
    assumed = None in (given.fs, given.unit, given.leads)
    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        steps * STEP_MV if given.unit is None else steps,
        fs,
        names,
        unit=given.unit or "mV",
        age=plausible_age(float(head[41])) if stored and head[41] else None,
        sex=_SEXES.get(head[40]) if stored else None,
        source_format="contec",
        warnings=(message("contec_assumed", fs=fs, step=1000 * STEP_MV),) if assumed else (),
        device_report=_report(head, identity=given.identity) if stored else DeviceReport(device=DEVICE),
    )


def _stored(path: str, fs: float, given: Given) -> NDArray[np.float64]:
    """Steps of the twelve leads, NaN where an electrode is off."""
    n_bytes = file_size(path) - _HEADER_BYTES - _FOOTER_BYTES
    n_times, rest = divmod(n_bytes, 2 * _SERIES)
    if rest or n_times < 1:
        there = max(0, n_bytes)
        raise UnreadableRecord(
            message("samples_truncated", where=path, there=there, channels=_SERIES, samples=max(1, n_times + 1), kind="16 bits")
        )
    check_length(path, len(STANDARD_LEADS), n_times, fs, given)
    raw = np.frombuffer(read_bytes(path, n_bytes, _HEADER_BYTES), "<u2").reshape(n_times, _SERIES).T
    steps = raw.astype(np.float64) - _ZERO
    # Where nothing was stored there are zeros all over.
    steps[(raw == _OFF) | (raw == 0).all(axis=0)] = np.nan
    lead_ii, lead_iii = steps[0], steps[1]
    lead_i = lead_ii - lead_iii
    derived = derive_limb_leads(lead_i, lead_ii)
    return np.stack([lead_i, lead_ii, lead_iii, *(derived[name] for name in STANDARD_LEADS[3:6]), *steps[2:]])


def _table(path: str, head: bytes, fs: float, given: Given) -> NDArray[np.float64]:
    """Steps of the twelve leads, NaN in cells that are empty."""
    content = head if len(head) < HEAD_BYTES else read_bytes(path, file_size(path))
    steps = _quickly(content)
    if steps is None:
        table = parse_table(decode_text(content), path)
        check_length(path, len(STANDARD_LEADS), table.n_rows, fs, given)
        steps = table.numbers(range(len(STANDARD_LEADS)))[0]
    check_length(path, len(STANDARD_LEADS), steps.shape[1], fs, given)
    limb = steps[:6]
    known = np.isfinite(limb).all(axis=0)
    if not known.any() or not _add_up(limb[:, known].astype(np.int64)).all():
        problem = "its limb leads do not follow from each other in every row, as the device computes them"
        raise damaged(path, problem)
    return steps


def _quickly(content: bytes) -> NDArray[np.float64] | None:
    """Parse a table of whole numbers whose last columns are empty in all rows; None for others."""
    lines = content.replace(b"\r\n", b"\n")
    first = lines.partition(b"\n")[0]
    n_empty = len(first) - len(first.rstrip(b","))
    n_rows, n_filled = lines.count(b"\n"), len(STANDARD_LEADS) - n_empty
    numbers = lines.replace(b"," * n_empty + b"\n", b",")
    if lines.count(b",") != n_rows * (len(STANDARD_LEADS) - 1) or numbers.translate(None, b"-0123456789,"):
        return None
    values = _whole_numbers(numbers)
    if values is None or len(values) != n_rows * n_filled:
        return None
    steps = np.full((len(STANDARD_LEADS), n_rows), np.nan)
    steps[:n_filled] = values.reshape(n_rows, n_filled).T
    return steps


def _whole_numbers(text: bytes) -> NDArray[np.int64] | None:
    """Numbers of a few digits, each before a comma, all at once; None if anything else is there."""
    letters = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(letters == ord(","))
    if not ends.size or ends[-1] != len(letters) - 1:
        return None
    starts = np.concatenate([[0], ends[:-1] + 1])
    negative = letters[starts] == ord("-")
    starts = starts + negative
    widths = ends - starts
    if widths.min() < 1 or widths.max() > _MOST_DIGITS or int(negative.sum()) != text.count(b"-"):
        return None
    values = np.zeros(len(ends), np.int64)
    for place in range(int(widths.max())):
        there = place < widths
        digits = letters[np.minimum(starts + place, ends)].astype(np.int64) - ord("0")
        values = np.where(there, 10 * values + digits, values)
    return np.where(negative, -values, values)


def _report(head: bytes, *, identity: bool) -> DeviceReport:
    match = _START.match(head)
    assert match is not None, "only such a file is read"
    name = " ".join(head[32:40].split(b"\0")[0].decode("latin-1").split())
    acquired = f"{match[1].decode()}T{match[2].decode()}"
    return DeviceReport(device=DEVICE, acquired=acquired, patient=Patient(name=name or None) if identity else None)
