"""Detected beats against reference beats, one by one.

References
----------
ANSI/AAMI EC57: Testing and reporting performance results of cardiac rhythm and ST segment
measurement algorithms.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats import read_record
from heart_reader.features.qrs_detection import detect_qrs
from heart_reader.studies.annotations import BEAT_SYMBOLS, read_annotations

__all__ = ["BeatCounts", "compare_beats", "compare_detector"]

Times = NDArray[np.floating]

WINDOW_S = 0.150


@dataclass(frozen=True)
class BeatCounts:
    """Beats found, missed and invented."""

    found: int
    missed: int
    invented: int

    @property
    def sensitivity(self) -> float:
        """Found of those there are, in percent."""
        return 100.0 * self.found / max(self.found + self.missed, 1)

    @property
    def predictivity(self) -> float:
        """Found of those detected, in percent."""
        return 100.0 * self.found / max(self.found + self.invented, 1)

    def __add__(self, other: BeatCounts) -> BeatCounts:
        return BeatCounts(self.found + other.found, self.missed + other.missed, self.invented + other.invented)


def compare_beats(reference_s: Times, detected_s: Times, window_s: float = WINDOW_S) -> BeatCounts:
    """Pair each reference beat with the nearest detection within the window, each used once.

    Parameters
    ----------
    reference_s, detected_s
        Times in seconds, rising.

    Examples
    --------
    >>> compare_beats(np.array([1.0, 2.0, 3.0]), np.array([1.02, 2.5, 3.0]))
    BeatCounts(found=2, missed=1, invented=1)
    """
    found, first, second = 0, 0, 0
    while first < len(reference_s) and second < len(detected_s):
        away = detected_s[second] - reference_s[first]
        if abs(away) > window_s:
            first, second = (first, second + 1) if away < 0 else (first + 1, second)
        elif second + 1 < len(detected_s) and abs(detected_s[second + 1] - reference_s[first]) < abs(away):
            second += 1
        elif first + 1 < len(reference_s) and abs(detected_s[second] - reference_s[first + 1]) < abs(away):
            first += 1
        else:
            found, first, second = found + 1, first + 1, second + 1
    return BeatCounts(found, len(reference_s) - found, len(detected_s) - found)


def compare_detector(header: Path) -> BeatCounts:
    """Compare the detector with the reference annotations of an MIT-BIH record, first lead alone,
    from its first to its last second.

    Episodes of ventricular flutter, between ``[`` and ``]``, have no beats to compare and are left
    out.
    """
    record = read_record(header)
    times, symbols = read_annotations(header.with_suffix(".atr"))
    detected = detect_qrs(record.signal[:1], record.fs) / record.fs
    reference = np.array([time for time, symbol in zip(times, symbols, strict=True) if symbol in BEAT_SYMBOLS]) / record.fs
    begin = np.nan
    for time, symbol in zip(times / record.fs, symbols, strict=True):
        if symbol == "[":
            begin = time
        elif symbol == "]":
            reference = reference[(reference < begin) | (reference > time)]
            detected = detected[(detected < begin) | (detected > time)]
    return compare_beats(reference, detected)
