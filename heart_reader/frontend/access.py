"""Who may ask: the keys of a server, the names it is addressed by, the share of one address."""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Annotated, NamedTuple

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from heart_reader.frontend.error_answers import RequestRefused, error_answer
from heart_reader.frontend.keys import KeyRing, key_hash

__all__ = ["API_KEY", "AddressGuard", "Delays", "HostGuard", "check_key", "neighbourhood"]

API_KEY = "X-API-Key"
# The free guesses of a subject, the first delay and the longest one.
FREE = 5
FIRST_S = 1.0
LONGEST_S = 900.0
FORGOTTEN_AFTER_S = 3600.0
# Where what is asked for takes time.
COUNTED = ("/api/", "/v2/models/")
MAX_SUBJECTS = 10_000
_key_header = APIKeyHeader(name=API_KEY, auto_error=False, description="One of the keys of the server")


@lru_cache(maxsize=4096)
def neighbourhood(host: str | None) -> str:
    """Name an address is counted under; the 2^64 IPv6 addresses of one client count as one.

    Examples
    --------
    >>> [neighbourhood(host) for host in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1:2:3", None)]
    ['192.0.2.7', '192.0.2.7', '2001:db8::', 'unknown']
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
    """Waiting times after repeated failures: 1 s after five, doubled by each, at most 15 min.

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


async def check_key(request: Request, key: Annotated[str | None, Depends(_key_header)]) -> None:
    """Refuse a request without a valid key before its body is read; note the name of the key.

    An address that sends different wrong keys guesses, and has to wait before any key of it is
    looked at again. One that sends the same wrong key again, such as a program that missed a
    rotation, has to wait with that key only: others behind the same address go on.

    Raises
    ------
    RequestRefused
        401, or 429 with ``Retry-After``.
    """
    refused = RequestRefused(401, "unauthorized", f"This server needs a key: send it in the header {API_KEY}; its operator knows it.")
    if not key:
        raise refused
    keys: KeyRing = request.app.state.keys
    wrong_keys: Delays = request.app.state.wrong_keys
    address, sent_hash = neighbourhood(request.client.host if request.client else None), key_hash(key)
    key_from_there = f"{address} {sent_hash}"
    if wait_s := wrong_keys.wait_s(address, key_from_there):
        message = f"Too many wrong keys came from your address: try again in {wait_s} s, with the right key."
        raise RequestRefused(429, "too_many_wrong_keys", message, headers={"Retry-After": str(wait_s)})
    name = keys.name_of(sent_hash)
    if name is None:
        if wrong_keys.count(key_from_there) == 1:
            wrong_keys.count(address)
        raise refused
    request.state.key_name = name


class HostGuard:
    """Answers only where the server is addressed by one of its names.

    A page from elsewhere whose name was pointed at this machine (DNS rebinding) would count as the
    same origin and could read answers.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self.app = app
        self.names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or refuse it."""
        if scope["type"] == "http" and _name(Headers(scope=scope).get("host", "")) not in self.names:
            message = f"This server is not known by that name: address it as {', '.join(self.names)}."
            answer = error_answer(421, "unknown_host", message, scope["state"]["request_id"])
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


class AddressGuard:
    """Limits how many requests of one address are answered at a time."""

    def __init__(self, app: ASGIApp, most: int, retry_after_s: int) -> None:
        self.app = app
        self.most = most
        self.retry_after_s = retry_after_s
        self._running: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or refuse it."""
        if scope["type"] != "http" or not scope["path"].startswith(COUNTED):
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


def _name(host: str) -> str:
    """Host name without its port; an IPv6 address keeps its brackets."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdecimal() else host).lower()
