"""Work that misbehaves, for processes to do: importable there, which a test module need not be."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from heart_reader.errors import Integrity, UnreadableRecord
from heart_reader.messages import message


class Unsendable(Exception):
    """An error that pickle can write and cannot read."""

    def __init__(self, name: str, value: int) -> None:
        super().__init__(f"{name} is {value}")


def prepare() -> Callable[..., bytes]:
    return misbehave


def prepare_with_thread() -> Callable[..., bytes]:
    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    return misbehave


def prepare_from(file: Path) -> Callable[..., bytes]:
    """Get ready only as long as there is a file."""
    if not file.exists():
        raise Integrity(f"{file}: gone")
    return misbehave


def prepare_slowly_from(file: Path) -> Callable[..., bytes]:
    time.sleep(0.5)
    return prepare_from(file)


def misbehave(how: str, argument: Any = None) -> bytes:
    if how == "sleep":
        time.sleep(argument)
    elif how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "die once" and not argument.exists():
        argument.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "allocate":
        bytearray(argument)
    elif how == "fail":
        raise Unsendable("Jane Doe", 5)
    elif how == "refuse":
        raise UnreadableRecord(message("empty_file", where="a.csv"))
    return str(os.getpid()).encode()
