"""Read files in processes of their own: Python runs one thread at a time, and half of a reading is Python."""

from __future__ import annotations

import math
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

from pydantic_core import to_json

from heart_reader.classifier import EcgClassifier
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.readers import read_record
from heart_reader.data.record import build_record
from heart_reader.frontend.schemas import ReadOptions

__all__ = ["ReadingProcesses", "load_warm", "read_file"]


def load_warm(checkpoint: Path) -> EcgClassifier:
    """Load a checkpoint and make one reading with it, so that the first client finds it warm.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be served.
    """
    classifier = EcgClassifier.load(checkpoint)
    # Ten seconds of a slow wave in every lead: nothing is read from it but that the model answers.
    wave = [math.sin(2 * math.pi * time / 100) for time in range(1000)]
    classifier.predict(build_record("warm-up", [wave] * len(STANDARD_LEADS), 100.0, STANDARD_LEADS))
    return classifier


def read_file(classifier: EcgClassifier, path: Path, options: ReadOptions) -> bytes:
    """Read one recording from disk.

    Returns
    -------
    bytes
        The reading in JSON, with ``waveform`` if the options ask for it. It is not validated once more on its way out, which would
        cost a tenth of a reading; a test does that.

    Raises
    ------
    RecordError
        If the recording cannot be read.
    """
    record = read_record(path, fs=options.fs, unit=options.unit, leads=options.lead_names)
    reading = classifier.predict(record).to_json()
    if options.waveform:
        reading["waveform"] = record.waveform()
    return to_json(reading, inf_nan_mode="null")


class ReadingProcesses:
    """Processes with a warm classifier each.

    Parameters
    ----------
    checkpoint
        Directory of a checkpoint that can be served.
    count
        How many.
    """

    def __init__(self, checkpoint: Path, count: int) -> None:
        self.checkpoint, self.count = checkpoint, count
        self._mending = threading.Lock()
        self._pool = self._start()

    def _start(self) -> ProcessPoolExecutor:
        # Not forked: the server has threads, and a lock that one of them holds would never be opened in a copy.
        return ProcessPoolExecutor(self.count, mp_context=get_context("spawn"), initializer=_begin, initargs=(self.checkpoint,))

    def wait(self) -> None:
        """Return when readings can be made: a process takes work only once it is warm."""
        self._pool.submit(os.getpid).result()

    def read(self, path: Path, options: ReadOptions) -> bytes:
        """Read one recording like :func:`read_file`; blocks, and may be called from several threads.

        Raises
        ------
        BrokenProcessPool
            If a process died, which a shortage of memory can do; the next call finds new ones.
        RecordError
            If the recording cannot be read.
        """
        pool = self._pool
        try:
            return pool.submit(_read, self.checkpoint, path, options).result()
        except BrokenProcessPool:
            with self._mending:
                if self._pool is pool:
                    self._pool = self._start()
            raise

    def close(self) -> None:
        """End the processes; what they are reading is finished first."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _begin(checkpoint: Path) -> None:
    """Make a process ready to read."""
    # Ctrl-C reaches every process of the terminal; the server answers what is running, then closes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _own_classifier(checkpoint)


def _end_with_parent() -> None:
    """Wait until the server is gone, however it went."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


_own_classifier = cache(load_warm)


def _read(checkpoint: Path, path: Path, options: ReadOptions) -> bytes:
    return read_file(_own_classifier(checkpoint), path, options)
