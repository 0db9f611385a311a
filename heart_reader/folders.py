"""Write folders and files whole or not at all, one process at a time, with the umask's modes.

.. code-block:: text

    NAME          what others see: always whole
    .new-NAME     what will take its place
    .old-NAME     what it replaces, between two renames; see :func:`standing`
    .gone-NAME    what is being removed
    .lock-NAME    held by the process that writes NAME

The operating system releases a lock when its process ends, however it ends. So whoever holds it
knows that the other hidden names are left from a killed process, and removes them. On a file system
without locks, every process goes on as if alone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from heart_reader.errors import ConfigError, HeartReaderError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = [
    "atomic_directory",
    "claimed",
    "fresh_directory",
    "remove_directory",
    "run_folder",
    "standing",
    "sweep",
    "write_text",
    "write_whole",
]

RUN_LOCK = ".lock"
LOCK_PREFIX = ".lock-"
PREFIXES = (".new-", ".old-", ".gone-", LOCK_PREFIX)
POLL_S = 0.1
BUSY = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
# Windows locks a byte against reading too: this one lies far behind the name of the holder.
LOCKED_BYTE = 1 << 20

_mine = threading.local()


def standing(path: Path) -> Path:
    """Return where a directory is: under its name, or under ``.old-NAME``.

    The latter if the process that was replacing it was killed between two renames.
    """
    path = Path(path)
    if path.exists():
        return path
    aside = path.with_name(f".old-{path.name}")
    return aside if aside.exists() else path


@contextlib.contextmanager
def atomic_directory(final: Path, failure: type[HeartReaderError] = HeartReaderError) -> Iterator[Path]:
    """Yield an empty directory that replaces the final one when the block ends without error.

    Parameters
    ----------
    final
        Final place.
    failure
        The error to raise if the disk is full or not writable; the old content stays.
    """
    final = Path(final)
    try:
        with claimed(final), fresh_directory(final) as new:
            yield new
    except HeartReaderError:
        raise
    except OSError as error:
        raise failure(f"{final}: could not be written, {_reason(error)}; what stood there before stays") from error
    except Exception as error:
        if "No space left" in str(error):  # safetensors and onnx wrap the operating system's error in their own
            raise failure(f"{final}: could not be written, the disk is full: free some space") from error
        raise


@contextlib.contextmanager
def fresh_directory(final: Path) -> Iterator[Path]:
    """Do as :func:`atomic_directory`, without lock and with the operating system's own errors."""
    final = Path(final).resolve()
    new = final.with_name(f".new-{final.name}")
    new.mkdir()
    try:
        yield new
        for file in new.iterdir():
            if file.is_file():
                _flush(file)
        _put_in_place(new, final)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def write_whole(path: Path, write: Callable[[Path], object], *, durable: bool = False) -> None:
    """Write a file whole or not at all: beside its final name, then renamed.

    Parameters
    ----------
    path
        Final name; its folder is made where it does not exist.
    write
        Writes the content to the path it is given.
    durable
        Whether it is on the disk, under its name, when this returns: for what must outlast a loss
        of power.

    Raises
    ------
    HeartReaderError
        If the disk is full or not writable.
    """
    new = path.with_name(f".new-{path.name}")
    try:
        with claimed(path):
            try:
                write(new)
                if durable:
                    _flush(new)
                new.replace(path)
                if durable and sys.platform != "win32":  # which opens no folders
                    _flush(path.parent)
            finally:
                new.unlink(missing_ok=True)
    except OSError as error:
        raise HeartReaderError(f"{path}: could not be written, {_reason(error)}") from error


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Write a text in UTF-8 whole or not at all, see :func:`write_whole`.

    Raises
    ------
    HeartReaderError
        If the disk is full or not writable.
    """
    write_whole(path, lambda new: new.write_text(text, encoding="utf-8"), durable=durable)


def remove_directory(path: Path) -> None:
    """Remove a directory at once: a kill leaves it whole or leaves nothing under its name."""
    with claimed(path):
        _discard(path)


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Hold a name once no other process writes under it, and tidy what killed ones left.

    A thread may hold the same name more than once.

    Raises
    ------
    OSError
        If its folder cannot be made or written.
    """
    path = Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_name(f"{LOCK_PREFIX}{path.name}"), wait=True) as first:
        if first:
            _tidy(path)
        yield


@contextlib.contextmanager
def run_folder(out: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a folder for one process, and remove what killed ones left in it.

    Parameters
    ----------
    out
        Made where it does not exist, and removed if it stays empty. A thread may hold it more than
        once.
    wait
        Whether to wait for another process.

    Raises
    ------
    ConfigError
        If another process works there.
    HeartReaderError
        If nothing can be written there.
    """
    home = Path(out).resolve()
    with contextlib.ExitStack() as stack:
        try:
            home.mkdir(parents=True, exist_ok=True)
            stack.callback(_remove_if_empty, home)
            if stack.enter_context(_locked(home / RUN_LOCK, wait=wait)):
                sweep(home)
        except _BusyError as busy:
            raise ConfigError(f"{out}: another process works in this folder ({busy}): wait for it, or choose another --out") from None
        except OSError as error:
            raise HeartReaderError(f"{out}: could not be written, {_reason(error)}") from error
        yield


def sweep(folder: Path) -> None:
    """Tidy what killed processes left in a folder; what a living one writes is left alone."""
    names = {path.name.removeprefix(prefix) for prefix in PREFIXES for path in folder.glob(f"{prefix}*")}
    for name in sorted(names):
        with contextlib.suppress(_BusyError, OSError), _locked(folder / f"{LOCK_PREFIX}{name}", wait=False):
            _tidy(folder / name)


class _BusyError(Exception):
    """Another process holds a lock, which the text names."""


@contextlib.contextmanager
def _locked(lock: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a lock; yield whether this thread did not hold it before."""
    held: set[Path] = _mine.__dict__.setdefault("locks", set())
    if lock in held:
        yield False
        return
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            taken = _try_lock(descriptor)
            if taken and _is_still(lock, descriptor):
                break
            holder = os.pread(descriptor, 200, 0).decode(errors="replace") if sys.platform != "win32" else lock.read_text()
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if not taken and not wait:
            raise _BusyError(holder or "which has just begun")
        if not taken:
            time.sleep(POLL_S)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}, since {datetime.now():%Y-%m-%d %H:%M:%S}".encode())
        held.add(lock)
        yield True
    finally:
        held.discard(lock)
        # Removed while it is held, so that who waited for this very file notices; Windows removes
        # no open file.
        if sys.platform != "win32":
            lock.unlink(missing_ok=True)
        os.close(descriptor)
        if sys.platform == "win32":
            with contextlib.suppress(OSError):
                lock.unlink(missing_ok=True)


def _try_lock(descriptor: int) -> bool:
    """Take the operating system's lock of an open file if it is free."""
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS:
            return True
        if error.errno in BUSY:
            return False
        raise
    return True


def _is_still(lock: Path, descriptor: int) -> bool:
    """Return whether the name still is the open file's; its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), lock.stat())
    except FileNotFoundError:
        return False


def _tidy(path: Path) -> None:
    """Restore or remove what a killed process left of a name."""
    old, new = path.with_name(f".old-{path.name}"), path.with_name(f".new-{path.name}")
    if old.exists() and not path.exists():
        old.rename(path)
    _discard(old)
    _remove(path.with_name(f".gone-{path.name}"))
    _remove(new)


def _put_in_place(new: Path, final: Path) -> None:
    """Rename; a directory cannot replace a full one, so the old one steps aside first."""
    old = final.with_name(f".old-{final.name}")
    if final.exists():
        final.rename(old)
    try:
        new.rename(final)
    except BaseException:
        if old.exists():
            old.rename(final)
        raise
    _discard(old)


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    # Windows flushes only what is open for writing.
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _discard(path: Path) -> None:
    """Remove a directory under a name that does not look whole."""
    gone = path.with_name(f".gone-{path.name.removeprefix('.old-')}")
    if path.exists():
        _remove(gone)
        path.rename(gone)
        _remove(gone)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _reason(error: OSError) -> str:
    """Return why something could not be written, and what to do."""
    if error.errno == errno.ENOSPC:
        return "the disk is full: free some space"
    place = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{place}: choose another place that you may write to"
