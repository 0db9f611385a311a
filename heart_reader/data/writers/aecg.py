"""HL7 annotated ECG (aECG): rhythm, representative beats, measurements and statements.

Elements stand in the order of the schema. What it demands and a record does not have, such as the
trial, has a null flavor.

References
----------
See :mod:`heart_reader.data.formats.aecg`.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.codes import codes_of
from heart_reader.data.device_report import DeviceReport, Patient
from heart_reader.data.formats.xml_file import MAX_XML_BYTES
from heart_reader.data.record import EcgRecord
from heart_reader.data.writers.lost import lost_parts
from heart_reader.data.writers.names import refuse_names
from heart_reader.data.writers.registry import register_writer
from heart_reader.errors import UnreadableRecord
from heart_reader.folders import write_whole
from heart_reader.messages import Message, message

__all__ = ["write_aecg"]

_MDC, _ACT, _LOINC, _GENDER = "2.16.840.1.113883.6.24", "2.16.840.1.113883.5.4", "2.16.840.1.113883.6.1", "2.16.840.1.113883.5.1"
_ROOT = {
    "xmlns": "urn:hl7-org:v3",
    "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xsi:schemaLocation": "urn:hl7-org:v3 ../schema/PORT_MT020001.xsd",
}
# Microvolts that recorders count in. The last holds what a record has in single precision.
_STEPS_UV = (5.0, 2.5, 1.0, 0.5, 0.1, 0.01, 0.001)
_GENDERS = {"male": "M", "female": "F"}
_UNITS = {"ms": "ms", "bpm": "/min", "deg": "deg"}
# XML 1.0 has no place for these, escaped or not.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@register_writer("aecg", title="HL7 aECG", suffix=".xml")
def write_aecg(record: EcgRecord, folder: Path, name: str) -> tuple[list[Path], list[Message]]:
    """Write a record; the voltages read back are equal to what it holds, to a nanovolt at least.

    Raises
    ------
    LeadError
        If the name of a lead has letters that do not stand in XML.
    UnreadableRecord
        If the file would be larger than what is read again.
    """
    refuse_names(record, "HL7 aECG", _fits)
    path = Path(folder, f"{name}.xml")
    root = _document(record)
    indent(root)
    content = tostring(root, "utf-8", xml_declaration=True)
    if len(content) > MAX_XML_BYTES:
        raise UnreadableRecord(message("xml_too_large", where=str(path), got=len(content) / 1e6, most=MAX_XML_BYTES / 1e6))
    write_whole(path, lambda new: new.write_bytes(content))
    return [path], _lost(record)


def _fits(lead: str) -> bool:
    return lead == lead.strip() != "" and lead.isprintable() and not lead.startswith("TIME_")


def _document(record: EcgRecord) -> Element:
    report = record.device_report or DeviceReport()
    began = _began(report.acquired)
    period = _period(report.acquired, began, record.duration_s)
    root = Element("AnnotatedECG", _ROOT)
    # The same record gives the same file.
    digest = hashlib.sha256(np.ascontiguousarray(record.signal).tobytes() + str(report.acquired).encode()).hexdigest()
    SubElement(root, "id", root=str(uuid.uuid5(uuid.NAMESPACE_OID, digest)))
    SubElement(root, "code", code="93000", codeSystem="2.16.840.1.113883.6.12", codeSystemName="CPT-4")
    _times(SubElement(root, "effectiveTime"), period)
    _subject(_path(root, "componentOf/timepointEvent/componentOf/subjectAssignment"), record.sex, report.patient)
    if record.age is not None:
        observation = _path(root, "controlVariable/relatedObservation")
        SubElement(observation, "code", code="21612-7", codeSystem=_LOINC, codeSystemName="LOINC", displayName="Reported Age")
        _value(observation, "PQ", value=f"{record.age:.10g}", unit="a")
    series = _path(root, "component/series")
    _code(series, "RHYTHM", _ACT)
    _times(SubElement(series, "effectiveTime"), period)
    if report.device:
        device = _path(series, "author/seriesAuthor/manufacturedSeriesDevice")
        SubElement(device, "manufacturerModelName").text = _clean(report.device)
    _filters(series, report)
    _sequences(series, np.asarray(record.signal), record.fs, record.lead_names, began)
    _annotations(series, report)
    if report.medians is not None:
        derived = _path(series, "derivation/derivedSeries")
        _code(derived, "REPRESENTATIVE_BEAT", _ACT)
        _times(SubElement(derived, "effectiveTime"), period)
        _sequences(derived, report.medians.signal, report.medians.fs, report.medians.lead_names, None)
    return root


def _lost(record: EcgRecord) -> list[Message]:
    """Say what the format has no place for."""
    kept = ("device", "filters", "identity", "measurements", "medians", "statements")
    acquired = (record.device_report or DeviceReport()).acquired
    lost = lost_parts(record, (*kept, *(("acquired",) if acquired is None or _period(acquired, _began(acquired), 0.0) else ())))
    measured = (record.device_report or DeviceReport()).measurements
    if without_code := [name for name in measured if name not in codes_of("measurements", "mdc")]:
        lost.append(message("lost_measurements", names=without_code))
    if record.masked_leads:
        lost.append(message("lost_masked", leads=record.masked_leads))
    return lost


def _path(parent: Element, names: str) -> Element:
    """Add elements, each in the one before; return the last."""
    for name in names.split("/"):
        parent = SubElement(parent, name)
    return parent


def _code(parent: Element, code: str, system: str = _MDC) -> None:
    SubElement(parent, "code", code=code, codeSystem=system, codeSystemName={_MDC: "MDC", _ACT: "ActCode"}[system])


def _value(parent: Element, kind: str, **attributes: str) -> Element:
    return SubElement(parent, "value", {"xsi:type": kind, **attributes})


def _clean(text: str) -> str:
    return _FORBIDDEN.sub(" ", text)


def _began(acquired: str | None) -> datetime | None:
    """When the recording began, if the time of day is known."""
    try:
        return datetime.fromisoformat(acquired) if acquired is not None and len(acquired) > len("YYYY-MM-DD") else None
    except ValueError:
        return None


def _stamp(time: datetime) -> str:
    """A point in time as HL7 writes it, to a millisecond or as exact as it is."""
    fraction = f"{time.microsecond:06d}" if time.microsecond % 1000 else f"{time.microsecond // 1000:03d}"
    return f"{time:%Y%m%d%H%M%S}.{fraction}{time:%z}"[: len("YYYYMMDDhhmmss.ffffff+hhmm")]


def _period(acquired: str | None, began: datetime | None, duration_s: float) -> tuple[str, str | None] | None:
    """Beginning and end of the recording, the day alone where no more is known."""
    if began is not None:
        try:
            return _stamp(began), _stamp(began + timedelta(seconds=duration_s))
        except OverflowError:
            return _stamp(began), None
    day = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", acquired or "")
    return ("".join(day.groups()), None) if day else None


def _times(element: Element, period: tuple[str, str | None] | None) -> None:
    if period is None:
        element.set("nullFlavor", "UNK")
        return
    for name, time in zip(("low", "high"), period, strict=True):
        if time is not None:
            SubElement(element, name, value=time)


def _subject(assignment: Element, sex: str | None, patient: Patient | None) -> None:
    """Add who was recorded, as far as the record has it, and a trial that is none."""
    subject = _path(assignment, "subject/trialSubject")
    number = None if patient is None else patient.patient_id
    SubElement(subject, "id", {"nullFlavor": "NI"} if number is None else {"extension": _clean(number)})
    birth = None if patient is None else patient.birth_date
    if sex in _GENDERS or (patient is not None and (patient.name or birth)):
        person = SubElement(subject, "subjectDemographicPerson")
        if patient is not None and patient.name:
            SubElement(person, "name").text = _clean(patient.name)
        if sex in _GENDERS:
            SubElement(person, "administrativeGenderCode", code=_GENDERS[sex], codeSystem=_GENDER)
        if birth:
            SubElement(person, "birthTime", value=birth.replace("-", ""))
    SubElement(_path(assignment, "componentOf/clinicalTrial"), "id", nullFlavor="NA")


def _filters(series: Element, report: DeviceReport) -> None:
    for kind, attribute, frequency in (
        ("LOW_PASS", "CUTOFF_FREQ", report.high_hz),
        ("HIGH_PASS", "CUTOFF_FREQ", report.low_hz),
        ("NOTCH", "NOTCH_FREQ", report.notch_hz),
    ):
        if frequency is None:
            continue
        variable = _path(series, "controlVariable/controlVariable")
        _code(variable, f"MDC_ECG_CTL_VBL_ATTR_FILTER_{kind}")
        part = _path(variable, "component/controlVariable")
        _code(part, f"MDC_ECG_CTL_VBL_ATTR_FILTER_{attribute}")
        _value(part, "PQ", value=f"{frequency:.10g}", unit="Hz")


def _sequences(series: Element, signal: NDArray[np.float32], fs: float, names: tuple[str, ...], began: datetime | None) -> None:
    """Add (n_leads, n_times) in mV at a rate in Hz as one set: the time, then each lead."""
    sequences = _path(series, "component/sequenceSet")
    time = _path(sequences, "component/sequence")
    _code(time, "TIME_RELATIVE" if began is None else "TIME_ABSOLUTE", _ACT)
    axis = _value(time, "GLIST_PQ" if began is None else "GLIST_TS")
    SubElement(axis, "head", {"value": "0", "unit": "s"} if began is None else {"value": _stamp(began)})
    SubElement(axis, "increment", value=f"{1.0 / fs:.17g}", unit="s")
    digits, step_uv = _digits(signal)
    codes = codes_of("leads", "mdc")
    for name, row in zip(names, digits, strict=True):
        lead = _path(sequences, "component/sequence")
        if name in codes:
            _code(lead, codes[name])
        else:
            SubElement(lead, "code", code=_clean(name), displayName=_clean(name))
        value = _value(lead, "SLIST_PQ")
        SubElement(value, "origin", value="0", unit="uV")
        SubElement(value, "scale", value=f"{step_uv:g}", unit="uV")
        SubElement(value, "digits").text = " ".join(map(str, row.tolist()))


def _digits(signal: NDArray[np.float32]) -> tuple[NDArray[np.int64], float]:
    """Whole numbers of the coarsest step, in uV, that gives exactly this signal back."""
    for step_uv in _STEPS_UV:
        for part in (signal[:, :100], signal):
            digits = np.rint(part.astype(np.float64) * (1000.0 / step_uv))
            if not np.array_equal((digits * step_uv * 1e-3).astype(np.float32), part):
                break
        else:
            break
    return np.rint(signal.astype(np.float64) * (1000.0 / step_uv)).astype(np.int64), step_uv


def _annotations(series: Element, report: DeviceReport) -> None:
    """Add the device's measurements and statements."""
    codes = codes_of("measurements", "mdc")
    stated = {name: value for name, value in report.measurements.items() if name in codes and np.isfinite(value)}
    if not stated and not report.statements:
        return
    annotations = _path(series, "subjectOf/annotationSet")
    for name, value in stated.items():
        annotation = _path(annotations, "component/annotation")
        _code(annotation, codes[name])
        _value(annotation, "PQ", value=f"{value:.10g}", unit=_UNITS[name.rpartition("_")[2]])
    if not report.statements:
        return
    interpretation = _path(annotations, "component/annotation")
    _code(interpretation, "MDC_ECG_INTERPRETATION")
    for statement in report.statements:
        annotation = _path(interpretation, "component/annotation")
        _code(annotation, "MDC_ECG_INTERPRETATION_STATEMENT")
        _value(annotation, "ST").text = _clean(statement)
