"""Recordings whose wave boundaries were marked by cardiologists, as LUDB holds them, beside what is
measured on them.

References
----------
Kalyakulina A. I. et al. LUDB: a new open-access validation tool for electrocardiogram delineation
algorithms. IEEE Access 8 (2020) 186181-186190.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats import read_record
from heart_reader.data.one_record import one_record
from heart_reader.data.record import EcgRecord
from heart_reader.errors import MissingFiles
from heart_reader.studies.annotations import read_annotations

__all__ = ["MarkedRecord", "MarkedWave", "marked_records", "median_marks"]

Array = NDArray[np.floating]

_WAVES = {"p": "p", "N": "qrs", "t": "t"}


class MarkedWave(NamedTuple):
    """One wave of one lead: its name and its onset, peak and offset in seconds; NaN where a
    boundary was not marked.
    """

    name: str
    onset_s: float
    peak_s: float
    offset_s: float


@dataclass(frozen=True, eq=False)
class MarkedRecord:
    """A record and the waves marked in each of its leads, in its order."""

    record: EcgRecord
    waves: tuple[tuple[MarkedWave, ...], ...]


def marked_records(folder: Path) -> Iterator[MarkedRecord]:
    """Yield the records of a folder in LUDB's layout, by number.

    Raises
    ------
    MissingFiles
        If the folder holds no record with annotations.
    """
    headers = sorted((path for path in folder.glob("*.hea") if path.stem.isdigit()), key=lambda path: int(path.stem))
    if not headers:
        raise MissingFiles(f"{folder}: no LUDB record (1.hea ...): download the database or point HEART_READER_DATA to its parent")
    for header in headers:
        with one_record(header):
            record = read_record(header)
            waves = tuple(_waves(header.with_suffix(f".{name.lower()}"), record.fs) for name in record.lead_names)
        yield MarkedRecord(record, waves)


def median_marks(marked: MarkedRecord, r_s: Array, rr_s: float) -> tuple[Array, Array]:
    """Return the marked boundaries of beats in milliseconds from R.

    Parameters
    ----------
    r_s
        (n_beats,) times of R in seconds.
    rr_s
        Usual RR interval in seconds.

    Returns
    -------
    tuple
        (n_beats, n_leads, 6) for every beat, and (n_leads, 6) medians over beats; NaN where nothing
        was marked. Order of columns: onset and offset of P, QRS, T.
    """
    marks = np.full((len(r_s), len(marked.waves), 6), np.nan)
    # A P wave belongs to the next QRS complex, a T wave to the last.
    windows = {"p": (-min(0.6, 0.8 * rr_s), 0.0), "qrs": (-0.15, 0.15), "t": (0.0, min(0.8, rr_s))}
    for lead, waves in enumerate(marked.waves):
        for column, (name, (low, high)) in enumerate(windows.items()):
            of_name = [wave for wave in waves if wave.name == name]
            if not of_name:
                continue
            peaks = np.array([wave.peak_s for wave in of_name])
            for beat, r in enumerate(r_s):
                away = np.where((peaks - r >= low) & (peaks - r <= high), np.abs(peaks - r), np.inf)
                nearest = int(np.argmin(away))
                if np.isfinite(away[nearest]):
                    marks[beat, lead, 2 * column : 2 * column + 2] = np.subtract(of_name[nearest][1::2], r) * 1000.0
    with warnings.catch_warnings():
        # A lead without any such wave has no median, which NaN says already.
        warnings.simplefilter("ignore", RuntimeWarning)
        return marks, np.nanmedian(marks, axis=0)


def _waves(path: Path, fs: float) -> tuple[MarkedWave, ...]:
    times, symbols = read_annotations(path)
    waves = []
    for at, symbol in enumerate(symbols):
        if symbol in _WAVES:
            onset = times[at - 1] / fs if at and symbols[at - 1] == "(" else np.nan
            offset = times[at + 1] / fs if at + 1 < len(symbols) and symbols[at + 1] == ")" else np.nan
            waves.append(MarkedWave(_WAVES[symbol], onset, times[at] / fs, offset))
    return tuple(waves)
