"""Write what both sides read: simulated ECGs in each format with their truth, and predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import random_parameters, simulate_with_truth
from heart_reader.data.writers import write_record
from tests.hostile.write_scp import Scp, scp_bytes
from tests.hostile.write_xml import muse_text

__all__ = ["write_predictions", "write_records"]

WRITTEN = ("wfdb", "edf", "dicom", "aecg")
CLASSES = ("NORM", "MI", "STTC", "CD", "HYP")


def write_records(folder: Path, n_records: int) -> None:
    """Simulate ten seconds of 12 leads at 500 Hz of so many hearts, of each superclass in turn."""
    truths = []
    for kind in ("muse", "scp"):
        (folder / kind).mkdir()
    for number in range(n_records):
        rng = np.random.default_rng([15, number])
        parameters = random_parameters((CLASSES[number % len(CLASSES)],), rng)
        ecg = simulate_with_truth(parameters, rng=rng, fs=500.0, duration_s=10.0, record_id=f"r{number:03d}")
        for kind in WRITTEN:
            write_record(ecg.record, folder / kind, kind)
        name = ecg.record.record_id
        (folder / "muse" / f"{name}.xml").write_text(muse_text(ecg.record), encoding="latin-1")
        (folder / "scp" / f"{name}.scp").write_bytes(_scp(ecg.record))
        truths.append([ecg.truth.heart_rate_bpm, ecg.truth.pr_ms, ecg.truth.qrs_ms, ecg.truth.qt_ms])
    np.save(folder / "truth.npy", np.array(truths))


def _scp(record: EcgRecord) -> bytes:
    """Second differences, in the Huffman codes of the standard."""
    microvolts = np.rint(record.signal.astype(np.float64) * 1000.0).astype(np.int64)
    return scp_bytes(Scp(microvolts, list(record.lead_names), record.fs, 1000, tables="default", differences=2))


def write_predictions(folder: Path, n_records: int) -> None:
    """Make predictions like those of a trained model; one patient in ten has two records."""
    rng = np.random.default_rng(0)
    y_true = (rng.random((n_records, len(CLASSES))) < [0.45, 0.25, 0.24, 0.23, 0.12]).astype(np.float32)
    y_prob = 1 / (1 + np.exp(-(2.2 * y_true - 1.4 + rng.normal(0, 1.1, y_true.shape))))
    patients = np.array([f"p{row if row % 10 else row + 1}" for row in range(n_records)])
    thresholds = np.array([0.5, 0.45, 0.4, 0.45, 0.35])
    np.savez(folder / "predictions.npz", y_true=y_true, y_prob=y_prob, patients=patients, classes=np.array(CLASSES), thresholds=thresholds)
