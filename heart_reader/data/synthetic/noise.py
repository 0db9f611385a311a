"""Noise at the electrodes, before leads are formed, so that Einthoven's law holds for it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.synthetic.heart import NoiseLevels

__all__ = ["lead_noise", "motion_noise"]

# Electrodes in this order: right arm, left arm, left leg, V1 to V6. Limbs move and tremble, the
# chest breathes.
_N_LIMBS, _N_ELECTRODES = 3, 9
_MUSCLE_GAIN = np.array([1.0] * _N_LIMBS + [0.3] * (_N_ELECTRODES - _N_LIMBS))
_BASELINE_GAIN = np.array([0.7] * _N_LIMBS + [1.0] * (_N_ELECTRODES - _N_LIMBS))

# For all electrodes together; a jump takes as long as a QRS or a T wave and fades within a beat or
# two.
_JUMPS_PER_S = 0.6
_JUMP_RISE_S, _JUMP_FALL_S = (0.02, 0.08), (0.15, 0.6)

# Rows: I, II, V1 to V6 from the electrodes. The chest leads are measured against the mean of the
# limbs (Wilson).
_LEADS = np.zeros((8, _N_ELECTRODES))
_LEADS[0, [1, 0]] = 1.0, -1.0
_LEADS[1, [2, 0]] = 1.0, -1.0
_LEADS[2:, _N_LIMBS:] = np.eye(_N_ELECTRODES - _N_LIMBS)
_LEADS[2:, :_N_LIMBS] = -1.0 / _N_LIMBS


def lead_noise(levels: NoiseLevels, *, rng: np.random.Generator, fs: float, n_times: int) -> NDArray[np.float64]:
    """Draw the noise of the leads I, II, V1 to V6.

    Parameters
    ----------
    levels
        Standard deviations in microvolts.
    fs
        Hz.

    Returns
    -------
    ndarray
        (8, n_times) in mV.
    """
    hz = np.fft.rfftfreq(n_times, 1.0 / fs)
    # The baseline falls as 1/f^1.5, cut below 0.05 Hz as recorders do, with breathing near 0.25 Hz;
    # muscles are flat from about 8 to 120 Hz, with soft edges.
    safe = np.maximum(hz, 0.05)
    breathing = 1.5 * np.exp(-0.5 * ((hz - 0.25) / 0.06) ** 2)
    baseline = ((safe / 0.3) ** -1.5 / (1.0 + (0.05 / safe) ** 2) + 3.0 * breathing) * (hz > 0)
    muscle = hz / (8.0 + hz) / (1.0 + (hz / 120.0) ** 4)
    spread = rng.lognormal(0.0, 0.35, (2, _N_ELECTRODES))
    slow = _coloured(baseline, n_times, rng) * (levels.baseline_uv * _BASELINE_GAIN * spread[0])[:, None]
    fast = _coloured(muscle, n_times, rng) * (levels.muscle_uv * _MUSCLE_GAIN * spread[1])[:, None]
    mains = np.zeros(n_times)
    if levels.mains_hz < fs / 2:
        mains = np.sqrt(2.0) * np.sin(2 * np.pi * levels.mains_hz * np.arange(n_times) / fs + rng.uniform(0, 2 * np.pi))
    pick_up = levels.mains_uv * rng.normal(0.0, 1.0, _N_ELECTRODES)
    seen: NDArray[np.float64] = _LEADS @ (slow + fast + pick_up[:, None] * mains) / 1000.0
    return seen


def motion_noise(motion_uv: float, *, rng: np.random.Generator, fs: float, n_times: int) -> NDArray[np.float64]:
    """Draw pulled electrodes: one jumps and creeps back, with the spectrum of a beat.

    Parameters
    ----------
    motion_uv
        Standard deviation of a jump's height in microvolts.
    fs
        Hz.

    Returns
    -------
    ndarray
        (8, n_times) in mV: the leads I, II, V1 to V6.
    """
    # Every electrode jumps at least once, so that no lead stays clean.
    further = rng.integers(_N_ELECTRODES, size=rng.poisson(_JUMPS_PER_S * n_times / fs))
    electrode = np.concatenate([np.arange(_N_ELECTRODES), further])
    n_jumps = len(electrode)
    # None starts so late that it would not be seen.
    height, start_s = rng.normal(0.0, motion_uv, n_jumps), rng.uniform(0.0, 0.9 * n_times / fs, n_jumps)
    rise_s, fall_s = rng.uniform(*_JUMP_RISE_S, n_jumps), rng.uniform(*_JUMP_FALL_S, n_jumps)
    since_s = np.maximum(np.arange(n_times) / fs - start_s[:, None], 0.0)
    jumps = height[:, None] * (np.exp(-since_s / fall_s[:, None]) - np.exp(-since_s / rise_s[:, None]))
    electrodes = np.zeros((_N_ELECTRODES, n_times))
    np.add.at(electrodes, electrode, jumps)
    seen: NDArray[np.float64] = _LEADS @ electrodes / 1000.0
    return seen


def _coloured(amplitude: NDArray[np.floating], n_times: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw Gaussian noise of unit variance with a given spectrum, one row per electrode."""
    shape = (_N_ELECTRODES, len(amplitude))
    drawn = np.fft.irfft((rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * amplitude, n=n_times, axis=1)
    # Scaled by the expected spread, not the drawn one: some recordings are calmer than others.
    scaled: NDArray[np.float64] = drawn * (n_times / np.sqrt(4.0 * np.sum(amplitude**2)))
    return scaled
