"""Fit the weights of the delineation to boundaries marked by cardiologists, as LUDB holds them.

For each boundary a ridge regression, made robust by Huber's weights, from the threshold crossings
of a lead's median beat to the median of the marks in that lead. Inputs are standardised; the
constants of the leads are shrunk like everything else. Records are left out one tenth at a time to
say how well the weights do where they were not fitted.

References
----------
Kalyakulina A. I. et al. LUDB: a new open-access validation tool for electrocardiogram delineation
algorithms. IEEE Access 8 (2020) 186181-186190.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.annotations import read_annotations
from heart_reader.data.formats import read_record
from heart_reader.data.one_record import one_record
from heart_reader.data.record import EcgRecord
from heart_reader.errors import MissingFiles
from heart_reader.features.beat_analysis import BeatAnalysis, analyse
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.delineation import boundary_inputs, first_guess_ms
from heart_reader.features.wave_edges import BOUNDARIES

__all__ = [
    "N_FOLDS",
    "TARGET",
    "BoundaryData",
    "MarkedRecord",
    "MarkedWave",
    "boundary_data",
    "fit_boundary",
    "marked_records",
    "median_marks",
    "write_weights",
]

Array = NDArray[np.floating]

N_FOLDS = 10
_PENALTY = 50.0
# Errors beyond this many robust standard deviations count less and less.
_HUBER, _ROUNDS = 2.5, 6
TARGET = Path(__file__).resolve().parent.parent / "features" / "delineation_weights.json"
_WAVES = {"p": "p", "N": "qrs", "t": "t"}


class MarkedWave(NamedTuple):
    """One wave of one lead; NaN where a boundary was not marked."""

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


@dataclass(frozen=True, eq=False)
class BoundaryData:
    """Inputs and truth of one boundary in one record.

    Parameters
    ----------
    inputs
        (n_leads, n_inputs).
    target_ms
        (n_leads,) median of the marks minus the first guess; NaN where nothing was marked.
    """

    inputs: Array
    target_ms: Array


def boundary_data(marked: MarkedRecord, analysis: BeatAnalysis) -> dict[str, BoundaryData]:
    """Return what each boundary of a record is fitted from, for the most frequent kind of beat."""
    if analysis.main is None or len(analysis.lead_names) != len(marked.waves):
        return {}
    r_s = analysis.stretch_s[0] + analysis.main.beats.at / MEASURING_HZ
    _, truth = median_marks(marked, r_s, analysis.rr / MEASURING_HZ)
    waves, data = analysis.main.delineation.waves, {}
    for column, boundary in enumerate(BOUNDARIES):
        name, side = boundary.split("_")
        if name in waves:
            inputs = boundary_inputs(waves[name], side, analysis.lead_names)
            data[boundary] = BoundaryData(inputs, truth[:, column] - first_guess_ms(waves[name], side))
    return data


def fit_boundary(data: Sequence[BoundaryData]) -> Array:
    """Return (n_inputs,) weights for inputs as they are; the first input is one."""
    inputs = np.concatenate([record.inputs for record in data])
    target = np.concatenate([record.target_ms for record in data])
    known = np.isfinite(target)
    x, y = inputs[known][:, 1:], target[known]
    # One column per lead keeps its scale: a lead's constant is shrunk by how many records have it.
    spread = np.where(np.arange(x.shape[1]) < x.shape[1] - 12, x.std(axis=0), 0.05)
    spread[spread == 0] = 1.0
    mean = x.mean(axis=0)
    z, weight, constant = (x - mean) / spread, np.ones(len(y)), float(np.median(y))
    slope = np.zeros(z.shape[1])
    for _ in range(_ROUNDS):
        weighted = z * weight[:, None]
        slope = np.linalg.solve(weighted.T @ z + _PENALTY * np.eye(z.shape[1]), weighted.T @ (y - constant))
        error = y - z @ slope
        constant = float(np.average(error, weights=weight))
        error = np.abs(error - constant)
        weight = np.minimum(1.0, _HUBER * (1.48 * np.median(error) + 2.0) / np.maximum(error, 1e-6))
    return np.concatenate([[constant - float(mean / spread @ slope)], slope / spread])


def write_weights(folder: Path, out: Path = TARGET) -> None:
    """Fit the weights, say how good they are, and write ``delineation_weights.json``."""
    records = []
    for marked in marked_records(folder):
        with one_record(marked.record.record_id):
            records.append(boundary_data(marked, analyse(marked.record)))
    weights = {name: fit_boundary([data[name] for data in records if name in data]) for name in BOUNDARIES}
    out.write_text(_as_json(weights, len(records)), encoding="utf-8")
    print(f"fitted {len(BOUNDARIES)} boundaries on {len(records)} records, wrote {out}")


def _as_json(weights: dict[str, Array], n_records: int) -> str:
    note = (
        f"Fitted to {n_records} records of LUDB by heart-reader study delineation-fit; do not edit. Per boundary: constant, "
        "threshold crossings (ms), log of the lead's size, one constant per standard lead (ms)."
    )
    rows = {"note": note} | {name: [float(f"{value:.6g}") for value in of] for name, of in weights.items()}
    return "{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()) + "\n}\n"
