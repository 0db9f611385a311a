"""Random changes of training windows; each takes its generator and returns a new array.

Arrays are (n, n_leads, n_times) float32 in mV unless stated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.config import AugmentationConfig

__all__ = ["augment", "baseline_wander", "drop_leads", "gaussian_noise", "scale_amplitude", "shift", "warp_time"]

Batch = NDArray[np.float32]

# Breathing and body movement; slower drifts look like an offset in a window of seconds.
WANDER_HZ = (0.05, 0.5)


def gaussian_noise(x: Batch, rng: np.random.Generator, noise_mv: float) -> Batch:
    """Add white noise of standard deviation ``noise_mv``."""
    # A stream for each record: whoever wants a few records of a batch draws no noise for the rest.
    seeds = rng.integers(2**63, size=len(x)).tolist()
    noise = [np.random.default_rng(seed).standard_normal(x.shape[1:], dtype=np.float32) for seed in seeds]
    return x + np.float32(noise_mv) * np.stack(noise)


def scale_amplitude(x: Batch, rng: np.random.Generator, scale: float) -> Batch:
    """Multiply each record, all leads alike, by a factor drawn from 1 - scale to 1 + scale."""
    factor = rng.uniform(1 - scale, 1 + scale, size=(len(x), 1, 1))
    return x * factor.astype(np.float32)


def drop_leads(x: Batch, rng: np.random.Generator, probability: float) -> Batch:
    """Zero each lead, as preprocessing does with a missing one; at least one lead stays."""
    keep = rng.random(x.shape[:2]) >= probability
    spared = rng.integers(x.shape[1], size=len(x))
    keep[np.arange(len(x)), spared] = True
    return x * keep[:, :, None].astype(np.float32)


def baseline_wander(x: Batch, rng: np.random.Generator, wander_mv: float, fs: float) -> Batch:
    """Add one slow sine per lead, of up to ``wander_mv``, at one frequency per record.

    Parameters
    ----------
    fs
        Hz.
    """
    n, n_leads, n_times = x.shape
    frequency = rng.uniform(*WANDER_HZ, size=(n, 1, 1))
    phase = rng.uniform(0, 2 * np.pi, size=(n, 1, 1))
    amplitude = rng.uniform(-wander_mv, wander_mv, size=(n, n_leads, 1))
    times = np.arange(n_times) / fs
    return x + (amplitude * np.sin(2 * np.pi * frequency * times + phase)).astype(np.float32)


def warp_time(x: Batch, rng: np.random.Generator, warp: float) -> Batch:
    """Play each record faster or slower by up to 1 +- warp, around its middle (linear)."""
    n, _, n_times = x.shape
    speed = rng.uniform(1 - warp, 1 + warp, size=(n, 1))
    middle = (n_times - 1) / 2
    position = np.clip(middle + (np.arange(n_times) - middle) * speed, 0, n_times - 1)
    left = np.minimum(position.astype(np.int64), n_times - 2)
    share = (position - left).astype(np.float32)[:, None, :]
    before = np.take_along_axis(x, left[:, None, :], axis=2)
    after = np.take_along_axis(x, left[:, None, :] + 1, axis=2)
    warped: Batch = before * (1 - share) + after * share
    return warped


def shift(x: Batch, rng: np.random.Generator, max_points: int) -> Batch:
    """Rotate each record in time by up to ``max_points``."""
    steps = rng.integers(-max_points, max_points + 1, size=(len(x), 1, 1))
    return np.take_along_axis(x, (np.arange(x.shape[2]) - steps) % x.shape[2], axis=2)


def augment(x: Batch, rng: np.random.Generator, config: AugmentationConfig, fs: float) -> Batch:
    """Apply every augmentation that the configuration switches on."""
    if config.warp:
        x = warp_time(x, rng, config.warp)
    if config.shift_s:
        x = shift(x, rng, round(config.shift_s * fs))
    if config.scale:
        x = scale_amplitude(x, rng, config.scale)
    if config.wander_mv:
        x = baseline_wander(x, rng, config.wander_mv, fs)
    if config.noise_mv:
        x = gaussian_noise(x, rng, config.noise_mv)
    if config.lead_dropout:
        x = drop_leads(x, rng, config.lead_dropout)
    return x
