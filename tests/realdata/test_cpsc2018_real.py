"""CPSC2018's records: labels of all names agree with the headers at hand, and all are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heart_reader.config import load_config
from heart_reader.data.build import build_preprocessor, build_table
from heart_reader.data.cache import open_or_build
from heart_reader.data.challenge import read_challenge_folder
from heart_reader.data.snomed import CODES, NINE, labels_of

pytestmark = pytest.mark.realdata


def test_the_label_table_agrees_with_every_header(real_data: Path) -> None:
    # Reading refuses a header that contradicts the table; what follows counts that it compared.
    found = read_challenge_folder(real_data / "cpsc2018")
    totals = np.stack([labels_of(record.codes)["cpsc2018"] for record in found.records]).sum(axis=0)
    # The sums that the Challenge publishes; PVC is its 164884008.
    published = {"SNR": 918, "AF": 1221, "IAVB": 722, "LBBB": 236, "RBBB": 1857, "PAC": 616, "PVC": 700, "STD": 869, "STE": 220}
    assert dict(zip((one.name for one in NINE), totals.astype(int).tolist(), strict=True)) == published
    assert len(found.records) == 6877
    assert sum(record.fs is not None for record in found.records) == 26
    assert not found.notes


def test_all_records_at_hand_are_prepared(real_data: Path, tmp_path: Path) -> None:
    config = load_config(
        Path(__file__).resolve().parents[2] / "configs" / "cpsc2018_resnet34.yaml",
        ["data.allow_missing=true"],
    )
    table = build_table(config)
    assert table.left_out == {"CPSC2018: no file": 6841}
    cache = open_or_build(table, build_preprocessor(config), tmp_path, progress=False)
    assert len(cache) == 36
    assert cache.lead_mask.all()
    assert 5000 <= cache.n_times.min() <= cache.n_times.max() <= 30000


def test_other_sources_of_the_challenge_load(real_data: Path, tmp_path: Path) -> None:
    overrides = [f"data.sources=[{{kind: challenge, folder: {real_data / 'challenge'}, n_folds: 3, test_fold: 3}}]"]
    config = load_config(None, [*overrides, "task={level: challenge, heads: [challenge]}", "data.keep_unlabelled=true"])
    table = build_table(config)
    assert "E07500" in table.record_ids.tolist()
    assert len(table) == 27
    found = read_challenge_folder(real_data / "challenge")
    assert {record.fs for record in found.records} >= {500.0, 1000.0}
    assert all(code in CODES for record in found.records for code in record.codes)
    cache = open_or_build(table, build_preprocessor(config), tmp_path, progress=False)
    assert len(cache) == 27
