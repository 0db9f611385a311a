"""Tiny readers of all kinds of classes and leads, trained for one epoch on simulated ECGs."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.synthetic import random_parameters, simulate
from heart_reader.data.synthetic.files import write_wfdb
from heart_reader.training.run import train

__all__ = ["LONG_NAMES", "OWN_READERS", "train_own"]

N_RECORDS = 18
CPSC2018 = ("SNR", "AF", "IAVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE")
# As a user may call classes: long, like markup, in another script, like what every object has.
LONG_NAMES = (
    "Linksschenkelblock mit Erregungsrückbildungsstörung unter Herzschrittmachertherapie",
    "<img src=x onerror=alert(1)>",
    "اضطراب نظم القلب الأذيني",
    "constructor",
    "a.b {name}, 'quoted' & \"more\"",
)
# Name to level, classes, titles and leads.
OWN_READERS: dict[str, tuple[str, tuple[str, ...], dict[str, str], str]] = {
    "cpsc": ("cpsc2018", CPSC2018, {}, ""),
    "beats": ("aami", ("N", "S", "V", "F", "Q"), {}, "[1st, 2nd]"),
    "single": ("fibrillation", ("AFIB",), {"AFIB": "Atrial fibrillation, as our ward calls it"}, "[I]"),
    "names": ("<b>ward</b>", LONG_NAMES, {}, "[I, II, V2]"),
}


def train_own(name: str, config: ExperimentConfig, folder: Path) -> Path:
    """Train a reader on a table of records with labels at random; return its checkpoint."""
    level, classes, titles, leads = OWN_READERS[name]
    rng = np.random.default_rng(len(name))
    records = folder / "records"
    records.mkdir(exist_ok=True)
    table = folder / f"{name}.csv"
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "split", *classes])
        for row in range(N_RECORDS):
            if not (records / f"r{row}.hea").exists():
                write_wfdb(
                    replace(simulate(random_parameters("NORM", rng), rng=rng, fs=100.0, duration_s=10.0), record_id=f"r{row}"), records
                )
            # Every class in every split, with and without.
            labels = rng.integers(0, 2, len(classes)) if row % 6 > 1 else np.full(len(classes), row % 2)
            writer.writerow([records / f"r{row}", ("train", "val", "test")[row // 6], *labels])
    source = {"kind": "table", "path": str(table), "level": level, "label_columns": classes, "titles": titles}
    overrides = [
        f"name={name}",
        f"data.sources={json.dumps([source], ensure_ascii=False)}",
        f"task.level={json.dumps(level)}",
        f"task.heads={json.dumps([level])}",
        "training.epochs=1",
        "evaluation.min_positives=1",
        # Zones so narrow that some classes are read as present.
        "evaluation.alpha=0.49",
        *([f"preprocessing.leads={leads}"] if leads else []),
    ]
    return train(override_config(config, overrides), folder / name).checkpoint.directory
