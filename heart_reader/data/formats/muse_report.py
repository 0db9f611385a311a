"""What a MUSE file says of its ECG beside the signal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heart_reader.data.device_report import DeviceReport, MedianBeats, Patient
from heart_reader.data.formats.files import plausible_age, sex_of
from heart_reader.data.formats.xml_file import number_of, text_of
from heart_reader.data.formats.xml_leads import age_between, is_bazett, iso_time, one_line, positive

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["muse_age", "muse_report", "muse_sex"]

_YEARS = {"YEARS": 1.0, "MONTHS": 1 / 12, "WEEKS": 7 / 365.25, "DAYS": 1 / 365.25, "HOURS": 1 / 8766}
_CONFIRMED = {"CONFIRMED": True, "UNCONFIRMED": False}
# MUSE states the corner of its high-pass in hundredths of a hertz: 5, 16 or 56.
_HUNDREDTHS = 100.0


def muse_age(root: Element) -> float | None:
    """Return the age in years, which is stated in years, months, weeks, days or hours."""
    age = number_of(text_of(root, "PatientDemographics/PatientAge"))
    if age is not None:
        years = _YEARS.get((text_of(root, "PatientDemographics/AgeUnits") or "").upper())
        return plausible_age(None if years is None else age * years)
    birth = text_of(root, "PatientDemographics/DateofBirth")
    return plausible_age(age_between(birth, text_of(root, "TestDemographics/AcquisitionDate")))


def muse_sex(root: Element) -> str | None:
    """Return male, female or None."""
    return sex_of(text_of(root, "PatientDemographics/Gender"))


def muse_report(root: Element, waveform: Element, medians: MedianBeats | None, *, identity: bool) -> DeviceReport:
    """Gather what the file states.

    Parameters
    ----------
    waveform
        The group of leads that is read.
    """
    test = root.find("TestDemographics")
    version = text_of(root, "MuseInfo/MuseVersion")
    statements = _statements(root.find("Diagnosis")) or _statements(root.find("OriginalDiagnosis"))
    low, high = number_of(text_of(waveform, "HighPassFilter")), number_of(text_of(waveform, "LowPassFilter"))
    return DeviceReport(
        device=one_line(
            text_of(test, "AcquisitionDevice"), text_of(test, "AcquisitionSoftwareVersion"), f"MUSE {version}" if version else None
        ),
        acquired=iso_time(text_of(test, "AcquisitionDate"), text_of(test, "AcquisitionTime")),
        low_hz=None if not low or low < 0 else low if low < 1 else low / _HUNDREDTHS,
        high_hz=high if high and high > 0 else None,
        notch_hz=next((hertz for item in waveform.findall("ACFilter") if (hertz := number_of(text_of(item)))), None),
        measurements=_measurements(root),
        statements=statements,
        confirmed=_CONFIRMED.get((text_of(test, "Status") or "").upper()),
        medians=medians,
        patient=_patient(root) if identity else None,
    )


def _measurements(root: Element) -> dict[str, float]:
    """The measurements as they stand; where a person has edited none, those of the device."""
    found = root.find("RestingECGMeasurements")
    if found is None:
        found = root.find("OriginalRestingECGMeasurements")
    if found is None:
        return {}
    stated = {child.tag: value for child in found if (value := number_of(text_of(child))) is not None}
    rate, qt, qtc = (stated.get(tag) for tag in ("VentricularRate", "QTInterval", "QTCorrected"))
    return positive(
        heart_rate_bpm=rate,
        p_ms=_p_duration(stated),
        pr_ms=stated.get("PRInterval"),
        qrs_ms=stated.get("QRSDuration"),
        qt_ms=qt,
        # Bazett's unless the hospital has chosen another formula.
        qtc_bazett_ms=qtc if is_bazett(qtc, qt, rate) else None,
        qtc_fridericia_ms=stated.get("QTcFrederica"),
        p_axis_deg=stated.get("PAxis"),
        qrs_axis_deg=stated.get("RAxis"),
        t_axis_deg=stated.get("TAxis"),
        rr_mean_ms=number_of(text_of(root, "QRSTimesTypes/GlobalRR")),
        n_beats=stated.get("QRSCount"),
    )


def _p_duration(stated: dict[str, float]) -> float | None:
    """Milliseconds between marks in samples, if by the same marks PR is the stated interval."""
    fs = stated.get("ECGSampleBase", 0.0) * 10.0 ** min(stated.get("ECGSampleExponent", 0.0), 9.0)
    marks = [stated.get(tag) for tag in ("POnset", "POffset", "QOnset")]
    if fs <= 0 or None in marks:
        return None
    onset, offset, qrs = (float(mark or 0) * 1000.0 / fs for mark in marks)
    return offset - onset if abs(qrs - onset - stated.get("PRInterval", 0.0)) <= 1000.0 / fs else None


def _statements(diagnosis: Element | None) -> tuple[str, ...]:
    """Lines of an interpretation, whose pieces end with a flag."""
    if diagnosis is None:
        return ()
    items = diagnosis.findall("DiagnosisStatement")
    ends = [any((text_of(flag) or "").upper() == "ENDSLINE" for flag in item.findall("StmtFlag")) for item in items]
    lines: list[str] = []
    pieces: list[str] = []
    for item, end in zip(items, ends, strict=True):
        if text := text_of(item, "StmtText"):
            pieces.append(text)
        if end or not any(ends):
            lines.append(" ".join(pieces))
            pieces = []
    return tuple(line for line in (*lines, " ".join(pieces)) if line)


def _patient(root: Element) -> Patient:
    demographics = root.find("PatientDemographics")
    return Patient(
        name=one_line(text_of(demographics, "PatientLastName"), text_of(demographics, "PatientFirstName")),
        patient_id=text_of(demographics, "PatientID"),
        birth_date=iso_time(text_of(demographics, "DateofBirth"), None),
    )
