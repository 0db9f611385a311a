"""Recipes compared on training records that each fold holds out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.build import build_table
from heart_reader.errors import ConfigError
from heart_reader.training.cross_validation import SHARES, cross_validate, deal_folds, describe, hold_out

LEVEL = "superdiagnostic"


@pytest.fixture(scope="module")
def recipes(tiny_config: ExperimentConfig, trees_config: ExperimentConfig) -> list[ExperimentConfig]:
    return [override_config(tiny_config, ["training.epochs=1"]), trees_config]


def test_each_training_record_is_held_out_once(tiny_config: ExperimentConfig) -> None:
    table = build_table(tiny_config)
    folds = deal_folds(table, LEVEL, 3, seed=0)
    assert set(folds[table.splits == "train"].tolist()) == {0, 1, 2}
    assert set(folds[table.splits != "train"].tolist()) == {-1}
    held_out = [hold_out(table, folds, number) for number in range(3)]
    tested = np.concatenate([part.split("test").record_ids for part in held_out])
    assert sorted(tested) == sorted(table.split("train").record_ids)
    real_test = set(table.split("test").record_ids.tolist())
    assert all(real_test.isdisjoint(part.record_ids.tolist()) for part in held_out)
    assert all(part.split("val").record_ids.tolist() == table.split("val").record_ids.tolist() for part in held_out)


def test_classes_are_alike_in_all_folds(tiny_config: ExperimentConfig) -> None:
    table = build_table(tiny_config)
    folds = deal_folds(table, LEVEL, 2, seed=0)
    positives = np.array([table.y_true(LEVEL)[folds == number].sum(axis=0) for number in range(2)])
    assert (np.abs(positives[0] - positives[1]) <= 3).all()


@pytest.mark.slow
def test_two_recipes_are_mixed_on_records_neither_has_seen(recipes: list[ExperimentConfig], tmp_path: Path) -> None:
    mixtures = cross_validate(recipes, tmp_path, n_folds=2)
    n_train = int((build_table(recipes[0]).splits == "train").sum())
    assert [len(one) for one in mixtures] == [n_train] * len(SHARES)
    alone, most = mixtures[0].y_prob, mixtures[-1].y_prob
    assert not np.allclose(alone, most)
    # Of a level with a head and statements the head is one half, so what both recipes answer moves
    # on a line.
    share = SHARES.index(0.5)
    np.testing.assert_allclose(mixtures[share].y_prob, alone + (most - alone) * 0.5 / 0.9, atol=1e-6)
    page = describe(mixtures, recipes, 2)
    assert f"{n_train} training records in 2 folds" in page
    again = sorted(tmp_path.rglob("weights.safetensors"))
    stamps = [path.stat().st_mtime_ns for path in again]
    np.testing.assert_array_equal(cross_validate(recipes, tmp_path, n_folds=2)[0].y_prob, alone)
    assert [path.stat().st_mtime_ns for path in again] == stamps


def test_what_cannot_be_compared_is_refused(recipes: list[ExperimentConfig], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name two"):
        cross_validate(recipes[:1], tmp_path, n_folds=2)
    other = override_config(recipes[1], ["data.sources=[{kind: synthetic, n_records: 40, seed: 2}]"])
    with pytest.raises(ConfigError, match="not of the same records"):
        cross_validate([recipes[0], other], tmp_path, n_folds=2)
    with pytest.raises(ConfigError, match="at least 2"):
        cross_validate(recipes, tmp_path, n_folds=1)
