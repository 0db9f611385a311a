"""When the data records of an EDF+ or BDF+ file begin, by the annotations in them.

References
----------
Kemp B., Olivan J. European data format 'plus' (EDF+), an EDF alike standard format for the exchange
of physiological data. Clin. Neurophysiol. 114 (2003) 1755-1761: the first annotation of a data
record is its onset; in EDF+C one follows the other, in EDF+D there may be gaps between.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

from heart_reader.data.formats.edf_header import EdfHeader
from heart_reader.data.formats.files import read_bytes
from heart_reader.data.formats.pieces import refuse_long_gap
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["Run", "edf_runs"]

# Programs round the onsets that they write; a shorter gap looks the same.
_ONSET_TOLERANCE_S = 0.01
# Clocks that drift apart by this have another sampling rate than the header says.
_DRIFT = 1e-3


class Run(NamedTuple):
    """Data records without a gap: the onset of the first in seconds, its number, and how many."""

    onset_s: float
    first: int
    n_records: int


def edf_runs(path: str, header: EdfHeader, n_records: int) -> list[Run]:
    """Return the parts of a recording that have no gap in them: one, or several of an EDF+D file.

    Raises
    ------
    UnreadableRecord
        If a data record does not begin where the one before it ends, and gaps are not allowed or
        longer than is read, or it begins before that.
    """
    stated = _onsets(path, header, n_records)
    if header.continuous:
        _check_continuous(path, header, [(number, onset) for number, onset in enumerate(stated) if onset is not None])
        return [Run(0.0, 0, n_records)]
    onsets = [onset for onset in stated if onset is not None]
    if len(onsets) < n_records:
        raise UnreadableRecord(message("edf_gaps", where=path))
    runs = [Run(0.0, 0, 0)]
    for number, onset in enumerate(onset - onsets[0] for onset in onsets):
        run = runs[-1]
        end = run.onset_s + run.n_records * header.record_s
        if abs(onset - end) <= _ONSET_TOLERANCE_S:
            runs[-1] = run._replace(n_records=run.n_records + 1)
            continue
        if onset < end:
            raise UnreadableRecord(message("edf_jump", where=path, number=number + 1, onset=onset, expected=end))
        refuse_long_gap(path, end, onset - end)
        runs.append(Run(onset, number, 1))
    return runs


def _onsets(path: str, header: EdfHeader, n_records: int) -> list[float | None]:
    if header.annotations is None:
        return [None] * n_records
    start, length = (header.sample_bytes * number for number in header.annotations)
    first, size = header.n_bytes + start, header.sample_bytes * header.samples_per_record
    return [_onset(read_bytes(path, length, at)) for at in range(first, first + n_records * size, size)]


def _check_continuous(path: str, header: EdfHeader, onsets: list[tuple[int, float]]) -> None:
    """Refuse a data record that does not begin where the one before it ends."""
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
    r"""Onset of a data record in seconds, which stands first, before two \x14; None without one."""
    text, mark, rest = annotations.partition(b"\x14")
    if not mark or rest[:1] != mark:
        return None
    try:
        onset = float(text)
    except ValueError:
        return None
    return onset if math.isfinite(onset) else None
