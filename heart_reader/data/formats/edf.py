"""EDF, EDF+, BDF and BDF+ files, which sleep laboratories and Holter programs export.

References
----------
See :mod:`heart_reader.data.formats.edf_header`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.agreement import (
    LARGEST_MV,
    Band,
    agreed_fs,
    agreed_names,
    common_band,
    filter_warnings,
    scale_warnings,
    within_range,
)
from heart_reader.data.formats.contec import STEP_MV, is_from_ecg90a
from heart_reader.data.formats.edf_header import (
    MAX_HEADER_BYTES,
    EdfHeader,
    EdfSignal,
    lead_of_label,
    looks_like_bdf,
    looks_like_edf,
    parse_edf_header,
    rate_of,
)
from heart_reader.data.formats.edf_onsets import edf_runs
from heart_reader.data.formats.files import Given, check_length, file_size, read_bytes
from heart_reader.data.formats.pieces import Piece, joined
from heart_reader.data.formats.registry import register_format
from heart_reader.data.formats.wfdb_samples import decode_24
from heart_reader.data.leads import STANDARD_LEADS, canonical_lead
from heart_reader.data.record import UNIT_TO_MV, EcgRecord, build_record
from heart_reader.data.signal import SignalParts, resample
from heart_reader.errors import LeadError, UnitError, UnreadableRecord
from heart_reader.messages import message

__all__ = ["missing_samples", "read_bdf", "read_edf"]

_VALUES_AT_ONCE = 1 << 22
# "HP:0.05Hz LP:150Hz": the first keeps what is above it, the second what is below.
_HIGH_PASS, _LOW_PASS = (re.compile(rf"(?<![A-Z]){kind}[:=\s]*(\d+\.?\d*|\.\d+)\s*HZ") for kind in ("HP", "LP"))

# The width of a range in mV that one program leaves in the header whatever the samples mean.
_UNFILLED_MV = 2000.0
_ROWS_OF_CONTEC = 500
# Shorter runs of the smallest number may be the bottom of an S wave that is cut off.
_LONG_GAP_S = 0.1
# A signal that is cut off comes to the limit step by step; a gap is entered and left by a jump of
# this share of the range.
_JUMP = 0.25


@register_format(
    "edf",
    title="EDF",
    suffixes=(".edf",),
    sniff=lambda head, _: looks_like_edf(head),
    states="rate, unit, leads and filters; EDF+ also age and sex",
)
def read_edf(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read the leads of an EDF file; see :class:`Format` for parameters and errors.

    ``given.leads`` names all voltages.
    """
    return _read(path, given, "edf")


@register_format(
    "bdf",
    title="BDF",
    suffixes=(".bdf",),
    sniff=lambda head, _: looks_like_bdf(head),
    states="rate, unit, leads and filters; BDF+ also age and sex",
)
def read_bdf(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read the leads of a BDF file, EDF with samples of 24 bits, in the same way."""
    return _read(path, given, "bdf")


def _read(path: str, given: Given, source_format: str) -> EcgRecord:
    header = parse_edf_header(path, read_bytes(path, MAX_HEADER_BYTES), identity=given.identity)
    warnings: list[str] = []
    n_records = _n_records(path, header, file_size(path), warnings)
    chosen, names, units = _choose(path, header.signals, given, warnings)
    if given.unit is None and _is_contec(path, header, n_records, chosen):
        chosen = [replace(item, gain=STEP_MV, offset=0.0) for item in chosen]
        warnings.append(message("contec_scale", step=1000 * STEP_MV))
    rates = [agreed_fs(path, rate_of(item.n_samples, header.record_s), given.fs) for item in chosen]
    check_length(path, len(chosen), n_records * max(item.n_samples for item in chosen), max(rates), given)
    runs = edf_runs(path, header, n_records)
    n_times = round((runs[-1].onset_s + runs[-1].n_records * header.record_s) * max(rates))
    check_length(path, len(chosen), n_times, max(rates), given)
    samples = _Samples(path, header, 0, n_records, chosen)
    if beyond := [name for name, leaves in zip(names, samples.beyond_range(), strict=True) if leaves]:
        warnings.append(message("range_left", leads=beyond))
    signals = [_at_one_rate(replace(samples, first=run.first, n_records=run.n_records), rates, names) for run in runs]
    pieces = [Piece(round(run.onset_s * max(rates)), signal, range(len(names))) for run, signal in zip(runs, signals, strict=True)]
    signal = signals[0] if len(runs) == 1 else joined(len(names), n_times, pieces)
    if slower := [f"{name} ({fs:g} Hz)" for name, fs in zip(names, rates, strict=True) if fs != max(rates)]:
        warnings.append(message("resampled", fs=max(rates), leads=slower))
    farthest = 1 << 8 * header.sample_bytes - 1
    if any(
        (abs(item.gain) * farthest + abs(item.offset)) * UNIT_TO_MV[unit] > LARGEST_MV for item, unit in zip(chosen, units, strict=True)
    ):
        signal = within_range(path, signal, names, units)
    warnings += scale_warnings(names, units, [item.gain for item in chosen])
    bands = [_band(item.prefilter) for item in chosen]
    warnings += filter_warnings(names, bands)
    low_hz, high_hz = common_band(bands)
    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        signal,
        max(rates),
        names,
        unit=units,
        age=header.age,
        sex=header.sex,
        source_format=source_format,
        warnings=tuple(warnings),
        device_report=replace(header.report, low_hz=low_hz, high_hz=high_hz),
    )


def _is_contec(path: str, header: EdfHeader, n_records: int, chosen: Sequence[EdfSignal]) -> bool:
    """Whether a file has the twelve leads and the empty range of an export from a Contec ECG90A."""
    if tuple(item.label for item in chosen) != STANDARD_LEADS or any(
        (item.n_samples, item.unit, item.gain) != (1, "mV", _UNFILLED_MV / ((1 << 16) - 1)) for item in chosen
    ):
        return False
    samples = _Samples(path, header, 0, n_records, chosen).stored(0, min(n_records, _ROWS_OF_CONTEC))
    return is_from_ecg90a(np.stack(samples[:6]))


@dataclass(frozen=True)
class _Samples:
    """The signals of a file that are leads, from one of its data records on."""

    path: str
    header: EdfHeader
    first: int
    n_records: int
    chosen: Sequence[EdfSignal]

    def stored(self, first: int, end: int) -> list[NDArray[np.signedinteger]]:
        """Return each of them as stored, from one of the data records to before another."""
        n_bytes = self.header.sample_bytes * self.header.samples_per_record
        content = read_bytes(self.path, (end - first) * n_bytes, self.header.n_bytes + (self.first + first) * n_bytes)
        if len(content) < (end - first) * n_bytes:
            raise UnreadableRecord(f"{self.path}: the file shrank while it was read: wait until it is complete")
        frames = (np.frombuffer(content, "<i2") if self.header.sample_bytes == 2 else decode_24(content)).reshape(end - first, -1)
        return [frames[:, item.start : item.start + item.n_samples].reshape(-1) for item in self.chosen]

    def decoded(self, first: int, end: int) -> list[NDArray[np.floating]]:
        """Return each of them in physical units, NaN where nothing was measured."""
        decoded = []
        for samples, item in zip(self.stored(first, end), self.chosen, strict=True):
            values: NDArray[np.floating] = samples * item.gain + item.offset
            missing = missing_samples(samples, item.digital_min, item.digital_max, item.n_samples / self.header.record_s)
            if missing is not None:
                values[missing] = np.nan
            decoded.append(values)
        return decoded

    def beyond_range(self) -> list[bool]:
        """Return for each of them whether a sample is outside its digital range."""
        beyond = [False] * len(self.chosen)
        step = max(1, _VALUES_AT_ONCE // self.header.samples_per_record)
        for first in range(0, self.n_records, step):
            for row, samples in enumerate(self.stored(first, min(first + step, self.n_records))):
                item = self.chosen[row]
                beyond[row] |= bool(samples.min() < item.digital_min or samples.max() > item.digital_max)
        return beyond


def _n_records(path: str, header: EdfHeader, size: int, warnings: list[str]) -> int:
    """Number of data records, which the size of the file must confirm."""
    there = (size - header.n_bytes) // (header.sample_bytes * header.samples_per_record)
    promised = there if header.n_records is None else header.n_records
    if there < promised or promised == 0:
        # An open number needs one at least.
        raise UnreadableRecord(message("records_missing", where=path, there=there, promised=max(promised, 1)))
    if there > promised:
        warnings.append(message("records_not_read", there=there, declared=promised))
    return promised


def _choose(
    path: str, signals: Sequence[EdfSignal], given: Given, warnings: list[str]
) -> tuple[list[EdfSignal], tuple[str, ...], tuple[str, ...]]:
    """Signals, names and units of the standard leads, or of every voltage if there is none."""
    voltages = [item for item in signals if given.unit is not None or item.unit.lower() in UNIT_TO_MV]
    if not voltages:
        found = ", ".join(f"{item.label} ({item.unit or 'no unit'})" for item in signals) or "annotations only"
        raise UnitError(message("no_voltage", where=path, found=found))
    names = agreed_names(path, [lead_of_label(item.label) for item in voltages], given.leads)
    standard = [row for row, name in enumerate(names) if canonical_lead(name)]
    # What calls itself an ECG is one beside them, whatever its place.
    standard = [row for row, item in enumerate(voltages) if row in standard or item.label.startswith("ECG ")] if standard else []
    kept = standard if standard and given.leads is None else list(range(len(names)))
    chosen = [voltages[row] for row in kept]
    others = [item.label for item in signals if item not in chosen]
    if others:
        warnings.append(message("signals_not_leads", signals=others))
    different = sorted({item.unit or message("no_unit") for item in chosen} - {given.unit})
    if given.unit is not None and different:
        warnings.append(message("unit_overridden_in_header", unit=given.unit, stated=different))
    units = tuple((given.unit or item.unit).strip().lower() for item in chosen)
    if unknown := sorted({unit for unit in units if unit not in UNIT_TO_MV}):
        raise UnitError(message("unit_unknown", where=path, unit=", ".join(unknown)))
    return chosen, tuple(names[row] for row in kept), units


def _band(prefilter: str) -> Band:
    """Filters of a signal in Hz."""
    low, high = (pattern.search(prefilter.upper().replace(",", ".")) for pattern in (_HIGH_PASS, _LOW_PASS))
    return float(low[1]) if low else None, float(high[1]) if high else None


def _at_one_rate(samples: _Samples, rates: Sequence[float], names: tuple[str, ...]) -> SignalParts:
    """Bring slower leads, which must be among the twelve, to the rate of the fastest."""
    fastest = max(rates)
    slower = [f"{name} ({fs:g} Hz)" for name, fs in zip(names, rates, strict=True) if fs != fastest]
    if not slower:
        per_record = samples.chosen[0].n_samples

        def cut(start: int, stop: int) -> NDArray[np.floating]:
            first = start // per_record
            leads = samples.decoded(first, -(-stop // per_record))
            return np.stack([lead[start - first * per_record : stop - first * per_record] for lead in leads])

        return SignalParts(len(names), samples.n_records * per_record, cut, on_disk=True)
    if not all(canonical_lead(name) for name in names):
        raise LeadError(message("rates_without_names", where=samples.path, leads=slower, fs=fastest))
    leads = samples.decoded(0, samples.n_records)
    n_times = len(leads[rates.index(fastest)])
    # Cut or extended by the rounding of a ratio of rates.
    resampled = [_resampled(values, fs, fastest)[:n_times] for values, fs in zip(leads, rates, strict=True)]
    return SignalParts.of(np.stack([np.pad(values, (0, n_times - len(values)), mode="edge") for values in resampled]))


def _resampled(values: NDArray[np.floating], fs: float, target: float) -> NDArray[np.floating]:
    """Resample to another rate; gaps stay gaps, and do not spread."""
    missing = np.isnan(values)
    if fs == target or not missing.any() or missing.all():
        return values if fs == target else resample(values, fs, target)
    times = np.arange(len(values))
    result = resample(np.interp(times, times[~missing], values[~missing]), fs, target)
    nearest = np.minimum(np.rint(np.arange(len(result)) * fs / target).astype(int), len(values) - 1)
    return np.where(missing[nearest], np.nan, result)


def missing_samples(samples: NDArray[np.signedinteger], low: float, high: float, fs: float) -> NDArray[np.bool_] | None:
    """Find where a recorder wrote its smallest number for want of a signal.

    Parameters
    ----------
    samples
        (n_times,) as stored.
    low, high
        The digital limits of the header.
    fs
        Hz.

    Returns
    -------
    array or None
        (n_times,) True where nothing was measured; None where everything was.

    Examples
    --------
    >>> missing_samples(np.array([3, -8, -8, -8, 2, -8, 1]), -8, 7, 500.0).tolist()
    [False, True, True, True, False, False, False]
    """
    lowest = samples == low
    if not lowest.any():
        return None
    edges = np.flatnonzero(np.diff(lowest, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    jump = low + _JUMP * (high - low)
    entered = (starts == 0) | (samples[starts - 1] > jump)
    left = (ends == len(samples)) | (samples[np.minimum(ends, len(samples) - 1)] > jump)
    length = ends - starts
    gap = (entered & left & (length > 1)) | ((entered | left) & (length >= _LONG_GAP_S * fs))
    if not gap.any():
        return None
    missing = np.zeros(len(samples), bool)
    for start, end in zip(starts[gap].tolist(), ends[gap].tolist(), strict=True):
        missing[start:end] = True
    return missing
