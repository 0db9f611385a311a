"""Any record out to any format and back in: signal, leads, rate, age and sex are the same."""

from __future__ import annotations

import tempfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from heart_reader import build_record, read_record, write_record
from heart_reader.data.device_report import DeviceReport, Patient
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.writers import WRITERS, safe_name
from heart_reader.data.writers.age import age_in_units
from heart_reader.data.writers.quantise import FINE_STEP_MV, quantise
from heart_reader.errors import LeadError, UnreadableRecord

KINDS = ("csv", "dicom", "edf", "wfdb")
LEAD_SETS = (
    ("II",),
    ("I", "II", "V5"),
    ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"),
    STANDARD_LEADS,
    (*STANDARD_LEADS, "V7", "V8", "V9"),
    ("MLII", "V5"),
    ("I", "ECG 1", "Aux+"),
    ("X", "Y", "Z"),
)
# Units per mV: usual recorders, and one that no list has.
GAINS = (1000.0, 200.0, 204.8, 400.0, 10_000.0, 333.0)


@st.composite
def records(draw):
    leads, fs = draw(st.sampled_from(LEAD_SETS)), draw(st.sampled_from((128.5, 250.0, 257.0, 360.0, 500.0, 1000.0, 333.25)))
    n_times = draw(st.integers(40, 600))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    # A walk: neighbours differ by little, as in a recording.
    signal = np.cumsum(rng.normal(0, draw(st.floats(0.001, 0.05)), (len(leads), n_times)), axis=1) + draw(st.floats(-3, 3))
    if (gain := draw(st.sampled_from((None, *GAINS)))) is not None:
        signal = np.rint(signal * gain) / gain
    if draw(st.booleans()):
        signal[0, 5:9] = np.nan
    if len(leads) > 1 and draw(st.booleans()):
        signal[-1] = np.nan
    age = draw(st.sampled_from((None, 0.0, 3 / 365.25, 0.5, 1.0, 56.0, 89.0, 130.0)))
    return build_record("a", signal, fs, leads, age=age, sex=draw(st.sampled_from((None, "male", "female"))))


def again(record, kind, **given_values):
    with tempfile.TemporaryDirectory() as folder:
        files, lost = write_record(record, folder, kind)
        return read_record(files[0], **given_values), lost


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(record=records())
@example(record=build_record("a", np.zeros((1, 100)), 500.0, ("II",)))
@example(record=build_record("a", np.full((2, 100), 250.0), 500.0, ("I", "II")))
def test_what_was_written_reads_the_same(kind, record):
    assume(kind != "dicom" or len(record.lead_names) <= 12 or record.fs >= 200)
    read, lost = again(record, kind)
    assert {said.code for said in lost} <= {"lost_date", "lost_rate"}
    assert read.lead_names == record.lead_names
    assert read.masked_leads == record.masked_leads
    assert read.signal.shape == record.signal.shape
    assert np.abs(read.signal - record.signal).max() <= 0.51 * FINE_STEP_MV
    assert read.fs == (pytest.approx(record.fs, rel=1e-5) if "lost_rate" in {said.code for said in lost} else record.fs)
    assert read.age == (None if record.age is None else pytest.approx(record.age, abs=0.1 / 365.25))
    assert read.sex == record.sex


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("gain", GAINS)
def test_a_recorders_steps_are_kept_to_the_last_bit(kind, gain):
    rng = np.random.default_rng(0)
    signal = np.rint(np.cumsum(rng.normal(0, 0.02, (12, 2000)), axis=1) * gain) / gain
    record = build_record("a", signal, 500.0, STANDARD_LEADS)
    read, _ = again(record, kind)
    assert np.abs(read.signal - record.signal).max() <= 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_through_every_format_in_turn_nothing_drifts(kind):
    rng = np.random.default_rng(1)
    record = build_record("a", np.cumsum(rng.normal(0, 0.02, (12, 1000)), axis=1), 500.0, STANDARD_LEADS, age=40.0, sex="male")
    once, _ = again(record, kind)
    for other in KINDS:
        there, _ = again(once, other)
        back, _ = again(again(there, kind)[0], other)
        assert np.abs(there.signal - once.signal).max() <= 0.51 * FINE_STEP_MV
        assert np.abs(back.signal - there.signal).max() <= 1e-6
        assert (back.age, back.sex, back.lead_names, back.fs) == (40.0, "male", STANDARD_LEADS, 500.0)


def test_a_gain_is_found_again():
    rng = np.random.default_rng(0)
    for gain in (*GAINS, 409.6, 131.07, 12_345.0):
        signal = np.rint(np.cumsum(rng.normal(0, 0.02, (2, 3000)), axis=1) * gain) / gain
        # A multiple of it is as good.
        found = quantise(build_record("a", signal, 500.0, ("I", "II"))).gains / gain
        assert found == pytest.approx(np.rint(found), rel=1e-9)


def test_nothing_is_cut_off_far_from_zero():
    rng = np.random.default_rng(0)
    signal = np.rint(1000 * np.cumsum(rng.normal(0, 0.02, (2, 3000)), axis=1)) / 1000 + np.array([[290.0], [-290.0]])
    made = quantise(build_record("a", signal, 500.0, ("I", "II")))
    assert np.abs(made.samples).max() <= 32_000
    assert not made.lost
    assert (made.samples - made.baselines[:, None]) / made.gains[:, None] == pytest.approx(signal, abs=1e-4)


def test_a_coarser_step_is_said():
    signal = np.linspace(-29, 29, 1000)[None] * np.ones((2, 1))
    signal[1] += np.random.default_rng(0).normal(0, 1e-4, 1000)
    signal = np.concatenate([signal, -10 * signal[1:]])
    record = build_record("a", signal, 500.0, ("I", "II", "III"))
    read, lost = again(record, "wfdb")
    said = next(said for said in lost if said.code == "lost_resolution")
    assert said.values["leads"] == ("III",)
    assert np.abs(read.signal - record.signal).max() <= 0.51e-3 * said.values["step"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_does_not_fit_is_refused_and_never_another_one(kind, tmp_path):
    for lead in ("a\nb", "Channel I", "1,5", " x", "7", "Aux (uV)", "lead-of-a-very-long-name" * 3, "ä" * 8, "#", "a;b", 'a"b', "time"):
        record = replace(build_record("a", np.zeros((2, 100)), 500.0, ("II", "V5")), lead_names=("II", lead))
        try:
            files, _ = write_record(record, tmp_path, kind)
        except LeadError as error:
            answer = error.args[0].code
        else:
            answer = read_record(files[0]).lead_names
        assert answer in ("name_does_not_fit", ("II", lead)), lead


def test_what_no_dicom_ecg_holds_is_refused(tmp_path):
    for leads, fs in ((STANDARD_LEADS, 2000.0), (STANDARD_LEADS, 40.0), (tuple(f"E{n}" for n in range(25)), 500.0)):
        with pytest.raises(UnreadableRecord) as refused:
            write_record(build_record("a", np.zeros((len(leads), 100)), fs, leads), tmp_path, "dicom")
        assert refused.value.args[0].code == "record_does_not_fit"


def test_who_and_when_go_into_an_edf_file_and_back(tmp_path):
    patient = Patient("Jane Doe", "4711", "1964-02-03")
    report = DeviceReport(device="Maker Model", acquired="2024-03-02T10:11:12", low_hz=0.05, high_hz=150.0, patient=patient)
    record = build_record("a", np.zeros((1, 1000)), 500.0, ("II",), age=60.0, sex="female", device_report=report)
    read, lost = again(record, "edf", identity=True)
    assert lost == []
    assert (read.device_report.patient, read.device_report.acquired) == (patient, "2024-03-02T10:11:12")
    assert (read.device_report.device, read.device_report.low_hz, read.device_report.high_hz) == ("Maker Model", 0.05, 150.0)
    assert again(record, "edf")[0].device_report.patient is None


def test_an_exact_age_goes_before_what_dates_make_of_it(tmp_path):
    report = DeviceReport(acquired="2024-03-02T10:11:12", patient=Patient(birth_date="2023-09-01"))
    record = build_record("a", np.zeros((1, 1000)), 500.0, ("II",), age=0.5, device_report=report)
    assert again(record, "edf")[0].age == 0.5


def test_a_rate_that_a_duration_hides_is_a_whole_one():
    record = build_record("a", np.zeros((1, 65_003)), 360.0, ("II",))
    read, lost = again(record, "edf")
    assert (read.fs, read.n_times, lost) == (360.0, 65_003, [])


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_no_place_is_said(kind):
    report = DeviceReport("Model", "2024-03-02T10:11:12", 0.05, 150.0, 50.0, {"qrs_ms": 96.0, "cornell_mv": 1.0}, ("Sinus rhythm",))
    record = build_record("a", np.zeros((1, 1000)), 500.0, ("II",), device_report=replace(report, patient=Patient("Doe")))
    said = {item.code for item in again(record, kind)[1]}
    assert (
        said
        == {
            "csv": {f"lost_{part}" for part in ("acquired", "device", "filters", "identity", "measurements", "statements")},
            "dicom": {"lost_measurements"},
            "edf": {"lost_measurements", "lost_statements"},
            "wfdb": {f"lost_{part}" for part in ("device", "filters", "identity", "measurements", "statements")},
        }[kind]
    )


@pytest.mark.parametrize(
    ("years", "number", "unit"),
    [(0.0, 0, "years"), (0.5, 6, "months"), (1.5, 18, "months"), (21 / 365.25, 3, "weeks"), (130.0, 130, "years")],
)
def test_ages_in_units(years, number, unit):
    assert age_in_units(years) == (number, unit)


def test_names_of_files():
    assert [safe_name(name) for name in ("a b", "../x", "con", "é", "-rf")] == ["a_b", "___x", "con_", "_", "rf"]


def test_every_writer_writes_what_is_read_again(tmp_path):
    record = build_record("a", np.zeros((2, 1000)), 500.0, ("I", "II"))
    for kind, writer in WRITERS.items():
        files, _ = write_record(record, tmp_path / kind, kind)
        assert files[0].name == f"a{writer.suffix}"
        assert read_record(files[0]).lead_names == ("I", "II")
