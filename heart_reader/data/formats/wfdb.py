"""WFDB records: a text header and its signal files, as PhysioNet and the Challenges publish them.

References
----------
WFDB Applications Guide, header(5) and signal(5). https://physionet.org/physiotools/wag/wag.htm
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.agreement import agreed_fs, agreed_names
from heart_reader.data.formats.comments import age_and_sex
from heart_reader.data.formats.files import Given, check_fs, check_length, file_size, read_bytes
from heart_reader.data.formats.scale import scale_warnings, within_range
from heart_reader.data.formats.wfdb_check import MATRIX_OFFSET, SampleCheck, check_count, check_matrix
from heart_reader.data.formats.wfdb_header import CHECKSUM_MODULUS, DEFAULT_FS_HZ, DEFAULT_GAIN, SignalLine, WfdbHeader, parse_header
from heart_reader.data.record import UNIT_TO_MV, EcgRecord, build_record
from heart_reader.data.signal_parts import SignalParts
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import Message, message

__all__ = ["read_wfdb"]

# How many time points are summed together; even, for 12-bit samples come in pairs.
_FRAMES_AT_ONCE = 1 << 16


def _decode_16(raw: bytes) -> NDArray[np.signedinteger]:
    return np.frombuffer(raw, "<i2")


def _decode_24(raw: bytes) -> NDArray[np.signedinteger]:
    triples = np.frombuffer(raw, np.uint8).reshape(-1, 3)
    words = np.zeros((len(triples), 4), np.uint8)
    words[:, 1:] = triples
    # In the upper three bytes the sign is in place; the shift carries it down.
    return words.view("<i4")[:, 0] >> 8


def _decode_32(raw: bytes) -> NDArray[np.signedinteger]:
    return np.frombuffer(raw, "<i4")


def _decode_80(raw: bytes) -> NDArray[np.signedinteger]:
    return np.frombuffer(raw, np.uint8).astype(np.int16) - np.int16(128)


def _decode_212(raw: bytes) -> NDArray[np.signedinteger]:
    """Two 12-bit samples in three bytes; an odd last sample stands in two bytes."""
    triples = np.frombuffer(raw + b"\0" * (-len(raw) % 3), np.uint8).reshape(-1, 3).astype(np.int16)
    samples = np.empty(2 * len(triples), np.int16)
    samples[0::2] = triples[:, 0] | (triples[:, 1] & 0x0F) << 8
    samples[1::2] = triples[:, 2] | (triples[:, 1] >> 4) << 8
    return samples << 4 >> 4


class _Format(NamedTuple):
    """How a signal format stores samples; ``invalid`` is the value that means "missing"."""

    decode: Callable[[bytes], NDArray[np.signedinteger]]
    bytes_per_pair: int
    invalid: int

    def n_bytes(self, n_samples: int) -> int:
        return -(-n_samples * self.bytes_per_pair // 2)

    def n_samples(self, n_bytes: int) -> int:
        return n_bytes * 2 // self.bytes_per_pair


_FORMATS = {
    16: _Format(_decode_16, 4, -(1 << 15)),
    24: _Format(_decode_24, 6, -(1 << 23)),
    32: _Format(_decode_32, 8, -(1 << 31)),
    80: _Format(_decode_80, 2, -(1 << 7)),
    212: _Format(_decode_212, 3, -(1 << 11)),
}


def read_wfdb(path: str, text: str, given: Given) -> EcgRecord:
    """Read the record that a header describes.

    Parameters
    ----------
    path
        The header file; its signal files lie beside it.
    text
        The header's content.
    given
        The rate, where the header states none; a unit that overrides the header's, with a warning;
        new names for all signals.

    Raises
    ------
    LeadError
        If ``given.leads`` does not name every signal once.
    UnreadableRecord
        If header and signal files do not fit together, or the record uses what is not read.
    RecordError
        If the signal is not an ECG; see :func:`~heart_reader.data.record.build_record`.
    """
    header = parse_header(text, path)
    warnings: list[str] = []
    rate = _rate(path, header, given.fs, warnings)
    signal = _signals(path, header, warnings)
    check_length(path, signal.n_leads, signal.n_times, rate, given)
    names = agreed_names(path, [line.name for line in header.signals], given.leads)
    units = tuple([line.unit for line in header.signals])
    if given.unit is not None or not all(line.usual for line in header.signals):
        warnings += _scale(header.signals, names, given.unit)
        signal = within_range(path, signal, names, [given.unit or unit for unit in units])
        signal, names, units = _voltages(header, signal, names, given.unit, warnings)
    age, sex = age_and_sex(header.comments) if header.comments else (None, None)
    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        signal,
        rate,
        names,
        unit=units,
        age=age,
        sex=sex,
        source_format="wfdb",
        warnings=tuple(warnings),
    )


def _rate(path: str, header: WfdbHeader, fs: float | None, warnings: list[str]) -> float:
    """Agree on the sampling rate."""
    if header.fs is None:
        if fs is None:
            warnings.append(message("rate_default", fs=DEFAULT_FS_HZ))
            return DEFAULT_FS_HZ
        return check_fs(path, fs)
    return agreed_fs(path, header.fs, fs)


def _scale(lines: Sequence[SignalLine], names: tuple[str, ...], unit: str | None) -> list[Message]:
    """Say what is remarkable about gains."""
    uncalibrated = [line.name for line in lines if not line.calibrated]
    said = [message("no_calibration", leads=uncalibrated, gain=DEFAULT_GAIN)] if uncalibrated else []
    units = [unit or line.unit for line in lines]
    # Eight bits are lawfully coarser.
    return said + scale_warnings(names, units, [(0.125 if line.fmt == 80 else 1.0) / line.gain for line in lines])


def _voltages(
    header: WfdbHeader, signal: SignalParts, names: tuple[str, ...], unit: str | None, warnings: list[str]
) -> tuple[SignalParts, tuple[str, ...], tuple[str, ...]]:
    """Agree on the units; leave out what is no voltage (blood pressure, breathing), unless nothing
    else is there.
    """
    units = tuple(line.unit for line in header.signals)
    if unit is not None:
        different = sorted(set(units) - {unit})
        if different:
            warnings.append(message("unit_overridden_in_header", unit=unit, stated=different))
        return signal, names, (unit,) * len(units)
    keep = [row for row, name in enumerate(units) if name.lower() in UNIT_TO_MV]
    if len(keep) == len(units) or not keep:
        return signal, names, units
    others = [f"{names[row]} ({units[row]})" for row in range(len(units)) if row not in keep]
    warnings.append(message("no_voltage_left_out", signals=others))
    return signal.rows(keep), tuple(names[row] for row in keep), tuple(units[row] for row in keep)


def _signals(path: str, header: WfdbHeader, warnings: list[str]) -> SignalParts:
    """Look at every signal file; what is decoded is (n_signals, n_times) in physical units."""
    files: dict[str, list[int]] = {}
    for row, line in enumerate(header.signals):
        files.setdefault(line.file_name, []).append(row)
    folder = os.path.dirname(path)
    parts = []
    for file_name, rows in files.items():
        lines = [header.signals[row] for row in rows]
        parts.append(_open_file(os.path.join(folder, file_name), path, lines, header.n_times, warnings))
    if len(parts) == 1:
        return parts[0]
    lengths = {part.n_times for part in parts}
    if len(lengths) > 1:
        raise UnreadableRecord(message("signal_lengths_differ", where=path, lengths=[str(length) for length in sorted(lengths)]))

    def cut(start: int, stop: int) -> NDArray[np.float64]:
        signal = np.empty((len(header.signals), stop - start))
        for rows, part in zip(files.values(), parts, strict=True):
            signal[rows] = part.cut(start, stop)
        return signal

    return SignalParts(len(header.signals), lengths.pop(), cut)


def _open_file(path: str, header_path: str, lines: list[SignalLine], n_times: int | None, warnings: list[str]) -> SignalParts:
    """Compare the size of one signal file with the header; what is decoded is (n_signals, n_times)
    in physical units.
    """
    layouts = {(line.fmt, line.byte_offset) for line in lines}
    if len(layouts) > 1:
        raise UnreadableRecord(
            f"{header_path}: {os.path.basename(path)} is given several formats or offsets; one is allowed: mend the header"
        )
    fmt, offset = layouts.pop()
    if fmt not in _FORMATS:
        raise UnreadableRecord(message("signal_format", where=path, format=fmt, readable=[str(number) for number in _FORMATS]))
    if not os.path.lexists(path):
        raise UnreadableRecord(message("signal_file_missing", where=path, header=os.path.basename(header_path)))
    layout, n_signals = _FORMATS[fmt], len(lines)
    in_file = layout.n_samples(max(0, file_size(path) - offset))
    there = in_file // n_signals
    promised = there if n_times is None else n_times
    if promised == 0:
        raise UnreadableRecord(message("without_samples", where=path))
    if there < promised:
        header = os.path.basename(header_path)
        raise UnreadableRecord(message("samples_missing", where=path, there=there, header=header, promised=promised))
    if in_file != promised * n_signals:
        check_count(path, header_path, in_file, lines, n_times)
    if offset == MATRIX_OFFSET:
        check_matrix(path, header_path, n_signals, fmt)
    if there > promised:
        warnings.append(message("samples_not_read", file=os.path.basename(path), there=there, declared=promised))
    sums_of_file = partial(_sums, path, layout, offset, n_signals, there) if there > promised else None
    check = SampleCheck((path, header_path), lines, layout.invalid, promised, sums_of_file)

    def cut(start: int, stop: int) -> NDArray[np.float64]:
        # An even number of samples ends with a byte in every format.
        first, n_samples = layout.n_bytes(start * n_signals), (stop - start) * n_signals
        raw = read_bytes(path, layout.n_bytes(n_samples), offset + first)
        if len(raw) < layout.n_bytes(n_samples):
            raise UnreadableRecord(f"{path}: the file shrank while it was read: wait until it is complete")
        digital = np.ascontiguousarray(layout.decode(raw)[:n_samples].reshape(stop - start, n_signals).T)
        check.add(start, digital)
        return _to_physical(digital, lines, layout.invalid)

    return SignalParts(n_signals, promised, cut)


def _sums(path: str, layout: _Format, offset: int, n_signals: int, n_times: int) -> list[int]:
    """Sum all samples of each signal in a file modulo the checksum's, a part at a time."""
    sums = np.zeros(n_signals, np.int64)
    for start in range(0, n_times, _FRAMES_AT_ONCE):
        n_samples = min(_FRAMES_AT_ONCE, n_times - start) * n_signals
        raw = read_bytes(path, layout.n_bytes(n_samples), offset + layout.n_bytes(start * n_signals))
        sums += layout.decode(raw)[:n_samples].reshape(-1, n_signals).sum(axis=0, dtype=np.int64)
    return [int(total) % CHECKSUM_MODULUS for total in sums]


def _to_physical(digital: NDArray[np.signedinteger], lines: list[SignalLine], invalid: int) -> NDArray[np.float64]:
    """Apply ``(sample - baseline) / gain`` per signal in float64; invalid samples become NaN."""
    gains = [line.gain for line in lines]
    # One number for all is quicker than a column of them, and gives the same.
    gain = np.float64(gains[0]) if gains.count(gains[0]) == len(gains) else np.array(gains)[:, None]
    baselines = [line.baseline for line in lines]
    zeroed = digital - np.array(baselines, dtype=np.float64)[:, None] if any(baselines) else digital
    physical: NDArray[np.float64] = np.true_divide(zeroed, gain)
    if digital.min() == invalid:
        physical[digital == invalid] = np.nan
    return physical
