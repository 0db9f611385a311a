"""Section 1 of SCP-ECG: who was recorded, when, and with what.

References
----------
EN 1064 (ISO 11073-91064), clause 5.4: the tags of the header, their values and units.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

from heart_reader.data.device_report import Patient
from heart_reader.data.formats.files import decode_text, plausible_age, years_between

__all__ = ["Header", "parse_header", "scp_date", "scp_text", "scp_time"]

_LAST_NAME, _FIRST_NAME, _PATIENT_ID, _SECOND_LAST_NAME, _AGE, _BORN, _SEX = 0, 1, 2, 3, 4, 5, 8
_MACHINE, _DATE, _TIME, _HIGH_PASS, _LOW_PASS, _FILTERS, _TIME_ZONE, _END = 14, 25, 26, 27, 28, 29, 34, 255
_AGE_YEARS = {1: 1.0, 2: 1 / 12, 3: 7 / 365.25, 4: 1 / 365.25, 5: 1 / 8766}
_SEXES = {1: "male", 2: "female"}
_NOTCHES_HZ = {1: 60.0, 2: 50.0}
_MAKERS = (
    *("", "Burdick", "Cambridge", "Compumed", "Datamed", "Fukuda", "Hewlett-Packard", "Marquette Electronics", "Mortara Instruments"),
    *("Nihon Kohden", "Okin", "Quinton", "Siemens", "Spacelabs", "Telemed", "Hellige", "ESAOTE", "Schiller", "Picker-Schwarzer"),
    *("Elettronica Trentina", "Zwönitz"),
)
# Where the parts of a machine's description are: maker, model, language, and texts that end in 0.
_MAKER, _MODEL, _LANGUAGE, _TEXTS = 7, slice(8, 14), 16, 36
_N_TEXTS, _SOFTWARE, _MAKER_TEXT = 5, 2, 4
# Language support codes, whose first bit is the highest, to encodings of text.
_ENCODINGS = {
    0b11000000: "iso8859_2", 0b11010000: "iso8859_4", 0b11001000: "iso8859_5", 0b11011000: "iso8859_6", 0b11000100: "iso8859_7",
    0b11010100: "iso8859_8", 0b11001100: "iso8859_11", 0b11011100: "iso8859_15", 0b11100000: "utf-16-le", 0b11110000: "shift_jis",
    0b11101000: "euc_jp", 0b11111000: "euc_jp", 0b11100100: "gb2312", 0b11110100: "cp949", 0b11101100: "utf-8",
}  # fmt: skip
_MOST_TEXT = 1000


@dataclass(frozen=True)
class Header:
    """What section 1 says; None where it does not.

    Parameters
    ----------
    age
        Years when the recording was made.
    sex
        ``"male"`` or ``"female"``.
    device
        Maker, model and program.
    acquired
        ISO 8601.
    low_hz, high_hz, notch_hz
        Of the filters.
    encoding
        Of texts; None for UTF-8 or Latin-1.
    patient
        Who was recorded.
    cut_off
        Whether the section ends within a tag.
    """

    age: float | None = None
    sex: str | None = None
    device: str | None = None
    acquired: str | None = None
    low_hz: float | None = None
    high_hz: float | None = None
    notch_hz: float | None = None
    encoding: str | None = None
    patient: Patient | None = None
    cut_off: bool = False


def parse_header(data: bytes, *, identity: bool) -> Header:
    """Read section 1; of the patient's identity nothing unless it is asked for."""
    tags, cut_off = _tags(data)
    machine = tags.get(_MACHINE, b"")
    encoding = _encoding(machine)
    recorded = scp_date(tags.get(_DATE, b""))
    born = scp_date(tags.get(_BORN, b""))
    low, high = _u16(tags.get(_HIGH_PASS, b"")), _u16(tags.get(_LOW_PASS, b""))
    filters = tags.get(_FILTERS, b"\0")[:1]
    return Header(
        age=_age(tags.get(_AGE, b""), born, recorded),
        sex=_SEXES.get(tags.get(_SEX, b"\0")[:1].ljust(1, b"\0")[0]),
        device=_device(machine, encoding),
        acquired=_acquired(recorded, scp_time(tags.get(_TIME, b"")), tags.get(_TIME_ZONE, b"")),
        low_hz=low / 100 if low else None,
        high_hz=float(high) if high else None,
        notch_hz=_NOTCHES_HZ.get(filters[0] & 3) if filters else None,
        encoding=encoding,
        patient=_patient(tags, born, lambda value: scp_text(value, encoding)) if identity else None,
        cut_off=cut_off,
    )


def scp_text(value: bytes, encoding: str | None) -> str:
    r"""Return what can be printed of a text up to its closing 0, on one line.

    Examples
    --------
    >>> scp_text(b"Sinus\nrhythm\0\xff", None)
    'Sinus rhythm'
    """
    if encoding == "utf-16-le":
        text = value[:_MOST_TEXT].decode(encoding, "replace").partition("\0")[0]
    elif encoding:
        text = value.partition(b"\0")[0][:_MOST_TEXT].decode(encoding, "replace")
    else:
        text = decode_text(value.partition(b"\0")[0][:_MOST_TEXT])
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def scp_date(value: bytes) -> date | None:
    """Return the date in four bytes, None where there is none.

    Examples
    --------
    >>> scp_date(bytes([0xE4, 7, 11, 16])), scp_date(bytes(4))
    (datetime.date(2020, 11, 16), None)
    """
    try:
        return date(*struct.unpack("<HBB", value[:4]))
    except (struct.error, ValueError):
        return None


def scp_time(value: bytes) -> time | None:
    """Return the time in three bytes: hours, minutes, seconds."""
    try:
        return time(*struct.unpack("<BBB", value[:3]))
    except (struct.error, ValueError):
        return None


def _tags(data: bytes) -> tuple[Mapping[int, bytes], bool]:
    """Values by tag, the first of each, and whether the section ends within one."""
    tags: dict[int, bytes] = {}
    at = 0
    while at < len(data) and data[at] != _END:
        length = _u16(data[at + 1 : at + 3])
        if length is None or at + 3 + length > len(data):
            return tags, True
        tags.setdefault(data[at], data[at + 3 : at + 3 + length])
        at += 3 + length
    return tags, False


def _u16(value: bytes) -> int | None:
    return int.from_bytes(value[:2], "little") if len(value) >= 2 else None


def _encoding(machine: bytes) -> str | None:
    """Encoding of texts; some writers count the bits of its code from the other end."""
    code = machine[_LANGUAGE] if len(machine) > _LANGUAGE else 0
    return _ENCODINGS.get(code) or _ENCODINGS.get(int(f"{code:08b}"[::-1], 2))


def _age(value: bytes, born: date | None, recorded: date | None) -> float | None:
    """Years as stated, or else between birth and recording."""
    number = _u16(value)
    if number and len(value) > 2 and value[2] in _AGE_YEARS:
        return plausible_age(number * _AGE_YEARS[value[2]])
    return years_between(born, recorded)


def _device(machine: bytes, encoding: str | None) -> str | None:
    if len(machine) <= _MAKER:
        return None
    maker = _MAKERS[machine[_MAKER]] if machine[_MAKER] < len(_MAKERS) else ""
    texts = [scp_text(text, encoding) for text in machine[_TEXTS:].split(b"\0")]
    software = ""
    # Only as many as the standard has are where it has them.
    if len(texts) >= _N_TEXTS and encoding != "utf-16-le":
        software, maker = texts[_SOFTWARE], maker or texts[_MAKER_TEXT]
    return " ".join(part for part in (maker, scp_text(machine[_MODEL], encoding), software) if part) or None


def _acquired(day: date | None, clock: time | None, zone: bytes) -> str | None:
    if day is None or clock is None:
        return None if day is None else day.isoformat()
    moment = datetime.combine(day, clock)
    minutes = int.from_bytes(zone[:2], "little", signed=True) if len(zone) >= 2 else None
    if minutes is not None and abs(minutes) <= 14 * 60:
        moment = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    return moment.isoformat()


def _patient(tags: Mapping[int, bytes], born: date | None, text: Callable[[bytes], str]) -> Patient | None:
    parts = [text(tags.get(tag, b"")) for tag in (_FIRST_NAME, _LAST_NAME, _SECOND_LAST_NAME)]
    name, number = " ".join(part for part in parts if part) or None, text(tags.get(_PATIENT_ID, b"")) or None
    return Patient(name, number, born.isoformat() if born else None) if name or number or born else None
