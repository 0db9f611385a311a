"""What others do in the comparisons. What they need is imported when it is called for.

This also runs with ``--other-python``: neurokit2 and ecgdatakit are no packages of this project.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import plain_metrics
from own import paths
from work import Answers, Work


def _theirs(name: str) -> Any:
    """Import a package that need not be installed here."""
    return importlib.import_module(name)


def script(folder: Path, *, weights: str, exact: bool) -> Work:
    """From file to the logits of all windows; ``exact`` as in ``own.session``."""
    import onnxruntime
    import wfdb
    from scipy.signal import resample_poly

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if exact:
        options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])

    def do(path: Path) -> np.ndarray:
        signal, fields = wfdb.rdsamp(str(path.with_suffix("")))
        signal = resample_poly(signal, 100, round(fields["fs"]), axis=0).T.astype(np.float32)
        windows = np.stack([signal[:, start : start + 250] for start in range(0, signal.shape[1] - 249, 125)])
        logits: np.ndarray = session.run(None, {"signal_mv": windows})[0]
        return logits

    return Work.of_arrays(paths(folder), do)


def wfdb_beats(folder: Path) -> Work:
    """From file to the heart rate, by wfdb's detector in lead II."""
    import wfdb
    from wfdb.processing import xqrs_detect

    def do(path: Path) -> np.ndarray:
        signal, fields = wfdb.rdsamp(str(path.with_suffix("")))
        beats = xqrs_detect(signal[:, fields["sig_name"].index("II")], fields["fs"], verbose=False)
        return np.array([60.0 * fields["fs"] / np.mean(np.diff(beats)), np.nan, np.nan, np.nan])

    return Work.of_arrays(paths(folder), do)


def neurokit(folder: Path, *, leads: list[str], method: str, timed: int) -> Work:
    """From file to rate, PR, QRS and QT: wfdb reads, neurokit2 finds beats and waves.

    Only its steps that lead to waves are called, which is quicker than ``ecg_process``. An interval
    is the median of all beats and leads in which both of its ends were found.
    """
    import wfdb

    nk = _theirs("neurokit2")

    def do(path: Path) -> np.ndarray:
        signal, fields = wfdb.rdsamp(str(path.with_suffix("")))
        ms = 1000.0 / fields["fs"]
        rates, intervals = [], []
        for name in leads:
            clean = nk.ecg_clean(signal[:, fields["sig_name"].index(name)], sampling_rate=fields["fs"])
            beats = nk.ecg_peaks(clean, sampling_rate=fields["fs"])[1]["ECG_R_Peaks"]
            waves = nk.ecg_delineate(clean, beats, sampling_rate=fields["fs"], method=method)[1]
            p_on, on, off, t_off = (ms * np.array(waves[f"ECG_{end}"], float) for end in ("P_Onsets", "R_Onsets", "R_Offsets", "T_Offsets"))
            rates.append(60_000.0 / (ms * np.mean(np.diff(beats))))
            intervals.append([on - p_on, off - on, t_off - on])
        pooled = [np.nanmedian(np.concatenate(part)) for part in zip(*intervals, strict=True)]
        return np.array([np.median(rates), *pooled])

    return Work.of_arrays(paths(folder), do, timed=timed)


def wfdb_file(folder: Path) -> Work:
    """From WFDB file to signal in mV."""
    import wfdb

    def collect(answers: list[Any]) -> Answers:
        return {
            "values": np.stack([signal.T for signal, _ in answers]),
            "leads": np.array(answers[0][1]["sig_name"]),
            "fs": np.array(answers[0][1]["fs"]),
        }

    return Work([str(path.with_suffix("")) for path in paths(folder)], wfdb.rdsamp, collect)


def ecgdatakit_file(folder: Path, *, kind: str) -> Work:
    """From file to leads in mV."""
    parse = _theirs("ecgdatakit").FileParser.parse

    def collect(answers: list[Any]) -> Answers:
        first = answers[0].leads
        return {
            "values": np.stack([[lead.samples for lead in one.leads] for one in answers]),
            "leads": np.array([lead.label for lead in first]),
            "fs": np.array(first[0].sampling_rate),
        }

    return Work(paths(folder, kind), parse, collect)


def sklearn_auroc(folder: Path, *, draws: int, timed: int) -> Work:
    """Draw patients in a loop and call scikit-learn's macro-AUROC on their records.

    One item is one draw; they are counted in thousands.
    """
    from sklearn.metrics import roc_auc_score

    given = np.load(folder / "predictions.npz")
    y_true, y_prob, rows_of = given["y_true"], given["y_prob"], _rows_of(given["patients"])

    def do(rows: np.ndarray) -> np.ndarray:
        return np.array(roc_auc_score(y_true[rows], y_prob[rows], average="macro"))

    items = _Draws(rows_of, draws)
    return Work(items, do, lambda answers: {"macro_auroc": np.stack(answers)}, timed=timed, units=1 / 1000)


def sklearn_metrics(folder: Path, *, draws: int) -> Work:
    """Draw patients in a loop and compute all metrics, with scikit-learn where it has them."""
    given = np.load(folder / "predictions.npz")
    y_true, y_prob, rows_of = given["y_true"].astype(float), given["y_prob"], _rows_of(given["patients"])

    def do(rows: np.ndarray) -> dict[str, float]:
        return plain_metrics.all_metrics(y_true[rows], y_prob[rows], given["thresholds"])

    def collect(answers: list[Any]) -> Answers:
        return {name: np.array([answer[name] for answer in answers]) for name in answers[0]}

    return Work(_Draws(rows_of, draws), do, collect, units=1 / 1000)


def _rows_of(patients: np.ndarray) -> list[np.ndarray]:
    """Return the records of each patient, in order of first appearance."""
    found: dict[str, list[int]] = {}
    for row, patient in enumerate(patients.tolist()):
        found.setdefault(patient, []).append(row)
    return [np.array(rows) for rows in found.values()]


class _Draws:
    """The records of each draw of patients, drawn when they are asked for; always the same ones."""

    def __init__(self, rows_of: list[np.ndarray], draws: int) -> None:
        self.rows_of, self.draws = rows_of, draws

    def __len__(self) -> int:
        return self.draws

    def __getitem__(self, chosen: slice) -> _Draws:
        return _Draws(self.rows_of, len(range(self.draws)[chosen]))

    def __iter__(self) -> Any:
        generator = np.random.default_rng(0)
        for _ in range(self.draws):
            patients = generator.integers(0, len(self.rows_of), size=len(self.rows_of))
            yield np.concatenate([self.rows_of[patient] for patient in patients])
