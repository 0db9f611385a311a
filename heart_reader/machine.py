"""What a program may use of the machine that it runs on, and which addresses are its own."""

from __future__ import annotations

import os
from ipaddress import ip_address

__all__ = ["MEGABYTE", "is_loopback", "usable_cores"]

MEGABYTE = 1024 * 1024


def usable_cores() -> int:
    """Return the cores this process may run on; a container often grants fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_loopback(host: str) -> bool:
    """Return whether a host, as a name or an address, is this machine for itself alone.

    Examples
    --------
    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("10.0.0.7")
    (True, True, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
