"""Where an EDF recording has gaps: data records that do not follow each other, and the samples
written where nothing was measured.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.edf_header import EdfHeader
from heart_reader.data.formats.files import read_bytes
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["check_onsets", "missing_samples"]

_BYTES_PER_SAMPLE = 2
# Onsets are rounded by the programs that write them. A gap shorter than this cannot be told from
# that.
_ONSET_TOLERANCE_S = 0.01
# Clocks that drift apart by this have another sampling rate than the header says.
_DRIFT = 1e-3
# Shorter runs of the smallest number may be the bottom of an S wave that is cut off.
_LONG_GAP_S = 0.1
# A signal that is cut off comes to the limit step by step; a gap is entered and left by a jump of
# this share of the range.
_JUMP = 0.25


def check_onsets(path: str, header: EdfHeader, n_records: int) -> None:
    """Compare the onsets that EDF+ writes into each data record with the length of the records.

    Parameters
    ----------
    n_records
        Data records to look at.

    Raises
    ------
    UnreadableRecord
        If a data record does not begin where the one before it ends.
    """
    if header.annotations is None:
        return
    start, length = (_BYTES_PER_SAMPLE * number for number in header.annotations)
    first, size = header.n_bytes + start, _BYTES_PER_SAMPLE * header.samples_per_record
    stated = [_onset(read_bytes(path, length, at)) for at in range(first, first + n_records * size, size)]
    onsets = [(number, onset) for number, onset in enumerate(stated) if onset is not None]
    if len({onset for _, onset in onsets}) < 2:
        # Nothing to compare, or a program that writes 0 everywhere.
        return
    for (earlier, before), (number, onset) in itertools.pairwise(onsets):
        expected = before + (number - earlier) * header.record_s
        run_s = (number - onsets[0][0]) * header.record_s
        drift = abs(onset - onsets[0][1] - run_s)
        if abs(onset - expected) > _ONSET_TOLERANCE_S or drift > max(_ONSET_TOLERANCE_S, _DRIFT * run_s):
            raise UnreadableRecord(message("edf_jump", where=path, number=number + 1, onset=onset, expected=expected))


def _onset(annotations: bytes) -> float | None:
    r"""Onset of a data record in seconds, which stands first, before two \x14; None where something
    else does.
    """
    text, mark, rest = annotations.partition(b"\x14")
    if not mark or rest[:1] != mark:
        return None
    try:
        onset = float(text)
    except ValueError:
        return None
    return onset if math.isfinite(onset) else None


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
