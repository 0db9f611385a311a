"""GE MUSE XML: the export of the MUSE system, by its ``restecg.dtd``.

Usually the recorded leads are I, II and V1 to V6, and III, aVR, aVL and aVF follow from them.

References
----------
GE Healthcare, MUSE Cardiology Information System: XML document type definition restecg.dtd. The
checksum of a lead is CRC-32 as in ISO/IEC 8802-3.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.files import Given, check_fs, check_length, damaged
from heart_reader.data.formats.muse_report import muse_age, muse_report, muse_sex
from heart_reader.data.formats.registry import register_format
from heart_reader.data.formats.xml_file import number_of, parse_xml, root_name, text_of
from heart_reader.data.formats.xml_leads import (
    MOST_TIMES,
    Waveform,
    beats_beside,
    choose_waveform,
    from_base64,
    record_of,
    unread,
)
from heart_reader.data.record import EcgRecord
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["read_muse"]

_UNITS = {
    "MICROVOLTS": "uV", "MICROVOLT": "uV", "UV": "uV", "MILLIVOLTS": "mV", "MILLIVOLT": "mV", "MV": "mV",
    "NANOVOLTS": "nV", "NANOVOLT": "nV", "NV": "nV", "VOLTS": "V", "VOLT": "V", "V": "V",
}  # fmt: skip
_SAMPLES = {1: "i1", 2: "<i2", 4: "<i4"}
# Beyond this a rate is none of an ECG, whatever the base.
_MOST_EXPONENT = 9


class _Lead(NamedTuple):
    """A lead as its element describes it; its samples are still text."""

    name: str
    n_samples: int
    sample_bytes: int
    step: float
    unit: str
    limits: tuple[float, float]
    off: bool
    crc: int | None
    text: str


@register_format(
    "muse",
    title="GE MUSE XML",
    suffixes=(".xml",),
    sniff=lambda head, _: root_name(head) == "RestingECG",
    lists=lambda head, _: root_name(head) == "RestingECG",
    states="rate, unit, leads, filters, age and sex; measurements, statements and median beats of the device",
)
def read_muse(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read the rhythm of a MUSE file, and its median beats; see :class:`Format` for the rest.

    Of several rhythms that with most of the twelve leads is read, then the longest.
    ``given.leads`` names the leads that are stored.
    """
    root = parse_xml(path)
    warnings: list[str] = []
    waveforms = [_waveform(path, number, item, given) for number, item in enumerate(root.findall("Waveform"), start=1)]
    if not waveforms:
        raise damaged(path, "it has no waveform")
    chosen = choose_waveform(waveforms, warnings)
    counts = _counts(path, chosen)
    warnings += _lead_warnings(chosen, counts)
    medians = beats_beside(path, waveforms, chosen, _counts, warnings)
    report = muse_report(root, chosen.source[0], medians, identity=given.identity)
    return record_of(
        path, given, chosen, counts, source_format="muse", age=muse_age(root), sex=muse_sex(root), report=report, warnings=warnings
    )


def _waveform(path: str, number: int, item: Element, given: Given) -> Waveform:
    """Describe a group of leads; its samples are not decoded yet."""
    kind = text_of(item, "WaveformType") or f"number {number}"
    how = text_of(item, "SampleType")
    if how not in (None, "CONTINUOUS_SAMPLES"):
        raise unread(path, f"waveform {kind} has samples of type {how}")
    base, exponent = number_of(text_of(item, "SampleBase")), number_of(text_of(item, "SampleExponent") or "0")
    if base is None or exponent is None or base <= 0 or abs(exponent) > _MOST_EXPONENT:
        raise damaged(path, f"waveform {kind} has no sampling rate (SampleBase and SampleExponent)")
    elements = item.findall("LeadData")
    stated = number_of(text_of(item, "NumberofLeads"))
    if not elements or (stated is not None and stated != len(elements)):
        raise damaged(path, f"waveform {kind} declares {text_of(item, 'NumberofLeads') or 'no'} leads and has {len(elements)}")
    leads = [_lead(path, kind, place, element) for place, element in enumerate(elements, start=1)]
    lengths = {lead.n_samples for lead in leads}
    if len(lengths) > 1 or len({text_of(element, "LeadTimeOffset") or "0" for element in elements}) > 1:
        raise damaged(path, f"the leads of waveform {kind} differ in length or begin at different times")
    fs = check_fs(path, base * 10.0**exponent)
    check_length(path, len(leads), leads[0].n_samples, fs, given)
    return Waveform(
        name=kind,
        fs=fs,
        lead_names=tuple(lead.name for lead in leads),
        n_times=leads[0].n_samples,
        steps=tuple(lead.step for lead in leads),
        units=tuple(lead.unit for lead in leads),
        averaged=kind.upper() == "MEDIAN",
        source=(item, leads),
    )


def _lead(path: str, kind: str, number: int, element: Element) -> _Lead:
    """Describe a lead."""
    name = text_of(element, "LeadID")
    if name is None:
        raise damaged(path, f"lead {number} of waveform {kind} has no name")
    where = f"lead {name} of waveform {kind}"
    size = number_of(text_of(element, "LeadSampleSize") or "2")
    count = number_of(text_of(element, "LeadSampleCountTotal"))
    if size not in _SAMPLES or count is None or not 1 <= count < MOST_TIMES or count != int(count):
        raise damaged(path, f"{where} declares {text_of(element, 'LeadSampleCountTotal')} samples of {size} bytes")
    for tag in ("LeadOffsetFirstSample", "FirstSampleBaseline"):
        if number_of(text_of(element, tag) or "0") != 0:
            raise unread(path, f"{where} has a {tag} of {text_of(element, tag)}")
    unit = text_of(element, "LeadAmplitudeUnits") or ""
    step = number_of(text_of(element, "LeadAmplitudeUnitsPerBit"))
    low, high = (number_of(text_of(element, tag)) for tag in ("LeadLowLimit", "LeadHighLimit"))
    data = next((child.text or "" for child in element if child.tag.lower() == "waveformdata"), "")
    return _Lead(
        name=name,
        n_samples=int(count),
        sample_bytes=int(size),
        step=0.0 if step is None else step,
        unit=_UNITS.get(unit.upper(), unit),
        limits=(-np.inf if low is None else low, np.inf if high is None else high),
        off=(text_of(element, "LeadOff") or "").upper() == "TRUE",
        crc=_checksum(path, where, text_of(element, "LeadDataCRC32")),
        text=data,
    )


def _checksum(path: str, where: str, text: str | None) -> int | None:
    """CRC-32 of a lead's bytes; None where none was computed, for which programs write 0."""
    try:
        crc = int(text or "0")
    except ValueError:
        raise damaged(path, f"the checksum of {where} is {text!r} and not a number") from None
    return crc % (1 << 32) or None


def _counts(path: str, waveform: Waveform) -> NDArray[np.integer]:
    """Decode samples, (n_leads, n_times), and hold them against their checksums."""
    leads: list[_Lead] = waveform.source[1]
    rows, wrong = [], []
    for lead in leads:
        where = f"lead {lead.name} of waveform {waveform.name}"
        content = from_base64(path, lead.text, where)
        if len(content) != lead.n_samples * lead.sample_bytes:
            problem = f"{where} declares {lead.n_samples} samples of {lead.sample_bytes} bytes and has {len(content)} bytes"
            raise damaged(path, problem)
        if lead.crc is not None and zlib.crc32(content) != lead.crc:
            wrong.append(lead.name)
        rows.append(np.frombuffer(content, _SAMPLES[lead.sample_bytes]))
    if wrong:
        raise UnreadableRecord(message("samples_checksum", where=path, leads=wrong))
    return np.stack(rows)


def _lead_warnings(waveform: Waveform, counts: NDArray[np.integer]) -> list[str]:
    """Name leads that leave their limits, and electrodes that were off."""
    leads: list[_Lead] = waveform.source[1]
    warnings: list[str] = []
    if off := [lead.name for lead in leads if lead.off]:
        warnings.append(message("channel_status", leads=off))
    beyond = [lead.name for lead, row in zip(leads, counts, strict=True) if row.min() < lead.limits[0] or row.max() > lead.limits[1]]
    if beyond:
        warnings.append(message("range_left", leads=beyond))
    return warnings
