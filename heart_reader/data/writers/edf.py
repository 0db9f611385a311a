"""Continuous EDF+ files: 16-bit samples behind a header of fixed columns of ASCII text.

References
----------
Kemp B., Olivan J. European data format 'plus' (EDF+), an EDF alike standard format for the exchange
of physiological data. Clin. Neurophysiol. 114 (2003) 1755-1761. Texts: EDF+ standard texts and
polarity rules, https://www.edfplus.info/specs/edftexts.html: a signal is called by its type and
its place, such as ECG aVR; filters are HP:0.1Hz LP:75Hz N:50Hz.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.device_report import DeviceReport, Patient
from heart_reader.data.formats.edf_header import edf_date, lead_of_label, rate_of
from heart_reader.data.record import EcgRecord
from heart_reader.data.writers.age import age_in_units, lost_age
from heart_reader.data.writers.lost import acquired_at, lost_parts
from heart_reader.data.writers.names import refuse_names
from heart_reader.data.writers.quantise import Quantised, quantise
from heart_reader.data.writers.registry import register_writer
from heart_reader.folders import write_whole
from heart_reader.messages import Message, message

__all__ = ["write_edf"]

_LABEL = 16
_NUMBER = 8
_PATIENT = 80
# Samples of the signal of annotations in a data record: its onset takes 16 bytes at most.
_ANNOTATION_SAMPLES = 16
# What the format recommends as the most bytes of a data record.
_RECORD_BYTES = 61_440
_MOST_RECORDS = 99_999_999
# Digital limits that are tried: times a step, some of them are short decimal numbers. All are
# larger than any sample, for the smallest number is taken to mean a missing one.
_LIMITS = (32_767, 32_500, 32_400, 32_256, 32_250, 32_200, 32_100, 32_050, 32_025, 32_010, 32_005)
# Where nobody says when an ECG was recorded, as EDF+ wants it where a date is unknown.
_UNKNOWN = datetime(1985, 1, 1)
_RATE_SHARE = 1e-9


class _Layout(NamedTuple):
    """How the time points are cut: ``n_records`` of ``n_samples``, lasting ``duration_s`` each."""

    n_samples: int
    n_records: int
    duration_s: str


@register_writer("edf", title="EDF+", suffix=".edf")
def write_edf(record: EcgRecord, folder: Path, name: str) -> tuple[list[Path], list[Message]]:
    """Write ``NAME.edf``; see :class:`~heart_reader.data.writers.registry.Writer`.

    The age stands as a further part of the patient's field, such as ``age=56y``: a date of birth is
    only written where it is known.

    Raises
    ------
    LeadError
        If a name of a lead does not fit 16 plain characters.
    """
    refuse_names(record, "EDF+", lambda lead: lead_of_label(_label(lead)) == lead)
    made = quantise(record)
    layout = _layout(record.n_times, record.fs, len(made.samples))
    began = acquired_at(record)
    report = record.device_report or DeviceReport()
    header = _header(record, report, made, layout, began)
    samples = _data_records(made, layout)
    path = folder / f"{name}.edf"
    write_whole(path, lambda new: _write(new, header, samples))
    kept = ("device", "filters", "identity", *(("acquired",) if began else ()))
    lost = [*made.lost, *lost_age(record.age), *lost_parts(record, kept)]
    fs = rate_of(layout.n_samples, float(layout.duration_s))
    if abs(fs - record.fs) > _RATE_SHARE * record.fs:
        lost.append(message("lost_rate", fs=record.fs, kept=fs))
    return [path], lost


def _write(path: Path, header: bytes, samples: NDArray[np.int16]) -> None:
    with path.open("wb") as file:
        file.write(header)
        file.write(samples.data)


def _label(lead: str) -> str:
    """Return the label of a lead; a name that does not fit comes back as another one."""
    plain = lead.isascii() and lead.isprintable()
    return f"ECG {lead}"[:_LABEL] if plain else ""


def _layout(n_times: int, fs: float, n_leads: int) -> _Layout:
    """Cut the recording into data records of one length, whose duration 8 characters state.

    Whole seconds are best, then what is exact; else the recording is one data record.
    """
    rate = Fraction(fs).limit_denominator(1_000_000)
    exact = math.isclose(float(rate), fs, rel_tol=_RATE_SHARE)
    most = max(1, (_RECORD_BYTES // 2 - _ANNOTATION_SAMPLES) // n_leads)
    found = []
    for n_samples in _divisors(n_times) if exact else ():
        duration = Fraction(n_samples) / rate
        text = _decimal(float(duration))
        if n_times // n_samples <= _MOST_RECORDS and Fraction(text) == duration:
            too_long, whole = n_samples > most, duration.denominator == 1
            found.append((too_long, not whole, abs(float(duration) - 1.0), n_samples, text))
    if not found:
        return _Layout(n_times, 1, _decimal(n_times / fs))
    _, _, _, n_samples, text = min(found)
    return _Layout(n_samples, n_times // n_samples, text)


def _divisors(number: int) -> Iterable[int]:
    below = [divisor for divisor in range(1, math.isqrt(number) + 1) if number % divisor == 0]
    return sorted({*below, *(number // divisor for divisor in below)})


def _decimal(value: float) -> str:
    """Write a number in at most 8 characters, as exactly as they allow."""
    for digits in range(_NUMBER, 0, -1):
        text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
        if len(text) <= _NUMBER:
            return text
    return f"{value:.0f}"


def _limits(made: Quantised, row: int) -> tuple[int, str, str]:
    """Return the digital limit of a lead and the physical ones in microvolts."""
    step, baseline = 1000.0 / float(made.gains[row]), int(made.baselines[row])
    choices = []
    for limit in _LIMITS:
        low, high = (-limit - baseline) * step, (limit - baseline) * step
        texts = _decimal(low), _decimal(high)
        choices.append((max(abs(float(texts[0]) - low), abs(float(texts[1]) - high)), -limit, texts))
        if choices[-1][0] < 1e-9:
            break
    _, limit, (low_text, high_text) = min(choices)
    return -limit, low_text, high_text


def _data_records(made: Quantised, layout: _Layout) -> NDArray[np.int16]:
    """Return (n_records, samples of a data record), annotations last."""
    n_leads = len(made.samples)
    content = np.zeros((layout.n_records, n_leads * layout.n_samples + _ANNOTATION_SAMPLES), "<i2")
    for row in range(n_leads):
        part = content[:, row * layout.n_samples : (row + 1) * layout.n_samples]
        part[:] = -_limits(made, row)[0] if made.masked[row] else made.samples[row].reshape(layout.n_records, -1)
    duration = Fraction(layout.duration_s)
    onsets = b"".join(
        f"+{_onset(number * duration)}\x14\x14".encode().ljust(2 * _ANNOTATION_SAMPLES, b"\0") for number in range(layout.n_records)
    )
    content[:, n_leads * layout.n_samples :] = np.frombuffer(onsets, "<i2").reshape(layout.n_records, -1)
    return content


def _onset(seconds: Fraction) -> str:
    return f"{float(seconds):.6f}".rstrip("0").rstrip(".")


def _header(record: EcgRecord, report: DeviceReport, made: Quantised, layout: _Layout, began: datetime | None) -> bytes:
    n_signals = len(made.samples) + 1
    start = began or _UNKNOWN
    fixed = [
        ("0", 8), (_patient_field(record, report.patient or Patient()), _PATIENT), (_recording_field(report, began), 80),
        (f"{start:%d.%m.%y}", 8), (f"{start:%H.%M.%S}", 8), (str(256 * (n_signals + 1)), 8), ("EDF+C", 44),
        (str(layout.n_records), 8), (layout.duration_s, 8), (str(n_signals), 4),
    ]  # fmt: skip
    limits = [_limits(made, row) for row in range(n_signals - 1)]
    filters = _prefilter(report)
    columns: list[tuple[list[str], int]] = [
        ([*map(_label, record.lead_names), "EDF Annotations"], _LABEL),
        ([""] * n_signals, 80),
        ([*["uV"] * (n_signals - 1), ""], 8),
        ([*(low for _, low, _ in limits), "-1"], 8),
        ([*(high for _, _, high in limits), "1"], 8),
        ([*(str(-limit) for limit, _, _ in limits), "-32768"], 8),
        ([*(str(limit) for limit, _, _ in limits), "32767"], 8),
        ([*[filters] * (n_signals - 1), ""], 80),
        ([*[str(layout.n_samples)] * (n_signals - 1), str(_ANNOTATION_SAMPLES)], 8),
        ([""] * n_signals, 32),
    ]
    cells = [*fixed, *((text, width) for texts, width in columns for text in texts)]
    return b"".join(text.encode("ascii", "replace")[:width].ljust(width) for text, width in cells)


def _patient_field(record: EcgRecord, patient: Patient) -> str:
    """Return number, sex, date of birth and name, X for what is not known, and the age."""
    sex = {"male": "M", "female": "F"}.get(record.sex or "", "X")
    born = _date(patient.birth_date)
    age = age_in_units(record.age) if record.age is not None else None
    said = "" if age is None else f" age={age.number}{age.unit[0]}"
    text = f"{_word(patient.patient_id)} {sex} {born} {_word(patient.name)}"
    return text[: _PATIENT - len(said)] + said


def _recording_field(report: DeviceReport, began: datetime | None) -> str:
    when = "X" if began is None else edf_date(began)
    return f"Startdate {when} X X {_word(report.device)}"


def _date(text: str | None) -> str:
    try:
        return edf_date(date.fromisoformat(text or ""))
    except ValueError:
        return "X"


def _word(text: str | None) -> str:
    """Return a text without blanks, as parts of a field have them."""
    return "_".join((text or "").split()) or "X"


def _prefilter(report: DeviceReport) -> str:
    parts = (("HP", report.low_hz), ("LP", report.high_hz), ("N", report.notch_hz))
    return " ".join(f"{kind}:{value:g}Hz" for kind, value in parts if value is not None)
