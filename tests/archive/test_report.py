"""A report is filed with its ECG, and a damaged ECG is refused, whatever is wrong with it."""

from __future__ import annotations

import random

import pydicom
import pytest

import heart_reader
from heart_reader.archive.report import encoded, facts_of, report_of
from heart_reader.diagnosis import Diagnosis
from heart_reader.errors import ArchiveError
from heart_reader.samples import sample
from tests.archive.ecgs import ROOT, ecg_bytes


@pytest.fixture(scope="module")
def diagnosis() -> Diagnosis:
    return heart_reader.read_ecg(sample("norm"))


def latin(dataset: pydicom.Dataset) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName, dataset.PatientSex, dataset.AccessionNumber = "Müller^Zoë", "O", ""


def test_names_are_kept_in_unicode_whatever_they_were_in(diagnosis: Diagnosis) -> None:
    report = report_of(diagnosis, facts_of(ecg_bytes(1, change=latin)))
    again = facts_of(encoded(report))
    assert (again.PatientName, again.PatientSex, again.AccessionNumber) == ("Müller^Zoë", "O", "")
    assert report.SpecificCharacterSet == "ISO_IR 192"


def test_the_same_reading_has_the_same_identifier_and_another_another(diagnosis: Diagnosis) -> None:
    one, same, other = (report_of(diagnosis, facts_of(ecg_bytes(number))) for number in (1, 1, 2))
    assert one.SOPInstanceUID == same.SOPInstanceUID != other.SOPInstanceUID
    assert one.SeriesInstanceUID == other.SeriesInstanceUID != f"{ROOT}.1.1"


def test_damaged_objects_are_refused_or_give_a_report_and_nothing_else(diagnosis: Diagnosis) -> None:
    whole, chance, came = [ecg_bytes(1), ecg_bytes(2, implicit=True)], random.Random(0), {"refused": 0, "report": 0}
    said = ""
    for _ in range(80):
        content = bytearray(chance.choice(whole))
        for _ in range(chance.choice((1, 2, 8))):
            place = chance.randrange(128, 1500)
            if chance.random() < 0.7:
                content[place] = chance.randrange(256)
            else:
                del content[place : place + chance.randrange(1, 9)]
        try:
            facts = facts_of(bytes(content))
        except ArchiveError as error:
            came["refused"] += 1
            said += error.message
        else:
            came["report"] += 1
            facts_of(encoded(report_of(diagnosis, facts)))
    assert "Nimrod" not in said
    assert min(came.values()) > 5
