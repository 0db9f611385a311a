"""Every kind of DICOM ECG that is written, before a validator, and its parts one by one."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

from heart_reader import build_record, read_record, write_record
from heart_reader.data.codes import codes_of
from heart_reader.data.device_report import DeviceReport, MedianBeats, Patient
from heart_reader.data.leads import STANDARD_LEADS

pydicom = pytest.importorskip("pydicom")
codedict = pytest.importorskip("pydicom.sr.codedict")

RNG = np.random.default_rng(0)
REPORT = DeviceReport(
    device="Maker \\ Model",
    acquired="2024-03-02T10:11:12+01:00",
    low_hz=0.05,
    high_hz=150.0,
    notch_hz=50.0,
    measurements={"heart_rate_bpm": 71.0, "pr_ms": 160.0, "qrs_ms": 96.5, "qtc_fridericia_ms": 400.0, "qrs_axis_deg": -30.0},
    statements=("Sinus rhythm", "Überleitung"),
    medians=MedianBeats(RNG.normal(0, 0.3, (12, 600)).astype(np.float32).round(3), 500.0, STANDARD_LEADS),
    patient=Patient("Müller^Jané", "4711", "1960-01-31"),
)
CASES = {
    "12-lead": ("1.1", STANDARD_LEADS, 500.0, 5000, REPORT),
    "12-lead, nothing known": ("1.1", STANDARD_LEADS, 257.0, 2570, None),
    "general, 15 leads": ("1.2", (*STANDARD_LEADS, "V7", "V8", "V9"), 1000.0, 10_000, REPORT),
    "general, long": ("1.2", STANDARD_LEADS, 500.0, 20_000, REPORT),
    "general, own names": ("1.2", ("MLII", "V5"), 360.0, 3600, None),
    "ambulatory": ("1.3", STANDARD_LEADS, 128.5, 1285, REPORT),
}


@pytest.fixture(params=CASES)
def case(request, tmp_path):
    sop, leads, fs, n_times, report = CASES[request.param]
    signal = np.cumsum(np.random.default_rng(1).normal(0, 0.02, (len(leads), n_times)), axis=1)
    signal[-1] = np.nan
    record = build_record("a", signal, fs, leads, age=64.0, sex="female", device_report=report)
    files, lost = write_record(record, tmp_path, "dicom")
    return sop, record, files[0], lost


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed (Debian: dicom3tools)")
def test_a_validator_finds_no_error(case):
    done = subprocess.run(["dciodvfy", str(case[2])], capture_output=True, text=True, check=False)
    assert "Error" not in done.stderr + done.stdout
    assert ("ECG" in done.stderr) or ("ECG" in done.stdout)


def test_pydicom_reads_the_same_voltages(case):
    sop, record, path, _ = case
    dataset = pydicom.dcmread(path)
    assert dataset.SOPClassUID == f"1.2.840.10008.5.1.4.1.1.9.{sop}"
    voltages = dataset.waveform_array(0).T[:-1] / 1000.0
    assert voltages == pytest.approx(record.signal[:-1], abs=0.51e-3)
    assert len({dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID}) == 3
    assert read_record(path).masked_leads == record.lead_names[-1:]


def test_leads_and_measurements_are_coded(case):
    _, record, path, lost = case
    dataset = pydicom.dcmread(path)
    sources = [channel.ChannelSourceSequence[0] for channel in dataset.WaveformSequence[0].ChannelDefinitionSequence]
    for lead, source in zip(record.lead_names, sources, strict=True):
        known = codes_of("leads", "dicom").get(lead)
        assert (source.CodeValue, source.CodingSchemeDesignator) == ((known, "MDC") if known else (lead.upper(), "99HEARTREADER"))
    if record.device_report is None:
        assert "WaveformAnnotationSequence" not in dataset
        assert [said.code for said in lost] == ["lost_date"]
        return
    notes = dataset.WaveformAnnotationSequence
    measured = {note.ConceptNameCodeSequence[0].CodeMeaning: float(note.NumericValue) for note in notes if "NumericValue" in note}
    assert measured["Ventricular Heart Rate"] == 71.0
    assert measured["QRS duration global"] == 96.5
    assert [note.UnformattedTextValue for note in notes if "UnformattedTextValue" in note] == ["Sinus rhythm", "Überleitung"]
    assert (dataset.PatientName, dataset.PatientBirthDate, dataset.PatientAge) == ("Müller^Jané", "19600131", "064Y")
    assert dataset.AcquisitionDateTime == "20240302101112+0100"
    channel = dataset.WaveformSequence[0].ChannelDefinitionSequence[0]
    assert (channel.FilterLowFrequency, channel.FilterHighFrequency, channel.NotchFilterFrequency) == (0.05, 150, 50)


def test_what_a_device_said_is_read_again(case):
    _, record, path, _ = case
    read, was = read_record(path, identity=True).device_report, record.device_report
    if was is None:
        assert (read.acquired, read.device, read.measurements, read.statements) == (None, None, {}, ())
        return
    assert (read.acquired, read.low_hz, read.high_hz, read.notch_hz) == (was.acquired, was.low_hz, was.high_hz, was.notch_hz)
    assert (read.measurements, read.statements) == (was.measurements, was.statements)
    assert (read.patient.patient_id, read.patient.birth_date) == ("4711", "1960-01-31")
    assert read_record(path).device_report.patient is None


def test_median_beats_are_a_group_of_their_own_where_one_may_be(case):
    sop, record, path, lost = case
    groups = pydicom.dcmread(path).WaveformSequence
    if record.device_report is None or sop == "1.3":
        assert len(groups) == 1
        assert ("lost_medians" in {said.code for said in lost}) is (sop == "1.3")
        return
    assert [(group.WaveformOriginality, group.MultiplexGroupLabel) for group in groups] == [
        ("ORIGINAL", "RHYTHM"),
        ("DERIVED", "MEDIAN BEAT"),
    ]
    beats = pydicom.dcmread(path).waveform_array(1).T / 1000.0
    assert beats == pytest.approx(REPORT.medians.signal, abs=1e-6)


@pytest.mark.parametrize(("kind", "cids"), [("leads", (3001,)), ("measurements", (3227, 3228, 3229, 3689))])
def test_codes_are_those_of_the_context_groups(kind, cids):
    groups = [codedict.CID_CONCEPTS[cid]["MDC"] for cid in cids]
    there = {code for group in groups for name in group for code in codedict.CONCEPTS["MDC"][name]}
    coded = dict(codes_of(kind, "dicom"))
    # TID 3713 has it in no context group.
    coded.pop("heart_rate_bpm", None)
    assert set(coded.values()) <= there
