"""Whether the values of a table are all there and in order: its time column, its row numbers, codes
for what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.files import check_fs
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import Message, message

__all__ = ["check_row_numbers", "mask_gap_codes", "rate_of_times"]

# What programs write where nothing was recorded: the limits of whole numbers, and rows of nines.
_GAP_CODES = {-32768, 32767, 65535, -(1 << 31), (1 << 31) - 1, *(sign * nines for sign in (1, -1) for nines in (999, 9999, 99999, 999999))}


def rate_of_times(path: str, times_s: NDArray[np.float64]) -> float:
    """Return the sampling rate in Hz of evenly rising times in seconds, which may be rounded.

    Parameters
    ----------
    times_s
        (n_times,).

    Raises
    ------
    UnreadableRecord
        If a time is missing, times do not rise evenly, or no ECG has that rate.
    """
    if len(times_s) < 2 or not np.isfinite(times_s).all():
        raise UnreadableRecord(message("times_incomplete", where=path))
    span = float(times_s[-1] - times_s[0])
    step = span / (len(times_s) - 1)
    if not step > 0 or np.abs(np.diff(times_s) - step).max() > 0.5 * step:
        raise UnreadableRecord(message("times_uneven", where=path))
    fs = check_fs(path, 1.0 / step)
    # Rounded times leave the rate uncertain by their largest deviation at both ends; within that, a
    # whole number is meant.
    deviation = np.abs(times_s - times_s[0] - step * np.arange(len(times_s))).max()
    whole = round(fs)
    return float(whole) if abs(whole - fs) <= fs * (2.0 * deviation / span + 1e-6) else fs


def check_row_numbers(path: str, column: str, numbers: NDArray[np.float64], fs: float) -> None:
    """Refuse rows that are missing, doubled or out of order by a column that numbers them.

    Parameters
    ----------
    column
        Its name.
    numbers
        (n_times,). They rise by one, or are times in s, ms, us or ns that fit the rate.
    fs
        Hz.

    Raises
    ------
    UnreadableRecord
        If they do not rise so.
    """
    steps = np.diff(numbers)
    if not len(steps) or (steps == 1.0).all():
        return
    mean = float(numbers[-1] - numbers[0]) / len(steps)
    for step in (1.0 / fs, 1e3 / fs, 1e6 / fs, 1e9 / fs):
        if abs(mean - step) <= 0.01 * step and np.abs(steps - step).max() <= 0.51 * step:
            return
    row = int(np.argmax(steps != 1.0))
    raise UnreadableRecord(message("row_numbers", where=path, column=column, before=float(numbers[row]), there=float(numbers[row + 1])))


def mask_gap_codes(signal: NDArray[np.float64], names: Sequence[str]) -> list[Message]:
    """Make values NaN, in place, that stand for nothing: a usual code that lies farther from all
    values of its lead than these are apart.

    Parameters
    ----------
    signal
        (n_leads, n_times) in the file's unit.
    names
        Of the leads.

    Returns
    -------
    list
        A warning for each lead with such values.
    """
    warnings = []
    lowest, highest = np.fmin.reduce(signal, axis=1), np.fmax.reduce(signal, axis=1)
    for row, limits in enumerate(zip(lowest.tolist(), highest.tolist(), strict=True)):
        for code in _GAP_CODES.intersection(limits):
            there = signal[row] == code
            rest = signal[row][~there & np.isfinite(signal[row])]
            if len(rest) and np.abs(rest - code).min() > rest.max() - rest.min():
                signal[row, there] = np.nan
                warnings.append(message("gap_codes", lead=names[row], value=f"{code:.0f}", count=int(there.sum())))
    return warnings
