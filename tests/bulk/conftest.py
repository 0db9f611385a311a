"""Simulated records as folders and shards, read by the smallest reader without measuring."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heart_reader.bulk import Settings
from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import EcgParameters, simulate
from heart_reader.data.synthetic.files import write_wfdb
from heart_reader.weights import find_reader

Shard = Callable[[Path, Sequence[str]], Path]


@pytest.fixture(scope="session")
def ecg() -> EcgRecord:
    return simulate(EcgParameters(), rng=np.random.default_rng(3), fs=100.0, duration_s=10.0)


@pytest.fixture(scope="session")
def write_records(ecg: EcgRecord) -> Callable[[Path, Sequence[str]], Path]:
    """Write records of these names into a folder, each with a gain of its own."""

    def write(folder: Path, names: Sequence[str]) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for place, name in enumerate(names):
            write_wfdb(
                replace(ecg, record_id=name, signal=ecg.signal * np.float32(0.7 + 0.02 * place)), folder, comments=("Age: 61", "Sex: M")
            )
        return folder

    return write


@pytest.fixture(scope="session")
def write_shard(write_records: Callable[[Path, Sequence[str]], Path], tmp_path_factory: pytest.TempPathFactory) -> Shard:
    """Write a tar file of records, header before signal."""

    def write(path: Path, names: Sequence[str]) -> Path:
        folder = write_records(tmp_path_factory.mktemp("unpacked"), names)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w") as shard:
            for name in names:
                for suffix in (".hea", ".dat"):
                    shard.add(folder / f"{name}{suffix}", f"{name}{suffix}")
        return path

    return write


@pytest.fixture
def settings() -> Settings:
    return Settings(find_reader("ptbxl-nano-int8"), measure=False, partition_size=8, n_workers=1)
