"""ECGs that wait to be read and reports that wait to be sent: files, of a bounded number.

.. code-block:: text

    SPOOL/ecgs/UID.0.dcm    received; the number counts how often reading it was begun
    SPOOL/reports/UID.dcm   the report of the ECG UID, not yet sent

A file is on the disk before its sender hears that it was received, and stays until its report is
sent. So nothing is lost when the process is killed, and an ECG that kills it is given up.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from heart_reader.archive.names import checked_uid
from heart_reader.errors import ArchiveError, HeartReaderError

__all__ = ["Spool", "SpoolFull"]

# An ECG whose reading was begun this often and never ended is given up.
MOST_ATTEMPTS = 3
_PRIVATE = 0o700


class SpoolFull(HeartReaderError):
    """No room for another ECG."""


class Spool:
    """A folder of what is received and not yet reported.

    Parameters
    ----------
    folder
        Made if it does not exist, readable by its owner only.
    capacity
        ECGs and reports that may wait at a time.
    """

    def __init__(self, folder: Path, capacity: int) -> None:
        self._ecgs, self._reports = folder / "ecgs", folder / "reports"
        self._capacity = capacity
        self._changed = threading.Condition()
        self._closed = False
        for one in (folder, self._ecgs, self._reports):
            one.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            for left in one.glob(".new-*"):
                left.unlink(missing_ok=True)
        self._reading: set[str] = set()
        self._held: set[str] = set()

    def __len__(self) -> int:
        """How many ECGs and reports wait."""
        return len({_uid(path) for folder in (self._ecgs, self._reports) for path in folder.glob("*.dcm")})

    def put(self, uid: str, content: bytes, patience_s: float) -> None:
        """Take an ECG, whole and on the disk.

        Parameters
        ----------
        uid
            Its identifier; the same one again replaces what waits under it.
        patience_s
            How long to wait for room.

        Raises
        ------
        SpoolFull
            If there is none.
        OSError
            If it cannot be written.
        """
        path = self._ecgs / f"{checked_uid(uid, 'ECG')}.0.dcm"
        end = time.monotonic() + patience_s
        with self._changed:
            while not self._closed and len(self) >= self._capacity and not path.exists():
                if not self._changed.wait(end - time.monotonic()):
                    break
            if len(self) >= self._capacity and not path.exists():
                raise SpoolFull(f"{len(self)} ECGs wait, which is the limit")
            _write(path, content)
            self._changed.notify_all()

    def next_ecg(self, wait_s: float) -> tuple[str, Path] | None:
        """Return the ECG that has waited longest and its file, None if none comes.

        Raises
        ------
        ArchiveError
            If its reading was begun several times and never ended; it is removed.
        """
        with self._changed:
            path = self._oldest(self._ecgs, self._reading)
            if path is None and not self._closed:
                self._changed.wait(wait_s)
                path = self._oldest(self._ecgs, self._reading)
            if path is None:
                return None
            uid, attempts = _uid(path), int(path.name.split(".")[-2])
            if attempts >= MOST_ATTEMPTS:
                path.unlink()
                self._changed.notify_all()
                raise ArchiveError(f"{uid}: given up, its reading was begun {attempts} times and ended the program each time")
            taken = path.replace(path.with_name(f"{uid}.{attempts + 1}.dcm"))
            self._reading.add(uid)
            return uid, taken

    def done(self, uid: str, path: Path, report: bytes | None) -> None:
        """Replace an ECG that was read by its report, or remove it.

        Raises
        ------
        OSError
            If the report cannot be written; the ECG is read again then.
        """
        with self._changed:
            self._reading.discard(uid)
            if report is not None:
                _write(self._reports / f"{uid}.dcm", report)
                self._held.discard(uid)
            path.unlink(missing_ok=True)
            self._changed.notify_all()

    def again(self, uid: str, path: Path) -> None:
        """Put an ECG back whose reading could not be finished for a reason that is not its own."""
        with self._changed:
            self._reading.discard(uid)
            path.replace(path.with_name(f"{uid}.0.dcm"))
            self._changed.notify_all()

    def next_report(self, wait_s: float) -> tuple[str, Path] | None:
        """Return the report that has waited longest and its file, None if none comes."""
        with self._changed:
            path = self._oldest(self._reports, self._held)
            if path is None and not self._closed:
                self._changed.wait(wait_s)
                path = self._oldest(self._reports, self._held)
            return None if path is None else (_uid(path), path)

    def sent(self, path: Path) -> None:
        """Remove a report that was sent."""
        with self._changed:
            path.unlink(missing_ok=True)
            self._changed.notify_all()

    def hold(self, uid: str) -> None:
        """Keep a report that was refused until the next start."""
        with self._changed:
            self._held.add(uid)

    def close(self) -> None:
        """Let nobody wait any more: for room, for an ECG, for a report."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @staticmethod
    def _oldest(folder: Path, passed_over: set[str]) -> Path | None:
        paths = [path for path in folder.glob("*.dcm") if _uid(path) not in passed_over]
        return min(paths, key=lambda path: path.stat().st_mtime_ns, default=None)


def _uid(path: Path) -> str:
    """Return the identifier that a file is named after."""
    name = path.name.removesuffix(".dcm")
    return name.rpartition(".")[0] if path.parent.name == "ecgs" else name


def _write(path: Path, content: bytes) -> None:
    """Write a file whole, and to the disk."""
    new = path.with_name(f".new-{path.name}")
    try:
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
