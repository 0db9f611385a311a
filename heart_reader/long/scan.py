"""One pass over the signal of a long recording: its outline, and which parts of it are noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.record import FLAT_MV, EcgRecord
from heart_reader.features.noise import lead_noise_mv
from heart_reader.long.reading import Envelope
from heart_reader.long.usable import PIECE_S, disturbed_leads

__all__ = ["Scan", "scan", "still_moving"]

Array = NDArray[np.float64]

# Steps of the outline.
_MOST_STEPS = 1000
# The signal is looked at in so many steps of noise at a time.
_STEPS_AT_ONCE = 30
# A lead is no use where its noise, as a standard deviation, is above the first of these in mV and
# above this share of its usual span, or where it spans so many times the usual.
_NOISE_MV, _NOISE_SHARE, _WILD = 0.10, 0.10, 8.0

# Movement is what a lead changes by in this time. Between beats, T wave and P wave left out, it is
# less than this share of the usual; so much of a long interval is looked at.
_MOVED_WITHIN_S, _STILL = 0.04, 0.6
_AFTER_BEAT_S, _BEFORE_BEAT_S, _LONGEST_S = 0.5, 0.25, 60.0


@dataclass(frozen=True, eq=False)
class Scan:
    """What one pass over a signal found.

    Parameters
    ----------
    envelope
        Its outline.
    noisy
        (n_steps,) steps in which no lead can be used.
    movement_mv
        (n_leads,) how much each lead usually moves within 40 ms, mean over a step.
    disturbed
        (n_leads, n_pieces) pieces of ``PIECE_S`` in which a lead is left out, see
        :mod:`heart_reader.long.usable`.
    """

    envelope: Envelope
    noisy: NDArray[np.bool_]
    movement_mv: Array
    disturbed: NDArray[np.bool_]


def scan(record: EcgRecord, step_s: float) -> Scan:
    """Look at a whole signal once, some minutes at a time.

    Parameters
    ----------
    step_s
        Length of the steps that are judged, seconds.
    """
    n_leads, n_times = record.signal.shape
    length = max(1, round(step_s * record.fs))
    n_steps = -(-n_times // length)
    per_point = -(-n_times // _MOST_STEPS)
    n_points = -(-n_times // per_point)
    lowest, highest = np.full((n_leads, n_points), np.inf), np.full((n_leads, n_points), -np.inf)
    noise, span = np.zeros((2, n_leads, n_steps))
    per_step = round(step_s / PIECE_S)
    movement = np.zeros((n_leads, n_steps * per_step))
    for first in range(0, n_steps, _STEPS_AT_ONCE):
        start = first * length
        part = np.asarray(record.signal[:, start : start + _STEPS_AT_ONCE * length])
        _outline(part, start, per_point, lowest, highest)
        for step in range(first, min(first + _STEPS_AT_ONCE, n_steps)):
            cut = part[:, step * length - start : (step + 1) * length - start]
            span[:, step] = cut.max(axis=1) - cut.min(axis=1)
            noise[:, step] = np.nan_to_num(_noise_mv(cut, record.fs))
            for piece, edge in enumerate(range(0, cut.shape[1], max(1, round(PIECE_S * record.fs)))):
                movement[:, step * per_step + min(piece, per_step - 1)] = _movement_mv(
                    cut[:, edge : edge + round(PIECE_S * record.fs)], record.fs
                )
    flat = span < FLAT_MV
    usual = np.array([np.median(row[~still]) if (~still).any() else 0.0 for row, still in zip(span, flat, strict=True)])[:, None]
    useless = flat | ((noise > _NOISE_MV) & (noise > _NOISE_SHARE * usual)) | (span > _WILD * usual)
    outline = Envelope(per_point / record.fs, record.lead_names, lowest, highest)
    disturbed = disturbed_leads(movement, np.repeat(useless & ~flat, per_step, axis=1))
    return Scan(outline, useless.all(axis=0), np.median(movement, axis=1), disturbed)


def still_moving(record: EcgRecord, scanned: Scan, start_s: float, end_s: float) -> bool:
    """Return whether the signal between two beats moves as it does where beats are.

    Parameters
    ----------
    start_s, end_s
        Times of two beats some seconds apart.
    """
    start, stop = round((start_s + _AFTER_BEAT_S) * record.fs), round((end_s - _BEFORE_BEAT_S) * record.fs)
    moves = _movement_mv(np.asarray(record.signal[:, start : min(stop, start + round(_LONGEST_S * record.fs))]), record.fs)
    return float(np.median(moves / np.maximum(scanned.movement_mv, 1e-6))) > _STILL


def _outline(part: NDArray[np.float32], start: int, per_point: int, lowest: Array, highest: Array) -> None:
    """Widen the outline by a part of the signal that begins at ``start``."""
    first, last = start // per_point, (start + part.shape[1] - 1) // per_point
    edges = np.maximum(np.arange(first, last + 1) * per_point - start, 0)
    here = slice(first, last + 1)
    lowest[:, here] = np.minimum(lowest[:, here], np.minimum.reduceat(part, edges, axis=1))
    highest[:, here] = np.maximum(highest[:, here], np.maximum.reduceat(part, edges, axis=1))


def _noise_mv(cut: NDArray[np.float32], fs: float) -> NDArray[np.floating]:
    """Return (n_leads,) noise; that function compares points three apart, for 500 Hz."""
    return lead_noise_mv(cut[:, :: max(1, round(fs / 500.0))])


def _movement_mv(cut: NDArray[np.float32], fs: float) -> NDArray[np.floating]:
    """Return (n_leads,) mean change within 40 ms; zero of too short a part."""
    lag = max(1, round(_MOVED_WITHIN_S * fs))
    if cut.shape[1] <= lag:
        return np.zeros(len(cut))
    answer: NDArray[np.floating] = np.abs(cut[:, lag:] - cut[:, :-lag]).mean(axis=1)
    return answer
