"""Fit the weights of the delineation to
boundaries marked by cardiologists.

For each boundary a ridge regression, made robust by Huber's weights, from the threshold crossings
of a lead's median beat to the median of the marks in that lead. Inputs are standardised; the
constants of the leads are shrunk like everything else. Records are left out one tenth at a time to
say how well the weights do where they were not fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.one_record import one_record
from heart_reader.features.beat_analysis import BeatAnalysis, analyse
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.delineation import boundary_inputs, first_guess_ms
from heart_reader.features.wave_edges import BOUNDARIES
from heart_reader.studies.delineation_truth import MarkedRecord, marked_records, median_marks

__all__ = ["N_FOLDS", "TARGET", "BoundaryData", "boundary_data", "fit_boundary", "write_weights"]

Array = NDArray[np.floating]

N_FOLDS = 10
_PENALTY = 50.0
# Errors beyond this many robust standard deviations count less and less.
_HUBER, _ROUNDS = 2.5, 6
TARGET = Path(__file__).resolve().parent.parent / "features" / "delineation_weights.py"


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
    """Fit the weights, say how good they are, and write ``delineation_weights.py``.

    Parameters
    ----------
    folder
        Of the records.
    out
        File to write.

    Raises
    ------
    HeartReaderError
        If records are missing or cannot be read.
    """
    records = []
    for marked in marked_records(folder):
        with one_record(marked.record.record_id):
            records.append(boundary_data(marked, analyse(marked.record)))
    weights = {name: fit_boundary([data[name] for data in records if name in data]) for name in BOUNDARIES}
    out.write_text(_as_module(weights, len(records)), encoding="utf-8")
    print(f"fitted {len(BOUNDARIES)} boundaries on {len(records)} records, wrote {out}")


def _as_module(weights: dict[str, Array], n_records: int) -> str:
    rows = "".join(f'    "{name}": (\n' + "".join(f"        {value:.6g},\n" for value in of) + "    ),\n" for name, of in weights.items())
    return (
        f'"""Weights of the delineation, fitted on {n_records} LUDB records.\n\n'
        'Written by ``heart-reader study delineation-fit``; do not edit.\n"""\n\n'
        "from __future__ import annotations\n\n"
        '__all__ = ["WEIGHTS"]\n\n'
        "# Per boundary: constant, threshold crossings (ms), log of the lead's size, one constant per standard lead (ms).\n"
        f"WEIGHTS: dict[str, tuple[float, ...]] = {{\n{rows}}}\n"
    )
