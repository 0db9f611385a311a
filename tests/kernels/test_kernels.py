"""Compiled kernels give the bits that NumPy gives, and so do the measurements made with them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from heart_reader.data.record import EcgRecord
from heart_reader.data.signal import _taps
from heart_reader.data.synthetic import EcgParameters, simulate
from heart_reader.features import assess_signal, measure
from heart_reader.features.beats import _comparisons
from heart_reader.features.filters import butterworth
from heart_reader.kernels import COMPILED, NUMPY

# Of these the answer has another order of sums: see its docstring.
ROUNDED = {"slopes_in_band", "resampled"}
# These are compared in test_waves.py, test_amplitudes.py, test_quality.py, test_p_waves.py and
# test_single_beats.py.
ELSEWHERE = {
    *("qrs_edges", "p_edges", "t_edges", "weighed", "settled", "lead_amplitudes"),
    *("energies", "arrangement_sums", "misfit", "standing_still", "stays_near"),
    *("highest_repeat", "narrowest", "steep_spans", "usual_rr", "compared_parts", "diastole_medians"),
}
RATIOS = ((1, 5), (5, 1), (2, 5), (5, 18), (1, 10), (50, 977))
needs_compiler = pytest.mark.skipif(not COMPILED, reason="installed without a compiler: there is nothing to compare")


def signals(rng: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """Simulated ECGs and arrays that no heart makes."""
    for fs in (257.0, 500.0, 1000.0):
        yield simulate(EcgParameters(), rng=rng, fs=fs, duration_s=10.0).signal
    yield rng.normal(size=(1, 5000)).astype(np.float32)
    yield np.zeros((3, 2000), np.float32)
    yield np.repeat(rng.integers(-2, 3, size=(2, 400)), 5, axis=1).astype(np.float32)
    yield rng.normal(scale=1e-20, size=(2, 1200)).astype(np.float32)


def arguments(name: str, signal: NDArray[np.float32], rng: np.random.Generator) -> tuple[Any, ...]:
    """What a kernel is called with on a signal."""
    n_leads, n = signal.shape
    at = np.sort(rng.choice(n, size=int(rng.integers(1, 13)), replace=False)).astype(np.int64)
    inside = np.clip(at, 120, n - 121)
    exact = np.ascontiguousarray(signal, dtype=np.float64)
    points = int(rng.integers(2, 40))
    ramp = np.arange(points) - 0.5 * (points - 1)
    window, shifts = np.arange(-20, 25, 4), np.arange(-6, 7, 2)
    cut = rng.normal(size=(n_leads, 2 * points)).astype(np.float32)
    given: dict[str, tuple[Any, ...]] = {
        "mean_step": (signal,),
        "slopes_in_band": (signal, 3, *butterworth(6.0, 22.0, 160.0), 50, 19, 80.0),
        "without_baseline": (signal, rng.normal(size=(n_leads, len(at))).astype(np.float32), at),
        "means_from": (signal, inside, points),
        "largest_near": (signal, inside, points),
        "complexes": (signal, at, window),
        "correlations": (signal, at, window, shifts, rng.normal(size=n_leads * len(window)).astype(np.float32)),
        "middle_of_beats": (signal, at, _comparisons(len(at)), 250, 400),
        "narrow_peaks": (signal, float(np.median(np.abs(np.diff(signal)))), 2, 3, 1e-3, 0.77),
        "ranked_rows": (exact, np.array([0, n // 2, n - 1])),
        "window_medians": (exact[0], np.array([0, 3, 7]), np.array([n, 4, 9])),
        "high_peaks": (np.abs(exact[0]), 0.01, points),
        "step_means": (signal, int(rng.integers(1, 7))),
        "bridged": (signal, at, 30, points),
        "without_beats": (signal, cut, at, points),
        "windowed": (signal, -signal[:, ::-1].copy(), np.hanning(n), n + points),
        "band_powers": (np.concatenate([exact, exact[:, ::-1]])[:, : n // 2 * 2].copy(), points, points + 3, n // 3),
        "activity_of_parts": (exact, points),
        "weighed_steps": (signal, rng.random(n_leads), int(rng.integers(1, 7))),
        "resampled": (exact, _taps(*(ratio := RATIOS[int(rng.integers(len(RATIOS)))])), *ratio, -(-n * ratio[0] // ratio[1])),
        "levelled_parts": (exact, inside, ramp / np.sqrt(ramp @ ramp)),
    }
    return given[name]


@needs_compiler
def test_every_compiled_kernel_has_its_meaning_in_numpy() -> None:
    measure(simulate(EcgParameters(), rng=np.random.default_rng(0), fs=500.0, duration_s=10.0))
    assert COMPILED.keys() == NUMPY.keys()


@needs_compiler
@pytest.mark.parametrize("name", sorted(COMPILED.keys() - ELSEWHERE))
def test_both_give_the_same_bits(name: str) -> None:
    rng = np.random.default_rng(7)
    for signal in signals(rng):
        for _ in range(4):
            given = arguments(name, signal, rng)
            compiled, expected = COMPILED[name](*given), NUMPY[name](*given)
            assert compiled.dtype == expected.dtype
            if name in ROUNDED:
                np.testing.assert_allclose(compiled, expected, rtol=0, atol=1e-9 * max(float(np.abs(expected).max()), 1e-12))
            else:
                np.testing.assert_array_equal(compiled, expected)


@needs_compiler
@pytest.mark.parametrize("name", sorted(COMPILED.keys() - ELSEWHERE))
def test_arrays_of_another_kind_are_refused_and_not_misread(name: str) -> None:
    rng = np.random.default_rng(7)
    given = arguments(name, next(signals(rng)), rng)
    first = given[0]
    for wrong in (first.astype(np.int16), first[..., ::2], first[None], "text", None):
        with pytest.raises((TypeError, ValueError, BufferError)):
            COMPILED[name](wrong, *given[1:])
    with pytest.raises(TypeError, match="arguments are needed"):
        COMPILED[name](*given, 1)


def records() -> list[EcgRecord]:
    """Records of several rates, lengths and leads, some of them hardly ECGs."""
    rng = np.random.default_rng(3)
    whole = [
        simulate(EcgParameters(), rng=rng, fs=fs, duration_s=s) for fs, s in ((100.0, 10.0), (500.0, 10.0), (360.0, 90.0), (977.0, 4.0))
    ]
    noise = [EcgRecord("noise", rng.normal(size=(n, 3000)).astype(np.float32), 500.0, ("I", "II", "V1")[:n]) for n in (1, 3)]
    return [*whole, *noise, EcgRecord("flat", np.zeros((2, 2000), np.float32), 500.0, ("I", "II"))]


def everything() -> list[Any]:
    """All that is measured, as plain values."""
    measured = [(record, measure(record)) for record in records()]
    return [
        (of.vector().tobytes(), of.rhythm.to_json(), of.fiducials.to_json(), assess_signal(record, of).to_json())
        for record, of in measured
    ]  # fmt: skip


@needs_compiler
def test_measurements_are_the_same_without_a_compiler() -> None:
    code = "import pickle, sys; from tests.kernels.test_kernels import everything; sys.stdout.buffer.write(pickle.dumps(everything()))"
    environment = {**os.environ, "HEART_READER_KERNELS": "numpy"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert pickle.loads(done.stdout) == everything()


def test_the_switch_leaves_compiled_kernels_out() -> None:
    code = "from heart_reader.kernels import COMPILED; print(len(COMPILED))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "HEART_READER_KERNELS": "numpy"}, capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == "0"
