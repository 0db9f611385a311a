"""Whatever a record holds, within what is allowed, it is read or refused with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heart_reader.classifier import EcgClassifier
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import build_record
from heart_reader.data.synthetic import EcgParameters, simulate
from heart_reader.errors import RecordError
from heart_reader.weights import find_reader

Shape = Callable[[int, float, np.random.Generator], np.ndarray]

BEATS_HZ = 500.0
BEATS = simulate(EcgParameters(), rng=np.random.default_rng(0), fs=BEATS_HZ, duration_s=10.0).lead("II").astype(float)


def ecg(n: int, fs: float) -> np.ndarray:
    return np.interp(np.arange(n) / fs * BEATS_HZ % len(BEATS), np.arange(len(BEATS)), BEATS)


def at(n: int, place: int, value: float = 5.0, elsewhere: float = 0.0) -> np.ndarray:
    return np.where(np.arange(n) == place % n, value, elsewhere)


# One lead of n time points each.
SHAPES: dict[str, Shape] = {
    "beats": lambda n, fs, rng: ecg(n, fs),
    "flat": lambda n, fs, rng: np.zeros(n),
    "constant": lambda n, fs, rng: np.full(n, 3.7),
    "square": lambda n, fs, rng: np.where(np.arange(n) / fs % 1 < 0.5, 1.0, -1.0),
    "alternating": lambda n, fs, rng: np.where(np.arange(n) % 2, 1.0, -1.0),
    "impulse": lambda n, fs, rng: at(n, n // 2),
    "first point": lambda n, fs, rng: at(n, 0),
    "last point": lambda n, fs, rng: at(n, -1),
    "impulses": lambda n, fs, rng: np.where(np.arange(n) % max(2, round(0.8 * fs)) == 1, 5.0, 0.0),
    "noise": lambda n, fs, rng: rng.normal(0, 1, n),
    "little noise": lambda n, fs, rng: rng.normal(0, 0.003, n),
    "step": lambda n, fs, rng: np.where(np.arange(n) > n // 2, 2.0, 0.0),
    "ramp": lambda n, fs, rng: np.linspace(-10.0, 10.0, n),
    "offset": lambda n, fs, rng: ecg(n, fs) + 1e6,
    "absurd offset": lambda n, fs, rng: ecg(n, fs) + 1e29,
    "absurd point": lambda n, fs, rng: np.where(np.arange(n) == n // 3, 3e38, ecg(n, fs)),
    "missing": lambda n, fs, rng: np.full(n, np.nan),
    "half missing": lambda n, fs, rng: np.where(np.arange(n) < n // 2, np.nan, ecg(n, fs)),
    "one point": lambda n, fs, rng: at(n, n // 2, 1.0, np.nan),
    "begins late": lambda n, fs, rng: np.where(np.arange(n) > 0.9 * n, ecg(n, fs), 0.0),
    "fast": lambda n, fs, rng: np.sin(2 * np.pi * 6.0 * np.arange(n) / fs),
    "slow": lambda n, fs, rng: 5.0 * np.sin(2 * np.pi * 0.1 * np.arange(n) / fs),
    "full range": lambda n, fs, rng: rng.choice([-14.9, 14.9], n),
}
RATES_HZ = (
    10.0,
    10.07,
    11.0,
    12.0,
    12.5,
    13.33,
    13.4,
    15.0,
    20.0,
    29.9,
    50.0,
    100.0,
    256.41,
    399.0,
    400.0,
    1000.0,
    5000.0,
    44_100.0,
    100_000.0,
)
LEADS = (STANDARD_LEADS, ("I",), ("II", "V1"), ("X", "II", "\u03a9 lead"), STANDARD_LEADS[:6])


@pytest.fixture(scope="module")
def classifier() -> EcgClassifier:
    """Load the shipped reader with its network's answer fixed, which is of no interest here."""
    classifier = EcgClassifier.load(find_reader())
    logits = classifier._logits
    classifier._logits = lambda batch: np.repeat(logits(next(batch.parts(1))), len(batch), axis=0)
    return classifier


def read(classifier: EcgClassifier, leads: list[np.ndarray], fs: float, names: tuple[str, ...]) -> str:
    """Return what was answered, or the code of the refusal."""
    try:
        diagnosis = classifier.predict(build_record("a", np.stack(leads), fs, names))
    except RecordError as error:
        return error.code
    assert diagnosis.summary
    assert json.dumps(diagnosis.to_json(), allow_nan=False)
    return "read"


@pytest.mark.slow
@pytest.mark.parametrize("fs", RATES_HZ)
@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_all_leads_alike(classifier: EcgClassifier, shape: str, fs: float) -> None:
    rng = np.random.default_rng(0)
    n = max(int(np.ceil(fs * (1.0 if fs > 1000 else 3.1))), 2)
    expected = "non_finite_signal" if shape in {"missing", "one point", "absurd offset"} else "read"
    assert read(classifier, [SHAPES[shape](n, fs, rng) for _ in range(2)], fs, ("II", "V1")) == expected


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_mixture(classifier: EcgClassifier, data: st.DataObject) -> None:
    names = data.draw(st.sampled_from(LEADS))
    fs = data.draw(st.one_of(st.sampled_from(RATES_HZ), st.floats(10.0, 30.0), st.floats(10.0, 100_000.0)))
    duration_s = data.draw(st.sampled_from([1.0, 1.3, 2.49, 2.5, 5.0, 10.0, 61.0, 125.0]))
    n = min(int(np.ceil(fs * duration_s)), int(max(np.ceil(fs), 40_000 // len(names))))
    shapes = data.draw(st.lists(st.sampled_from(sorted(SHAPES)), min_size=len(names), max_size=len(names)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    read(classifier, [SHAPES[shape](n, fs, rng) for shape in shapes], fs, names)


@pytest.mark.parametrize("shape", ["beats", "flat", "noise", "impulses"])
@pytest.mark.parametrize("n", [1, 2, 9])
def test_less_than_a_second_is_refused(classifier: EcgClassifier, shape: str, n: int) -> None:
    assert read(classifier, [SHAPES[shape](n, 10.0, np.random.default_rng(0))], 10.0, ("I",)) == "signal_too_short"


@pytest.mark.parametrize("checkpoint", ["ptbxl-ensemble", "ptbxl-nano-int8"])
@pytest.mark.parametrize("shape", ["flat", "noise", "full range", "half missing"])
def test_other_runtimes(checkpoint: str, shape: str) -> None:
    classifier = EcgClassifier.load(find_reader(checkpoint))
    rng = np.random.default_rng(0)
    assert read(classifier, [SHAPES[shape](120, 12.0, rng) for _ in STANDARD_LEADS], 12.0, STANDARD_LEADS) == "read"
