"""Fit the weights that decide whether P waves are there, to PTB-XL and simulated rhythms.

Sinus rhythms have P waves, atrial fibrillation and flutter have none. For the beats, those of sinus
rhythms have one, those of fibrillation have none, and neither have places in diastole and on T
waves of sinus rhythms, where the part before a ventricular beat may lie. Each record is also
taken with few of its leads, so that the weights serve those too. Training and validation records
only (folds 1 to 9); patients are left out one fifth at a time to say how well the weights do where
they were not fitted.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from heart_reader.data.formats import read_record
from heart_reader.data.one_record import one_record
from heart_reader.data.record import EcgRecord
from heart_reader.data.sources.ptbxl import rows_of_folds
from heart_reader.features.beat_analysis import BeatAnalysis, analyse, judged_beats
from heart_reader.features.beats import BEAT_FROM
from heart_reader.features.noise import lead_weights
from heart_reader.features.p_wave import known_inputs
from heart_reader.features.p_wave_inputs import BEAT_INPUTS, RECORD_INPUTS, PInputs, p_inputs
from heart_reader.studies.p_wave_simulated import simulated_rhythms

__all__ = ["TARGET", "Example", "examples", "fit_logistic", "write_weights"]

Array = NDArray[np.floating]

_WITH_P, _WITHOUT_P = {"SR", "SARRH", "STACH", "SBRAD", "1AVB"}, {"AFIB", "AFLT"}
# Rhythms in which neither is sure.
_UNSURE = {"PACE", "SVTAC", "PSVT", "SVARR", "2AVB", "3AVB", "BIGU", "TRIGU"}
SIMULATED, _N_SIMULATED = "simulated", 100
_LAST_FOLD, _N_FOLDS = 9, 5
# Leads that a record is also taken with, by turns.
_FEW_LEADS = (("II",), ("I", "II"), ("I",), ("V1", "II"), ("I", "II", "V2"), ("V5",))
_MOST_FEW = 3
_PENALTY, _ROUNDS = 3.0, 25
# Decoys lie between these after the last R and before the P wave, in time points.
_AFTER_R, _BEFORE_P = 32, 50
TARGET = Path(__file__).resolve().parent.parent / "features" / "p_wave_weights.json"


@dataclass(frozen=True, eq=False)
class Example:
    """One record with its truth.

    Parameters
    ----------
    patient
        Of whom all records are left out together; begins with ``SIMULATED`` if there is none.
    has_p
        Whether its rhythm has P waves.
    n_leads
        That were taken.
    inputs
        Inputs of the record and of its beats.
    members
        Beats of the most frequent kind.
    decoys
        (n_decoys, n_inputs) of places without a P wave.
    """

    patient: str
    has_p: bool
    n_leads: int
    inputs: PInputs
    members: NDArray[np.int64]
    decoys: Array


def examples(folder: Path) -> Iterator[Example]:
    """Yield the PTB-XL records of known rhythm, each with all and with few of its leads.

    Raises
    ------
    MissingFiles
        If the folder has no table of records.
    """
    rows = rows_of_folds(folder, range(1, _LAST_FOLD + 1))
    for number, row in enumerate(tqdm(rows, unit="record", disable=not sys.stderr.isatty())):
        codes = set(ast.literal_eval(row["scp_codes"]))
        has_p = bool(codes & _WITH_P) and not codes & _WITHOUT_P
        if codes & _UNSURE or not codes & (_WITH_P | _WITHOUT_P):
            continue
        path = folder / f"{row['filename_lr']}.hea"
        with one_record(path):
            record = read_record(path)
            few = _FEW_LEADS[number % len(_FEW_LEADS)]
            both = (record, replace(record, signal=np.stack([record.lead(name) for name in few]), lead_names=few))
            made = [_example(taken, row["patient_id"], has_p, np.random.default_rng(number)) for taken in both]
        yield from (example for example in made if example is not None)
    for number, (record, has_p) in enumerate(simulated_rhythms(_N_SIMULATED)):
        example = _example(record, f"{SIMULATED} {number}", has_p, np.random.default_rng(number))
        if example is not None:
            yield example


def fit_logistic(inputs: Array, truth: NDArray[np.bool_], weight: Array) -> Array:
    """Return a constant and weights, (1 + n_inputs,); standardised inputs are shrunk.

    Parameters
    ----------
    inputs
        (n, n_inputs).
    truth
        (n,).
    weight
        (n,) how much each counts; both sides together count alike.
    """
    weight = weight / np.where(truth, weight[truth].sum(), weight[~truth].sum()) * len(truth) / 2.0
    mean, spread = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), 1e-9)
    z = np.concatenate([np.ones((len(inputs), 1)), (inputs - mean) / spread], axis=1)
    penalty = np.diag([0.0] + [_PENALTY] * inputs.shape[1])
    beta = np.zeros(z.shape[1])
    for _ in range(_ROUNDS):
        p = 1.0 / (1.0 + np.exp(-np.clip(z @ beta, -30.0, 30.0)))
        curvature = (z * (weight * np.maximum(p * (1.0 - p), 1e-6))[:, None]).T @ z + penalty
        beta = beta + np.linalg.solve(curvature, z.T @ (weight * (truth - p)) - penalty @ beta)
    slope = beta[1:] / spread
    return np.concatenate([[beta[0] - float(mean @ slope)], slope])


def write_weights(folder: Path, out: Path = TARGET) -> None:
    """Fit the weights, say how good they are, and write ``p_wave_weights.json``."""
    found = list(examples(folder))
    patients = sorted({example.patient for example in found})
    fold_of = {patient: number % _N_FOLDS for number, patient in enumerate(np.random.default_rng(0).permutation(patients).tolist())}
    held_out = np.full(len(found), np.nan)
    for fold in range(_N_FOLDS):
        weights = _fit_record([example for example in found if fold_of[example.patient] != fold])
        for number, example in enumerate(found):
            if fold_of[example.patient] == fold:
                held_out[number] = float(known_inputs(example.inputs.record) @ weights[1:]) + weights[0]
    few, simulated = (np.array([of(example) for example in found]) for of in (lambda e: e.n_leads <= _MOST_FEW, _is_simulated))
    for name, of in (("PTB-XL, all", ~few & ~simulated), ("PTB-XL, few", few), ("simulated, all", simulated)):
        truth = np.array([example.has_p for example in found])[of]
        auroc = roc_auc_score(truth, held_out[of])
        print(f"{name} leads: AUROC {auroc:.4f}, {truth.sum()} records with and {(~truth).sum()} without P waves")
    record = _fit_record(found)
    beats = _fit_beats(found)
    means = np.nanmedian(np.stack([example.inputs.record for example in found]), axis=0)
    out.write_text(_as_json(means, record, beats, len(found)), encoding="utf-8")
    print(f"wrote {out}")


def _example(record: EcgRecord, patient: str, has_p: bool, rng: np.random.Generator) -> Example | None:
    analysis = analyse(record)
    if analysis.main is None:
        return None
    kinds, weights = (analysis.main.beats, *analysis.others), lead_weights(analysis.noise_mv)
    beats = judged_beats(analysis.signal, analysis.lead_names, weights, kinds, len(analysis.in_stretch))
    inputs = p_inputs(beats, analysis.main.delineation)
    if inputs is None:
        return None
    decoyed = p_inputs(beats, analysis.main.delineation, _decoys(analysis, beats.at, rng)) if has_p else None
    decoys = np.zeros((0, len(BEAT_INPUTS))) if decoyed is None else decoyed.beats
    return Example(patient, has_p, len(analysis.lead_names), inputs, analysis.main.beats.members, decoys)


def _decoys(analysis: BeatAnalysis, at: Array, rng: np.random.Generator) -> Array:
    """Return where R would be if the P wave lay between the last R and the true P wave."""
    assert analysis.main is not None
    p_from_r = analysis.main.delineation.waves["p"].onset - BEAT_FROM
    earliest, latest = at[:-1] + _AFTER_R - p_from_r, at[1:] - _BEFORE_P
    return np.where(latest > earliest, earliest + rng.random(len(earliest)) * np.maximum(latest - earliest, 0.0), np.nan)


def _fit_record(found: Sequence[Example]) -> Array:
    inputs = known_inputs(np.stack([example.inputs.record for example in found]))
    return fit_logistic(inputs, np.array([example.has_p for example in found]), np.array([_weight(example) for example in found]))


def _fit_beats(found: Sequence[Example]) -> Array:
    inputs, truth, weight = [], [], []
    for example in found:
        whole = example.inputs.beats[example.members]
        inputs += [whole, example.decoys]
        truth += [np.full(len(whole), example.has_p), np.zeros(len(example.decoys), bool)]
        weight += [np.full(len(whole) + len(example.decoys), _weight(example))]
    x, y, w = np.concatenate(inputs), np.concatenate(truth), np.concatenate(weight)
    known = np.isfinite(x).all(axis=1)
    return fit_logistic(x[known], y[known], w[known])


def _weight(example: Example) -> float:
    """A record with few leads says less, and a simulated one less still."""
    return 0.2 if _is_simulated(example) else 0.3 if example.n_leads <= _MOST_FEW else 1.0


def _is_simulated(example: Example) -> bool:
    return example.patient.startswith(SIMULATED)


def _as_json(means: Array, record: Array, beats: Array, n_examples: int) -> str:
    def by_name(names: Sequence[str], values: Array) -> dict[str, float]:
        return {name: float(f"{value:.6g}") for name, value in zip(names, values.tolist(), strict=True)}

    note = (
        f"Fitted to {n_examples} readings of PTB-XL records by heart-reader study p-wave-fit; do not edit. "
        "Log-odds; the means stand in for what is unknown."
    )
    rows = {
        "note": note,
        "record_means": by_name(RECORD_INPUTS, means),
        "record": by_name(("constant", *RECORD_INPUTS), record),
        "beat": by_name(("constant", *BEAT_INPUTS), beats),
    }
    return "{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()) + "\n}\n"
