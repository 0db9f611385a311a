"""Items of sequences in DICOM waveforms: channels, and what a device measured and said.

Most items of a file stand in thousands of others too, so they are kept as bytes: pydicom takes a
hundred times as long to make them.

References
----------
DICOM PS3.3, C.10.9 Waveform Module and C.10.10 Waveform Annotation Module; PS3.5, 7.5 Nesting of
Data Sets; PS3.16, CID 3001 ECG Lead and TID 3713 ECG Global Measurements.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from heart_reader.data.codes import codes_of
from heart_reader.data.device_report import DeviceReport
from heart_reader.data.formats.agreement import Band

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["annotation_items", "channel_item", "encoded", "item", "sequence"]

# Leads that have no code in DICOM get one of our own, which PS3.16 allows: their name.
_OWN_SCHEME = "99HEARTREADER"
_MOST_CODE, _MOST_TEXT = 16, 1024
_ITEM = 0xFFFE, 0xE000
# Of channels: source and units; of notes: name and units.
_SOURCE, _UNITS = (0x003A, 0x0208), (0x003A, 0x0211)
_CONCEPT, _MEASURED_IN = (0x0040, 0xA043), (0x0040, 0x08EA)


def encoded(dataset: Dataset) -> bytes:
    """Return the elements of a data set in explicit little endian, texts in UTF-8."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    write_dataset(stream, dataset, parent_encoding="utf_8")
    content: bytes = stream.getvalue()
    return content


def item(*elements: bytes) -> bytes:
    """Return an item of a sequence, of elements in their order."""
    content = b"".join(elements)
    return struct.pack("<HHI", *_ITEM, len(content)) + content


def sequence(tag: tuple[int, int], items: Iterable[bytes]) -> bytes:
    """Return a sequence of such items as an element."""
    content = b"".join(items)
    return struct.pack("<HH2sHI", *tag, b"SQ", 0, len(content)) + content


@lru_cache(maxsize=4096)
def channel_item(lead: str, step_uv: float, offset_uv: float, band: Band, notch_hz: float | None) -> bytes:
    """Return the definition of a channel.

    Parameters
    ----------
    step_uv, offset_uv
        Microvolts of one unit of the samples, and of sample 0.
    band, notch_hz
        The recorder's filters in Hz, as far as they are known.
    """
    from pydicom import Dataset

    label, scale, rest = Dataset(), Dataset(), Dataset()
    label.ChannelLabel = lead
    scale.ChannelSensitivity = f"{step_uv:.12g}"
    rest.ChannelSensitivityCorrectionFactor = "1"
    rest.ChannelBaseline = f"{offset_uv:.10g}"
    rest.ChannelSampleSkew = "0"
    rest.WaveformBitsStored = 16
    for keyword, value in (("FilterLow", band[0]), ("FilterHigh", band[1]), ("NotchFilter", notch_hz)):
        if value is not None:
            setattr(rest, f"{keyword}Frequency", f"{value:.10g}")
    units = _code_item("uV", "UCUM", "microvolt")
    return item(encoded(label), sequence(_SOURCE, [_lead_item(lead)]), encoded(scale), sequence(_UNITS, [units]), encoded(rest))


def annotation_items(report: DeviceReport) -> tuple[list[bytes], list[str]]:
    """Return what is noted of the first multiplex group, and the measurements without a code."""
    coded = codes_of("measurements", "dicom")
    items = [_measured_item(name, value) for name, value in report.measurements.items() if name in coded]
    items += [_said_item(" ".join(text.split())[:_MOST_TEXT]) for text in report.statements if text.strip()]
    return items, [name for name in report.measurements if name not in coded]


@lru_cache(maxsize=4096)
def _measured_item(name: str, value: float) -> bytes:
    from pydicom import Dataset

    unit = name.rpartition("_")[2]
    number = Dataset()
    number.NumericValue = f"{value:.10g}"
    code, meaning = (codes_of("measurements", vocabulary)[name] for vocabulary in ("dicom", "dicom_meaning"))
    unit_code, unit_meaning = (codes_of("units", vocabulary)[unit] for vocabulary in ("ucum", "ucum_meaning"))
    units = sequence(_MEASURED_IN, [_code_item(unit_code, "UCUM", unit_meaning)])
    return item(units, sequence(_CONCEPT, [_code_item(code, "MDC", meaning)]), _of_the_first_group(number))


@lru_cache(maxsize=4096)
def _said_item(text: str) -> bytes:
    from pydicom import Dataset

    said = Dataset()
    said.UnformattedTextValue = text
    return item(_of_the_first_group(said))


def _of_the_first_group(note: Dataset) -> bytes:
    # Channel 0 of a group stands for all of its channels.
    note.ReferencedWaveformChannels = [1, 0]
    note.AnnotationGroupNumber = 1
    return encoded(note)


def _lead_item(lead: str) -> bytes:
    value = codes_of("leads", "dicom").get(lead)
    if value is None:
        return _code_item(lead.upper()[:_MOST_CODE], _OWN_SCHEME, lead)
    return _code_item(value, "MDC", codes_of("leads", "dicom_meaning")[lead])


@lru_cache(maxsize=256)
def _code_item(value: str, scheme: str, meaning: str) -> bytes:
    from pydicom import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return item(encoded(code))
