"""WFDB records: a text header and its signal files, as PhysioNet and the Challenges publish them.

References
----------
WFDB Applications Guide, header(5) and signal(5). https://physionet.org/physiotools/wag/wag.htm: the
checksum is the sum of all samples of a signal in 16 bits; 0 is a placeholder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.agreement import agreed_fs, agreed_names, scale_warnings, voltage_rows, within_range
from heart_reader.data.formats.comments import age_and_sex
from heart_reader.data.formats.files import HEAD_BYTES, Given, check_fs, check_length, decode_text, file_size, is_text, read_bytes
from heart_reader.data.formats.registry import register_format
from heart_reader.data.formats.wfdb_header import (
    CHECKSUM_MODULUS,
    DEFAULT_FS_HZ,
    DEFAULT_GAIN,
    SignalLine,
    WfdbHeader,
    looks_like_header,
    parse_header,
)
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.data.signal import SignalParts
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import Message, message

__all__ = ["read_wfdb"]

# The head of a MATLAB 4 matrix called "val": kind, rows, columns, and what does not matter here.
_MATRIX_OFFSET = 24
_INT16_MATRIX = 30
# Time points that are summed together; even, for 12-bit samples come in pairs.
_FRAMES_AT_ONCE = 1 << 16


def _decode_24(raw: bytes) -> NDArray[np.signedinteger]:
    triples = np.frombuffer(raw, np.uint8).reshape(-1, 3)
    words = np.zeros((len(triples), 4), np.uint8)
    words[:, 1:] = triples
    # In the upper three bytes the sign is in place; the shift carries it down.
    return words.view("<i4")[:, 0] >> 8


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
    16: _Format(lambda raw: np.frombuffer(raw, "<i2"), 4, -(1 << 15)),
    24: _Format(_decode_24, 6, -(1 << 23)),
    32: _Format(lambda raw: np.frombuffer(raw, "<i4"), 8, -(1 << 31)),
    80: _Format(_decode_80, 2, -(1 << 7)),
    212: _Format(_decode_212, 3, -(1 << 11)),
}


def _is_wfdb(head: bytes, path: str) -> bool:
    return _is_header(head, path) or _header_beside(path) is not None


def _is_header(head: bytes, path: str) -> bool:
    """A header by its content; one called .hea may be damaged, unless it is plainly a table."""
    if not is_text(head):
        return False
    text = decode_text(head)
    if not path.endswith(".hea"):
        return looks_like_header(text)
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    return "," not in first and ";" not in first


def _header_beside(path: str) -> str | None:
    """The header of the same stem, if it names this file as a signal file."""
    header = os.path.splitext(path)[0] + ".hea"
    if header == path or not os.path.isfile(header):
        return None
    lines = decode_text(read_bytes(header, HEAD_BYTES)).splitlines()
    return header if any(line.split(None, 1)[:1] == [os.path.basename(path)] for line in lines) else None


@register_format(
    "wfdb",
    title="WFDB",
    suffixes=(".hea",),
    companions=(".dat", ".mat"),
    sniff=_is_wfdb,
    states="rate, unit, leads and checksums; comments may add age and sex",
)
def read_wfdb(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read the record of a header or of one of its signal files; see :class:`Format` for the rest.

    ``given.leads`` names all signals.
    """
    if (header_beside := _header_beside(path)) and not _is_header(head, path):
        path, head = header_beside, read_bytes(header_beside, HEAD_BYTES)
    if len(head) == HEAD_BYTES and (size := file_size(path)) > HEAD_BYTES:
        raise UnreadableRecord(f"{path}: a header of {size} bytes; at most {HEAD_BYTES} are read: correct the header")
    header = parse_header(decode_text(head), path)
    warnings: list[str] = []
    if header.fs is not None:
        rate = agreed_fs(path, header.fs, given.fs)
    elif given.fs is not None:
        rate = check_fs(path, given.fs)
    else:
        rate = DEFAULT_FS_HZ
        warnings.append(message("rate_default", fs=DEFAULT_FS_HZ))
    signal = _signals(path, header, warnings)
    check_length(path, signal.n_leads, signal.n_times, rate, given)
    names = agreed_names(path, [line.name for line in header.signals], given.leads)
    units = tuple([line.unit for line in header.signals])
    if given.unit is not None or not all(line.usual for line in header.signals):
        warnings += _scale(header.signals, names, given.unit)
        signal = within_range(path, signal, names, [given.unit or unit for unit in units])
        if given.unit is None:
            rows = voltage_rows(names, units, warnings)
            signal, names, units = signal.rows(rows), tuple(names[row] for row in rows), tuple(units[row] for row in rows)
        elif different := sorted(set(units) - {given.unit}):
            warnings.append(message("unit_overridden_in_header", unit=given.unit, stated=different))
    age, sex = age_and_sex(header.comments) if header.comments else (None, None)
    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        signal,
        rate,
        names,
        unit=given.unit or units,
        age=age,
        sex=sex,
        source_format="wfdb",
        warnings=tuple(warnings),
    )


def _scale(lines: Sequence[SignalLine], names: tuple[str, ...], unit: str | None) -> list[Message]:
    """Say what is remarkable about gains."""
    uncalibrated = [line.name for line in lines if not line.calibrated]
    said = [message("no_calibration", leads=uncalibrated, gain=DEFAULT_GAIN)] if uncalibrated else []
    units = [unit or line.unit for line in lines]
    # Eight bits are lawfully coarser.
    return said + scale_warnings(names, units, [(0.125 if line.fmt == 80 else 1.0) / line.gain for line in lines])


def _signals(path: str, header: WfdbHeader, warnings: list[str]) -> SignalParts:
    """Open every signal file: (n_signals, n_times) in physical units."""
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

    return SignalParts(len(header.signals), lengths.pop(), cut, on_disk=True)


def _open_file(path: str, header_path: str, lines: list[SignalLine], n_times: int | None, warnings: list[str]) -> SignalParts:
    """Compare the size of a signal file with the header: (n_signals, n_times) in physical units."""
    layouts = {(line.fmt, line.byte_offset) for line in lines}
    if len(layouts) > 1:
        raise UnreadableRecord(
            f"{header_path}: {os.path.basename(path)} has several formats or offsets; one is allowed: correct the header"
        )
    fmt, offset = layouts.pop()
    if fmt not in _FORMATS:
        raise UnreadableRecord(message("signal_format", where=path, format=fmt, readable=[str(number) for number in _FORMATS]))
    if not os.path.lexists(path):
        raise UnreadableRecord(message("signal_file_missing", where=path, header=os.path.basename(header_path)))
    layout, n_signals, header = _FORMATS[fmt], len(lines), os.path.basename(header_path)
    in_file = layout.n_samples(max(0, file_size(path) - offset))
    there = in_file // n_signals
    promised = there if n_times is None else n_times
    if promised == 0:
        raise UnreadableRecord(message("without_samples", where=path))
    if there < promised:
        raise UnreadableRecord(message("samples_missing", where=path, there=there, header=header, promised=promised))
    if in_file != promised * n_signals:
        _check_count(path, header, in_file, lines, n_times)
    if offset == _MATRIX_OFFSET:
        _check_matrix(path, header, n_signals, fmt)
    if there > promised:
        warnings.append(message("samples_not_read", file=os.path.basename(path), there=there, declared=promised))

    def samples(start: int, stop: int) -> NDArray[np.signedinteger]:
        # An even number of samples ends with a byte in every format.
        first, n_samples = layout.n_bytes(start * n_signals), (stop - start) * n_signals
        raw = read_bytes(path, layout.n_bytes(n_samples), offset + first)
        if len(raw) < layout.n_bytes(n_samples):
            raise UnreadableRecord(f"{path}: the file shrank while it was read: wait until it is complete")
        return np.ascontiguousarray(layout.decode(raw)[:n_samples].reshape(stop - start, n_signals).T)

    def sums_of_file() -> NDArray[np.int64]:
        total = np.zeros(n_signals, np.int64)
        for start in range(0, there, _FRAMES_AT_ONCE):
            total += samples(start, min(start + _FRAMES_AT_ONCE, there)).sum(axis=1, dtype=np.int64)
        return total

    check = _SampleCheck((path, header), lines, layout.invalid, promised, sums_of_file if there > promised else None)

    def cut(start: int, stop: int) -> NDArray[np.float64]:
        digital = samples(start, stop)
        check.add(start, digital)
        return _to_physical(digital, lines, layout.invalid)

    return SignalParts(n_signals, promised, cut, on_disk=True)


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


@dataclass
class _SampleCheck:
    """Compare samples, part by part, with the header's checksums, or first samples without one.

    ``where`` is the signal file and the name of its header, ``invalid`` the sample that means
    "missing". After ``n_times`` time points the sums are compared. ``sums_of_file`` gives those of
    a file that holds more than the header declares: the declared length may be what is wrong.
    """

    where: tuple[str, str]
    lines: Sequence[SignalLine]
    invalid: int
    n_times: int
    sums_of_file: Callable[[], NDArray[np.int64]] | None
    _stop: int = -1

    def add(self, start: int, digital: NDArray[np.signedinteger]) -> None:
        """Add the (n_signals, n_times) samples of the next part, as stored.

        Raises
        ------
        UnreadableRecord
            With the last part, if they differ from what the header says.
        """
        # 16 bits overflow as the checksum does.
        sums = np.add.reduce(digital, axis=1, dtype=np.int16)
        stop = start + digital.shape[1]
        if start == 0:
            # Nearly every file ends this here. Most programs write the checksum with a sign.
            if stop == self.n_times and not any(
                (total - line.checksum) % CHECKSUM_MODULUS or line.initial for total, line in zip(sums.tolist(), self.lines, strict=True)
            ):
                return
            self._stop, self._first = 0, digital[:, 0].tolist()
            self._sums, self._n_missing = np.zeros((2, len(self.lines)), np.int64)
        if start != self._stop:
            # Only a part of the signal is being looked at.
            return
        self._stop = stop
        self._sums += sums
        self._n_missing += np.count_nonzero(digital == self.invalid, axis=1)
        if stop == self.n_times:
            self._compare()

    def _compare(self) -> None:
        rows = zip(self.lines, self._sums.tolist(), self._n_missing.tolist(), self._first, strict=True)
        wrong = [line.name for line, *found in rows if not self._agrees(line, *found)]
        if not wrong:
            return
        if self.sums_of_file is not None:
            sums = zip(self.sums_of_file().tolist(), self.lines, strict=True)
            if all((total - line.checksum) % CHECKSUM_MODULUS == 0 for total, line in sums if line.checksum):
                return
        raise UnreadableRecord(message("samples_of_another", where=self.where[0], header=self.where[1], leads=wrong))

    def _agrees(self, line: SignalLine, total: int, n_missing: int, first: int) -> bool:
        """Whether a signal may be the one of a line."""
        if not line.checksum:
            return not line.initial or first in {line.initial, self.invalid}
        # Programs count a missing sample as stored, as the smallest 16-bit number, or not at all.
        without = total - n_missing * self.invalid
        counts = (total, without, without - n_missing * (CHECKSUM_MODULUS >> 1))
        return any((count - line.checksum) % CHECKSUM_MODULUS == 0 for count in counts)


def _check_count(path: str, header: str, n_samples: int, lines: Sequence[SignalLine], n_times: int | None) -> None:
    """Refuse a file that by its size has more signals than described: they would be mixed up."""
    n_signals = len(lines)
    if n_times is None:
        # An odd number of 12-bit samples may be filled up by one.
        fits = n_samples % n_signals <= 1
    else:
        fits = n_samples % n_times != 0 or not n_signals < n_samples // n_times < 2 * n_signals
    if not fits and not all(line.checksum for line in lines):
        raise UnreadableRecord(message("signals_not_described", where=path, header=header, signals=n_signals, samples=n_samples))


def _check_matrix(path: str, header: str, n_signals: int, fmt: int) -> None:
    """Refuse a MATLAB 4 matrix with other rows than the header has signals, or not of int16."""
    kind, rows, columns = np.frombuffer(read_bytes(path, 12), "<i4").tolist()
    if rows and columns and (rows != n_signals or (kind, fmt) != (_INT16_MATRIX, 16)):
        raise UnreadableRecord(
            message("matrix_differs", where=path, header=header, rows=rows, columns=columns, kind=kind, signals=n_signals)
        )
