"""Detected beats and the measured rhythm against annotated recordings of the MIT-BIH database.

Beats are compared one by one, atrial fibrillation by windows of ten seconds.

References
----------
ANSI/AAMI EC57: Testing and reporting performance results of cardiac rhythm and ST segment
measurement algorithms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.annotations import BEAT_SYMBOLS, read_annotations, read_rhythms
from heart_reader.data.formats import read_record
from heart_reader.data.record import EcgRecord
from heart_reader.features.measured import measure
from heart_reader.features.qrs_detection import detect_qrs

__all__ = ["NOTHING", "BeatCounts", "RhythmCounts", "compare_beats", "compare_detector", "compare_rhythm", "pair_beats", "window_rhythms"]

Times = NDArray[np.floating]

MATCH_S = 0.150
WINDOW_S = 10.0
FIBRILLATION, FLUTTER = "AFIB", "AFL"
# Symbols of beats by what they are called in a measured rhythm: ventricular ones early or late,
# supraventricular ones early. Fusion beats are neither.
PREMATURE = {"ventricular": frozenset("VEr"), "supraventricular": frozenset("AaJS")}


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


def compare_beats(reference_s: Times, detected_s: Times, window_s: float = MATCH_S) -> BeatCounts:
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
    found = len(pair_beats(reference_s, detected_s, window_s))
    return BeatCounts(found, len(reference_s) - found, len(detected_s) - found)


def pair_beats(reference_s: Times, detected_s: Times, window_s: float = MATCH_S) -> list[tuple[int, int]]:
    """Return the places of each reference beat that is found and of its detection.

    Parameters
    ----------
    reference_s, detected_s
        Times in seconds, rising.

    Examples
    --------
    >>> pair_beats(np.array([1.0, 2.0, 3.0]), np.array([1.02, 2.5, 3.0]))
    [(0, 0), (2, 2)]
    """
    pairs, first, second = [], 0, 0
    while first < len(reference_s) and second < len(detected_s):
        away = detected_s[second] - reference_s[first]
        if abs(away) > window_s:
            first, second = (first, second + 1) if away < 0 else (first + 1, second)
        elif second + 1 < len(detected_s) and abs(detected_s[second + 1] - reference_s[first]) < abs(away):
            second += 1
        elif first + 1 < len(reference_s) and abs(detected_s[second] - reference_s[first + 1]) < abs(away):
            first += 1
        else:
            pairs.append((first, second))
            first, second = first + 1, second + 1
    return pairs


def compare_detector(header: Path) -> BeatCounts:
    """Compare the detector on the first lead of a record with its reference annotations.

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


NO_BEATS = BeatCounts(0, 0, 0)


@dataclass(frozen=True)
class RhythmCounts:
    """What was annotated and found in one record, or in several.

    Parameters
    ----------
    n_windows
        Windows that were compared: those of one annotated rhythm throughout, flutter left out.
    n_fibrillation, n_found, n_invented
        Windows annotated as fibrillation, those of them named so, and others named so.
    n_unnamed
        Windows whose rhythm was not named.
    n_flutter, n_flutter_named
        Windows of annotated atrial flutter, and those of them named fibrillation.
    ventricular, supraventricular
        Premature beats, each paired within 150 ms.
    """

    n_windows: int
    n_fibrillation: int
    n_found: int
    n_invented: int
    n_unnamed: int
    n_flutter: int
    n_flutter_named: int
    ventricular: BeatCounts
    supraventricular: BeatCounts

    def __add__(self, other: RhythmCounts) -> RhythmCounts:
        return RhythmCounts(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


NOTHING = RhythmCounts(0, 0, 0, 0, 0, 0, 0, NO_BEATS, NO_BEATS)


def window_rhythms(changes: list[tuple[int, str]], n_times: int, fs: float) -> list[str | None]:
    """Return the annotated rhythm of every whole window, None where it changes or is not known.

    Parameters
    ----------
    changes
        (time in samples, name), see :func:`heart_reader.data.annotations.read_rhythms`.
    n_times
        Length of the record in samples.
    fs
        Hz.

    Examples
    --------
    >>> window_rhythms([(0, "N"), (1500, "AFIB")], 4000, 100.0)
    ['N', None, 'AFIB', 'AFIB']
    """
    length = round(WINDOW_S * fs)
    rhythms: list[str | None] = []
    for start in range(0, n_times - length + 1, length):
        before = [name for time, name in changes if time <= start]
        within = {name for time, name in changes if start < time < start + length}
        rhythms.append(before[-1] if before and within <= {before[-1]} else None)
    return rhythms


def compare_rhythm(header: Path) -> RhythmCounts:
    """Compare the rhythm of a record, and of each window for itself, with its annotations."""
    record = read_record(header)
    counts = _compare_windows(record, window_rhythms(read_rhythms(header.with_suffix(".atr")), record.n_times, record.fs))
    measured = measure(record)
    times, symbols = read_annotations(header.with_suffix(".atr"))
    detected_s = np.array(measured.fiducials.r_peaks_s)
    # A record without beats has no kinds of beats.
    kinds = np.array(measured.rhythm.beats, dtype=object) if measured.rhythm.beats else np.full(len(detected_s), "unknown", dtype=object)
    found: dict[str, Any] = {}
    for kind, of_kind in PREMATURE.items():
        there = np.array([time for time, symbol in zip(times, symbols, strict=True) if symbol in of_kind]) / record.fs
        found[kind] = compare_beats(there, detected_s[kinds == kind])
    return replace(counts, **found)


def _compare_windows(record: EcgRecord, truths: list[str | None]) -> RhythmCounts:
    names = list(_window_names(record, len(truths)))
    truth, named = np.array(truths, dtype=object), np.array([name == "atrial_fibrillation" for name in names], dtype=bool)
    unnamed = np.array([name is None for name in names], dtype=bool)
    flutter, fibrillation = truth == FLUTTER, truth == FIBRILLATION
    compared: NDArray[np.bool_] = np.array([name is not None for name in truths], dtype=bool) & ~flutter
    return RhythmCounts(
        n_windows=int(compared.sum()),
        n_fibrillation=int(fibrillation.sum()),
        n_found=int((fibrillation & named).sum()),
        n_invented=int((compared & ~fibrillation & named).sum()),
        n_unnamed=int((compared & unnamed).sum()),
        n_flutter=int(flutter.sum()),
        n_flutter_named=int((flutter & named).sum()),
        ventricular=NO_BEATS,
        supraventricular=NO_BEATS,
    )


def _window_names(record: EcgRecord, n_windows: int) -> Iterator[str | None]:
    """The rhythm that is measured on every window alone, as on a short record."""
    length = round(WINDOW_S * record.fs)
    for place in range(n_windows):
        yield measure(record.cut(place * length, (place + 1) * length)).rhythm.name
