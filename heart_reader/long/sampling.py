"""Which part of a very long recording is measured, and which of its windows the network reads.

Nothing that measures is imported here, for a classifier that only gives probabilities.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.preprocessor import Preprocessor
from heart_reader.data.record import EcgRecord
from heart_reader.data.signal import resampled_length
from heart_reader.messages import clock, message

if TYPE_CHECKING:
    from heart_reader.features.measurement import Measurements

__all__ = ["LONG_S", "VERY_LONG_S", "long_warnings", "moved", "network_starts", "network_windows", "part_to_measure"]

# Longer recordings are also read as a whole; of those beyond the second length only the quietest
# minute is measured in full, and the network reads windows that are apart.
LONG_S, VERY_LONG_S = 60.0, 600.0
_MINUTE_S, _STEPS_PER_S = 60.0, 100.0
# The network reads at most so many windows, spread evenly.
_MOST_WINDOWS = 720
# A window is prepared with so much of what lies around it.
_MARGIN_S = 1.0
# Windows that are in memory at a time.
_AT_ONCE = 64


def part_to_measure(record: EcgRecord) -> tuple[float, EcgRecord]:
    """Return the part of a record that is measured in full, and where it begins in seconds.

    That is the record itself, unless it is very long; then it is its least rough minute.
    """
    if record.duration_s <= VERY_LONG_S:
        return 0.0, record
    length = round(_MINUTE_S * record.fs)
    starts = range(0, record.n_times - length + 1, length)
    # So many steps are enough to tell how large they usually are.
    every = max(1, round(record.fs / _STEPS_PER_S))
    rough, span = np.array([_roughness(record.signal[:, start : start + length], every) for start in starts]).T
    # A minute that stands still, or leaves the paper, has no ECG.
    usual = np.median(span)
    usable = (span >= 0.5 * usual) & (span <= 2.0 * usual)
    start = starts[int(np.where(usable, rough, np.inf).argmin())]
    return start / record.fs, record.cut(start, start + length)


def _roughness(part: NDArray[np.float32], every: int) -> tuple[float, float]:
    """Return the median size of a step, of one in so many, and the span, means over leads."""
    steps = part[:, 1::every] - part[:, :-1:every]
    return float(np.median(np.abs(steps), axis=1).mean()), float((part.max(axis=1) - part.min(axis=1)).mean())


def moved(measurements: Measurements, start_s: float) -> Measurements:
    """Return measurements of a part of a recording with the times of the recording."""
    marks = measurements.fiducials
    first, last = marks.stretch_s
    beats = tuple(time + start_s for time in marks.r_peaks_s)
    fiducials = replace(marks, r_peaks_s=beats, stretch_s=(first + start_s, last + start_s))
    return replace(measurements, fiducials=fiducials)


def long_warnings(duration_s: float, minute_s: float, leads: tuple[int, int], n_windows: int) -> list[str]:
    """Return what to know before trusting a reading of a long recording.

    Parameters
    ----------
    minute_s
        Where the part that was measured in full begins.
    leads
        How many leads the network could use, and how many it was trained on.
    n_windows
        Windows that the network read.
    """
    warnings: list[str] = []
    if duration_s > VERY_LONG_S:
        warnings += [message("long_minute", start=clock(minute_s)), message("long_network", windows=n_windows)]
    if duration_s > LONG_S and leads[0] < leads[1]:
        warnings.append(message("long_few_leads", there=leads[0], trained=leads[1]))
    return warnings


def network_starts(preprocessor: Preprocessor, record: EcgRecord) -> NDArray[np.int64]:
    """Return where the windows that the network reads begin, in time points at its rate.

    Parameters
    ----------
    preprocessor
        Of the network.
    record
        Longer than a window.
    """
    last = resampled_length(record.n_times, record.fs, preprocessor.fs) - preprocessor.n_times
    apart = max(preprocessor.n_times, -(-last // (_MOST_WINDOWS - 1)))
    return np.append(np.arange(0, last, apart), last)


def network_windows(preprocessor: Preprocessor, record: EcgRecord, starts: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    """Yield (n_windows, n_leads, n_times) in mV, each window prepared by itself.

    Parameters
    ----------
    starts
        From :func:`network_starts`.
    """
    for first in range(0, len(starts), _AT_ONCE):
        yield np.concatenate([_window(preprocessor, record, start) for start in starts[first : first + _AT_ONCE].tolist()])


def _window(preprocessor: Preprocessor, record: EcgRecord, start: int) -> NDArray[np.float32]:
    start_s, scale = start / preprocessor.fs, record.fs
    low = max(0, round((start_s - _MARGIN_S) * scale))
    high = min(record.n_times, round((start_s + preprocessor.window_s + _MARGIN_S) * scale))
    prepared = preprocessor.prepare(record.cut(low, high))
    place = start - round(low / scale * preprocessor.fs)
    place = min(max(place, 0), prepared.microvolts.shape[1] - preprocessor.n_times)
    return preprocessor.windows(prepared, np.array([place]))
