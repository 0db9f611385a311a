"""Private folders for uploads, removed even if the server that made them was killed."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

__all__ = ["UploadFolders"]

ATTEMPTS = 3
log = logging.getLogger("heart_reader.frontend")

PREFIX = "heart-reader-uploads-"
# In memory, where there is such a folder: a recording of usual size never touches a disk, and
# making and removing its folder costs nothing.
MEMORY = Path("/dev/shm")  # noqa: S108 - the folders made in it are private, as those of tempfile are


class UploadFolders:
    """A folder in memory and one on disk, locked while the server lives.

    Those that servers of the same user left behind are removed when this is made.

    Parameters
    ----------
    parents
        Where to make them, the one in memory first.
    """

    def __init__(self, parents: tuple[Path, Path] | None = None) -> None:
        memory, disk = parents or (MEMORY, Path(tempfile.gettempdir()))
        self._parents = {True: memory if os.access(memory, os.W_OK | os.X_OK) else disk, False: disk}
        self._made: dict[Path, int | None] = {}
        # Nobody else may write into the folders above them: names need not be guessed at.
        self._numbers = itertools.count()
        for parent in set(self._parents.values()):
            _sweep(parent)
        self._folders = {in_memory: self._make(parent) for in_memory, parent in self._parents.items()}

    @contextlib.contextmanager
    def private(self, *, in_memory: bool) -> Iterator[Path]:
        """Give a new folder that is removed afterwards."""
        if not self._folders[in_memory].exists():
            # Somebody tidies up here; a server that runs for months must not stumble over it.
            self._folders[in_memory] = self._make(self._parents[in_memory])
        folder = self._folders[in_memory] / str(next(self._numbers))
        folder.mkdir(0o700)
        try:
            yield folder
        finally:
            _remove(folder)

    def left(self) -> list[Path]:
        """Return what lies in the folders now."""
        return [path for folder in self._made if folder.exists() for path in folder.iterdir()]

    def close(self) -> None:
        """Remove the folders."""
        for folder, lock in self._made.items():
            shutil.rmtree(folder, ignore_errors=True)
            if lock is not None:
                os.close(lock)
        self._made.clear()

    def _make(self, parent: Path) -> Path:
        for _ in range(ATTEMPTS):
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
            lock = _lock(folder)
            if lock is not None and folder.exists():
                break
            # A server that sweeps at this moment was faster; or nothing can be locked here, and
            # then nobody sweeps here either.
        self._made[folder] = lock
        return folder


def _remove(folder: Path) -> None:
    """Remove a folder of an upload, as a rule of one or two files and nothing else."""
    try:
        for name in os.listdir(folder):
            os.unlink(folder / name)
        os.rmdir(folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove what servers of this user left behind that were killed."""
    for folder in parent.glob(f"{PREFIX}*"):
        lock = _lock(folder)
        if lock is None:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        log.warning("removed uploads that a killed server had left")


def _lock(folder: Path) -> int | None:
    """Lock a folder of this user until the process ends; None if that is impossible."""
    if sys.platform == "win32":
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None
