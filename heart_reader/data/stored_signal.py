"""A very long signal that stays in its file and is decoded where it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from heart_reader.data.signal import SignalParts

__all__ = ["StoredSignal"]


class StoredSignal:
    """Looks like a (n_leads, n_times) float32 array in mV, of which parts are decoded on demand.

    ``signal[rows, start:stop]`` takes the memory of that part. Whatever else is asked of an array
    is answered from all of it, which then is in memory for as long as the answer takes.

    Parameters
    ----------
    parts
        What decodes the file, which must stay where it is.
    to_mv
        Converts what was decoded to mV.

    Examples
    --------
    >>> parts = SignalParts.of(np.arange(8.0).reshape(2, 4))
    >>> signal = StoredSignal(parts, lambda values: values)
    >>> signal.shape, signal[1, 1:3].tolist(), float(signal.max())
    ((2, 4), [5.0, 6.0], 7.0)
    """

    ndim = 2
    dtype = np.dtype(np.float32)

    def __init__(self, parts: SignalParts, to_mv: Callable[[NDArray[np.floating]], NDArray[np.floating]]) -> None:
        self._parts = parts
        self._to_mv = to_mv
        self.shape = (parts.n_leads, parts.n_times)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        rows, times = key if isinstance(key, tuple) and len(key) == 2 else (key, slice(None))
        if not isinstance(times, slice) or (times.step or 1) < 1:
            answer: NDArray[np.float32] = np.asarray(self)[key]
            return answer
        start, stop, step = times.indices(self.shape[1])
        return self._decoded(start, max(start, stop))[rows, ::step]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return self._decoded(0, self.shape[1]).astype(dtype or np.float32, copy=False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(np.asarray(self), name)

    def limits(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (n_leads,) lowest and highest values; NaN in a lead that has any."""
        lowest, highest = np.full(len(self), np.inf, np.float32), np.full(len(self), -np.inf, np.float32)
        for _, part in self._parts:
            values = self._to_mv(part).astype(np.float32)
            lowest, highest = np.minimum(lowest, values.min(axis=1)), np.maximum(highest, values.max(axis=1))
        return lowest, highest

    def _decoded(self, start: int, stop: int) -> NDArray[np.float32]:
        """Decode time points some at a time: double precision never holds more than a part."""
        values = np.empty((self.shape[0], stop - start), np.float32)
        step = self._parts.step
        # Twelve-bit samples come in pairs.
        for low in range(start & ~1, stop, step):
            high = min(low + step, stop)
            first = max(low, start)
            values[:, first - start : high - start] = self._to_mv(self._parts.cut(low, high))[:, first - low :]
        return values
