"""Whether a WFDB signal file is the one its header was written for: checksums, first samples, numbers of signals, MATLAB's matrix.

References
----------
WFDB Applications Guide, header(5): the checksum is the sum of all samples of a signal in 16 bits; 0 is a placeholder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.readers.files import read_bytes
from heart_reader.data.readers.wfdb_header import CHECKSUM_MODULUS, SignalLine
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["MATRIX_OFFSET", "check_count", "check_matrix", "check_samples"]

# The head of a MATLAB 4 matrix called "val": kind, rows, columns, and what does not matter here.
MATRIX_OFFSET = 24
_INT16_MATRIX = 30


def check_samples(
    where: tuple[str, str],
    digital: NDArray[np.signedinteger],
    lines: Sequence[SignalLine],
    invalid: int,
    sums_of_file: Callable[[], list[int]] | None,
) -> None:
    """Compare samples with the checksums of the header, or with its first samples where it has no checksum.

    Parameters
    ----------
    where
        The signal file and its header.
    digital
        (n_signals, n_times) as stored.
    invalid
        The sample that means "missing".
    sums_of_file
        Sums of all samples in the file, where it holds more than the header declares: then the declared length may be what is wrong.

    Raises
    ------
    UnreadableRecord
        If they differ.
    """
    # 16 bits overflow as the checksum does, which most programs write with a sign.
    sums = np.add.reduce(digital, axis=1, dtype=np.int16).tolist()
    if sums == [line.checksum for line in lines]:
        return
    wrong = [row for row, line in enumerate(lines) if not _agrees(line, sums[row], digital[row], invalid)]
    if not wrong:
        return
    if sums_of_file is not None:
        sums = sums_of_file()
        if all((sums[row] - line.checksum) % CHECKSUM_MODULUS == 0 for row, line in enumerate(lines) if line.checksum):
            return
    raise UnreadableRecord(
        message("samples_of_another", where=where[0], header=os.path.basename(where[1]), leads=[lines[row].name for row in wrong])
    )


def _agrees(line: SignalLine, total: int, samples: NDArray[np.signedinteger], invalid: int) -> bool:
    """Whether one signal may be the one of its line."""
    if not line.checksum:
        return not line.initial or samples[0] in {line.initial, invalid}
    if (total - line.checksum) % CHECKSUM_MODULUS == 0:
        return True
    # Programs count a missing sample as it is stored, as the smallest 16-bit number, or not at all.
    n_missing = int(np.count_nonzero(samples == invalid))
    without = total - n_missing * invalid
    return any((other - line.checksum) % CHECKSUM_MODULUS == 0 for other in (without, without - n_missing * (CHECKSUM_MODULUS >> 1)))


def check_count(path: str, header_path: str, n_samples: int, lines: Sequence[SignalLine], n_times: int | None) -> None:
    """Refuse a file whose size is that of more signals than its header describes, which would be taken for one another.

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
