"""The signal files of a WFDB header: sizes, samples and checksums are compared with what it says.

References
----------
WFDB Applications Guide, signal(5). https://physionet.org/physiotools/wag/signal-5.htm: the checksum
is the sum of all samples of a signal in 16 bits; 0 is a placeholder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.files import file_size, read_bytes
from heart_reader.data.formats.wfdb_flac import FlacFile
from heart_reader.data.formats.wfdb_header import CHECKSUM_MODULUS, SignalLine, WfdbHeader
from heart_reader.data.formats.wfdb_samples import DIFFERENCES, FLAC_BITS, STORED
from heart_reader.data.signal import SignalParts
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["open_signals"]

# The head of a MATLAB 4 matrix called "val": kind, rows, columns, and what does not matter here.
_MATRIX_OFFSET = 24
_INT16_MATRIX = 30
# Time points that are summed together.
_FRAMES_AT_ONCE = 1 << 16

# Samples as stored from one time point to before another, (n_signals, n_times).
Samples = Callable[[int, int], NDArray[np.signedinteger]]


def open_signals(path: str, header: WfdbHeader, warnings: list[str]) -> SignalParts:
    """Open every signal file that a header names, without reading its samples.

    Parameters
    ----------
    path
        The header, beside which the signal files are.
    warnings
        Gets what is noticed.

    Returns
    -------
    SignalParts
        (n_signals, n_times) in physical units; what is missing is NaN.

    Raises
    ------
    UnreadableRecord
        If a file is missing or its size is not the one that the header means.
    """
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
    if fmt not in STORED and fmt not in FLAC_BITS:
        raise UnreadableRecord(message("signal_format", where=path, format=fmt, readable=[str(number) for number in [*STORED, *FLAC_BITS]]))
    if not os.path.lexists(path):
        raise UnreadableRecord(message("signal_file_missing", where=path, header=os.path.basename(header_path)))
    n_signals, header = len(lines), os.path.basename(header_path)
    samples, in_file, invalid = _flac(path, fmt, offset, n_signals) if fmt in FLAC_BITS else _stored(path, fmt, offset, lines)
    there = in_file // n_signals
    promised = there if n_times is None else n_times
    if promised == 0:
        raise UnreadableRecord(message("without_samples", where=path))
    if there < promised:
        raise UnreadableRecord(message("samples_missing", where=path, there=there, header=header, promised=promised))
    if in_file != promised * n_signals:
        _check_count(path, header, in_file, lines, n_times)
    if offset == _MATRIX_OFFSET and fmt in STORED:
        _check_matrix(path, header, n_signals, fmt)
    if there > promised:
        warnings.append(message("samples_not_read", file=os.path.basename(path), there=there, declared=promised))

    def sums_of_file() -> NDArray[np.int64]:
        total = np.zeros(n_signals, np.int64)
        for start in range(0, there, _FRAMES_AT_ONCE):
            total += samples(start, min(start + _FRAMES_AT_ONCE, there)).sum(axis=1, dtype=np.int64)
        return total

    check = _SampleCheck((path, header), lines, invalid, promised, sums_of_file if there > promised else None)

    def cut(start: int, stop: int) -> NDArray[np.float64]:
        digital = samples(start, stop)
        check.add(start, digital)
        return _to_physical(digital, lines, invalid)

    return SignalParts(n_signals, promised, cut, on_disk=True)


def _stored(path: str, fmt: int, offset: int, lines: Sequence[SignalLine]) -> tuple[Samples, int, int]:
    """What gives the samples of a file, how many it holds, and which of them means "missing"."""
    layout, n_signals = STORED[fmt], len(lines)

    def samples(start: int, stop: int) -> NDArray[np.signedinteger]:
        first, end = start * n_signals, stop * n_signals
        # Samples that are packed together are read together.
        before = first % layout.group
        at, n_bytes = layout.n_bytes(first - before), layout.n_bytes(end - first + before)
        raw = read_bytes(path, n_bytes, offset + at)
        if len(raw) < n_bytes:
            raise UnreadableRecord(f"{path}: the file shrank while it was read: wait until it is complete")
        return np.ascontiguousarray(layout.decode(raw)[before : before + end - first].reshape(stop - start, n_signals).T)

    in_file = layout.n_samples(max(0, file_size(path) - offset))
    if fmt == DIFFERENCES:
        return _Differences(samples, np.array([line.start for line in lines], np.int64)).cut, in_file, layout.invalid
    return samples, in_file, layout.invalid


def _flac(path: str, fmt: int, offset: int, n_signals: int) -> tuple[Samples, int, int]:
    """Return the same of a FLAC stream, of which the offset counts samples."""
    stream = FlacFile(path, FLAC_BITS[fmt], n_signals)
    return lambda start, stop: stream.cut(start + offset, stop + offset), max(0, stream.n_times - offset) * n_signals, stream.invalid


@dataclass
class _Differences:
    """Sum differences up; where it stopped, the next part goes on.

    ``initial`` is (n_signals,), what the first difference is added to.
    """

    differences: Samples
    initial: NDArray[np.int64]
    _at: int = 0
    _last: NDArray[np.int64] | None = None

    def cut(self, start: int, stop: int) -> NDArray[np.signedinteger]:
        if start < self._at or self._last is None:
            self._at, self._last = 0, self.initial
        while self._at < start:
            self._go_to(min(start, self._at + _FRAMES_AT_ONCE))
        return self._go_to(stop)

    def _go_to(self, stop: int) -> NDArray[np.int64]:
        assert self._last is not None
        samples: NDArray[np.int64] = self.differences(self._at, stop).cumsum(axis=1, dtype=np.int64) + self._last[:, None]
        self._at, self._last = stop, samples[:, -1].copy()
        return samples


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
