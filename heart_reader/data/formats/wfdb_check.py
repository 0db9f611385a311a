"""Whether a WFDB signal file is the one its header was written for: checksums, first samples,
numbers of signals, MATLAB's matrix.

References
----------
WFDB Applications Guide, header(5): the checksum is the sum of all samples of a signal in 16 bits; 0
is a placeholder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.files import read_bytes
from heart_reader.data.formats.wfdb_header import CHECKSUM_MODULUS, SignalLine
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["MATRIX_OFFSET", "SampleCheck", "check_count", "check_matrix"]

# The head of a MATLAB 4 matrix called "val": kind, rows, columns, and what does not matter here.
MATRIX_OFFSET = 24
_INT16_MATRIX = 30


class SampleCheck:
    """Compares samples with the checksums of the header, or with its first samples where it has no
    checksum, part by part.

    Parameters
    ----------
    where
        The signal file and its header.
    lines
        Of the signals in the file.
    invalid
        The sample that means "missing".
    n_times
        After how many time points the sums are compared.
    sums_of_file
        Sums of all samples in the file, where it holds more than the header declares: then the
        declared length may be what is wrong.
    """

    def __init__(
        self,
        where: tuple[str, str],
        lines: Sequence[SignalLine],
        invalid: int,
        n_times: int,
        sums_of_file: Callable[[], list[int]] | None,
    ) -> None:
        """Keep what is compared; nothing is summed yet."""
        self._where, self._lines, self._invalid, self._n_times, self._sums_of_file = where, lines, invalid, n_times, sums_of_file
        self._stop, self._sums, self._n_missing, self._first = 0, [0] * len(lines), [0] * len(lines), [0] * len(lines)

    def add(self, start: int, digital: NDArray[np.signedinteger]) -> None:
        """Add the (n_signals, n_times) samples of one part, as stored; parts come in order, from 0
        on.

        Raises
        ------
        UnreadableRecord
            With the last part, if they differ from what the header says.
        """
        # 16 bits overflow as the checksum does, which most programs write with a sign.
        sums = np.add.reduce(digital, axis=1, dtype=np.int16).tolist()
        stop = start + digital.shape[1]
        if start == 0:
            if stop == self._n_times and sums == [line.checksum for line in self._lines]:
                return
            self._stop, self._sums, self._n_missing = 0, [0] * len(self._lines), [0] * len(self._lines)
            self._first = digital[:, 0].tolist()
        if start != self._stop:
            # Somebody looks at a part of the signal only.
            return
        self._stop = stop
        self._sums = [one + other for one, other in zip(self._sums, sums, strict=True)]
        missing = np.count_nonzero(digital == self._invalid, axis=1).tolist()
        self._n_missing = [one + other for one, other in zip(self._n_missing, missing, strict=True)]
        if stop == self._n_times:
            self._compare()

    def _compare(self) -> None:
        wrong = [row for row in range(len(self._lines)) if not self._agrees(row)]
        if not wrong:
            return
        if self._sums_of_file is not None:
            sums = self._sums_of_file()
            if all((sums[row] - line.checksum) % CHECKSUM_MODULUS == 0 for row, line in enumerate(self._lines) if line.checksum):
                return
        names = [self._lines[row].name for row in wrong]
        raise UnreadableRecord(message("samples_of_another", where=self._where[0], header=os.path.basename(self._where[1]), leads=names))

    def _agrees(self, row: int) -> bool:
        """Whether one signal may be the one of its line."""
        line, total, n_missing = self._lines[row], self._sums[row], self._n_missing[row]
        if not line.checksum:
            return not line.initial or self._first[row] in {line.initial, self._invalid}
        # Programs count a missing sample as it is stored, as the smallest 16-bit number, or not at
        # all.
        without = total - n_missing * self._invalid
        counts = (total, without, without - n_missing * (CHECKSUM_MODULUS >> 1))
        return any((count - line.checksum) % CHECKSUM_MODULUS == 0 for count in counts)


def check_count(path: str, header_path: str, n_samples: int, lines: Sequence[SignalLine], n_times: int | None) -> None:
    """Refuse a file whose size is that of more signals than its header describes, which would be
    taken for one another.

    Parameters
    ----------
    n_samples
        In the file, of all signals together.
    n_times
        What the header declares; None where it does not.

    Raises
    ------
    UnreadableRecord
        If the header does not describe all signals.
    """
    n_signals = len(lines)
    if n_times is None:
        # An odd number of 12-bit samples may be filled up by one.
        fits = n_samples % n_signals <= 1
    else:
        fits = n_samples % n_times != 0 or not n_signals < n_samples // n_times < 2 * n_signals
    if not fits and not all(line.checksum for line in lines):
        raise UnreadableRecord(
            message("signals_not_described", where=path, header=os.path.basename(header_path), signals=n_signals, samples=n_samples)
        )


def check_matrix(path: str, header_path: str, n_signals: int, fmt: int) -> None:
    """Compare the head of a MATLAB 4 matrix, if it is one, with the header.

    Raises
    ------
    UnreadableRecord
        If the matrix has other rows than the header has signals, or is not of 16-bit whole numbers.
    """
    kind, n_rows, n_columns = np.frombuffer(read_bytes(path, 12), "<i4").tolist()
    if n_rows and n_columns and (n_rows != n_signals or (kind, fmt) != (_INT16_MATRIX, 16)):
        header = os.path.basename(header_path)
        raise UnreadableRecord(
            message("matrix_differs", where=path, header=header, rows=n_rows, columns=n_columns, kind=kind, signals=n_signals)
        )
