"""DICOM waveforms: 12-lead, general and ambulatory ECG, and any other with ECG leads in it.

pydicom takes bytes of a known number apart; what they mean is read here.

References
----------
DICOM PS3.3, C.10.9 Waveform Module and A.34 Waveform Information Object Definitions; PS3.16, CID
3001 ECG Leads.
"""

from __future__ import annotations

import io
import math
import os
import re
import warnings as python_warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.device_report import MedianBeats
from heart_reader.data.formats.agreement import agreed_fs, agreed_names, filter_warnings, scale_warnings, voltage_rows, within_range
from heart_reader.data.formats.dicom_channels import (
    channel_band,
    channel_lead,
    channel_scales,
    channel_units,
    check_skews,
    status_warnings,
)
from heart_reader.data.formats.dicom_report import age_by_dates, dicom_report
from heart_reader.data.formats.files import Given, check_length, damaged, file_size, plausible_age, read_bytes
from heart_reader.data.formats.registry import register_format
from heart_reader.data.leads import canonical_lead
from heart_reader.data.record import UNIT_TO_MV, EcgRecord, build_record
from heart_reader.data.signal import SignalParts
from heart_reader.errors import RecordError, UnreadableRecord
from heart_reader.messages import Message, message

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["DEFLATED", "read_dicom"]

# A deflated file of a few bytes may swell to gigabytes; the name of that encoding stands in its
# head in plain text.
DEFLATED = b"1.2.840.10008.1.2.1.99"
_SAMPLES = {"SB": "i1", "UB": "u1", "SS": "i2", "US": "u2", "SL": "i4", "UL": "u4"}
_MAX_CHANNELS = 256
_SEXES = {"M": "male", "F": "female"}
_AGE_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
# A pacemaker's spike may cross half the range now and then.
_MOST_JUMPS = 1e-3
_AVERAGED = ("MEDIAN", "AVERAGE", "REPRESENTATIVE", "TEMPLATE")


@dataclass(frozen=True)
class _Group:
    """A multiplex group: channels that were sampled together."""

    name: str
    leads: tuple[str, ...]
    fs: float
    n_times: int
    averaged: bool
    item: Dataset

    @property
    def duration_s(self) -> float:
        return self.n_times / self.fs

    @property
    def rank(self) -> tuple[int, int, float]:
        """What the best group has most of: recorded rather than averaged, leads, length."""
        return (not self.averaged, sum(canonical_lead(name) is not None for name in self.leads), self.duration_s)

    @property
    def words(self) -> Message:
        """A phrase for the group."""
        return message("waveform", name=self.name, channels=len(self.leads), duration=self.duration_s)


@register_format(
    "dicom",
    title="DICOM",
    suffixes=(".dcm",),
    sniff=lambda head, _: head[128:132] == b"DICM",
    states="rate, unit, leads, filters, age and sex",
    package="pydicom",
)
def read_dicom(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read the longest recorded waveform of a DICOM file; see :class:`Format` for the rest.

    ``given.leads`` names all channels.
    """
    dataset = _parse(path, read_bytes(path, file_size(path)))
    try:
        return _record(path, dataset, given)
    except RecordError:
        raise
    except Exception as error:  # values are converted when they are asked for, and a damaged one may fail in any way
        raise UnreadableRecord(message("damaged_dicom", where=path, kind=type(error).__name__)) from None


def _parse(path: str, content: bytes) -> Dataset:
    """Take the file apart; sequences are read, their values not yet."""
    import pydicom

    # Its complaints about lawful but odd files quote values of the recording.
    python_warnings.filterwarnings("ignore", module="pydicom")
    if DEFLATED in content:
        raise UnreadableRecord(message("dicom_compressed", where=path))
    try:
        dataset = pydicom.dcmread(io.BytesIO(content))
        waveforms = dataset.get("WaveformSequence")
    except Exception as error:  # a damaged file may fail in any way
        raise UnreadableRecord(message("damaged_dicom", where=path, kind=type(error).__name__)) from None
    if not waveforms:
        raise UnreadableRecord(message("dicom_without_waveform", where=path))
    return dataset


def _record(path: str, dataset: Dataset, given: Given) -> EcgRecord:
    groups = [_group(path, number, item) for number, item in enumerate(dataset.WaveformSequence, start=1)]
    group = max(groups, key=lambda item: item.rank)
    others = [item.words for item in groups if item is not group]
    warnings: list[str] = [message("waveform_chosen", chosen=group.words, others=others)] if others else []
    if group.averaged:
        warnings.append(message("waveform_derived", name=group.name))
    signal, names, units = _voltages(path, dataset, group, given, warnings)
    check_length(path, signal.n_leads, signal.n_times, group.fs, given)
    medians = next(filter(None, (_medians(path, dataset, item, given) for item in groups if item.averaged and item is not group)), None)
    age = str(dataset.get("PatientAge") or "").strip()
    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        signal,
        agreed_fs(path, group.fs, given.fs),
        names,
        unit=units,
        age=_age(age) if age else age_by_dates(dataset),
        sex=_SEXES.get(str(dataset.get("PatientSex") or "").strip().upper()),
        source_format="dicom",
        warnings=tuple(warnings),
        device_report=dicom_report(dataset, list(group.item.ChannelDefinitionSequence), medians, identity=given.identity),
    )


def _medians(path: str, dataset: Dataset, group: _Group, given: Given) -> MedianBeats | None:
    """Representative beats in mV; None where they cannot be read: the ECG does not need them."""
    try:
        check_length(path, len(group.leads), group.n_times, group.fs, given)
        signal, names, units = _voltages(path, dataset, group, given._replace(unit=None, leads=None), [])
        beats = build_record("median", signal, group.fs, names, unit=units)
    except RecordError:
        return None
    return MedianBeats(np.asarray(beats.signal), beats.fs, beats.lead_names)


def _voltages(
    path: str, dataset: Dataset, group: _Group, given: Given, warnings: list[str]
) -> tuple[SignalParts, tuple[str, ...], tuple[str, ...]]:
    """Voltages, or all channels if none is, in physical units; padding is NaN."""
    channels = list(group.item.ChannelDefinitionSequence)
    units = channel_units(path, group.leads, channels, given.unit)
    if given.unit is not None:
        if any(UNIT_TO_MV.get(unit.lower()) != UNIT_TO_MV.get(given.unit.lower()) for unit in units):
            warnings.append(message("unit_overridden", unit=given.unit, stated=sorted(set(units))))
        units = [given.unit] * len(units)
    names = agreed_names(path, group.leads, given.leads)
    syntax = getattr(dataset.file_meta, "TransferSyntaxUID", None)
    digital = _samples(path, group, len(channels), "<" if syntax is None or syntax.is_little_endian else ">")
    kept = voltage_rows(names, units, warnings)
    names, units_kept = tuple(names[row] for row in kept), tuple(units[row] for row in kept)
    channels = [channels[row] for row in kept]
    gains, baselines = channel_scales(path, names, channels)
    padding = _padding(group.item, digital.dtype)
    kind = str(group.item.WaveformSampleInterpretation)
    for row, name, channel in zip(kept, names, channels, strict=True):
        samples = digital[row]
        _check_bits(path, name, channel, samples[samples != padding] if padding else samples, kind)
    if padding == 0:
        warnings.append(message("padding_zero"))

    def cut(start: int, stop: int) -> NDArray[np.float64]:
        samples = digital[kept, start:stop]
        physical: NDArray[np.float64] = samples * gains[:, None] + baselines[:, None]
        if padding:
            physical[samples == padding] = np.nan
        return physical

    warnings += check_skews(path, channels, group.fs)
    warnings += scale_warnings(names, units_kept, gains.tolist())
    warnings += status_warnings(names, channels)
    warnings += filter_warnings(names, [channel_band(channel) for channel in channels])
    return within_range(path, SignalParts(len(kept), group.n_times, cut), names, units_kept), names, units_kept


def _group(path: str, number: int, item: Dataset) -> _Group:
    """Facts of a multiplex group; its samples are not looked at yet."""
    channels = list(item.ChannelDefinitionSequence)
    n_channels, n_times, fs = int(item.NumberOfWaveformChannels), int(item.NumberOfWaveformSamples), float(item.SamplingFrequency)
    if not 1 <= n_channels <= _MAX_CHANNELS or n_times < 1 or len(channels) != n_channels or not (math.isfinite(fs) and fs > 0):
        problem = (
            f"waveform {number} declares {n_channels} channels of {n_times} samples at {fs:g} Hz and describes {len(channels)}, "
            "the file is damaged"
        )
        raise damaged(path, problem)
    label = str(item.get("MultiplexGroupLabel") or f"number {number}").strip()
    averaged = str(item.get("WaveformOriginality")) == "DERIVED" or any(word in label.upper() for word in _AVERAGED)
    leads = tuple(channel_lead(path, row, channel) for row, channel in enumerate(channels, start=1))
    return _Group(label, leads, fs, n_times, averaged, item)


def _samples(path: str, group: _Group, n_channels: int, byte_order: Literal["<", ">"]) -> NDArray[np.integer]:
    """Samples as stored, (n_channels, n_times)."""
    kind = str(group.item.WaveformSampleInterpretation)
    if kind not in _SAMPLES:
        raise damaged(path, f"samples of kind {kind!r}; {', '.join(_SAMPLES)} are read")
    dtype = np.dtype(_SAMPLES[kind]).newbyteorder(byte_order)
    data = bytes(group.item.WaveformData)
    n_samples = group.n_times * n_channels
    needed = n_samples * dtype.itemsize
    if len(data) < needed or int(group.item.WaveformBitsAllocated) != 8 * dtype.itemsize:
        raise UnreadableRecord(
            message("samples_truncated", where=path, there=len(data), channels=n_channels, samples=group.n_times, kind=kind)
        )
    # An odd number of bytes is filled up by one.
    if len(data) > needed + needed % 2:
        raise UnreadableRecord(message("samples_surplus", where=path, there=len(data), declared=needed))
    return np.frombuffer(data, dtype, n_samples).reshape(group.n_times, n_channels).T


def _check_bits(path: str, name: str, channel: Dataset, samples: NDArray[np.integer], kind: str) -> None:
    """Refuse samples, without padding, whose upper bits or sign are not as declared."""
    signed, allocated = samples.dtype.kind == "i", 8 * samples.dtype.itemsize
    bits = int(channel.get("WaveformBitsStored") or allocated)
    if not 1 < bits <= allocated:
        problem = f"channel {name} stores {bits} bits of {allocated}; 2 to {allocated} are allowed"
        raise damaged(path, problem)
    if not samples.size:
        return
    lowest, highest = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    low, high = int(samples.min()), int(samples.max())
    wraps = False
    if high - low > highest - lowest >> 1:
        # Numbers whose sign was taken for a bit jump across the range wherever they pass 0.
        jumps = np.count_nonzero(np.abs(np.diff(samples.astype(np.int64))) > 1 << bits - 1)
        wraps = bool(jumps > _MOST_JUMPS * samples.size)
    if low < lowest or high > highest or wraps:
        raise UnreadableRecord(message("bits_stored", where=path, lead=name, bits=bits, kind=kind))


def _padding(item: Dataset, dtype: np.dtype[Any]) -> int | None:
    """Sample value that marks a missing sample."""
    raw = item.get("WaveformPaddingValue")
    if raw is None:
        return None
    content = bytes(raw) if isinstance(raw, bytes | bytearray) else np.array(int(raw)).astype(dtype).tobytes()
    return int(np.frombuffer(content, dtype, 1)[0]) if len(content) >= dtype.itemsize else None


def _age(text: str) -> float | None:
    """Years from a DICOM age string, such as 042Y or 006M."""
    match = re.fullmatch(r"(\d{3})([DWMY])", text.strip())
    return plausible_age(int(match[1]) * _AGE_YEARS[match[2]] if match else None)
