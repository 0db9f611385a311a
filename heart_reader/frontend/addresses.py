"""What the server remembers of its clients' addresses: how many requests each has running, and how
often each guessed a key.
"""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from heart_reader.frontend.error_answers import error_answer

__all__ = ["AddressGuard", "Delays", "neighbourhood"]

# The free guesses of a subject, the first delay and the longest one.
FREE = 5
FIRST_S = 1.0
LONGEST_S = 900.0
FORGOTTEN_AFTER_S = 3600.0
MAX_SUBJECTS = 10_000


@lru_cache(maxsize=4096)
def neighbourhood(host: str | None) -> str:
    """Name under which the requests of an address are counted; one IPv6 client owns 2^64 addresses,
    which count as one.

    Examples
    --------
    >>> neighbourhood("192.0.2.7"), neighbourhood("::ffff:192.0.2.7"), neighbourhood("2001:db8::1:2:3:4")
    ('192.0.2.7', '192.0.2.7', '2001:db8::')
    >>> neighbourhood("testclient"), neighbourhood(None)
    ('unknown', 'unknown')
    """
    try:
        address = ip_address(host or "")
    except ValueError:
        return "unknown"
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))


class _Count(NamedTuple):
    n: int
    until: float
    forgotten_at: float


class Delays:
    """How long those who failed repeatedly must wait: after five failures 1 s, and twice as long
    after each further one, up to 15 min.

    Parameters
    ----------
    clock
        Seconds that never go back.

    Examples
    --------
    >>> delays = Delays(lambda: 0.0)
    >>> [(delays.count("192.0.2.7"), delays.wait_s("192.0.2.7")) for _ in range(8)][4:]
    [(5, 0), (6, 1), (7, 2), (8, 4)]
    >>> delays.wait_s("192.0.2.8")
    0
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def count(self, subject: str) -> int:
        """Count one failure; return how many there were lately."""
        now = self._clock()
        known = self._counts.pop(subject, None)
        n = 1 if known is None or known.forgotten_at <= now else known.n + 1
        # Beyond ten doublings the delay is the longest anyway.
        until = now + min(FIRST_S * 2 ** min(n - FREE - 1, 10), LONGEST_S) if n > FREE else now
        self._counts[subject] = _Count(n, until, until + FORGOTTEN_AFTER_S)
        if len(self._counts) > MAX_SUBJECTS:
            self._counts.popitem(last=False)
        return n

    def wait_s(self, *subjects: str) -> int:
        """Whole seconds until all of the subjects may try again; 0 means now."""
        now = self._clock()
        waits = [self._counts[subject].until - now for subject in subjects if subject in self._counts]
        return max(0, math.ceil(max(waits, default=0.0)))


class AddressGuard:
    """Lets each address have only a share of the requests that are answered at a time, so that
    nobody can take the whole queue.

    Parameters
    ----------
    app
        What it guards.
    most
        Requests of one address at a time, from the first byte of an upload to the last of its
        answer.
    retry_after_s
        What a refused client is told to wait, in seconds.
    """

    def __init__(self, app: ASGIApp, most: int, retry_after_s: int) -> None:
        self.app = app
        self.most = most
        self.retry_after_s = retry_after_s
        self._running: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or refuse it."""
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self.app(scope, receive, send)
            return
        address = neighbourhood((scope.get("client") or (None,))[0])
        if self._running[address] >= self.most:
            message = (
                f"{self.most} requests of your address are being answered, the most that one may have at a time: "
                f"wait for one of them, or try again in {self.retry_after_s} seconds."
            )
            headers = {"Retry-After": str(self.retry_after_s)}
            await error_answer(429, "too_many_requests", message, scope["state"]["request_id"], headers=headers)(scope, receive, send)
            return
        self._running[address] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._running[address] -= 1
            if not self._running[address]:
                del self._running[address]
