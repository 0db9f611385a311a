"""Parse the channels of a DICOM waveform: lead, unit, scale, skew, filters and state.

References
----------
DICOM PS3.3, C.10.9 Waveform Module; PS3.16, CID 3001 ECG Leads: code 65 is the lead -aVR.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.codes import codes_of
from heart_reader.data.formats.agreement import LARGEST_MV, Band
from heart_reader.data.leads import canonical_lead
from heart_reader.data.record import UNIT_TO_MV
from heart_reader.errors import LeadError, UnitError, UnreadableRecord
from heart_reader.messages import Message, message

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["channel_band", "channel_lead", "channel_notch", "channel_scales", "channel_units", "check_skews", "status_warnings"]

# Last part of the codes of leads, in SCPECG (5.6.3-9-1) and in MDC (2:1) alike; 65 is aVR upside
# down.
_CODES = {int(code.rpartition(":")[2]): lead for lead, code in codes_of("leads", "dicom").items()} | {65: "-aVR"}
_CODE = re.compile(r"(?:5\.6\.3-9-|2:)(\d{1,4})")
# Numbers of elements of a channel.
_LABEL, _STATUS = 0x003A0203, 0x003A0205
_SENSITIVITY, _CORRECTION, _BASELINE = 0x003A0210, 0x003A0212, 0x003A0213
_TIME_SKEW, _SAMPLE_SKEW, _FILTER_LOW, _FILTER_HIGH = 0x003A0214, 0x003A0215, 0x003A0220, 0x003A0221
_NOTCH = 0x003A0222
_UNIT_NAMES = {"volt": "V", "millivolt": "mV", "microvolt": "uV", "nanovolt": "nV"}
# Boundaries of waves are measured to a few milliseconds.
_MOST_SKEW_S = 0.004
# Beyond this arithmetic ends before a unit is asked for.
_LARGEST = 1e30
_UNRELIABLE = {"INVALID", "DISCONNECTED", "UNCALIBRATED", "UNREFERENCED", "QUESTIONABLE", "SUSPECT", "FAIL"}


def channel_lead(path: str, number: int, channel: Dataset) -> str:
    """Return the name of a channel: its code where that is known, else the words beside it.

    Raises
    ------
    LeadError
        If code and words mean different leads, or one of them the lead upside down.
    """
    source = channel.ChannelSourceSequence[0] if channel.get("ChannelSourceSequence") else channel
    match = _CODE.fullmatch(str(source.get("CodeValue") or "").strip())
    coded = _CODES.get(int(match[1])) if match else None
    label = channel[_LABEL].value if _LABEL in channel else None
    said = [str(words).strip() for words in (source.get("CodeMeaning"), label) if words]
    for words in said:
        named = canonical_lead(words)
        if coded is not None and named is not None and coded != named:
            raise LeadError(message("lead_code_and_name", where=path, channel=number, coded=coded, named=named))
    return coded or (said[0] if said else f"channel {number}")


def channel_units(path: str, names: Sequence[str], channels: Sequence[Dataset], given: str | None) -> list[str]:
    """Return the units of the channels by their codes; a channel without one needs the caller's.

    Raises
    ------
    UnitError
        If a channel has no sensitivity or no unit, or two of them.
    """
    stated: list[str] = []
    for name, channel in zip(names, channels, strict=True):
        sequence = channel.get("ChannelSensitivityUnitsSequence")
        if _number(channel, _SENSITIVITY) is None or (not sequence and given is None):
            raise UnitError(message("unit_missing", where=path, lead=name))
        if not sequence:
            stated.append(message("no_unit"))
            continue
        unit, words = str(sequence[0].CodeValue).strip(), str(sequence[0].get("CodeMeaning") or "").strip()
        named = _UNIT_NAMES.get(words.lower().rstrip("s"), words)
        factors = UNIT_TO_MV.get(unit.lower()), UNIT_TO_MV.get(named.lower())
        if given is None and None not in factors and factors[0] != factors[1]:
            raise UnitError(message("unit_code_and_name", where=path, lead=name, coded=unit, named=words))
        stated.append(unit)
    return stated


def channel_scales(path: str, names: Sequence[str], channels: Sequence[Dataset]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the physical value of one unit of the samples and of sample 0, each (n_channels,).

    Raises
    ------
    UnitError
        If a scale is 0, endless or no number.
    """
    gains, baselines = [], []
    for name, channel in zip(names, channels, strict=True):
        correction = _number(channel, _CORRECTION)
        sensitivity, factor = _number(channel, _SENSITIVITY) or 0.0, 1.0 if correction is None else correction
        baseline = _number(channel, _BASELINE) or 0.0
        for number in (sensitivity, factor):
            if number == 0 or not abs(number) <= _LARGEST:
                raise UnitError(message("scale_missing", where=path, lead=name, factor=number))
        if not abs(baseline) <= _LARGEST:
            raise UnitError(message("offset_impossible", where=path, lead=name, reach=baseline, most=LARGEST_MV))
        gains.append(sensitivity * factor)
        baselines.append(baseline)
    return np.array(gains), np.array(baselines)


def check_skews(path: str, channels: Sequence[Dataset], fs: float) -> list[Message]:
    """Compare when the channels begin; small differences make a warning.

    Raises
    ------
    UnreadableRecord
        If they begin too far apart to be read as simultaneous.
    """
    skews = [(_number(channel, _TIME_SKEW) or 0.0) + (_number(channel, _SAMPLE_SKEW) or 0.0) / fs for channel in channels]
    spread = max(skews) - min(skews)
    if not spread <= _MOST_SKEW_S:
        raise UnreadableRecord(message("channel_skew", where=path, skew=1000 * spread, most=1000 * _MOST_SKEW_S))
    return [message("leads_skewed", skew=1000 * spread)] if spread > 0 else []


def channel_band(channel: Dataset) -> Band:
    """Return the limits of a channel's filters in Hz."""
    return _number(channel, _FILTER_LOW), _number(channel, _FILTER_HIGH)


def channel_notch(channel: Dataset) -> float | None:
    """Return the mains frequency that was taken out of a channel in Hz, None where none was."""
    return _number(channel, _NOTCH) or None


def status_warnings(names: Sequence[str], channels: Sequence[Dataset]) -> list[Message]:
    """Name the channels whose recorder did not trust them."""
    marked = []
    for name, channel in zip(names, channels, strict=True):
        if _STATUS not in channel:
            continue
        status = channel[_STATUS].value or ()
        words = {str(word).strip().upper() for word in ([status] if isinstance(status, str) else status)}
        if found := sorted(words & _UNRELIABLE):
            marked.append(f"{name} ({', '.join(found)})")
    return [message("channel_status", leads=marked)] if marked else []


def _number(channel: Dataset, tag: int) -> float | None:
    """A number of a channel, or None, from its bytes: pydicom takes ten times as long."""
    if tag not in channel:
        return None
    value = channel.get_item(tag).value
    text = value.strip(b" \0") if isinstance(value, bytes) else value
    return None if text is None or text in (b"", "") else float(text)
