"""A server on the tiny checkpoint, and simulated recordings to send to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from heart_reader.data.leads import STANDARD_LEADS, derive_limb_leads
from heart_reader.frontend import Settings, create_app


def simulated_signal(fs: float, duration_s: float) -> np.ndarray:
    """(12, n_times) mV: one narrow and one broad wave per second, obeying Einthoven's law."""
    times = np.arange(round(fs * duration_s)) / fs
    phase = times % 1.0
    beat = np.exp(-(((phase - 0.3) / 0.02) ** 2)) + 0.25 * np.exp(-(((phase - 0.55) / 0.06) ** 2))
    limb = {"I": 0.6 * beat, "II": beat, **derive_limb_leads(0.6 * beat, beat)}
    chest = {f"V{i}": (0.2 * i - 0.5) * beat for i in range(1, 7)}
    return np.stack([{**limb, **chest}[name] for name in STANDARD_LEADS])


def csv_text(fs: float = 500.0, duration_s: float = 10.0) -> str:
    """The same as a CSV file."""
    rows = "\n".join(",".join(f"{value:.3f}" for value in row) for row in simulated_signal(fs, duration_s).T)
    return f"# fs={fs:g}\n# unit=mV\n{','.join(STANDARD_LEADS)}\n{rows}\n"


def write_wfdb(header: Path, fs: float) -> None:
    """Write ten seconds of the same as a header and its signal file, format 16, 1 uV per unit."""
    signal = simulated_signal(fs, 10.0)
    lines = [f"{header.stem}.dat 16 1000/mV 16 0 0 0 0 {name}" for name in STANDARD_LEADS]
    header.write_text("\n".join([f"{header.stem} 12 {fs:g} {signal.shape[1]}", *lines]) + "\n", encoding="utf-8")
    np.rint(signal.T * 1000).astype("<i2").tofile(header.with_suffix(".dat"))


@pytest.fixture(scope="session")
def ecg_csv() -> bytes:
    """Ten seconds at 500 Hz."""
    return csv_text().encode()


@pytest.fixture(scope="session")
def samples_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one CSV sample, one WFDB sample (once more as CSV), and a description."""
    folder = tmp_path_factory.mktemp("samples")
    (folder / "steady_beat.csv").write_text(csv_text(250.0), encoding="utf-8")
    write_wfdb(folder / "pair.hea", 100.0)
    (folder / "pair.csv").write_text(csv_text(100.0), encoding="utf-8")
    (folder / "README.md").write_text(
        "# Simulated ECGs\n\n| file | shows |\n|---|---|\n| `steady_beat.csv` | one beat per second |\n", encoding="utf-8"
    )
    (folder / "labels.csv").write_text("id,labels\npair,MI CD\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def settings(tiny_checkpoint: Path, samples_dir: Path) -> Settings:
    """Of the server under test."""
    return Settings(checkpoint=tiny_checkpoint, samples_dir=samples_dir, max_upload_mb=2)


@pytest.fixture(scope="session")
def client(settings: Settings) -> Iterator[TestClient]:
    """Yield a client of a started server; a server error is an answer, not raised."""
    with TestClient(create_app(settings), raise_server_exceptions=False) as started:
        yield started
