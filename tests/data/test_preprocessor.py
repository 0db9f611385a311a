from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.preprocessor import PreparedEcg, Preprocessor, window_starts
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.data.signal import bandpass, resample
from heart_reader.data.synthetic import random_parameters, simulate
from heart_reader.errors import ConfigError, LeadError, NonFiniteSignal, SignalTooShort, UnitError

PLAIN = Preprocessor(fs=100.0, leads=STANDARD_LEADS, window_s=2.5, stride_s=1.25, low_hz=None, high_hz=None, pad="zero")


def ecg(fs: float = 100.0, duration_s: float = 10.0) -> EcgRecord:
    rng = np.random.default_rng(0)
    return simulate(random_parameters("NORM", rng), rng=rng, fs=fs, duration_s=duration_s)


def part(record: EcgRecord, leads: tuple[str, ...]) -> EcgRecord:
    return build_record("part", np.stack([record.lead(name) for name in leads]), record.fs, leads)


@given(st.permutations(range(12)), st.sampled_from(["mV", "uV", "nV", "V"]))
def test_order_and_unit_do_not_change_what_a_network_sees(order: list[int], unit: str) -> None:
    record = ecg()
    factor = {"mV": 1.0, "uV": 1e3, "nV": 1e6, "V": 1e-3}[unit]
    shuffled = build_record(
        "x", record.signal[order].astype(np.float64) * factor, record.fs, [record.lead_names[row].lower() for row in order], unit=unit
    )
    np.testing.assert_array_equal(PLAIN(shuffled), PLAIN(record))


@given(st.sampled_from([100.0, 128.0, 250.0, 257.0, 360.0, 500.0, 977.0, 1000.0]), st.floats(1.1, 40.0))
def test_shapes_for_any_rate_and_length(fs: float, duration_s: float) -> None:
    n_times = int(fs * duration_s)
    record = build_record("x", np.random.default_rng(0).normal(0, 0.3, (12, n_times)), fs, STANDARD_LEADS)
    prepared = PLAIN.prepare(record)
    assert abs(prepared.microvolts.shape[1] - n_times / fs * 100) <= 1
    windows = PLAIN.windows(prepared)
    assert windows.shape == (len(PLAIN.starts(prepared.microvolts.shape[1])), 12, 250)
    assert windows.dtype == np.float32


@given(st.integers(1, 5000), st.integers(1, 300), st.integers(1, 300))
def test_windows_cover_the_record_to_its_end(n_times: int, window: int, stride: int) -> None:
    starts = window_starts(n_times, window, min(stride, window))
    assert starts[0] == 0
    assert starts[-1] == max(0, n_times - window)
    assert (np.diff(starts) > 0).all()
    assert (np.diff(starts) <= window).all()


def test_preparing_what_is_prepared_changes_nothing() -> None:
    once = PLAIN.prepare(ecg(500.0)).microvolts
    again = PLAIN.prepare(build_record("x", once, 100.0, STANDARD_LEADS, unit="uV")).microvolts
    np.testing.assert_array_equal(once, again)


def test_json_round_trip_and_unknown_fields() -> None:
    assert Preprocessor.from_json(PLAIN.to_json()) == PLAIN
    with pytest.raises(ConfigError, match="notch"):
        Preprocessor.from_json({**PLAIN.to_json(), "notch": 50})
    with pytest.raises(ConfigError, match="stride"):
        Preprocessor.from_json({**PLAIN.to_json(), "stride_s": 9.0})


def test_limb_leads_are_derived_and_the_rest_is_masked() -> None:
    record = ecg()
    prepared = PLAIN.prepare(part(record, ("I", "II", "V1")))
    whole = PLAIN.prepare(record)
    assert np.abs(prepared.microvolts[:6].astype(int) - whole.microvolts[:6]).max() <= 1
    assert prepared.lead_mask.tolist() == [True] * 7 + [False] * 5
    assert (prepared.microvolts[7:] == 0).all()
    assert any("derived from I and II: III, aVR, aVL, aVF" in text for text in prepared.warnings)
    assert any("V2, V3, V4, V5, V6" in text for text in prepared.warnings)


def test_a_record_without_any_known_lead_is_refused() -> None:
    with pytest.raises(LeadError, match="rename the columns or pass --leads"):
        PLAIN.prepare(build_record("x", np.random.default_rng(0).normal(0, 0.2, (2, 500)), 100.0, ["MLII", "ES"]))


def test_less_than_a_second_is_refused_and_less_than_a_window_filled() -> None:
    with pytest.raises(SignalTooShort, match="record longer"):
        PLAIN.prepare(ecg(duration_s=0.9))
    windows = PLAIN(ecg(duration_s=2.0))
    assert windows.shape == (1, 12, 250)
    assert (windows[:, :, 200:] == 0).all()
    edge = Preprocessor.from_json({**PLAIN.to_json(), "pad": "edge"})(ecg(duration_s=2.0))
    np.testing.assert_array_equal(edge[:, :, 200:], np.repeat(edge[:, :, 199:200], 50, axis=2))


def test_gaps_are_bridged_and_empty_leads_masked() -> None:
    values = ecg().signal.astype(np.float64)
    values[0, 100:110] = np.nan
    values[7] = np.inf
    record = build_record("x", values, 100.0, STANDARD_LEADS)
    assert record.masked_leads == ("V2",)
    assert not PLAIN.prepare(record).lead_mask[7]
    assert len(record.warnings) == 2
    with pytest.raises(NonFiniteSignal):
        build_record("x", np.full((12, 1000), np.nan), 100.0, STANDARD_LEADS)


def test_microvolts_taken_for_millivolts_are_refused_and_a_spike_is_not() -> None:
    with pytest.raises(UnitError, match="pass --unit uV"):
        build_record("x", ecg().signal * 1000, 100.0, STANDARD_LEADS)
    spiked = ecg().signal.copy()
    spiked[3, 500] = 40.0
    prepared = PLAIN.prepare(build_record("x", spiked, 100.0, STANDARD_LEADS))
    assert prepared.microvolts.max() == 32767
    assert any("clipped" in text for text in prepared.warnings)


def test_resampling_keeps_a_slow_wave_and_removes_a_fast_one() -> None:
    times = np.arange(5000) / 500.0
    slow = resample(np.sin(2 * np.pi * 5 * times), 500.0, 100.0)
    np.testing.assert_allclose(slow[50:-50], np.sin(2 * np.pi * 5 * np.arange(1000) / 100.0)[50:-50], atol=0.01)
    assert np.abs(resample(np.sin(2 * np.pi * 80 * times), 500.0, 100.0)[50:-50]).max() < 0.05
    offset = resample(np.full(5000, 3.0), 500.0, 100.0)
    np.testing.assert_allclose(offset, 3.0, atol=1e-9)


def test_the_band_passes_what_it_names() -> None:
    times = np.arange(2000) / 200.0
    inside, drift = np.sin(2 * np.pi * 8 * times), 2.0 + np.sin(2 * np.pi * 0.05 * times)
    filtered = bandpass(inside + drift, 200.0, 0.5, 40.0)
    np.testing.assert_allclose(filtered[300:-300], inside[300:-300], atol=0.1)
    assert bandpass(inside, 200.0, None, None) is inside
    with pytest.raises(ConfigError, match="corners must rise"):
        bandpass(inside, 200.0, 0.5, 150.0)


def test_leads_may_be_taken_by_their_place() -> None:
    placed = Preprocessor(fs=100.0, leads=("1st", "2nd"), window_s=2.5, stride_s=1.25, low_hz=None, high_hz=None, pad="zero")
    record = part(ecg(), ("V5", "II", "V1"))
    prepared = placed.prepare(record)
    named = Preprocessor(fs=100.0, leads=("II", "V5"), window_s=2.5, stride_s=1.25, low_hz=None, high_hz=None, pad="zero")
    np.testing.assert_array_equal(prepared.microvolts, named.prepare(record).microvolts)
    assert [warning for warning in prepared.warnings if "V1" in warning]
    alone = placed.prepare(part(ecg(), ("V5",)))
    assert alone.lead_mask.tolist() == [True, False]


LAST = Preprocessor(fs=100.0, leads=STANDARD_LEADS, window_s=5.0, stride_s=5.0, low_hz=None, high_hz=None, pad="zero", keep="last")


@pytest.mark.parametrize("duration_s", [2.0, 5.0, 8.0])
def test_the_last_window_alone_ends_with_the_record_and_is_filled_in_front(duration_s: float) -> None:
    prepared = LAST.prepare(ecg(duration_s=duration_s))
    windows, n_times = LAST.windows(prepared), round(100 * duration_s)
    assert windows.shape == (1, 12, 500)
    assert LAST.starts(n_times).tolist() == [n_times - 500]
    there = min(n_times, 500)
    np.testing.assert_array_equal(windows[0, :, -there:], prepared.microvolts[:, -there:].astype(np.float32) / np.float32(1000))
    assert not windows[0, :, :-there].any()


def test_crops_of_the_last_window_are_filled_in_front_and_others_behind() -> None:
    rng = np.random.default_rng(0)
    long, short = LAST.prepare(ecg(duration_s=8.0)), LAST.prepare(ecg(duration_s=2.0))
    crops = {LAST.crop(long, rng).tobytes() for _ in range(60)}
    assert len(crops) > 30
    assert not LAST.crop(short, rng)[:, :300].any()
    np.testing.assert_array_equal(LAST.crop(short, rng)[:, 300:], short.microvolts)
    behind = replace(LAST, keep="all").crop(short, rng)
    np.testing.assert_array_equal(behind[:, :200], short.microvolts)
    assert not behind[:, 200:].any()


def test_crops_cover_the_record() -> None:
    prepared = PreparedEcg(np.tile(np.arange(255, dtype=np.int16), (12, 1)), np.ones(12, dtype=bool))
    rng = np.random.default_rng(0)
    assert {int(PLAIN.crop(prepared, rng)[0, 0]) for _ in range(200)} == {0, 1, 2, 3, 4, 5}


def test_checkpoints_from_before_a_field_with_a_default_are_read() -> None:
    before = {name: value for name, value in PLAIN.to_json().items() if name != "keep"}
    assert Preprocessor.from_json(before) == PLAIN
    assert Preprocessor.from_json(LAST.to_json()) == LAST
    with pytest.raises(ConfigError, match=r"\['pad'\] are missing or unknown"):
        Preprocessor.from_json({name: value for name, value in before.items() if name != "pad"})
