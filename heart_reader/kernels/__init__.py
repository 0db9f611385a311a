"""Inner loops of measuring, twice: with NumPy, and compiled where a compiler was found.

On the short arrays of one ECG NumPy spends most of its time on being called. A kernel is one
function of NumPy, which is what it means, and may have a compiled one of the same name, arguments
and answers in the C files of this folder. Both give the same bits: sums run in a stated order, and
nothing is contracted or reassociated (two kernels, which say so, differ by rounding).
``HEART_READER_KERNELS=numpy`` leaves the compiled ones out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["COMPILED", "NUMPY", "in_order", "kernel"]

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T", bound=np.floating)

# Name to function: what is compiled here, and what it has to equal.
COMPILED: dict[str, Callable[..., Any]] = {}
NUMPY: dict[str, Callable[..., Any]] = {}

if os.environ.get("HEART_READER_KERNELS") != "numpy":
    try:
        functions = vars(import_module("heart_reader.kernels.compiled"))
    except ImportError:  # installed without a compiler
        functions = {}
    COMPILED |= {name: function for name, function in functions.items() if not name.startswith("_")}


def kernel(of_numpy: _F) -> _F:
    """Take the compiled function of the same name, where there is one."""
    NUMPY[of_numpy.__name__] = of_numpy
    return COMPILED.get(of_numpy.__name__, of_numpy)  # type: ignore[return-value]


def in_order(values: NDArray[_T]) -> NDArray[_T]:
    """Return sums over the first axis, one row after the other as a loop adds them."""
    # Of a single column NumPy makes several sums and adds these.
    answer: NDArray[_T] = np.cumsum(values, axis=0)[-1] if values.size == len(values) > 0 else values.sum(axis=0)
    return answer
