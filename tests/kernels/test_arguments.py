"""Kernels of median beats, of P waves and of the quality gate refuse what they would misread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heart_reader.kernels import COMPILED

pytestmark = pytest.mark.skipif(not COMPILED, reason="installed without a compiler: NumPy takes any array")

BEAT, SHARES, BELL = np.zeros((8, 650), np.float32), np.ones(8), np.ones(9)
GIVEN: dict[str, tuple[Any, ...]] = {
    "qrs_edges": (BEAT, SHARES, (BELL, np.ones(7), np.ones(4))),
    "t_edges": (BEAT, SHARES, (BELL, BELL, np.ones(5), np.ones(3)), np.ones(100), (230, 280)),
    "p_edges": (BEAT, SHARES, (BELL, np.ones(2), np.ones(4), np.ones(3)), np.ones(250), (60, 230)),
    "weighed": (1.0, np.ones((8, 4)), np.ones(8, np.float32), np.arange(8), np.ones(18)),
    "settled": (np.ones((8, 6)), np.ones((3, 8), np.float32), np.ones(6)),
    "lead_amplitudes": (BEAT, np.array([150, 200, 230, 280, 400, 500])),
    "compared_parts": (np.ones((2, 500)), np.ones(481), np.array([100, 200]), 5, np.ones(40), np.ones((2, 40))),
    "diastole_medians": (np.ones((2, 500)), np.ones(481), np.array([100, 200]), np.ones(40), np.arange(9.0), np.array([1, 2]), 12.0, 0.45),
    "energies": (BEAT, 250, 75, 50),
    "arrangement_sums": (BEAT, (230, 280), 500, (150, 200)),
    "misfit": (np.ones((6, 500)), np.ones((4, 2))),
    "standing_still": (BEAT, 500),
    "stays_near": (BEAT[0], 250, 1.0),
    "bridged": (BEAT, np.array([100, 600]), 30, 40),
    "without_beats": (BEAT, BEAT[:, :90].copy(), np.array([100, 600]), 30),
    "windowed": (BEAT, BEAT, np.ones(650), 720),
    "band_powers": (np.ones((8, 650)), 10, 20, 300),
    "highest_repeat": (np.ones(400), 30, 150, True),
    "usual_rr": (np.ones(12), 9, 0.87, 1.8),
    "steep_spans": (BEAT, np.array([10, 300, 640]), -70, 90, 5, 10, np.array([0.15, 2.0, 0.3])),
    "narrowest": (BEAT, np.array([150, 300]), np.ones(2), np.arange(-80, 21, 2), 10, 25, 70.0),
}


def wrong(right: Any) -> list[Any]:
    """Return what is not like an argument."""
    if isinstance(right, np.ndarray):
        return [right.astype(np.int16), np.repeat(right, 2, axis=-1)[..., ::2], right[None], "text", None]
    if isinstance(right, tuple):
        return [right[:-1], list(right), tuple("text" for _ in right), None]
    return ["text", None]


@pytest.mark.parametrize("name", GIVEN)
def test_arguments_of_another_kind_are_refused(name: str) -> None:
    given = GIVEN[name]
    COMPILED[name](*given)
    for place, right in enumerate(given):
        for other in wrong(right):
            with pytest.raises((TypeError, ValueError, BufferError)):
                COMPILED[name](*given[:place], other, *given[place + 1 :])
    with pytest.raises(TypeError, match="arguments are needed"):
        COMPILED[name](*given, 1)


@pytest.mark.parametrize("name", GIVEN)
def test_arrays_of_other_lengths_are_refused_or_stay_within(name: str) -> None:
    """Nothing outside an array is read: an address sanitizer would see it."""
    given = GIVEN[name]
    for place, right in enumerate(given):
        if not isinstance(right, np.ndarray):
            continue
        for shape in ((0,) * right.ndim, (1,) * right.ndim, tuple(n + 1 for n in right.shape)):
            try:
                COMPILED[name](*given[:place], np.zeros(shape, right.dtype), *given[place + 1 :])
            except ValueError:
                continue
