"""Amplitudes: the compiled kernel gives the bits of that of NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from heart_reader.data.synthetic import EcgParameters, simulate
from heart_reader.features.beat_analysis import analyse
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.kernels import COMPILED, NUMPY, amplitudes

pytestmark = pytest.mark.skipif("lead_amplitudes" not in COMPILED, reason="no compiler was found")


def assert_equal(beat: np.ndarray, at: np.ndarray) -> np.ndarray:
    one, other = (table["lead_amplitudes"](beat, at) for table in (COMPILED, NUMPY))
    assert one.dtype == other.dtype
    for stem, left, right in zip(amplitudes.STEMS, one, other, strict=True):
        assert np.array_equal(left, right, equal_nan=True), stem
    return np.asarray(other)


@pytest.mark.parametrize("fs", [500.0, 250.0, 128.0])
def test_simulated_beats(fs: float) -> None:
    for number in range(12):
        record = simulate(EcgParameters(), rng=np.random.default_rng(number), fs=fs, duration_s=5.0)
        main = analyse(record).main
        assert main is not None
        at = np.nan_to_num(250 + np.round(main.delineation.overall * MEASURING_HZ / 1000.0), nan=-1).astype(np.int64)
        for n_leads in (12, 1 + number % 5):
            values = assert_equal(main.median[:n_leads].copy(), at)
        assert np.isfinite(values[amplitudes.STEMS.index("R_Amp")]).all()


def test_beats_that_are_none() -> None:
    notches, without_r = 0.0, 0
    for number in range(500):
        rng = np.random.default_rng(number)
        n_leads, n_times = int(rng.integers(1, 13)), int(rng.integers(60, 651))
        beat = rng.normal(0, 10.0 ** rng.integers(-3, 3), (n_leads, n_times))
        if number % 2:
            beat = np.cumsum(beat, axis=1)
        if number % 3 == 0:
            # Plateaus, and values that are equal.
            beat = np.round(beat / 4, 1).repeat(3, axis=1)[:, :n_times]
        if number % 5 == 0:
            beat[rng.integers(n_leads)] = -abs(beat[rng.integers(n_leads)])
        if number % 7 == 0:
            beat[:] = beat[:, :1]
        at = np.sort(rng.integers(8, n_times, 6))
        if number % 4 == 0:
            at[:2] = -1
        if number % 6 == 0:
            at[4:] = -1
        if number % 11 == 0:
            at[1], at[3], at[5] = at[0], at[2], at[4]
        values = assert_equal(beat.astype(np.float32), at.astype(np.int64))
        notches += values[amplitudes.STEMS.index("R_Notch")].sum()
        without_r += int(np.isnan(values[amplitudes.STEMS.index("QRS_IntDefl")]).sum())
    assert notches > 100
    assert without_r > 10


@pytest.mark.parametrize("at", [(-1, -1, 4, 50, 60, 70), (-1, -1, 20, 19, 60, 70), (-1, -1, 20, 40, 60, 650), (30, 20, 40, 50, 60, 70)])
def test_compiled_kernel_refuses_places_outside(at: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="six boundaries"):
        COMPILED["lead_amplitudes"](np.zeros((2, 650), np.float32), np.array(at))
