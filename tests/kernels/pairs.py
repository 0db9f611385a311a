"""A kernel, compiled and of NumPy, on the same arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from heart_reader.kernels import COMPILED, NUMPY

__all__ = ["both"]


def both(name: str, *arguments: Any, equal_nan: bool = True) -> Any:
    """Return what NumPy answers, which the compiled kernel answers to the bit."""
    expected = NUMPY[name](*arguments)
    one, other = np.asarray(COMPILED[name](*arguments)), np.asarray(expected)
    assert (one.shape, one.dtype) == (other.shape, other.dtype), name
    assert np.array_equal(one, other, equal_nan=equal_nan), name
    return expected
