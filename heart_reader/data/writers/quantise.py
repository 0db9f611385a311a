"""From millivolts to whole numbers and back: which step a lead was recorded with.

A record holds single precision. Where its values are whole multiples of a recorder's step, that
step is found again and nothing is lost; elsewhere the step is as fine as the format allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.record import EcgRecord
from heart_reader.messages import Message, message

__all__ = ["FINE_STEP_MV", "Quantised", "quantise"]

# No lead is written coarser than this without saying so.
FINE_STEP_MV = 1e-3
# Units per mV of recorders, the commonest first.
_GAINS = (1000.0, 200.0, 400.0, 204.8, 800.0, 250.0, 500.0, 2000.0, 100.0, 10_000.0)
# What is left of 16 bits below the numbers that mean a missing sample.
_MOST = 32_000
# A quarter of the range.
_QUARTER = 16_000
# Single precision keeps a multiple to this share of its size.
_ROUNDING = 2.0**-23
# The finest step, a nanovolt, and the coarsest; no recorder has another.
_FINEST_MV, _COARSEST_MV = 1e-6, 100.0
# Digits in which a gain that was measured is written if it holds with so few.
_DIGITS = (3, 4, 5, 6, 7, 9)
# What is looked at first, and most often is enough to tell that a step is another one.
_GLANCE = 64


@dataclass(frozen=True, eq=False)
class Quantised:
    """A signal in whole numbers: ``(samples - baselines) / gains`` are millivolts.

    Parameters
    ----------
    samples
        (n_leads, n_times) int32, at most 32,000 from 0.
    gains
        (n_leads,) units of the samples per mV.
    baselines
        (n_leads,) int64 samples of 0 mV; 0 wherever that fits.
    masked
        (n_leads,) True where a lead carries no information.
    lost
        What is coarser than the record.
    """

    samples: NDArray[np.int32]
    gains: NDArray[np.float64]
    baselines: NDArray[np.int64]
    masked: NDArray[np.bool_]
    lost: list[Message]


def quantise(record: EcgRecord) -> Quantised:
    """Bring a record to 16 bits with the step of its recorder, or the finest one that fits.

    Examples
    --------
    >>> from heart_reader.data.record import build_record
    >>> made = quantise(build_record("a", [[0.0, 0.005, -1.2]], 500.0, ("II",)))
    >>> made.samples.tolist(), made.gains.tolist()
    ([[0, 5, -1200]], [1000.0])
    """
    signal = np.asarray(record.signal)
    lowest, highest = signal.min(axis=1).astype(np.float64), signal.max(axis=1).astype(np.float64)
    gains = _recorders_gains(signal, lowest, highest)
    for row in np.flatnonzero(gains == 0):
        gains[row] = _own_gain(signal[row], lowest[row], highest[row])
    middles = np.rint((lowest + highest) / 2 * gains)
    outside = np.maximum(np.abs(lowest), np.abs(highest)) * gains > _MOST
    baselines = np.where(outside, -middles, 0.0)
    samples = signal * gains[:, None]
    if outside.any():
        samples += baselines[:, None]
    coarse = gains < 1.0 / FINE_STEP_MV
    coarse &= np.array([not _is_multiple(lead, gain) for lead, gain in zip(signal, gains, strict=True)]) if coarse.any() else False
    lost = []
    if coarse.any():
        names = [record.lead_names[row] for row in np.flatnonzero(coarse)]
        lost.append(message("lost_resolution", leads=names, step=1000.0 / float(gains[coarse].min())))
    return Quantised(
        np.rint(samples).astype(np.int32),
        gains,
        baselines.astype(np.int64),
        np.array([name in record.masked_leads for name in record.lead_names]),
        lost,
    )


def _recorders_gains(signal: NDArray[np.float32], lowest: NDArray[np.float64], highest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find the usual gain of each lead, (n_leads,); 0 where none of them fits."""
    gains = np.zeros(len(signal))
    for gain in _GAINS:
        left = np.flatnonzero((gains == 0) & ((highest - lowest) * gain <= 2 * _MOST))
        fits = [row for row in left if _is_multiple(signal[row, :: max(1, signal.shape[1] // _GLANCE)], gain)]
        gains[[row for row in fits if _is_multiple(signal[row], gain)]] = gain
        if gains.all():
            break
    return gains


def _is_multiple(lead: NDArray[np.float32], gain: float) -> bool:
    """Whether all values are whole multiples of one step, as far as single precision tells."""
    scaled = lead * np.float64(gain)
    off = np.abs(scaled - np.rint(scaled))
    return bool(off.max() <= 1e-3) or bool((off <= np.abs(scaled) * _ROUNDING + 1e-6).all())


def _own_gain(lead: NDArray[np.float32], lowest: float, highest: float) -> float:
    """Find the gain of one lead by the smallest difference of its values, or the finest that fits.

    The finest is 1, 2 or 5 times a power of ten.
    """
    values = np.unique(lead).astype(np.float64)
    span = highest - lowest
    steps = np.diff(values)
    steps = steps[steps > max(abs(lowest), abs(highest)) * 4 * _ROUNDING]
    if len(steps) and span <= 2 * _MOST * steps.min() and steps.min() > _FINEST_MV:
        whole = np.rint(values / steps.min())
        step = float((whole @ values) / (whole @ whole)) if whole.any() else float(steps.min())
        for digits in _DIGITS:
            gain = float(f"{1 / step:.{digits}g}")
            if span * gain <= 2 * _MOST and _is_multiple(lead, gain):
                return gain
    # Readers take numbers that jump across half of the range for a sign gone wrong.
    step = max(span / (2 * _MOST), min(span / _QUARTER, FINE_STEP_MV))
    step = min(max(step, _FINEST_MV), _COARSEST_MV)
    power = 10.0 ** np.floor(np.log10(step))
    return float(1.0 / next(of * power for of in (1.0, 2.0, 5.0, 10.0) if of * power >= step * (1 - 1e-12)))
