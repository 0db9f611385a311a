"""Fit the weights that doubt a file's sampling rate and leads, to PTB-XL.

Training records (folds 1 to 8) are measured as they are and with their rate stated too high and too
low; leads are exchanged and turned in their median beats. Patients are left out one fifth at a time
to say how often a wrong file is doubted, and a right one, where the weights were not fitted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from tqdm import tqdm

from heart_reader.data.formats import read_record
from heart_reader.data.sources.ptbxl import rows_of_folds
from heart_reader.features.measured import measure
from heart_reader.features.measurement import Measurements
from heart_reader.features.plausibility import (
    AS_STATED,
    INDEPENDENT_LEADS,
    NOTED,
    WITHHELD,
    arrangement_inputs,
    rate_inputs,
    standardised,
)

__all__ = ["ARRANGEMENTS", "RATES", "TARGET", "write_weights"]

Array = NDArray[np.floating]

# Factors by which the stated rate is too high.
RATES: dict[str, tuple[float, ...]] = {AS_STATED: (1.0,), "too_quick": (2.0, 2.5), "too_slow": (0.5,)}

_LAST_FOLD, _N_FOLDS = 8, 5
_PENALTY = {"rate": 0.3, "arrangement": 0.1}
_ROUNDS = 400
# What the shipped weights are rounded to.
_DIGITS = 5
TARGET = Path(__file__).resolve().parent.parent / "features" / "plausibility_weights.json"


def _exchanged(first: str, second: str) -> Array:
    rows = list(range(len(INDEPENDENT_LEADS)))
    one, other = INDEPENDENT_LEADS.index(first), INDEPENDENT_LEADS.index(second)
    rows[one], rows[other] = rows[other], rows[one]
    return np.eye(len(rows))[rows]


def _upside_down(*leads: str) -> Array:
    return np.diag([-1.0 if name in leads else 1.0 for name in INDEPENDENT_LEADS])


def _limb(row_of_i: tuple[float, float], row_of_ii: tuple[float, float]) -> Array:
    made = np.eye(len(INDEPENDENT_LEADS))
    made[:2, :2] = row_of_i, row_of_ii
    return made


# What stands under the names of the independent leads, as (8, 8) matrices of what should; by the
# message that says so.
ARRANGEMENTS: dict[str, Array] = {
    AS_STATED: np.eye(len(INDEPENDENT_LEADS)),
    "arm_leads_swapped": _limb((-1.0, 0.0), (-1.0, 1.0)),
    "right_arm_and_leg_swapped": _limb((1.0, -1.0), (0.0, -1.0)),
    "chest_leads_reversed": np.eye(len(INDEPENDENT_LEADS))[[0, 1, 7, 6, 5, 4, 3, 2]],
    "leads_exchanged:V1:V6": _exchanged("V1", "V6"),
    "leads_exchanged:V1:V3": _exchanged("V1", "V3"),
    "leads_exchanged:V1:V2": _exchanged("V1", "V2"),
    "all_leads_upside_down": _upside_down(*INDEPENDENT_LEADS),
    **{f"lead_upside_down:{name}": _upside_down(name) for name in INDEPENDENT_LEADS},
}


def write_weights(folder: Path, out: Path = TARGET) -> None:
    """Fit the weights, say how good they are, and write ``plausibility_weights.json``."""
    inputs, patients = _examples(folder)
    weights = {name: _fitted(name, inputs[name], patients[name]) for name in inputs}
    note = f"Fitted to {len(set(patients['rate']))} patients of PTB-XL by heart-reader study plausibility-fit; do not edit."
    out.write_text(json.dumps({"note": note, "weights": weights}, indent=None) + "\n", encoding="utf-8")
    print(f"wrote {out}")


def _examples(folder: Path) -> tuple[dict[str, dict[str, Array]], dict[str, list[str]]]:
    """Inputs by kind of weights and class, (n_examples, n_inputs) each, and their patients."""
    rows = rows_of_folds(folder, range(1, _LAST_FOLD + 1))
    names = [(row[column], row["patient_id"]) for row in rows for column in ("filename_lr", "filename_hr")]
    there = [(folder / f"{name}.hea", patient) for name, patient in names if (folder / f"{name}.hea").is_file()]
    rates: dict[str, list[Array | None]] = {f"{name}:{factor}": [] for name, factors in RATES.items() for factor in factors}
    leads: dict[str, list[Array | None]] = {name: [] for name in ARRANGEMENTS}
    for path, _ in tqdm(there, unit="record", disable=not sys.stderr.isatty()):
        record = read_record(path)
        as_stated = measure(record)
        for name, arranged in leads.items():
            arranged += [arrangement_inputs(_arranged(as_stated, ARRANGEMENTS[name], alike=alike)) for alike in (False, True)]
        for name, at_rate in rates.items():
            factor = float(name.partition(":")[2])
            at_rate.append(rate_inputs(as_stated if factor == 1.0 else measure(replace(record, fs=record.fs * factor))))
    patients = [patient for _, patient in there]
    return {"rate": _stacked(rates), "arrangement": _stacked(leads)}, {"rate": patients, "arrangement": np.repeat(patients, 2).tolist()}


def _stacked(examples: Mapping[str, list[Array | None]]) -> dict[str, Array]:
    """Arrays of one row per record, NaN where a record had no beat to measure."""
    n_inputs = max((len(of) for found in examples.values() for of in found if of is not None), default=0)
    nothing = np.full(n_inputs, np.nan)
    return {name: np.stack([nothing if of is None else of for of in found]) for name, found in examples.items()}


def _arranged(measurements: Measurements, arrangement: Array, *, alike: bool) -> Measurements:
    """Measurements with the median beat's leads mixed up, of one height if ``alike``."""
    beats = measurements.median_beat_mv
    if not all(name in beats for name in INDEPENDENT_LEADS):
        return measurements
    mixed = arrangement @ np.stack([beats[name] for name in INDEPENDENT_LEADS])
    if alike:
        mixed /= np.maximum(np.ptp(mixed, axis=1, keepdims=True), 1e-6)
    return replace(measurements, median_beat_mv=dict(zip(INDEPENDENT_LEADS, mixed, strict=True)))


def _fitted(name: str, inputs: Mapping[str, Array], patients: Sequence[str]) -> dict[str, object]:
    """Classes, means, spreads, weights and constants; prints what they do on others."""
    classes = list(dict.fromkeys(_class(label) for label in inputs))
    x = np.concatenate(list(inputs.values()))
    y = np.repeat([classes.index(_class(label)) for label in inputs], len(patients))
    way = np.repeat(np.arange(len(inputs)), len(patients))
    whose = np.tile(np.asarray(patients), len(inputs))
    # A record without a measurable beat says nothing here, and is refused for that.
    beats = ~np.isnan(x).all(axis=1)
    usual = x[beats & (y == classes.index(AS_STATED))]
    mean, spread = np.nanmean(usual, axis=0), np.maximum(np.nanstd(usual, axis=0), 1e-6)
    terms = standardised(x, mean, spread, squares=name == "rate")
    wrong = np.zeros(len(x))
    named = np.zeros(len(x), dtype=bool)
    for train, held_out in GroupKFold(_N_FOLDS).split(terms, y, whose):
        with_beats = train[beats[train]]
        weights, constant = _softmax(name, terms[with_beats], y[with_beats])
        shares = softmax(terms[held_out] @ weights.T + constant, axis=1)
        wrong[held_out] = 1.0 - shares[:, classes.index(AS_STATED)]
        named[held_out] = shares.argmax(axis=1) == y[held_out]
    for number, label in enumerate(inputs):
        of = wrong[(way == number) & beats]
        print(
            f"{name:12} {label:28} doubted {100 * (of >= NOTED).mean():6.2f} %, withheld {100 * (of >= WITHHELD).mean():6.2f} %, "
            f"named {100 * named[(way == number) & beats].mean():6.2f} % of {len(of)} with a beat"
        )
    weights, constant = _softmax(name, terms[beats], y[beats])
    plain = {"mean": mean, "spread": spread, "constant": constant, "weights": weights}
    return {"classes": classes, **{key: _rounded(value) for key, value in plain.items()}}


def _class(label: str) -> str:
    """Of a way in which a file is wrong; those of a rate end with the factor."""
    name, _, factor = label.partition(":")
    return name if name in RATES and factor else label


def _softmax(name: str, terms: Array, y: NDArray[np.int64]) -> tuple[Array, Array]:
    """Fit (n_classes, n_terms) weights and (n_classes,) constants."""
    spread = np.maximum(terms.std(axis=0), 1e-6)
    fit = LogisticRegression(C=_PENALTY[name], max_iter=_ROUNDS).fit(terms / spread, y)
    return fit.coef_ / spread, fit.intercept_


def _rounded(values: Array) -> list[object]:
    rounded: list[object] = np.array([float(f"{value:.{_DIGITS}g}") for value in values.ravel()]).reshape(values.shape).tolist()
    return rounded
