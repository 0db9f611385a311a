"""Schiller SEMA XML (SchillerEDI): samples as numbers with commas between them.

No specification is published. What is read states its rate, unit and scale itself; a file that
does not is refused.

References
----------
Structure as read by BRAVEHEART (Stabenau H. F., Waks J. W., J Electrocardiol 2023) and the
CardioVascular Research Grid's ECG converter (Johns Hopkins University).
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.device_report import DeviceReport, MedianBeats, Patient
from heart_reader.data.formats.files import Given, check_fs, check_length, damaged, plausible_age, sex_of
from heart_reader.data.formats.registry import register_format
from heart_reader.data.formats.xml_file import number_of, parse_xml, root_name, text_of
from heart_reader.data.formats.xml_leads import (
    MOST_TIMES,
    Waveform,
    age_between,
    beats_beside,
    choose_waveform,
    iso_time,
    one_line,
    positive,
    record_of,
    unread,
)
from heart_reader.data.record import EcgRecord

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["read_schiller"]

_ROOT = "SchillerEDI"
_PLAIN = re.compile(r"[-0-9,\s]+")


def _looks_like_schiller(head: bytes, path: str) -> bool:
    name = root_name(head)
    return name is not None and name.rpartition(".")[2] == _ROOT


@register_format(
    "schiller",
    title="Schiller XML",
    suffixes=(".xml",),
    sniff=_looks_like_schiller,
    lists=_looks_like_schiller,
    states="rate, unit, leads, age and sex; heart rate and average beats of the device",
)
def read_schiller(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read the rhythm of a Schiller file; see :class:`Format` for parameters and errors."""
    root = parse_xml(path)
    warnings: list[str] = []
    waveforms = [_waveform(path, item, given) for item in root.iter("wavedata")]
    if not waveforms:
        raise damaged(path, "it has no wavedata")
    chosen = choose_waveform(waveforms, warnings)
    medians = beats_beside(path, waveforms, chosen, _counts, warnings)
    started = next(root.iter("startdatetime"), None)
    date = text_of(started, "date")
    patient = next(root.iter("patdata"), None)
    return record_of(
        path,
        given,
        chosen,
        _counts(path, chosen),
        source_format="schiller",
        age=plausible_age(age_between(text_of(patient, "birthdate"), date)),
        sex=sex_of(text_of(patient, "gender")),
        report=_report(root, iso_time(date, text_of(started, "time")), medians, patient if given.identity else None),
        warnings=warnings,
    )


def _waveform(path: str, item: Element, given: Given) -> Waveform:
    """Describe a group of channels; their samples are not decoded yet."""
    kind = text_of(item, "type") or "without a type"
    value, exponent = text_of(item, "resolution/samplerate/value"), text_of(item, "resolution/samplerate/exponent")
    fs, step = number_of(value), number_of(text_of(item, "resolution/yres/unitperbit"))
    # All known files have the exponent 1 beside the rate itself.
    if fs is None or fs <= 0 or number_of(exponent or "1") != 1:
        raise unread(path, f"wavedata {kind} with a rate of {value} and exponent {exponent}")
    channels = item.findall("channel")
    names = tuple(text_of(channel, "name") or "" for channel in channels)
    lengths = {text_of(channel, "samplecount") for channel in channels}
    n_times = (
        number_of(next(iter(lengths), None)) or (channels[0].findtext("data") or "").strip().strip(",").count(",") + 1 if channels else 0
    )
    if not channels or not all(names) or len(lengths) > 1 or not 1 <= n_times < MOST_TIMES:
        raise damaged(path, f"wavedata {kind} has channels without names or of different lengths")
    fs = check_fs(path, fs)
    check_length(path, len(names), int(n_times), fs, given)
    return Waveform(
        name=kind,
        fs=fs,
        lead_names=names,
        n_times=int(n_times),
        steps=(0.0 if step is None else step,) * len(names),
        units=(text_of(item, "resolution/yres/units") or "",) * len(names),
        averaged="AVERAGE" in kind.upper(),
        source=channels,
    )


def _numbers(channel: Element) -> list[int]:
    """Numbers of a channel; the last comma may end the list.

    Raises
    ------
    ValueError
        If something is not a whole number.
    """
    text = (channel.findtext("data") or "").strip().removesuffix(",")
    if _PLAIN.fullmatch(text):
        # Three times as quick as to make each number by itself.
        with contextlib.suppress(ValueError):
            plain: list[int] = json.loads(f"[{text}]")
            return plain
    return [int(number) for number in text.split(",")]


def _counts(path: str, waveform: Waveform) -> NDArray[np.integer]:
    """Decode samples, (n_leads, n_times)."""
    rows = []
    for name, channel in zip(waveform.lead_names, waveform.source, strict=True):
        kind = text_of(channel, "datastype")
        if kind != "COMMASEPARATE":
            raise unread(path, f"lead {name} with samples of type {kind}")
        try:
            row = np.array(_numbers(channel), np.int64)
        except (ValueError, OverflowError):
            raise damaged(path, f"lead {name} has samples that are not whole numbers") from None
        if len(row) != waveform.n_times:
            raise damaged(path, f"lead {name} declares {waveform.n_times} samples and has {len(row)}")
        rows.append(row)
    return np.stack(rows)


def _report(root: Element, acquired: str | None, medians: MedianBeats | None, patient: Element | None) -> DeviceReport:
    device = next(root.iter("aquiringdevice"), None)
    stated: dict[str, str | None] = {}
    for item in root.iter("annotation_global"):
        pairs = zip((text_of(name) for name in item.findall("name")), (text_of(value) for value in item.findall("value")), strict=False)
        stated |= {name: value for name, value in pairs if name}
    return DeviceReport(
        device=one_line(text_of(device, "hardware/vendor"), text_of(device, "hardware/model"), text_of(device, "software/version")),
        acquired=acquired,
        measurements=positive(heart_rate_bpm=number_of(stated.get("HR"))),
        medians=medians,
        patient=None
        if patient is None
        else Patient(
            name=one_line(text_of(patient, "lastname"), text_of(patient, "firstname")),
            patient_id=text_of(patient, "id"),
            birth_date=iso_time(text_of(patient, "birthdate"), None),
        ),
    )
