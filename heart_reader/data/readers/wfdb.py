"""WFDB records: a text header and its signal files, as PhysioNet and the Challenges publish them.

References
----------
WFDB Applications Guide, header(5) and signal(5). https://physionet.org/physiotools/wag/wag.htm
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.readers.agreement import agreed_fs, agreed_names
from heart_reader.data.readers.comments import age_and_sex
from heart_reader.data.readers.files import Given, check_fs, check_length, file_size, read_bytes
from heart_reader.data.readers.wfdb_header import DEFAULT_FS_HZ, DEFAULT_GAIN, SignalLine, WfdbHeader, parse_header
from heart_reader.data.record import UNIT_TO_MV, EcgRecord, build_record
from heart_reader.data.signal_parts import SignalParts
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["read_wfdb"]


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
        The rate, where the header states none; a unit that overrides the header's, with a warning; new names for all signals.

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
    uncalibrated = [line.name for line in header.signals if not line.calibrated]
    if uncalibrated:
        warnings.append(message("no_calibration", leads=uncalibrated, gain=DEFAULT_GAIN))
    names = agreed_names(path, [line.name for line in header.signals], given.leads)
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


def _voltages(
    header: WfdbHeader, signal: SignalParts, names: tuple[str, ...], unit: str | None, warnings: list[str]
) -> tuple[SignalParts, tuple[str, ...], tuple[str, ...]]:
    """Agree on the units; leave out what is no voltage (blood pressure, breathing), unless nothing else is there."""
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
    """Compare the size of one signal file with the header; what is decoded is (n_signals, n_times) in physical units."""
    layouts = {(line.fmt, line.byte_offset) for line in lines}
    if len(layouts) > 1:
        raise UnreadableRecord(
            f"{header_path}: {os.path.basename(path)} is given several formats or offsets; one is allowed: mend the header"
        )
    fmt, offset = layouts.pop()
    if fmt not in _FORMATS:
        raise UnreadableRecord(message("signal_format", where=path, format=fmt, readable=[str(number) for number in _FORMATS]))
    layout, n_signals = _FORMATS[fmt], len(lines)
    there = layout.n_samples(max(0, file_size(path) - offset)) // n_signals
    promised = there if n_times is None else n_times
    if promised == 0:
        raise UnreadableRecord(message("without_samples", where=path))
    if there < promised:
        header = os.path.basename(header_path)
        raise UnreadableRecord(message("samples_missing", where=path, there=there, header=header, promised=promised))
    if there > promised:
        warnings.append(message("samples_not_read", file=os.path.basename(path), there=there, declared=promised))

    def cut(start: int, stop: int) -> NDArray[np.float64]:
        # An even number of samples ends with a byte in every format.
        first, n_samples = layout.n_bytes(start * n_signals), (stop - start) * n_signals
        raw = read_bytes(path, layout.n_bytes(n_samples), offset + first)
        if len(raw) < layout.n_bytes(n_samples):
            raise UnreadableRecord(f"{path}: the file shrank while it was read: wait until it is complete")
        frames = layout.decode(raw)[:n_samples].reshape(stop - start, n_signals)
        return _to_physical(np.ascontiguousarray(frames.T), lines, layout.invalid)

    return SignalParts(n_signals, promised, cut)


def _to_physical(digital: NDArray[np.signedinteger], lines: list[SignalLine], invalid: int) -> NDArray[np.float64]:
    """Apply ``(sample - baseline) / gain`` per signal in float64; invalid samples become NaN."""
    physical = digital.astype(np.float64)
    if any(line.baseline for line in lines):
        physical -= np.array([[line.baseline] for line in lines], dtype=np.float64)
    physical /= np.array([[line.gain] for line in lines])
    if digital.min() == invalid:
        physical[digital == invalid] = np.nan
    return physical
