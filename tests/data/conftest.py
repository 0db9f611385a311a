"""A PTB-XL-shaped folder small enough to write manually."""

import csv
from pathlib import Path

import numpy as np
import pytest

from heart_reader.data.leads import STANDARD_LEADS

STATEMENT_COLUMNS = ["", "description", "diagnostic", "form", "rhythm", "diagnostic_class", "diagnostic_subclass"]
STATEMENTS = [
    ["NDT", "", "1.0", "1.0", "", "STTC", "STTC"],
    ["NORM", "", "1.0", "", "", "NORM", "NORM"],
    ["IMI", "", "1.0", "", "", "MI", "IMI"],
    ["ASMI", "", "1.0", "", "", "MI", "AMI"],
    ["LVH", "", "1.0", "", "", "HYP", "LVH"],
    ["ILMI", "", "1.0", "", "", "MI", "IMI"],
    ["LAFB", "", "1.0", "", "", "CD", "LAFB/LPFB"],
    ["ABQRS", "", "", "1.0", "", "", ""],
    ["SR", "", "", "", "1.0", "", ""],
]
DATABASE_COLUMNS = ["ecg_id", "patient_id", "age", "sex", "scp_codes", "strat_fold", "filename_lr", "filename_hr"]
# ecg_id, patient_id, age, sex, scp_codes, strat_fold
RECORDS = [
    (1, "10.0", "56.0", "1", "{'NORM': 100.0, 'SR': 0.0}", "1"),
    (2, "11.0", "300.0", "0", "{'IMI': 15.0, 'LVH': 50.0, 'SR': 0.0}", "8"),
    (3, "12.0", "", "0", "{'SR': 0.0, 'ABQRS': 0.0}", "9"),
    (4, "13.0", "70.0", "1", "{'NDT': 0.0, 'ABQRS': 0.0}", "9"),
    (5, "14.0", "33.0", "1", "{'ILMI': 100.0, 'ASMI': 80.0, 'LAFB': 35.0}", "10"),
]


def write_csv(path: Path, header: list[str], rows: list) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def save_record(path: Path, seed: int, fs: int = 100, n_times: int = 1000) -> np.ndarray:
    """Write smooth noise with PTB-XL's header; return (n_leads, n_times) whole microvolts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(0, 60, (12, n_times)).cumsum(axis=1)
    microvolts = np.clip(np.rint(noise), -9000, 9000).astype("<i2")
    lines = [f"{path.name} 12 {fs} {n_times}", *(f"{path.name}.dat 16 1000.0(0)/mV 16 0 0 0 0 {name.upper()}" for name in STANDARD_LEADS)]
    path.with_name(f"{path.name}.hea").write_text("\n".join(lines) + "\n")
    path.with_name(f"{path.name}.dat").write_bytes(np.ascontiguousarray(microvolts.T).tobytes())
    return microvolts


@pytest.fixture
def write_record():
    """Write one record."""
    return save_record


@pytest.fixture
def write_ptbxl(tmp_path):
    """Write the folder with other records or statements where a test needs them."""

    def write(records=RECORDS, statements=STATEMENTS, folder="ptbxl", signals=True) -> Path:
        root = tmp_path / folder
        names = [f"records100/00000/{record[0]:05d}_lr" for record in records]
        rows = [[*record, name, name.replace("100/", "500/").replace("_lr", "_hr")] for record, name in zip(records, names, strict=True)]
        write_csv(root / "scp_statements.csv", STATEMENT_COLUMNS, statements)
        write_csv(root / "ptbxl_database.csv", DATABASE_COLUMNS, rows)
        if signals:
            for seed, name in enumerate(names):
                save_record(root / name, seed)
        return root

    return write


@pytest.fixture
def write_table(tmp_path):
    """Write a CSV table, and an empty file for every path in it unless asked otherwise."""

    def write(header: list[str], *rows: list, name: str = "table.csv", files: bool = True) -> Path:
        path = write_csv(tmp_path / name, header, list(rows))
        if files and "path" in header:
            for row in rows:
                if row[header.index("path")]:
                    (tmp_path / row[header.index("path")]).touch()
        return path

    return write
