"""What a DICOM file says of its ECG beside the waveform: device, time, measurements, statements.

None of it is needed to read the ECG, so that a damaged part of it is passed over.

References
----------
DICOM PS3.3, C.10.10 Waveform Annotation Module; PS3.16, CID 3687 to 3690: an annotation without
positions is a measurement or a statement about all leads or one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from heart_reader.data.codes import codes_of
from heart_reader.data.device_report import DeviceReport, MedianBeats, Patient
from heart_reader.data.formats.agreement import common_band
from heart_reader.data.formats.dicom_channels import channel_band, channel_notch
from heart_reader.data.formats.files import years_between

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["age_by_dates", "dicom_report"]

# Numbers of elements; asking by number is several times as quick as by name.
_RANGE, _POSITIONS, _OFFSETS = 0x0040A130, 0x0040A132, 0x0040A138
_TEXT, _NUMBER, _CHANNELS = 0x00700006, 0x0040A30A, 0x0040A0B0
_NAME, _UNITS, _CODE = 0x0040A043, 0x004008EA, 0x0040A168
_MEANING, _VALUE = 0x00080104, 0x00080100
_MOST_ANNOTATIONS = 4096

# What a measurement is called, without the words that only say of what kind it is.
_IDLE = re.compile(r"\b(?:global|interval|duration|mean|average|overall|ecg|time)\b|[^a-z ]")
_NAMES = {
    "heart rate": "heart_rate_bpm", "ventricular heart rate": "heart_rate_bpm", "ventricular rate": "heart_rate_bpm",
    "p": "p_ms", "p wave": "p_ms", "pr": "pr_ms", "pq": "pr_ms", "qrs": "qrs_ms", "qt": "qt_ms", "rr": "rr_mean_ms",
    "qtc bazett": "qtc_bazett_ms", "qtcb": "qtc_bazett_ms", "qtc fridericia": "qtc_fridericia_ms", "qtcf": "qtc_fridericia_ms",
    "p axis": "p_axis_deg", "p wave axis": "p_axis_deg", "qrs axis": "qrs_axis_deg", "t axis": "t_axis_deg", "t wave axis": "t_axis_deg",
}  # fmt: skip
_CODED = {code: name for name, code in codes_of("measurements", "dicom").items()}
# Units as UCUM and others write them, by the end of our names.
_SCALES = {
    "ms": {"ms": 1.0, "s": 1000.0},
    "deg": {"deg": 1.0, "degree": 1.0, "degrees": 1.0},
    "bpm": dict.fromkeys(("/min", "{h.b.}/min", "{beats}/min", "{beat}/min", "bpm", "1/min"), 1.0),
}
# The year that stands where nobody knows when, for an object must have one; no ECG is that old.
_NOBODY_KNOWS = "1900"
_DAY = re.compile(r"(\d{4})[.]?(\d\d)[.]?(\d\d)")
_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?([+-]\d{4})?")
_CLOCK = re.compile(r"(\d\d):?(\d\d):?(\d\d)(?:\.\d+)?")


def dicom_report(dataset: Dataset, channels: Sequence[Dataset], medians: MedianBeats | None, *, identity: bool) -> DeviceReport:
    """Return what is stated beside the waveform.

    Parameters
    ----------
    channels
        Those that are read, whose filters are stated with them.
    medians
        The representative beats, if the file has any.
    identity
        Whether to say who was recorded.
    """
    measurements: dict[str, float] = {}
    statements: list[str] = []
    for item in _annotations(dataset):
        try:
            _take(item, measurements, statements)
        except Exception:  # noqa: S112  (a value that cannot be converted, of any kind, is none)
            continue
    low_hz, high_hz = common_band([channel_band(channel) for channel in channels])
    notches = {channel_notch(channel) for channel in channels}
    device = " ".join(filter(None, (_said(dataset, name) for name in ("Manufacturer", "ManufacturerModelName", "SoftwareVersions"))))
    return DeviceReport(
        device=device or None,
        acquired=_acquired(dataset),
        low_hz=low_hz,
        high_hz=high_hz,
        notch_hz=notches.pop() if len(notches) == 1 else None,
        measurements=measurements,
        statements=tuple(statements),
        medians=medians,
        patient=_patient(dataset) if identity else None,
    )


def age_by_dates(dataset: Dataset) -> float | None:
    """Return years from the date of birth to that of the recording."""
    born = _date(_said(dataset, "PatientBirthDate"))
    moment = _said(dataset, "AcquisitionDateTime") or _said(dataset, "ContentDate") or _said(dataset, "StudyDate")
    return years_between(born, _date((moment or "")[:8]))


def _annotations(dataset: Dataset) -> Iterable[Dataset]:
    """Annotations that are about no place in time."""
    try:
        items = list(dataset.get("WaveformAnnotationSequence") or [])[:_MOST_ANNOTATIONS]
    except Exception:  # a damaged file may fail in any way
        return []
    return [item for item in items if not any(tag in item for tag in (_RANGE, _POSITIONS, _OFFSETS))]


def _take(item: Dataset, measurements: dict[str, float], statements: list[str]) -> None:
    """Add what an annotation says."""
    if _NUMBER in item:
        name = _CODED.get(_words(item, _NAME, _VALUE)) or _NAMES.get(" ".join(_IDLE.sub(" ", _words(item, _NAME).lower()).split()))
        # A second number names a channel, 0 all of them; only the rate is the same in each.
        channels = list(item[_CHANNELS].value) if _CHANNELS in item else []
        if name is None or (any(channels[1::2]) and name != "heart_rate_bpm"):
            return
        unit = str(item[_UNITS].value[0][_VALUE].value).strip().lower() if _UNITS in item else ""
        scale = _SCALES[name.rpartition("_")[2]].get(unit)
        value = item[_NUMBER].value
        number = float(value if isinstance(value, str | float | int) else value[0]) if scale is not None else 0.0
        # Devices write 0 for what they did not find; an axis may be 0.
        if scale is not None and (number > 0 or name.endswith("_deg")):
            measurements.setdefault(name, number * scale)
        return
    text = str(item[_TEXT].value) if _TEXT in item else _words(item, _CODE)
    if text := " ".join(text.split()):
        statements.append(text)


def _words(item: Dataset, tag: int, of: int = _MEANING) -> str:
    code = item[tag].value[0] if tag in item and item[tag].value else {}
    return str(code[of].value) if of in code else ""


def _said(dataset: Dataset, name: str) -> str | None:
    """The text of an element, None where there is none or it cannot be read."""
    try:
        value: Any = dataset.get(name)
    except Exception:  # a damaged value may fail in any way
        return None
    if value is None:
        return None
    text = str(value) if not isinstance(value, list | tuple) else " ".join(map(str, value))
    return " ".join(text.replace("\0", " ").split()) or None


def _acquired(dataset: Dataset) -> str | None:
    """When the waveform was recorded, else when its content began."""
    if match := _MOMENT.fullmatch(_said(dataset, "AcquisitionDateTime") or ""):
        year, month, day, hour, minute, second, zone = match.groups()
        if year == _NOBODY_KNOWS:
            return None
        return f"{year}-{month}-{day}T{hour}:{minute}:{second}" + (f"{zone[:3]}:{zone[3:]}" if zone else "")
    day_of = _date(_said(dataset, "ContentDate"))
    clock = _CLOCK.fullmatch(_said(dataset, "ContentTime") or "")
    if day_of is None:
        return None
    return day_of.isoformat() + (f"T{':'.join(clock.groups())}" if clock else "")


def _date(text: str | None) -> date | None:
    match = _DAY.fullmatch(text or "")
    try:
        return date(*(int(number) for number in match.groups())) if match else None
    except ValueError:
        return None


def _patient(dataset: Dataset) -> Patient:
    born = _date(_said(dataset, "PatientBirthDate"))
    name = (_said(dataset, "PatientName") or "").replace("^", " ")
    return Patient(" ".join(name.split()) or None, _said(dataset, "PatientID"), None if born is None else born.isoformat())
