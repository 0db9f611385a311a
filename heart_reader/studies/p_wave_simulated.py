"""Simulated hearts with and without P waves before QRS, flutter and complete block too.

Beats come from the simulator; where they have no P wave, an atrium of its own is added:
fibrillating, fluttering with every second to fifth wave conducted, or beating at its own rate past
a blocked node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import derive_limb_leads
from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import random_parameters, simulate, simulate_with_truth
from heart_reader.data.synthetic.heart import LIMB_VECTORS, SimulatedEcg, Wave

__all__ = ["ATRIA", "simulated_rhythm", "simulated_rhythms"]

Array = NDArray[np.floating]

ATRIA = ("sinus", "fibrillation", "flutter", "block")
_SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
_DURATION_S, _RATES_HZ = 10.0, (100.0, 500.0)
# Seen by a heart vector that points down and to the front, as a typical flutter's does.
_FLUTTER = (0.01, -0.08, -0.06)
_P = (0.06, 0.08, -0.03)


def simulated_rhythms(n_of_each: int) -> Iterator[tuple[EcgRecord, bool]]:
    """Yield records and whether P waves precede their beats, always the same ones."""
    for number in range(n_of_each):
        for atrium in ATRIA:
            rng = np.random.default_rng([2026, ATRIA.index(atrium), number])
            yield simulated_rhythm(atrium, rng, fs=float(rng.choice(_RATES_HZ))), atrium == "sinus"


def simulated_rhythm(atrium: str, rng: np.random.Generator, fs: float, **heart: Any) -> EcgRecord:
    """Simulate ten seconds of a rhythm.

    Parameters
    ----------
    atrium
        One of ``ATRIA``.
    rng
        Source of all chance.
    fs
        Hz.
    heart
        Of :class:`EcgParameters`, in place of what is drawn.
    """
    parameters = random_parameters((_SUPERCLASSES[int(rng.integers(len(_SUPERCLASSES)))],), rng)
    if atrium == "sinus":
        return simulate(replace(parameters, **heart), rng=rng, fs=fs, duration_s=_DURATION_S)
    silent = replace(parameters.morphology, p=(Wave(0.0, 0.5, 1.0, (0.0, 0.0, 0.0)),))
    drawn = {**_ventricle(atrium, rng), "pr_ms": 60.0, "p_ms": 50.0, **heart}
    drawn["qrs_ms"] = min(drawn.get("qrs_ms", parameters.qrs_ms), drawn["qt_ms"] - 155.0)
    ecg = simulate_with_truth(replace(parameters, morphology=silent, **drawn), rng=rng, fs=fs, duration_s=_DURATION_S)
    return _with_atrium(ecg, _heart_vector(atrium, ecg, rng), ecg.parameters.chest_leads)


def _ventricle(atrium: str, rng: np.random.Generator) -> dict[str, Any]:
    low, high, variability = {"fibrillation": (55.0, 130.0, 0.15), "flutter": (60.0, 150.0, 0.01), "block": (28.0, 50.0, 0.01)}[atrium]
    rate = float(rng.uniform(low, high))
    qt_ms = 0.9 * 390.0 * (60.0 / rate) ** (1.0 / 3.0)
    return {"heart_rate_bpm": rate, "qt_ms": min(qt_ms, 0.97 * 60_000.0 / rate - 65.0), "rr_variability": variability}


def _heart_vector(atrium: str, ecg: SimulatedEcg, rng: np.random.Generator) -> Array:
    """Return (3, n_times) in mV of the atrium alone."""
    times = np.arange(ecg.record.signal.shape[1]) / ecg.record.fs
    size = float(rng.uniform(0.5, 1.5))
    if atrium == "fibrillation":
        waves = np.zeros((3, len(times)))
        for axis in range(3):
            for _ in range(3):
                drift = np.cumsum(rng.standard_normal(len(times))) * 1.5 / np.sqrt(ecg.record.fs)
                waves[axis] += np.sin(2 * np.pi * rng.uniform(4.0, 8.5) * times + drift + rng.uniform(0, 2 * np.pi))
        return 0.018 * size * waves
    if atrium == "flutter":
        # The phase runs through whole waves from beat to beat: conduction is locked, and now and
        # then it changes.
        beats, wanted = np.asarray(ecg.truth.qrs_onset_s), float(rng.uniform(3.8, 5.6))
        waves_between = np.maximum(np.rint(np.diff(beats) * wanted), 2)
        phase = np.concatenate([[0.0], np.cumsum(waves_between)])
        before, after = -beats[0] * wanted, (times[-1] - beats[-1]) * wanted
        running = np.interp(times, [0.0, *beats, times[-1]], [before, *phase, phase[-1] + after]) + rng.random()
        turn = np.mod(running, 1.0)
        saw = np.where(turn < 0.7, turn / 0.7, (1.0 - turn) / 0.3) - 0.5
        return 2.0 * size * np.outer(_FLUTTER, saw)
    period, width = 60.0 / float(rng.uniform(60.0, 110.0)), float(rng.uniform(0.018, 0.03))
    p = np.exp(-0.5 * np.square((np.mod(times + rng.uniform(0.0, period), period) - 0.5 * period) / width))
    return size * np.outer(_P, p)


def _with_atrium(ecg: SimulatedEcg, vector: Array, chest_leads: tuple[tuple[float, float, float], ...]) -> EcgRecord:
    seen = np.array([*LIMB_VECTORS, *chest_leads]) @ vector
    leads = np.stack([seen[0], seen[1], *derive_limb_leads(seen[0], seen[1]).values(), *seen[2:]])
    return replace(ecg.record, signal=(ecg.record.signal + leads).astype(np.float32))
