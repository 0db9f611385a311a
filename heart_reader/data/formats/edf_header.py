"""The header of an EDF or BDF file: fixed columns of ASCII text, each checked before it is used.

References
----------
Kemp B. et al. A simple format for exchange of digitized polygraphic recordings. Electroencephalogr.
Clin. Neurophysiol. 82 (1992) 391-393. Kemp B., Olivan J. European data format 'plus' (EDF+), an EDF
alike standard format for the exchange of physiological data. Clin. Neurophysiol. 114 (2003)
1755-1761. BioSemi. Which file format does BioSemi use: the same header, and samples of 24 bits.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time

from heart_reader.data.device_report import DeviceReport, Patient
from heart_reader.data.formats.files import damaged, plausible_age, years_between

__all__ = [
    "MAX_HEADER_BYTES",
    "MAX_SIGNALS",
    "EdfHeader",
    "EdfSignal",
    "edf_date",
    "lead_of_label",
    "looks_like_bdf",
    "looks_like_edf",
    "parse_edf_header",
    "rate_of",
]

# Sleep laboratories record some dozens of signals.
MAX_SIGNALS = 512
ANNOTATIONS = {"EDF Annotations", "BDF Annotations"}
_BDF = b"\xffBIOSEMI"
_BLOCK = 256
MAX_HEADER_BYTES = _BLOCK * (1 + MAX_SIGNALS)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
# Width of each column of the signals' part, in its order.
_COLUMNS = {
    "label": 16, "transducer": 80, "unit": 8, "physical_min": 8, "physical_max": 8, "digital_min": 8, "digital_max": 8,
    "prefilter": 80, "n_samples": 8, "reserved": 32,
}  # fmt: skip
_DATE = r"(\d{2}-[A-Z]{3}-\d{4})"
# A further part of the patient's field, as EDF+ allows: age=56y, or in months, weeks or days.
_AGE = re.compile(r"AGE=(\d{1,3})([YMWD])")
# Characters of a number that may have been cut off.
_FULL = 8
_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


@dataclass(frozen=True)
class EdfSignal:
    """One signal: a lead, breathing, annotations.

    Parameters
    ----------
    label, unit
        As the file has them, without blanks around.
    gain, offset
        Physical value of a sample: ``gain * sample + offset``.
    n_samples
        Samples in each data record.
    start
        Where they stand in a data record.
    digital_min, digital_max
        Smallest and largest sample that the file declares.
    prefilter
        The recorder's filters in its own words.
    """

    label: str
    unit: str
    gain: float
    offset: float
    n_samples: int
    start: int
    digital_min: float
    digital_max: float
    prefilter: str


@dataclass(frozen=True)
class EdfHeader:
    """What the header says, checked.

    Parameters
    ----------
    signals
        All signals but annotations.
    n_records
        Data records; None where the recorder left the number open.
    record_s
        Length of a data record in seconds.
    samples_per_record
        Samples of all signals together in a data record, annotations included.
    n_bytes
        Size of the header.
    annotations
        Where the first signal of annotations stands in a data record, and its length, both in
        samples; None without one.
    sample_bytes
        Bytes of a sample: 2, or 3 in a BDF file.
    continuous
        False where the data records say when they begin, and gaps are allowed between them.
    age, sex
        Years, and ``"male"`` or ``"female"``; None where the file does not say.
    report
        When and by what it was recorded, and of whom.
    """

    signals: tuple[EdfSignal, ...]
    n_records: int | None
    record_s: float
    samples_per_record: int
    n_bytes: int
    annotations: tuple[int, int] | None
    sample_bytes: int
    continuous: bool
    age: float | None
    sex: str | None
    report: DeviceReport


def lead_of_label(label: str) -> str:
    """Return the lead that a label names behind its type, as EDF+ has it; a number is no name.

    Examples
    --------
    >>> lead_of_label("ECG V7"), lead_of_label("ECG 1"), lead_of_label("V7")
    ('V7', 'ECG 1', 'V7')
    """
    kind, _, lead = label.partition(" ")
    return lead if kind == "ECG" and lead == lead.strip() and any(map(str.isalpha, lead)) else label


def rate_of(n_samples: int, record_s: float) -> float:
    """Return a sampling rate in Hz, a whole one where the 8 characters of a duration hide it.

    Examples
    --------
    >>> rate_of(650_000, 1805.556), rate_of(257, 2.0)
    (360.0, 128.5)
    """
    fs = n_samples / record_s
    whole, text = round(fs), f"{record_s:.8g}"
    decimals = len(text.partition(".")[2])
    hidden = len(text) >= _FULL and whole > 0 and abs(n_samples / whole - record_s) <= 0.51 * 10.0**-decimals
    # The last bit is the division's.
    near = round(fs, 6)
    return float(whole) if hidden else near if abs(near - fs) <= 1e-13 * fs else fs


def edf_date(day: date) -> str:
    """Return a date as EDF+ writes it, such as 02-MAR-2024."""
    return f"{day.day:02}-{_MONTHS[day.month - 1]}-{day.year:04}"


def looks_like_edf(head: bytes) -> bool:
    """Recognise an EDF file by its first bytes: version 0, and numbers for the sizes."""
    return head.startswith(b"0       ") and _has_sizes(head)


def looks_like_bdf(head: bytes) -> bool:
    """Recognise a BDF file by its first bytes: its mark, and numbers for the sizes."""
    return head.startswith(_BDF) and _has_sizes(head)


def _has_sizes(head: bytes) -> bool:
    return len(head) >= _BLOCK and all(part.strip().isdigit() for part in (head[184:192], head[252:256]))


def parse_edf_header(path: str, content: bytes, *, identity: bool = False) -> EdfHeader:
    """Parse the beginning of an EDF or BDF file.

    Parameters
    ----------
    identity
        Whether to say who was recorded.

    Raises
    ------
    UnreadableRecord
        If a field is missing or impossible.
    """
    n_signals, n_bytes = _integer(path, content[252:256], "number of signals"), _integer(path, content[184:192], "header size")
    if not 1 <= n_signals <= MAX_SIGNALS or n_bytes != _BLOCK * (1 + n_signals) or len(content) < n_bytes:
        raise damaged(
            path,
            f"an EDF header of {n_bytes} bytes for {n_signals} signals in a file of {len(content)} bytes; "
            f"1 to {MAX_SIGNALS} signals of {_BLOCK} bytes each are allowed",
        )
    n_records = _integer(path, content[236:244], "number of data records")
    record_s = _number(path, content[244:252], "length of a data record")
    if n_records < -1 or n_records == 0 or record_s <= 0:
        raise damaged(path, f"{n_records} data records of {record_s:g} s; at least one, longer than 0 s, is needed")
    signals, annotations, samples_per_record = _signals(path, content[_BLOCK:n_bytes], n_signals)
    return EdfHeader(
        signals,
        None if n_records == -1 else n_records,
        record_s,
        samples_per_record,
        n_bytes,
        annotations,
        3 if content.startswith(_BDF) else 2,
        content[192:197] not in (b"EDF+D", b"BDF+D"),
        *_person(_text(content[8:88]), _text(content[88:168])),
        _report(content, identity=identity),
    )


def _signals(path: str, content: bytes, n_signals: int) -> tuple[tuple[EdfSignal, ...], tuple[int, int] | None, int]:
    """Signals but annotations, where annotations are, and the samples of all in a data record."""
    columns: dict[str, list[bytes]] = {}
    start = 0
    for name, width in _COLUMNS.items():
        columns[name] = [content[start + row * width : start + (row + 1) * width] for row in range(n_signals)]
        start += width * n_signals
    signals, annotations, position = [], None, 0
    for row in range(n_signals):
        label = _text(columns["label"][row])
        n_samples = _integer(path, columns["n_samples"][row], f"samples of {label}")
        if n_samples < 1:
            raise damaged(path, f"{n_samples} samples of {label} in a data record; at least one is needed")
        if label in ANNOTATIONS:
            annotations = annotations or (position, n_samples)
        else:
            low, high, digital_low, digital_high = (
                _number(path, columns[name][row], f"{name.replace('_', ' ')}imum of {label}")
                for name in ("physical_min", "physical_max", "digital_min", "digital_max")
            )
            gain = (high - low) / (digital_high - digital_low) if digital_low < digital_high else 0.0
            offset = low - gain * digital_low
            if gain == 0 or not math.isfinite(offset):
                raise damaged(
                    path,
                    f"signal {label} maps {digital_low:g} ... {digital_high:g} to {low:g} ... {high:g}; two rising digital and two "
                    "different physical limits are needed",
                )
            unit, prefilter = _text(columns["unit"][row]), _text(columns["prefilter"][row])
            signals.append(EdfSignal(label, unit, gain, offset, n_samples, position, digital_low, digital_high, prefilter))
        position += n_samples
    return tuple(signals), annotations, position


def _text(field: bytes) -> str:
    return field.decode("latin-1").strip(" \0")


def _integer(path: str, field: bytes, what: str) -> int:
    value = _number(path, field, what)
    if not value.is_integer():
        raise damaged(path, f"{what} is {value:g} in the EDF header; a whole number is needed")
    return int(value)


def _number(path: str, field: bytes, what: str) -> float:
    # Some programs write a comma for the decimal point.
    text = _text(field).replace(",", ".")
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        value = float(text)
        if math.isfinite(value):
            return value
    raise damaged(path, f"{what} is {text!r} in the EDF header; a number is needed")


def _report(content: bytes, *, identity: bool) -> DeviceReport:
    """When and by what it was recorded; the order of the words is that of EDF+."""
    patient, recording = _text(content[8:88]).split(), _text(content[88:168]).split()
    plus = content[192:196] in (b"EDF+", b"BDF+")
    device = " ".join(recording[4:]).replace("_", " ") if plus and recording[:1] == ["Startdate"] and recording[4:] != ["X"] else ""
    person = None
    if identity and plus and len(patient) > 2:
        born = _date(patient[2].upper())
        number, name = (None if text in ("", "X") else text.replace("_", " ") for text in (patient[0], " ".join(_name(patient))))
        person = Patient(name, number, None if born is None else born.isoformat())
    elif identity and patient and not plus:
        person = Patient(name=" ".join(patient))
    return DeviceReport(device=device or None, acquired=_acquired(content, recording), patient=person)


def _name(patient: list[str]) -> list[str]:
    """The words of a name; the age that may stand behind it is none."""
    return [word for word in patient[3:] if not _AGE.fullmatch(word.upper())]


def _acquired(content: bytes, recording: list[str]) -> str | None:
    """Date and time of the start; EDF's years of two digits are those from 1985 to 2084."""
    day = _date(recording[1].upper()) if recording[:1] == ["Startdate"] and len(recording) > 1 else None
    match = re.fullmatch(r"(\d\d)\.(\d\d)\.(\d\d)(\d\d)\.(\d\d)\.(\d\d)", content[168:184].decode("latin-1"), re.ASCII)
    if match is None:
        return None
    numbers = [int(text) for text in match.groups()]
    try:
        day = day or date(numbers[2] + (1900 if numbers[2] >= 85 else 2000), numbers[1], numbers[0])
        return datetime.combine(day, time(numbers[3], numbers[4], numbers[5])).isoformat()
    except ValueError:
        return None


def _person(patient: str, recording: str) -> tuple[float | None, str | None]:
    """Age at the start and sex, from ``code sex birthdate name`` and ``Startdate date ...``."""
    fields = patient.upper().split()
    born = _date(fields[2]) if len(fields) > 2 else None
    # In plain EDF a patient may be called Jane M Doe.
    known = born is not None or fields[2:3] == ["X"]
    sex = {"F": "female", "M": "male"}.get(fields[1]) if known else None
    if known and (match := next(filter(None, map(_AGE.fullmatch, fields[3:])), None)):
        return plausible_age(int(match[1]) * _YEARS[match[2]]), sex
    match = re.match(rf"STARTDATE {_DATE}", recording.upper())
    started = _date(match[1]) if match else None
    return years_between(born, started), sex


def _date(text: str) -> date | None:
    try:
        # Not strptime, which knows the months in the language of the machine.
        day, month, year = text.split("-")
        return date(int(year), _MONTHS.index(month) + 1, int(day))
    except ValueError:
        return None
