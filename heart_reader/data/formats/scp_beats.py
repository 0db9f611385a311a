"""Section 4 of SCP-ECG: where heartbeats are, for what was subtracted and left out around them.

Outside the QRS complexes a rhythm may be stored with every fourth sample, say; and the reference
beat may be subtracted from each heartbeat of its kind.

References
----------
EN 1064 (ISO 11073-91064), clause 5.7 and Annex C: subtraction zones, protected zones, and how
samples between those that are kept are interpolated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.files import damaged

__all__ = ["Beats", "Expansion", "add_reference_beat", "expansion", "parse_beats"]

_BEAT = np.dtype([("kind", "<u2"), ("start", "<u4"), ("fiducial", "<u4"), ("end", "<u4")])
_ZONE = np.dtype([("start", "<u4"), ("end", "<u4")])
_HEAD_BYTES = 6
# Some writers count a subtraction a few samples longer than the reference beat, where nothing can
# have been subtracted.
_MOST_BEYOND = 4
# Before version 1.3 what is subtracted is what is protected.
_ZONES_FROM = 13


@dataclass(frozen=True)
class Beats:
    """The heartbeats of a record; sample numbers count from 1.

    Parameters
    ----------
    length_ms
        Of the reference beat.
    fiducial
        Its sample that is laid over the fiducial sample of a heartbeat.
    subtractions
        (n, 3) first, fiducial and last sample of each subtraction of reference beat 0.
    zones
        (n, 2) first and last sample of each protected zone, rising; None where there are none.
    """

    length_ms: int
    fiducial: int
    subtractions: NDArray[np.int64]
    zones: NDArray[np.int64] | None


def parse_beats(path: str, data: bytes, protocol: int) -> Beats:
    """Read section 4.

    Raises
    ------
    UnreadableRecord
        If it is cut off.
    """
    length_ms, fiducial, count = np.frombuffer(data[:_HEAD_BYTES].ljust(_HEAD_BYTES, b"\0"), "<u2").tolist()
    zones_at = _HEAD_BYTES + count * _BEAT.itemsize
    if len(data) < zones_at:
        problem = f"section 4 declares {count} heartbeats in {len(data)} bytes, the file is damaged"
        raise damaged(path, problem)
    beats = np.frombuffer(data, _BEAT, count, _HEAD_BYTES)
    spans = np.stack([beats["start"], beats["fiducial"], beats["end"]], axis=1).astype(np.int64)
    zones: NDArray[np.int64] | None = None
    if len(data) >= zones_at + count * _ZONE.itemsize:
        stored = np.frombuffer(data, _ZONE, count, zones_at)
        zones = np.stack([stored["start"], stored["end"]], axis=1).astype(np.int64)
    elif 0 < protocol < _ZONES_FROM:
        zones = spans[:, [0, 2]]
    return Beats(length_ms, fiducial, spans[beats["kind"] == 0], zones)


@dataclass(frozen=True)
class Expansion:
    """How the samples of a lead follow from those that are stored.

    Parameters
    ----------
    n_stored
        How many are stored.
    before, after, share
        (n_times,) each: the stored samples between which one lies, and how far behind the first.
    """

    n_stored: int
    before: NDArray[np.intp]
    after: NDArray[np.intp]
    share: NDArray[np.float64]

    def __call__(self, stored: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return (n_times,) samples from (n_stored,)."""
        first, second = stored[self.before], stored[self.after]
        expanded: NDArray[np.float64] = first.astype(np.float64) + self.share * (second - first).astype(np.float64)
        return expanded


def expansion(path: str, zones: NDArray[np.int64], span: tuple[int, int], factor: int) -> Expansion:
    """Plan how to fill in what was left out between protected zones.

    Parameters
    ----------
    zones
        (n, 2) first and last sample of each.
    span
        First and last sample of the lead.
    factor
        Of how many samples there one is stored. Where their number is no multiple of it, the rest
        is stored as it is.

    Raises
    ------
    UnreadableRecord
        If the zones are out of order.
    """
    first, last = span
    inside = zones[(zones[:, 1] >= first) & (zones[:, 0] <= last) & (zones[:, 1] >= zones[:, 0])]
    inside = np.clip(inside, first, last)
    if np.any(inside[1:, 0] <= inside[:-1, 1]):
        raise damaged(path, "the protected zones of section 4 overlap, the file is damaged")
    positions: list[NDArray[np.float64]] = []
    n_stored, at = 0, first
    for start, end in [*inside.tolist(), (last + 1, last)]:
        blocks, rest = divmod(start - at, factor)
        if blocks:
            # A stored sample stands in the middle of those it is the mean of; beyond the outer ones
            # nothing is known.
            positions.append(n_stored + np.clip((np.arange(blocks * factor) - factor // 2) / factor, 0, blocks - 1))
        positions.append(n_stored + blocks + np.arange(float(rest + end + 1 - start)))
        n_stored += blocks + rest + end + 1 - start
        at = end + 1
    where = np.concatenate(positions)
    before = np.floor(where).astype(np.intp)
    return Expansion(n_stored, before, np.minimum(before + 1, n_stored - 1), where - before)


def add_reference_beat(path: str, signal: NDArray[np.float64], start: int, beat: NDArray[np.float64], beats: Beats) -> None:
    """Add what was subtracted from one lead, in place.

    Parameters
    ----------
    signal
        (n_times,), in the unit of ``beat``.
    start
        Number of its first sample.
    beat
        The reference beat.

    Raises
    ------
    UnreadableRecord
        If more was subtracted than the reference beat has.
    """
    for first, fiducial, last in beats.subtractions.tolist():
        if last < max(first, 1):
            # From this one nothing was subtracted.
            continue
        in_beat = beats.fiducial - 1 - (fiducial - first)
        before, behind = max(0, -in_beat), max(0, in_beat + last - first + 1 - len(beat))
        if max(before, behind) > _MOST_BEYOND or last - behind < first + before:
            problem = (
                f"samples {first} to {last} of a heartbeat at {fiducial} are outside the reference beat of {len(beat)} samples,"
                " the file is damaged"
            )
            raise damaged(path, problem)
        begin, end = max(first + before, start), min(last - behind, start + len(signal) - 1)
        if begin <= end:
            signal[begin - start : end - start + 1] += beat[in_beat + begin - first : in_beat + end - first + 1]
