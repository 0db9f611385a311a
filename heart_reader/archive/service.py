"""The service of a hospital's archive: what arrives is read, and a report of it goes back.

One thread reads and one sends, each from the files of the spool; the threads of the receiver only
put ECGs there. A full spool makes senders wait, so nothing grows without bound.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from heart_reader.archive.destination import Destination, NotTaken
from heart_reader.archive.receiver import Receiver
from heart_reader.archive.report import encoded, facts_of, report_of
from heart_reader.archive.spool import Spool
from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import read_record
from heart_reader.data.one_record import one_record
from heart_reader.errors import ArchiveError, HeartReaderError, RecordError, UnexpectedError
from heart_reader.folders import write_text
from heart_reader.reading import Reading

__all__ = ["Service"]

log = logging.getLogger("heart_reader.archive")

_TICK_S = 0.5
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 300.0


@dataclass
class Service:
    """Receives, reads and reports.

    Parameters
    ----------
    receiver, spool
        What takes ECGs in, and where they wait.
    classifier
        What reads them.
    destination
        Where reports go; None for nowhere.
    out
        Folder of readings as JSON; None for none.
    max_values
        See :func:`heart_reader.data.formats.read_record`.
    """

    receiver: Receiver
    spool: Spool
    classifier: EcgClassifier
    destination: Destination | None = None
    out: Path | None = None
    max_values: int | None = None

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        works = {"reads": self._read_next} | ({} if self.destination is None else {"sends": self._send_next})
        self._threads = [threading.Thread(target=self._repeat, args=(work,), name=name, daemon=True) for name, work in works.items()]
        self._pause_s = 0.0

    def start(self, host: str, port: int) -> None:
        """Listen and work, in threads.

        Raises
        ------
        ConfigError
            If the address cannot be listened on.
        """
        self.receiver.start(host, port)
        for thread in self._threads:
            thread.start()
        if len(self.spool):
            log.info("going on", extra={"waiting": len(self.spool)})

    def stop(self, grace_s: float = 10.0) -> None:
        """Take nothing more, end what is being read and sent; the rest stays in the spool."""
        self._stopping.set()
        self.spool.close()
        self.receiver.stop(grace_s)
        for thread in self._threads:
            thread.join(grace_s)
        log.info("stopped", extra={"waiting": len(self.spool)})

    def _repeat(self, work: Callable[[], None]) -> None:
        """Work until stopped; a failure of the disk or of ours is logged and does not end it."""
        while not self._stopping.is_set():
            try:
                work()
            except HeartReaderError as error:
                log.error("failed", extra={"code": error.code, "reason": error.message})
                self._stopping.wait(_FIRST_PAUSE_S)
            except Exception as error:
                log.error("failed", extra={"code": "unexpected_error", "reason": type(error).__name__})
                self._stopping.wait(_FIRST_PAUSE_S)

    def _read_next(self) -> None:
        """Read the ECG that has waited longest, and replace it by its report."""
        found = self.spool.next_ecg(_TICK_S)
        if found is None:
            return
        uid, path = found
        started = time.perf_counter()
        try:
            report = self._report(uid, path)
        except (RecordError, ArchiveError, UnexpectedError) as error:
            # The sender was told that it came; what is wrong with it only its owner can mend.
            log.warning("ECG not read", extra={"sop_instance_uid": uid, "code": error.code, "reason": error.message})
            self.spool.done(uid, path, None)
            return
        except HeartReaderError:  # the disk
            self.spool.again(uid, path)
            raise
        try:
            self.spool.done(uid, path, report)
        except OSError:
            self.spool.again(uid, path)
            raise
        log.info("ECG read", extra={"sop_instance_uid": uid, "duration_ms": round(1e3 * (time.perf_counter() - started), 1)})

    def _report(self, uid: str, path: Path) -> bytes | None:
        """Return the report of an ECG, None if nobody wants one."""
        with one_record(uid):
            record = read_record(path, max_values=self.max_values)
            diagnosis = self.classifier.predict(record)
            if self.out is not None:
                write_text(self.out / f"{uid}.json", Reading(Path(uid), diagnosis, None).to_json_line() + "\n")
            return None if self.destination is None else encoded(report_of(diagnosis, facts_of(path.read_bytes())))

    def _send_next(self) -> None:
        """Send the report that has waited longest; where the archive is away, wait longer."""
        found = self.spool.next_report(_TICK_S)
        if found is None or self.destination is None:
            return
        uid, path = found
        try:
            self.destination.send(path.read_bytes())
        except NotTaken as error:
            self.spool.hold(uid)
            log.error("report refused; kept until the next start", extra={"sop_instance_uid": uid, "reason": error.message})
        except ArchiveError as error:
            self._pause_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s or _FIRST_PAUSE_S)
            facts = {"sop_instance_uid": uid, "reason": error.message, "again_in_s": self._pause_s, "waiting": len(self.spool)}
            log.warning("report not sent", extra=facts)
            self._stopping.wait(self._pause_s)
        else:
            self._pause_s = 0.0
            self.spool.sent(path)
            log.info("report sent", extra={"sop_instance_uid": uid, "to": str(self.destination)})
