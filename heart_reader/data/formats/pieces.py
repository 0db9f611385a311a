"""A recording in pieces that follow each other with gaps between, and how long a gap may be."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.signal import SignalParts
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["LONGEST_GAP_S", "Piece", "joined", "refuse_long_gap"]

# Missing values are bridged by straight lines. Over more than an ECG of usual length these would
# be no recording any more.
LONGEST_GAP_S = 10.0


class Piece(NamedTuple):
    """A part of a recording: where it begins, its signals, their rows, and factors for them."""

    start: int
    signal: SignalParts
    rows: Sequence[int]
    factors: NDArray[np.float64] | None = None


def joined(n_leads: int, n_times: int, pieces: Sequence[Piece]) -> SignalParts:
    """Put pieces, which are in order and do not overlap, into one signal; NaN where none is.

    Examples
    --------
    >>> parts = SignalParts.of(np.ones((1, 2)))
    >>> joined(1, 5, [Piece(0, parts, [0]), Piece(3, parts, [0])]).whole().tolist()
    [[1.0, 1.0, nan, 1.0, 1.0]]
    """
    starts = [piece.start for piece in pieces]

    def cut(start: int, stop: int) -> NDArray[np.float64]:
        signal = np.full((n_leads, stop - start), np.nan)
        for piece in pieces[max(0, bisect_right(starts, start) - 1) : bisect_right(starts, stop - 1)]:
            low, high = max(start, piece.start), min(stop, piece.start + piece.signal.n_times)
            if low < high:
                values = piece.signal.cut(low - piece.start, high - piece.start)
                signal[piece.rows, low - start : high - start] = values if piece.factors is None else values * piece.factors[:, None]
        return signal

    return SignalParts(n_leads, n_times, cut, on_disk=all(piece.signal.on_disk for piece in pieces))


def refuse_long_gap(path: str, start_s: float, gap_s: float) -> None:
    """Refuse a time in which no lead was recorded, in seconds from the start of the recording.

    Raises
    ------
    UnreadableRecord
        If it is longer than :data:`LONGEST_GAP_S`.
    """
    if gap_s > LONGEST_GAP_S:
        raise UnreadableRecord(message("gap_too_long", where=path, start=start_s, gap=gap_s, most=LONGEST_GAP_S))
