"""Numbers that no electrode carries are missing values, and the rest is read without them."""

from __future__ import annotations

import numpy as np
import pytest

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import build_record
from heart_reader.data.synthetic import EcgParameters, simulate
from heart_reader.errors import NonFiniteSignal, UnitError

SAID = "values beyond 1000 mV, which no electrode picks up: they were treated as missing"


@pytest.fixture
def signal() -> np.ndarray:
    return simulate(EcgParameters(), rng=np.random.default_rng(3), fs=100.0, duration_s=10.0).signal.astype(np.float64)


def build(signal: np.ndarray, unit: str = "mV"):
    return build_record("a", signal, 100.0, STANDARD_LEADS, unit=unit)


@pytest.mark.parametrize("value", [1e4, -1e19, 1e38, 1e300, -1e308])
def test_a_single_number_is_bridged(signal: np.ndarray, value: float) -> None:
    known = build(signal).signal
    signal[4, 500] = value
    record = build(signal)
    assert record.warnings == (f"lead aVL holds {SAID}", "1 missing value in lead aVL was bridged by a straight line")
    assert np.abs(record.signal - known).max() < 0.5


@pytest.mark.parametrize("factor", [1e5, 1e19, 1e300])
def test_a_lead_of_them_is_left_out_and_the_others_stay(signal: np.ndarray, factor: float) -> None:
    known = build(signal).signal
    signal[0] = factor * (2 + signal[0])
    record = build(signal)
    assert record.masked_leads == ("I",)
    assert SAID in record.warnings[0]
    np.testing.assert_array_equal(record.signal[1:], known[1:])
    assert np.isfinite(record.signal).all()


def test_a_number_in_every_lead_is_bridged(signal: np.ndarray) -> None:
    signal[:, 700] = 1e30
    record = build(signal)
    assert record.warnings[0].startswith("leads I, II, ")
    assert len(record.warnings) == 13
    assert np.abs(record.signal).max() < 5


@pytest.mark.parametrize("factor", [1e3, 1e6])
def test_a_record_in_the_wrong_unit_is_still_refused_for_it(signal: np.ndarray, factor: float) -> None:
    with pytest.raises(UnitError, match="probably in another unit"):
        build(signal * factor)


def test_nothing_but_them_is_nothing(signal: np.ndarray) -> None:
    with pytest.raises((NonFiniteSignal, UnitError)):
        build(np.full_like(signal, 1e300))
    with pytest.raises((NonFiniteSignal, UnitError)):
        build(signal * 1e300)


def test_what_an_electrode_may_carry_stays(signal: np.ndarray) -> None:
    signal[2] += 320.0
    record = build(signal)
    assert record.warnings == ()
    assert record.signal[2].min() > 300
