"""Mortara (Welch Allyn, Hillrom, Baxter) ELI XML of electrocardiographs and ELI Link.

No specification is published. What is read states its unit, encoding and length itself, as all
known exports do; a channel that does not is refused.

References
----------
Structure as read by BRAVEHEART (Stabenau H. F., Waks J. W., J Electrocardiol 2023) and EDFbrowser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.device_report import DeviceReport, MedianBeats, Patient
from heart_reader.data.formats.files import Given, check_fs, check_length, damaged, decode_text, plausible_age, sex_of
from heart_reader.data.formats.registry import register_format
from heart_reader.data.formats.xml_file import number_of, parse_xml, root_name
from heart_reader.data.formats.xml_leads import (
    MOST_TIMES,
    Waveform,
    age_between,
    beats_or_warning,
    from_base64,
    iso_time,
    median_beats,
    one_line,
    positive,
    record_of,
    unread,
)
from heart_reader.data.record import EcgRecord

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["read_mortara"]

# ECG alone may be the root of anybody's file.
_MARKS = ("<CHANNEL", "<TYPICAL_CYCLE", "UNITS_PER_MV", "ACQUISITION_TIME")
_YEARS = {"Y": 1.0, "YEARS": 1.0, "M": 1 / 12, "MONTHS": 1 / 12, "W": 7 / 365.25, "WEEKS": 7 / 365.25, "D": 1 / 365.25, "DAYS": 1 / 365.25}
_CYCLE = {
    "p_ms": "P_DURATION", "pr_ms": "PR_DURATION", "qrs_ms": "QRS_DURATION", "qt_ms": "QT", "qtc_bazett_ms": "QTB",
    "qtc_fridericia_ms": "QTF", "p_axis_deg": "P_AXIS", "qrs_axis_deg": "QRS_AXIS", "t_axis_deg": "T_AXIS",
}  # fmt: skip
_COMMON = ("BITS", "FORMAT", "ENCODING", "UNITS_PER_MV", "SAMPLE_FREQ", "DURATION")


def _looks_like_mortara(head: bytes, path: str) -> bool:
    if root_name(head) != "ECG":
        return False
    text = decode_text(head)
    return any(mark in text for mark in _MARKS)


@register_format(
    "mortara",
    title="Mortara XML",
    suffixes=(".xml",),
    sniff=_looks_like_mortara,
    lists=_looks_like_mortara,
    states="rate, unit, leads, age and sex; measurements, statements and median beats of the device",
)
def read_mortara(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read the channels of an ELI file; see :class:`Format` for parameters and errors."""
    root = parse_xml(path)
    warnings: list[str] = []
    waveform, counts = _channels(path, root.findall("CHANNEL"), {}, given)
    cycle = root.find("TYPICAL_CYCLE")
    medians = None if cycle is None else beats_or_warning(lambda: _beats(path, cycle, given), warnings)
    attributes = {} if (subject := root.find("SUBJECT")) is None else subject.attrib
    return record_of(
        path,
        given,
        waveform,
        counts,
        source_format="mortara",
        age=_age(root, attributes),
        sex=sex_of(attributes.get("GENDER")),
        report=_report(root, attributes, medians, identity=given.identity),
        warnings=warnings,
    )


def _channels(path: str, elements: list[Element], common: dict[str, str], given: Given) -> tuple[Waveform, NDArray[np.integer]]:
    """Decode channels, (n_leads, n_times), which must be of one rate and length."""
    if not elements:
        raise damaged(path, "it has no element CHANNEL")
    rows, names, steps, rates = [], [], [], set()
    for number, element in enumerate(elements, start=1):
        stated = {**common, **element.attrib}
        name = stated.get("NAME", "").strip()
        where = f"channel {name or number}"
        kind = tuple(stated.get(key, "").strip().upper() for key in ("BITS", "FORMAT", "ENCODING"))
        if kind != ("16", "SIGNED", "BASE64") or number_of(stated.get("OFFSET") or "0") != 0:
            raise unread(path, f"{where} with samples of {' '.join(kind).strip() or 'unstated kind'} and offset {stated.get('OFFSET')}")
        per_mv, rate, length = (number_of(stated.get(key)) for key in ("UNITS_PER_MV", "SAMPLE_FREQ", "DURATION"))
        if not name or rate is None or rate <= 0 or length is None or not 1 <= length < MOST_TIMES:
            raise damaged(path, f"{where} lacks a name, a rate or a length")
        check_length(path, len(elements), int(length), check_fs(path, rate), given)
        row = np.frombuffer(_even(path, from_base64(path, stated.get("DATA"), where), where), "<i2")
        if len(row) != length:
            raise damaged(path, f"{where} declares {length:g} samples and has {len(row)}")
        rows.append(row)
        names.append(name)
        rates.add(rate)
        steps.append(0.0 if not per_mv else 1.0 / per_mv)
    if len(rates) > 1 or len({len(row) for row in rows}) > 1:
        raise damaged(path, "its channels differ in rate or length")
    waveform = Waveform("CHANNEL", rates.pop(), tuple(names), len(rows[0]), tuple(steps), ("mV",) * len(names))
    return waveform, np.stack(rows)


def _even(path: str, content: bytes, where: str) -> bytes:
    if len(content) % 2:
        raise damaged(path, f"{where} has {len(content)} bytes, which are no samples of 16 bits")
    return content


def _beats(path: str, cycle: Element, given: Given) -> MedianBeats | None:
    """Read the typical cycle, whose own attributes hold for all its channels."""
    elements = cycle.findall("TYPICAL_CYCLE_CHANNEL")
    if not elements:
        return None
    common = {key: value for key, value in cycle.attrib.items() if key in _COMMON}
    return median_beats(path, *_channels(path, elements, common, given))


def _age(root: Element, subject: dict[str, str]) -> float | None:
    age = number_of(root.get("AGE"))
    if age is not None:
        years = _YEARS.get((root.get("AGE_UNITS") or "").strip().upper())
        return plausible_age(None if years is None else age * years)
    return plausible_age(age_between(subject.get("DOB_XML") or subject.get("DOB"), root.get("ACQUISITION_TIME")))


def _report(root: Element, subject: dict[str, str], medians: MedianBeats | None, *, identity: bool) -> DeviceReport:
    source = {} if (found := root.find("SOURCE")) is None else found.attrib
    cycle = {} if (found := root.find("TYPICAL_CYCLE")) is None else found.attrib
    taken = root.get("ACQUISITION_TIME") or ""
    statements = []
    for item in root.findall("AUTOMATIC_INTERPRETATION/STATEMENT"):
        text, reason = " ".join(item.get("TEXT", "").split()), " ".join(item.get("REASON", "").split())
        if text:
            statements.append(f"{text} ({reason})" if reason else text)
    high = number_of(source.get("LOW_PASS_FILTER"))
    measured = {name: number_of(cycle.get(key)) for name, key in _CYCLE.items()}
    return DeviceReport(
        device=one_line(source.get("MANUFACTURER"), source.get("MODEL"), source.get("ACQUIRING_DEVICE_SW_VERSION")),
        acquired=iso_time(taken[:8], taken[8:14]),
        high_hz=high if high and high > 0 else None,
        measurements=positive(
            heart_rate_bpm=number_of(root.get("VENT_RATE")),
            **measured,
            rr_mean_ms=number_of(root.get("AVERAGE_RR")),
            n_beats=number_of(root.get("NUM_QRS")),
        ),
        statements=tuple(statements),
        medians=medians,
        patient=Patient(
            name=one_line(subject.get("LAST_NAME"), subject.get("FIRST_NAME")),
            patient_id=subject.get("ID") or None,
            birth_date=iso_time(subject.get("DOB_XML") or subject.get("DOB"), None),
        )
        if identity
        else None,
    )
