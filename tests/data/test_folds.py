"""Who validates: patients whole, none the last to learn a class from, in time that grows with n."""

from __future__ import annotations

import time

import numpy as np
import pytest

from heart_reader.data.folds import splits_of_fold


@pytest.mark.parametrize("seed", range(10))
def test_those_who_validate_leave_every_class_they_carry_to_learn_from(seed: int) -> None:
    rng = np.random.default_rng(seed)
    units = rng.integers(0, 40, 100) * 7
    labels = (rng.random((100, 5)) < [0.4, 0.2, 0.05, 0.02, 0.0]).astype(np.float32)
    labels[rng.random((100, 5)) < 0.05] = np.nan
    folds = (units // 7) % 4
    splits = splits_of_fold(labels, units, folds, 1, seed)
    assert np.array_equal(splits == "test", folds == 1)
    for unit in np.unique(units).tolist():
        assert len(set(splits[units == unit].tolist())) == 1
    learnt = (labels[splits == "train"] == 1).any(axis=0)
    validated = (labels[splits == "val"] == 1).any(axis=0)
    assert not (validated & ~learnt).any()
    n_units = len(np.unique(units[folds != 1]))
    assert 1 <= len(np.unique(units[splits == "val"])) <= max(1, round(n_units / 6))


def test_fifty_thousand_patients_take_no_minutes() -> None:
    units = np.arange(100_000) // 2
    labels = (np.random.default_rng(0).random((100_000, 5)) < 0.2).astype(np.float32)
    start = time.process_time()
    splits = splits_of_fold(labels, units, units % 5, 0, seed=0)
    # Looking through all others for each patient took a thousand times as long.
    assert time.process_time() - start < 10
    assert np.isclose((splits == "val").mean(), 0.8 / 6, atol=0.01)
