"""Measurements beside what is known: simulated truth, and values of other programs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from heart_reader.data.formats import FORMATS, read_record
from heart_reader.data.one_record import one_record
from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import EcgParameters, NoiseLevels, random_parameters, simulate_with_truth
from heart_reader.errors import RecordError
from heart_reader.features.measured import measure

__all__ = ["COMPARED", "DEVICE", "Comparison", "device_comparisons", "plus_comparisons", "simulated_comparisons"]

NOISE_FACTORS = (0.0, 1.0, 2.0, 4.0)
RATES_BPM = (45.0, 60.0, 75.0, 100.0, 130.0)
_PER_CELL, _PER_CLASS = 10, 40
_CLASSES = ("NORM", "MI", "STTC", "CD", "HYP")

# Name here, PTB-XL+ column of the 12SL program.
_PLUS = {
    "heart_rate_bpm": "HR_Ventr_Global",
    "p_ms": "P_Dur_Global",
    "pr_ms": "PR_Int_Global",
    "qrs_ms": "QRS_Dur_Global",
    "qt_ms": "QT_Int_Global",
    "p_axis_deg": "P_AxisFront_Global",
    "qrs_axis_deg": "R_AxisFrontal_Global",
    "t_axis_deg": "T_AxisFront_Global",
}
COMPARED = tuple(_PLUS)
DEVICE = "device"


@dataclass(frozen=True)
class Comparison:
    """One record measured twice.

    Parameters
    ----------
    name
        Name of the record.
    group
        What it is counted with: ``noise 2``, ``rate 60``, a superclass, ``device`` with its format.
    ours, theirs
        Name of a measurement to its value; None where there is none.
    """

    name: str
    group: str
    ours: dict[str, float | None]
    theirs: dict[str, float | None]


def simulated_comparisons() -> Iterator[Comparison]:
    """Simulate hearts over noise levels, rates and superclasses; always the same ones."""
    for factor in NOISE_FACTORS:
        for rate in RATES_BPM:
            for number in range(_PER_CELL):
                rng = np.random.default_rng([2024, round(factor), round(rate), number])
                noise = NoiseLevels(30.0 * factor, 7.0 * factor, 1.0 * factor)
                yield _simulated(replace(_heart(rate, rng), noise=noise), rng, f"noise x{factor:g}, {rate:g} bpm")
    for superclass in _CLASSES:
        for number in range(_PER_CLASS):
            rng = np.random.default_rng([2025, _CLASSES.index(superclass), number])
            yield _simulated(random_parameters((superclass,), rng), rng, superclass)


def plus_comparisons(folder: Path) -> Iterator[Comparison]:
    """Compare with 12SL's columns of PTB-XL+ for the records whose signal is there."""
    table = folder / "samples_named_features.csv"
    if not table.is_file():
        return
    with table.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            path = folder / f"sample_{row['sample']}.csv"
            if path.is_file():
                theirs = {name: float(row[f"12sl_{column}"]) for name, column in _PLUS.items()}
                # Zero beside P_Found = 0 is no measurement.
                if float(row["12sl_P_Found_Global"]) == 0.0:
                    theirs |= {"p_ms": np.nan, "pr_ms": np.nan, "p_axis_deg": np.nan}
                with one_record(path):
                    compared = _compared(read_record(path), path.name, "12SL", theirs)
                yield compared


def device_comparisons(folder: Path) -> Iterator[Comparison]:
    """Compare with what the device wrote into a clinical file, of each format that states it.

    Parameters
    ----------
    folder
        Holds one folder per format; what cannot be read is passed over.
    """
    for path in sorted(folder.glob("*/*")):
        try:
            with one_record(path):
                record = read_record(path)
                stated = {} if record.device_report is None else record.device_report.measurements
                theirs = {name: stated[name] for name in COMPARED if name in stated}
                compared = _compared(record, path.name, f"{DEVICE}, {FORMATS[record.source_format].title}", theirs) if theirs else None
        except RecordError:
            continue
        if compared is not None:
            yield compared


def _heart(rate_bpm: float, rng: np.random.Generator) -> EcgParameters:
    """Draw intervals that fit into a beat of this rate."""
    rr_ms = 60_000.0 / rate_bpm
    qt = float(np.clip(390.0 * np.cbrt(rr_ms / 1000.0) * rng.uniform(0.92, 1.08), 230.0, 480.0))
    pr = min(float(rng.uniform(120.0, 210.0)), max(90.0, 0.95 * rr_ms - qt))
    qt = min(qt, 0.95 * rr_ms - pr)
    return EcgParameters(
        heart_rate_bpm=rate_bpm,
        p_ms=min(float(rng.uniform(80.0, 120.0)), pr - 15.0),
        pr_ms=pr,
        qrs_ms=min(float(rng.uniform(76.0, 150.0)), qt - 155.0),
        qt_ms=qt,
        axis_deg=float(rng.uniform(-20.0, 80.0)),
    )


def _simulated(parameters: EcgParameters, rng: np.random.Generator, group: str) -> Comparison:
    ecg = simulate_with_truth(parameters, rng=rng, fs=500.0, duration_s=10.0)
    truth = ecg.truth
    theirs = {name: getattr(truth, name) for name in ("heart_rate_bpm", "p_ms", "pr_ms", "qrs_ms", "qt_ms")}
    return _compared(ecg.record, ecg.record.record_id, group, theirs | {"qrs_axis_deg": truth.axis_deg})


def _compared(record: EcgRecord, name: str, group: str, theirs: dict[str, float]) -> Comparison:
    values = measure(record).values
    known = {key: None if key not in theirs or np.isnan(theirs[key]) else float(theirs[key]) for key in COMPARED}
    return Comparison(name, group, {key: values[key].value for key in COMPARED}, known)
