"""What a DICOM file says beside its waveform, whole or damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from heart_reader.data.formats import read_record
from tests.hostile.case import reference
from tests.hostile.write_dicom import Dicom, Group, write


def coded(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCPECG", meaning
    return item


def measured(meaning: str, value: Any, unit: str, channels: list[int] | None = None) -> Dataset:
    item = Dataset()
    item.ConceptNameCodeSequence = [coded("1", meaning)]
    item.MeasurementUnitsCodeSequence = [coded(unit, unit)]
    item.ReferencedWaveformChannels = [1, 0] if channels is None else channels
    item.NumericValue = value
    return item


def stated(text: str) -> Dataset:
    item = Dataset()
    item.UnformattedTextValue = text
    return item


def changed(folder: Path, spec: Dicom | None = None, **elements: Any) -> Path:
    path = write(folder, spec or Dicom())
    dataset = dcmread(path)
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.save_as(path)
    return path


def test_measurements_and_statements(tmp_path):
    point = measured("P Onset", "299", "ms")
    point.TemporalRangeType, point.ReferencedSamplePositions = "POINT", [299]
    items = [
        stated("SINUS RHYTHM "), stated("NORMAL  ECG"),
        measured("Ventricular Heart Rate", "71", "/min"), measured("QT interval global", "0.4", "s"),
        measured("PR Interval", "160", "ms"), measured("QRS Duration", "92", "ms"), measured("QTc Interval", "410", "ms"),
        measured("QTc Interval, Bazett", "415", "ms"), measured("QRS Axis", "-30", "deg"), measured("P Duration", "0", "ms"), point,
        measured("QRS Duration", "500", "ms", [1, 3]), measured("T Axis", "40", "furlong"), measured("ST level", "3", "mm"),
    ]  # fmt: skip
    report = read_record(changed(tmp_path, WaveformAnnotationSequence=items)).device_report
    assert report.statements == ("SINUS RHYTHM", "NORMAL ECG")
    assert report.measurements == {
        "heart_rate_bpm": 71.0, "qt_ms": 400.0, "pr_ms": 160.0, "qrs_ms": 92.0, "qtc_bazett_ms": 415.0, "qrs_axis_deg": -30.0,
    }  # fmt: skip


def test_device_time_filters_and_person(tmp_path):
    spec = Dicom(groups=[Group(channel={"filter_low": "0.05", "filter_high": "150"})], age=None)
    facts = {"Manufacturer": "A Maker", "ManufacturerModelName": "Mark 2", "AcquisitionDateTime": "20200301131415.25+0100"}
    person = {"PatientBirthDate": "19580201", "PatientName": "Doe^Jane", "PatientID": "4711"}
    path = changed(tmp_path, spec, **facts, **person)
    record = read_record(path)
    report = record.device_report
    assert (report.device, report.acquired, report.low_hz, report.high_hz) == ("A Maker Mark 2", "2020-03-01T13:14:15+01:00", 0.05, 150.0)
    # Without an age the dates tell it.
    assert (record.age, report.patient) == (62.0, None)
    patient = read_record(path, identity=True).device_report.patient
    assert (patient.name, patient.patient_id, patient.birth_date) == ("Doe Jane", "4711", "1958-02-01")


def test_medians_are_in_millivolts(tmp_path):
    spec = Dicom(groups=[Group(), Group(head={"originality": "DERIVED", "label": "MEDIAN BEAT", "fs": "500"}, zero=100)])
    record = read_record(write(tmp_path, spec))
    medians = record.device_report.medians
    np.testing.assert_allclose(medians.signal, reference().signal, atol=1e-6)
    assert (medians.fs, medians.lead_names) == (500.0, reference().lead_names)
    assert read_record(write(tmp_path, Dicom())).device_report.medians is None


def test_damaged_medians_do_not_stop_the_reading(tmp_path):
    spec = Dicom(groups=[Group(), Group(head={"originality": "DERIVED"}, tail=-10)])
    record = read_record(write(tmp_path, spec))
    np.testing.assert_allclose(record.signal, reference().signal, atol=1e-6)
    assert record.device_report.medians is None


@pytest.mark.parametrize(
    "item",
    [measured("QRS Duration", ["92", "95"], "ms"), measured("QRS Duration", "", "ms"), measured("", "92", "ms"), Dataset(), stated("")],
)
def test_odd_annotations_do_not_stop_the_reading(tmp_path, item):
    record = read_record(changed(tmp_path, WaveformAnnotationSequence=[item, stated("FINE")]))
    assert record.device_report.statements == ("FINE",)


@pytest.mark.parametrize("born", ["", "19580230", "18000101", "1958"])
def test_dates_that_are_none(tmp_path, born):
    path = changed(tmp_path, Dicom(age=None), ContentDate="20200301")
    content = dcmread(path)
    content.add_new(0x00100030, "LO", born)
    content.save_as(path)
    assert read_record(path).age is None
