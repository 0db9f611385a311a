"""Dropout for a part of a batch, equal to that which its rows get in the whole batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["RandomOfRows"]

# Functions that networks draw random numbers with; all others run as usual.
DRAWING = {
    functional.dropout, functional.dropout1d, functional.dropout2d, functional.dropout3d, functional.alpha_dropout,
    functional.feature_alpha_dropout, torch.rand, torch.randn, torch.dropout, torch.feature_dropout,
}  # fmt: skip
_FILL = {torch.ops.aten.bernoulli_.float, torch.ops.aten.uniform_.default, torch.ops.aten.normal_.default}
_MAKE = {torch.ops.aten.rand.default, torch.ops.aten.randn.default}
_FUSED = torch.ops.aten.native_dropout.default


class RandomOfRows(TorchFunctionMode):
    """While it is entered, random tensors of ``n`` rows are those of the whole batch, cut.

    The random state of torch must be the same in all processes that share the batch.

    Parameters
    ----------
    n_rows
        Rows of the whole batch.
    rows
        Which of them are here.
    """

    def __init__(self, n_rows: int, rows: slice) -> None:
        super().__init__()
        self._draw = _DrawWhole(n_rows, rows)

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run a function; what draws is watched, which costs microseconds for each operation."""
        if func not in DRAWING:
            return func(*args, **(kwargs or {}))
        with self._draw:
            return func(*args, **(kwargs or {}))


class _DrawWhole(TorchDispatchMode):
    """Draws for all rows what is drawn for the rows that are here."""

    def __init__(self, n_rows: int, rows: slice) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._n_rows = n_rows
        self._rows = rows

    def __torch_dispatch__(self, func: Any, types: Sequence[type], args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if not ((func in _FILL or func is _FUSED or func in _MAKE) and self._is_share(args[0])):
            return func(*args, **kwargs)
        first, *others = args
        if func in _MAKE:
            return func([self._n_rows, *first[1:]], *others, **kwargs)[self._rows].clone()
        whole = self._whole(first)
        if func in _FILL:
            return first.copy_(func(whole, *others, **kwargs)[self._rows])
        scale, kept = func(whole.fill_(1), *others, **kwargs)
        return first * scale[self._rows], kept[self._rows].clone()

    def _whole(self, part: torch.Tensor) -> torch.Tensor:
        """Return an empty tensor of all rows, in memory ordered as the part is."""
        order = sorted(range(part.ndim), key=part.stride, reverse=True)
        shape = (self._n_rows, *part.shape[1:])
        return part.new_empty([shape[axis] for axis in order]).permute([order.index(axis) for axis in range(part.ndim)])

    def _is_share(self, given: torch.Tensor | Sequence[int]) -> bool:
        shape = given.shape if isinstance(given, torch.Tensor) else given
        return len(shape) > 0 and shape[0] == self._rows.stop - self._rows.start
