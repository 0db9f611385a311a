"""Inner loops of measuring, twice: with NumPy, and compiled where a compiler was found.

On the short arrays of one ECG NumPy spends most of its time on being called. A kernel is one
function of NumPy, which is what it means, and may have a compiled one of the same name, arguments
and answers in the C files of this folder. Both give the same bits: sums run in a stated order, and
nothing is contracted or reassociated. ``HEART_READER_KERNELS=numpy`` leaves the compiled ones out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["COMPILED", "NUMPY", "kernel"]

_F = TypeVar("_F", bound=Callable[..., Any])

# Name to function: what is compiled here, and what it has to equal.
COMPILED: dict[str, Callable[..., Any]] = {}
NUMPY: dict[str, Callable[..., Any]] = {}

if os.environ.get("HEART_READER_KERNELS") != "numpy":
    try:
        from heart_reader.kernels import compiled
    except ImportError:  # installed without a compiler
        pass
    else:
        COMPILED |= {name: function for name, function in vars(compiled).items() if not name.startswith("_")}


def kernel(of_numpy: _F) -> _F:
    """Take the compiled function of the same name, where there is one."""
    NUMPY[of_numpy.__name__] = of_numpy
    return COMPILED.get(of_numpy.__name__, of_numpy)  # type: ignore[return-value]
