"""The median beat and the order statistics behind it equal those of NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from heart_reader.features.beats import BEAT_FROM, BEAT_TO, median_beat
from heart_reader.features.ranks import median, ranked, running_median


@pytest.mark.parametrize("n_beats", [1, 2, 3, 4, 7, 10, 13, 31, 32, 33, 59, 60])
def test_median_beat_is_the_median_at_every_time_point(n_beats):
    rng = np.random.default_rng(n_beats)
    signal = rng.standard_normal((2, 5000)).astype(np.float32)
    # Beats at the edges are continued as they end.
    at = np.sort(rng.integers(20, 4980, n_beats))
    window = np.clip(at[:, None] + np.arange(-BEAT_FROM, BEAT_TO), 0, 4999)
    np.testing.assert_array_equal(median_beat(signal, at), np.median(signal[:, window], axis=1))


def test_median_beat_of_one_beat_is_no_view_of_the_signal():
    signal = np.random.default_rng(0).standard_normal((2, 2000)).astype(np.float32)
    assert not np.shares_memory(median_beat(signal, np.array([800])), signal)


@pytest.mark.parametrize("n", [1, 2, 5, 8, 250])
def test_medians_and_ranks(n):
    values = np.random.default_rng(n).standard_normal((3, 4, n)).astype(np.float32)
    np.testing.assert_array_equal(median(values), np.median(values, axis=-1))
    np.testing.assert_array_equal(ranked(values, n // 3), np.sort(values, axis=-1)[..., n // 3])


@pytest.mark.parametrize("n", [1, 3, 7, 40])
def test_running_median_repeats_the_ends(n):
    values = np.random.default_rng(n).standard_normal(n)
    np.testing.assert_array_equal(running_median(values, 7), ndimage.median_filter(values, size=7, mode="nearest"))
