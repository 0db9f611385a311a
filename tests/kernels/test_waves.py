"""Wave edges and boundaries: the compiled kernels give the bits of those of NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from heart_reader.data.synthetic import EcgParameters, simulate
from heart_reader.features import delineation, wave_edges
from heart_reader.features.beat_analysis import analyse
from heart_reader.features.beats import BEAT_FROM, BEAT_TO
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.delineation import Delineation, delineate
from heart_reader.kernels import COMPILED, NUMPY, waves

pytestmark = pytest.mark.skipif("qrs_edges" not in COMPILED, reason="no compiler was found")

KERNELS = {wave_edges: ("p_edges", "qrs_edges", "t_edges"), delineation: ("settled", "weighed")}
NAMES = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def delineated(table: dict[str, Any], *arguments: Any) -> Delineation:
    with pytest.MonkeyPatch.context() as patch:
        for module, names in KERNELS.items():
            for name in names:
                patch.setattr(module, name, table[name])
        return delineate(*arguments)


def assert_equal(*arguments: Any) -> Delineation:
    one, other = delineated(COMPILED, *arguments), delineated(NUMPY, *arguments)
    assert np.array_equal(one.leads, other.leads, equal_nan=True)
    assert np.array_equal(one.overall, other.overall, equal_nan=True)
    assert set(one.waves) == set(other.waves)
    for name, wave in other.waves.items():
        for field, value in vars(wave).items():
            made = getattr(one.waves[name], field)
            assert np.array_equal(made, value), (name, field)
            assert np.asarray(made).dtype == np.asarray(value).dtype
    return one


def simulated() -> Iterator[tuple[Any, ...]]:
    for number in range(60):
        rng = np.random.default_rng(number)
        record = simulate(EcgParameters(), rng=rng, fs=(500.0, 250.0, 1000.0, 128.0)[number % 4], duration_s=6.0)
        n_leads = 12 if number % 3 else int(rng.integers(1, 9))
        signal = record.signal[:n_leads] + rng.normal(0, 0.1 * rng.random(), (n_leads, record.n_times)).astype(np.float32)
        analysis = analyse(replace(record, signal=signal, lead_names=record.lead_names[:n_leads]))
        if analysis.main is not None:
            yield analysis.main.median, analysis.lead_names, analysis.rr, rng.random(n_leads)


def test_beats_of_any_rate_and_number_of_leads() -> None:
    found = [assert_equal(*arguments) for arguments in simulated()]
    # Every wave is compared often.
    assert all(sum(name in of.waves for of in found) > 20 for name in ("p", "qrs", "t"))
    assert len({len(of.leads) for of in found}) > 3


def test_beats_that_are_none() -> None:
    for number in range(300):
        rng = np.random.default_rng(number)
        n_leads = int(rng.integers(1, 13))
        beat = rng.normal(0, 10.0 ** rng.integers(-8, 4), (n_leads, BEAT_FROM + BEAT_TO))
        if number % 2:
            beat = np.cumsum(beat, axis=1)
        if number % 3 == 0:
            beat = np.round(beat, 1)
        if number % 5 == 0:
            beat[rng.integers(n_leads)] = 0.0
        if number % 7 == 0:
            beat[:] = beat[:, :1]
        assert_equal(beat.astype(np.float32), NAMES[:n_leads], float(rng.uniform(100, 900)), rng.random(n_leads).round(1))


def test_a_lead_that_is_no_standard_one_has_no_constant() -> None:
    beat = np.random.default_rng(0).normal(size=(2, BEAT_FROM + BEAT_TO)).cumsum(axis=1).astype(np.float32)
    assert_equal(beat, ("MLII", "X"), 500.0)


def test_both_know_where_r_is() -> None:
    assert (waves.BEAT_FROM, MEASURING_HZ) == (BEAT_FROM, 500.0)
    assert BEAT_FROM + BEAT_TO == 650


@pytest.mark.parametrize("qrs", [(-5, 300), (200, 660), (300, 200), (2**62, 2**62)])
def test_compiled_kernels_refuse_places_outside(qrs: tuple[int, int]) -> None:
    beat, shares, bell = np.zeros((1, 650), np.float32), np.ones(1), np.ones(9)
    tables = (bell, np.ones(5), np.ones(3))
    with pytest.raises(ValueError, match="room"):
        COMPILED["t_edges"](beat, shares, (bell, *tables), np.ones(100), qrs)
    with pytest.raises(ValueError, match="room"):
        COMPILED["p_edges"](beat, shares, (*tables, np.ones(3)), np.ones(250), qrs)


@pytest.mark.parametrize(("shape", "n_shares", "length"), [((1, 649), 1, 9), ((2, 650), 1, 9), ((1, 650), 1, 8), ((1, 650), 1, 201)])
def test_compiled_kernels_refuse_other_shapes(shape: tuple[int, int], n_shares: int, length: int) -> None:
    tables = (np.ones(length), np.ones(7), np.ones(4))
    with pytest.raises(ValueError, match="beat of 650"):
        COMPILED["qrs_edges"](np.zeros(shape, np.float32), np.ones(n_shares), tables)
    with pytest.raises(TypeError):
        COMPILED["qrs_edges"](np.zeros((1, 650)), np.ones(1), tables)
    with pytest.raises(TypeError, match="tuple of 3"):
        COMPILED["qrs_edges"](np.zeros((1, 650), np.float32), np.ones(1), tables[:2])
