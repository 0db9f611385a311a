"""Uploads under way, limited in number and bytes: where there are too many, the slowest ends.

An upload holds no place in the queue of readings. Clients that send slowly, on purpose or not, can
therefore keep nobody from being read: they compete for this room among each other, and a recording
that comes at the speed of a usual line stays a fraction of a second in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from heart_reader.frontend.error_answers import RequestRefused
from heart_reader.frontend.settings import Settings

__all__ = ["Pace", "Upload", "UploadRoom"]

# What an upload that begins is credited with, and the time in which credit halves: one that brings
# nothing soon has less than a new one.
FIRST_CREDIT = 64 * 1024
HALVED_IN_S = 1.0
# All uploads together may be as large as this many of the largest.
FULL_SIZED = 10


class Pace:
    """Deadline for the next bytes at the slowest allowed rate, renewed after every interval.

    A sum over the whole transfer would let a client stall for as long as it had hurried before.

    Parameters
    ----------
    bytes_per_s
        The slowest rate.
    patience_s
        Length of an interval.
    now
        The time, in seconds.

    Examples
    --------
    >>> pace = Pace(1000, 10.0, now=0.0)
    >>> pace.count(9999, now=9.0); pace.until
    10.0
    >>> pace.count(1, now=9.0); pace.until
    19.0
    """

    def __init__(self, bytes_per_s: float, patience_s: float, now: float) -> None:
        self._least = bytes_per_s * patience_s
        self._patience_s = patience_s
        self._n = 0
        self.until = now + patience_s

    def count(self, n_bytes: int, now: float) -> None:
        """Count bytes that came or went."""
        self._n += n_bytes
        if self._n >= self._least:
            self._n = 0
            self.until = now + self._patience_s


class Upload:
    """One upload under way."""

    def __init__(self, room: UploadRoom, pace: Pace, now: float) -> None:
        self._room = room
        self._credit, self._credited_at = float(FIRST_CREDIT), now
        self.scope = anyio.CancelScope()
        self.displaced = False
        self.pace = pace
        self.n_bytes = 0

    def credit(self, now: float) -> float:
        """Bytes that came, older ones counting less."""
        return float(self._credit * 0.5 ** ((now - self._credited_at) / HALVED_IN_S))

    def count(self, n_bytes: int) -> None:
        """Count bytes that came."""
        now = self._room.clock()
        self._credit, self._credited_at = self.credit(now) + n_bytes, now
        self.pace.count(n_bytes, now)
        self.n_bytes += n_bytes
        self._room.n_bytes += n_bytes
        self._room.keep_within()

    def displace(self) -> None:
        """End it: it has to give way."""
        self.displaced = True
        self.scope.cancel()

    def patience_s(self) -> float:
        """Seconds until its next bytes must have come."""
        return max(0.0, self.pace.until - self._room.clock())


class UploadRoom:
    """The room for uploads."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.clock = clock
        self.n_bytes = 0
        self._uploads: dict[Upload, None] = {}

    def __len__(self) -> int:
        """Count the uploads that are under way and need not give way."""
        return sum(not upload.displaced for upload in self._uploads)

    @contextmanager
    def upload(self) -> Iterator[Upload]:
        """Hold room for one upload while it comes.

        Raises
        ------
        RequestRefused
            503 with ``Retry-After`` if it had to give way.
        """
        now = self.clock()
        upload = Upload(self, Pace(self.settings.min_bytes_per_s, self.settings.patience_s, now), now)
        self._uploads[upload] = None
        self.keep_within()
        try:
            with upload.scope:
                yield upload
        finally:
            del self._uploads[upload]
            self.n_bytes -= upload.n_bytes
        if upload.scope.cancelled_caught and upload.displaced:
            wait_s = self.settings.retry_after_s
            message = f"The server has too many uploads under way and ended this one, the slowest: try again in {wait_s} seconds."
            raise RequestRefused(503, "upload_displaced", message, headers={"Retry-After": str(wait_s)})

    def keep_within(self) -> None:
        """Let the slowest give way until there is room."""
        most_bytes = FULL_SIZED * self.settings.max_upload_bytes
        staying = [upload for upload in self._uploads if not upload.displaced] if self._is_full(most_bytes) else []
        while len(staying) > self.settings.max_uploads or sum(upload.n_bytes for upload in staying) > most_bytes:
            now = self.clock()
            slowest = min(staying, key=lambda upload: upload.credit(now))
            slowest.displace()
            staying.remove(slowest)

    def _is_full(self, most_bytes: int) -> bool:
        return len(self._uploads) > self.settings.max_uploads or self.n_bytes > most_bytes
