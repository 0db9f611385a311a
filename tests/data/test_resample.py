"""Resampling gives what scipy's polyphase filter gives, without importing it."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from scipy import signal as sps

from heart_reader.data.signal import resample


@pytest.mark.parametrize("fs", [50.0, 128.0, 250.0, 257.0, 360.0, 400.5, 500.0, 977.0, 1000.0, 256.41])
@pytest.mark.parametrize("duration_s", [0.05, 1.03, 10.0])
def test_as_scipy_does_it(fs: float, duration_s: float) -> None:
    values = np.random.default_rng(0).normal(0.7, 0.5, (12, round(duration_s * fs))) + np.linspace(0, 2, round(duration_s * fs))
    ratio = (Fraction(100) / Fraction(fs).limit_denominator(10_000)).limit_denominator(10_000)
    expected = sps.resample_poly(values, ratio.numerator, ratio.denominator, axis=-1, padtype="line")
    answer = resample(values, fs, 100.0)
    assert answer.shape == expected.shape
    np.testing.assert_allclose(answer, expected, atol=1e-12)


def test_up_again_and_in_float32() -> None:
    values = np.sin(np.linspace(0, 20, 1000, dtype=np.float32))
    answer = resample(values, 100.0, 500.0)
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer[::5], values, atol=2e-3)


def test_without_scipy_signal() -> None:
    script = (
        "import sys, numpy as np; from heart_reader.data.signal import resample; resample(np.ones((12, 5000)), 500.0, 100.0); "
        "raise SystemExit('scipy.signal' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
