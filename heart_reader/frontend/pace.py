"""The slowest pace at which a client may send a recording or take an answer."""

from __future__ import annotations

__all__ = ["Pace"]


class Pace:
    """Says until when the next bytes must have come: some seconds' worth of the slowest rate in
    every so many seconds.

    A sum over the whole transfer would let a client stall for as long as it had hurried before.

    Parameters
    ----------
    bytes_per_s
        The slowest rate.
    patience_s
        Length of a stretch.
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
