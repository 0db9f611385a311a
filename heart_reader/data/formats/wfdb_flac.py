"""WFDB signal files that are FLAC streams: formats 508, 516 and 524.

References
----------
WFDB Applications Guide, signal(5). https://physionet.org/physiotools/wag/signal-5.htm. RFC 9639.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.files import damaged
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["FlacFile"]

_BITS = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}


class FlacFile:
    """The samples of a FLAC stream, decoded where they are asked for.

    Parameters
    ----------
    path
        The file.
    bits
        As many as the header allows a sample.
    n_signals
        As many as the header describes.

    Raises
    ------
    UnreadableRecord
        If soundfile is not installed, or the stream is damaged or another one than the header says.
    """

    def __init__(self, path: str, bits: int, n_signals: int) -> None:
        self._path, self._bits, self._n_signals = path, bits, n_signals
        self.invalid = -(1 << bits - 1)
        with _Opened(path) as stream:
            if stream.format != "FLAC" or _BITS.get(stream.subtype, 99) > bits or stream.channels != n_signals:
                found = f"{stream.channels} channels of {stream.format} {stream.subtype}"
                problem = f"{found}; FLAC of {n_signals} channels, {bits} bits, is declared"
                raise damaged(path, problem)
            self.n_times = int(stream.frames)

    def cut(self, start: int, stop: int) -> NDArray[np.signedinteger]:
        """Return (n_signals, stop - start) samples as stored."""
        with _Opened(self._path) as stream:
            stream.seek(start)
            # In the upper bits of 32, whatever their number.
            samples = stream.read(stop - start, dtype="int32", always_2d=True)
            if len(samples) < stop - start:
                raise UnreadableRecord(message("without_samples", where=self._path))
            return np.ascontiguousarray(samples.T >> 32 - _BITS[stream.subtype])


class _Opened:
    """A stream while it is open; whatever the decoder complains about is a damaged file."""

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            import soundfile
        except (ImportError, OSError):  # without its C library it cannot be imported either
            raise UnreadableRecord(message("flac_needs_soundfile", where=path)) from None
        self._stream: Any = None
        self._library = soundfile

    def __enter__(self) -> Any:
        try:
            self._stream = self._library.SoundFile(self._path)
        except (RuntimeError, OSError, ValueError):
            raise self._damaged() from None
        return self._stream

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._stream.close()
        if isinstance(error, RuntimeError | MemoryError):
            raise self._damaged() from None

    def _damaged(self) -> UnreadableRecord:
        return damaged(self._path, "its FLAC stream cannot be decoded")
