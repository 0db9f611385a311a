"""Beats of a long recording from the leads that can be used where they are.

An electrode that is pulled at moves its lead alone, and what moves looks like wide beats. Where a
lead moves or spans far more than it usually does while others are calm, beats are found and judged
without it. A ventricle that runs or flutters moves all leads: then none is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from heart_reader.beats import Beats
from heart_reader.data.leads import placed_leads
from heart_reader.data.record import EcgRecord
from heart_reader.features.qrs_detection import detect_qrs

__all__ = ["PIECE_S", "ClassifyBeats", "classify_usable", "disturbed_leads", "find_beats"]

Array = NDArray[np.floating]
Flags = NDArray[np.bool_]
Peaks = NDArray[np.int64]
ClassifyBeats = Callable[[EcgRecord, Peaks], Beats]

# Leads are judged in pieces of this length.
PIECE_S = 2.5
# A lead is disturbed where it moves by more than the first of these times its usual, and before and
# after as long as it does by more than the second; at least half of the other leads move by less
# than the third. Of 24 recordings of MIT-BIH these find noise and, of 21,660 pieces, 12 with a
# ventricular beat; none of the longer ventricular runs and flutter.
_ENTER, _STAY, _CALM = 2.5, 1.5, 1.5
# Beats beside a stretch say what is usual in it, and no beat comes sooner after another.
_MARGIN_S, _APART_S = 10.0, 0.2


def disturbed_leads(movement: Array, useless: Flags) -> Flags:
    """Return (n_leads, n_pieces) where a lead has to be left out; never all of them.

    Parameters
    ----------
    movement
        (n_leads, n_pieces) how much each lead moves, in any unit.
    useless
        (n_leads, n_pieces) where a lead is known to be noise.

    Examples
    --------
    >>> movement = np.ones((2, 8)); movement[1, 3] = 4.0
    >>> disturbed_leads(movement, np.zeros((2, 8), bool)).astype(int).tolist()
    [[0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 1, 1, 1, 0, 0, 0]]
    >>> disturbed_leads(np.tile(movement[1], (2, 1)), np.zeros((2, 8), bool)).any()
    np.False_
    """
    usual = np.array([np.median(row[row > 0]) if (row > 0).any() else 1.0 for row in movement])[:, None]
    ratio = movement / usual
    calm = (ratio < _CALM) & (ratio > 0) & ~useless
    others_calm = 2 * (calm.sum(axis=0) - calm) >= max(1, len(movement) - 1)
    restless = (ratio > _STAY) & others_calm
    found = np.zeros_like(restless)
    for lead, row in enumerate(restless):
        edges = np.flatnonzero(np.diff(row.astype(np.int8), prepend=0, append=0))
        for first, end in edges.reshape(-1, 2).tolist():
            if ratio[lead, first:end].max() > _ENTER:
                # It may have begun within the piece before.
                found[lead, max(0, first - 1) : end + 1] = True
    found |= useless
    answer: Flags = found & ~found.all(axis=0)
    return answer


def find_beats(record: EcgRecord, disturbed: Flags) -> Peaks:
    """Return where beats are, in rising samples.

    Parameters
    ----------
    disturbed
        (n_leads, n_pieces) from :func:`disturbed_leads`.
    """
    peaks, margin = detect_qrs(record.signal, record.fs), round(_MARGIN_S * record.fs)
    for start, stop, rows in _stretches(record, disturbed):
        low = max(0, start - margin)
        part = np.asarray(record.signal[:, low : min(record.n_times, stop + margin)])[rows]
        found = low + detect_qrs(part, record.fs)
        found = found[(found >= start) & (found < stop)]
        before, after = peaks[peaks < start], peaks[peaks >= stop]
        # The same beat may lie on either side of an edge.
        apart = _APART_S * record.fs
        if len(found):
            before, after = before[before <= found[0] - apart], after[after >= found[-1] + apart]
        peaks = np.concatenate([before, found, after])
    return peaks


def classify_usable(record: EcgRecord, start: int, peaks: Peaks, classify: ClassifyBeats, disturbed: Flags) -> NDArray[np.str_]:
    """Return (n_beats,) classes of the beats of a part of a recording.

    Parameters
    ----------
    record
        The part.
    start
        Where it begins in the recording, in samples.
    peaks
        (n_beats,) samples of the part.
    disturbed
        (n_leads, n_pieces) of the whole recording.
    """
    classes = classify(record, peaks).classes
    piece = np.minimum(((start + peaks) / (PIECE_S * record.fs)).astype(np.int64), disturbed.shape[1] - 1)
    # Whether a lead is disturbed matters only if it is one of those that a beat is judged by.
    usual = _judged_by(record, np.ones(len(record.lead_names), bool))
    there = [_judged_by(record, ~row) if row.any() else usual for row in disturbed[:, piece].T]
    for leads in sorted(set(there) - {usual}):
        here = np.array([one == leads for one in there], bool)
        classes = np.where(here, classify(record.only(leads), peaks).classes, classes)
    return classes


def _judged_by(record: EcgRecord, usable: Flags) -> tuple[str, ...]:
    names = [name for name, there in zip(record.lead_names, usable, strict=True) if there]
    return tuple(placed_leads(names).values())


def _stretches(record: EcgRecord, disturbed: Flags) -> Iterator[tuple[int, int, NDArray[np.intp]]]:
    """Yield begin and end in samples of stretches that lack the same leads, and what they have."""
    edges = np.minimum(np.rint(np.arange(disturbed.shape[1] + 1) * PIECE_S * record.fs), record.n_times).astype(np.int64).tolist()
    first = 0
    for missing, pieces in groupby(map(tuple, disturbed.T.tolist())):
        end = first + len(list(pieces))
        if any(missing):
            yield edges[first], edges[end], np.flatnonzero(~np.array(missing))
        first = end
