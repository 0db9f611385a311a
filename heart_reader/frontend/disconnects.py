"""Work for a client, as long as the client is there."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import anyio
from anyio import to_thread
from starlette.requests import ClientDisconnect, Request

from heart_reader.frontend.workers import GivenUp

__all__ = ["run_for"]


async def run_for(request: Request, work: Callable[[Event], bytes], threads: anyio.CapacityLimiter) -> bytes:
    """Run blocking work in one of a few threads, until its client leaves.

    Parameters
    ----------
    request
        Whose body has been read.
    work
        Gets an event that is set when its result is no longer wanted; a thread cannot be ended from
        outside.
    threads
        Where it waits for its turn; it leaves the queue at once.

    Raises
    ------
    ClientDisconnect
        If the client left.
    """
    given_up = Event()
    outcome: bytes | Exception = GivenUp()
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_watch, request, given_up, group.cancel_scope)
            # Kept and raised below: a task group would wrap it in a group of exceptions.
            try:
                outcome = await to_thread.run_sync(work, given_up, limiter=threads)
            except Exception as error:
                outcome = error
            group.cancel_scope.cancel()
        if given_up.is_set():
            raise ClientDisconnect
    finally:
        # The server itself may have cancelled this, when it was told to stop.
        given_up.set()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def _watch(request: Request, given_up: Event, scope: anyio.CancelScope) -> None:
    """Cancel when the client is gone: after a body that was read, nothing else arrives."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    given_up.set()
    scope.cancel()
