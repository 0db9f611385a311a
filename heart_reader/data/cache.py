"""Prepared signals of many records: one file of int16 microvolts, mapped into memory.

:meth:`~heart_reader.data.preprocessor.Preprocessor.prepare` rounds to whole microvolts, so the
cache loses nothing: what it gives back is bit-equal to what reading the file again would give.

.. code-block:: text

    signals.int16    all recordings one after the other, each (n_leads, n_times), little-endian
    index.npz        record_ids, offsets, n_times, lead_mask; values and checksum of each block
    cache.json       what it was built from, for people and for the check at opening

A recording is prepared once, however many rows of the table are parts of it. The folder is named by
a hash of the preprocessing and of all recordings' ids, files, sizes and times of change.
Checksums are compared at every opening, on all cores; what does not match is built again. A build
appears whole or not at all: a second process waits and then uses it. Many records are prepared in
several processes, to the same bytes. Neither building nor opening holds more than a few blocks.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from heart_reader.data.folder_listing import FolderListing
from heart_reader.data.formats import read_record
from heart_reader.data.one_record import one_record
from heart_reader.data.preprocessor import PreparedEcg, Preprocessor
from heart_reader.data.record_table import RecordTable
from heart_reader.errors import DataError, HeartReaderError
from heart_reader.folders import claimed, fresh_directory, standing, sweep
from heart_reader.in_order import in_order, n_jobs
from heart_reader.machine import usable_cores

__all__ = ["SignalCache", "open_or_build"]

# Raise it whenever a format or the preparation changes what a record becomes; another layout is
# seen by its index, and built again in its place.
CACHE_FORMAT = 1
SIGNALS, INDEX, DESCRIPTION = "signals.int16", "index.npz", "cache.json"
SIGNAL_TYPE = np.dtype("<i2")
WFDB_ENDINGS = (".hea", ".dat", ".mat")
MAX_NAMED = 3
# A block is prepared by one process and has one checksum: so many recordings, or fewer if their
# files are larger.
BLOCK_RECORDS, BLOCK_BYTES = 64, 8_000_000
# Fewer are prepared sooner than processes are started.
MANY_RECORDS = 4_000


@dataclass(frozen=True, eq=False)
class SignalCache:
    """Prepared signals of many records; :func:`open_or_build` makes one.

    Parameters
    ----------
    folder
        Where its three files are.
    paths
        (n_files,) where the recordings lie now, in the order of the table.
    record_ids
        (n_files,) a name of each: its row's id or, where rows are parts, that of the file.
    offsets
        (n_files,) position of each recording's first value in ``signals``.
    n_times
        (n_files,) time points of each recording.
    lead_mask
        (n_files, n_leads), False where a lead is missing.
    signals
        (n_values,) int16 microvolts, mapped read-only from disk.
    """

    folder: Path
    paths: NDArray[np.str_]
    record_ids: NDArray[np.str_]
    offsets: NDArray[np.int64]
    n_times: NDArray[np.int64]
    lead_mask: NDArray[np.bool_]
    signals: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.record_ids)

    def prepared(self, row: int) -> PreparedEcg:
        """Return one recording as it was prepared: a view of the file, without its warnings."""
        n_leads, n_times, start = self.lead_mask.shape[1], int(self.n_times[row]), int(self.offsets[row])
        return PreparedEcg(self.signals[start : start + n_leads * n_times].reshape(n_leads, n_times), self.lead_mask[row])

    def rows_of(self, table: RecordTable) -> NDArray[np.int64]:
        """Return which recording each row of a table is, or is a part of.

        Raises
        ------
        DataError
            If a file is not in the cache.
        """
        row_of = {path: row for row, path in enumerate(self.paths.tolist())}
        rows = [row_of.get(path, -1) for path in table.paths.tolist()]
        if -1 in rows:
            raise DataError(
                f"{self.folder}: {rows.count(-1)} of {len(rows)} records are not in the cache, the first is "
                f"{table.record_ids[rows.index(-1)]}: build it"
            )
        return np.array(rows, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Files:
    """The recordings of a table, each once, in the order of their first rows."""

    source: str
    names: NDArray[np.str_]
    paths: NDArray[np.str_]

    @classmethod
    def of(cls, table: RecordTable) -> _Files:
        _, first = np.unique(table.paths, return_index=True)
        first.sort()
        paths = table.paths[first]
        # A part's id says which part: it must not name the recording.
        stems = np.array([os.path.splitext(os.path.basename(path))[0] for path in paths.tolist()], dtype=np.str_)
        return cls(table.source, np.where(table.are_parts[first], stems, table.record_ids[first]), paths)

    def __len__(self) -> int:
        return len(self.paths)


def open_or_build(table: RecordTable, preprocessor: Preprocessor, folder: Path, *, progress: bool, check: bool = True) -> SignalCache:
    """Open the cache of these records in this preparation, and build it where there is none.

    Parameters
    ----------
    folder
        Where caches live, one sub-folder each; it is made if needed.
    progress
        Whether to draw a progress bar.
    check
        Whether to read all signals for their checksum; without it they are only mapped, for a
        process beside one that has just checked them.

    Raises
    ------
    DataError
        If a record cannot be read (the message names the first few and why), or the cache cannot be
        written.
    """
    if len(table) == 0:
        raise DataError(f"{table.source}: no records to prepare: check the splits and what was left out ({dict(table.left_out)})")
    files = _Files.of(table)
    key, sizes = _key(files, preprocessor)
    home = standing(Path(folder) / key[:16])
    cache = _open(home, key, files, check=check)
    if cache is not None:
        return cache
    try:
        with claimed(home):
            sweep(home.parent)
            cache = _open(home, key, files)
            if cache is None:
                if home.exists():
                    tqdm.write(f"{home}: damaged, or of an earlier version: it is built again")
                _build(files, sizes, preprocessor, home, key, progress=progress)
    except OSError as error:
        n_bytes = len(files) * len(preprocessor.leads) * round(10 * preprocessor.fs) * SIGNAL_TYPE.itemsize
        raise DataError(
            f"{folder}: the cache cannot be written ({error.strerror or error}); about {max(1, round(n_bytes / 1e6))} MB (10 s a record) "
            "are needed: free some space or set data.cache_dir to another disk"
        ) from None
    cache = cache or _open(home, key, files)
    if cache is None:
        raise DataError(f"{home}: the cache changed while it was opened: run again")
    return cache


def _key(files: _Files, preprocessor: Preprocessor) -> tuple[str, NDArray[np.int64]]:
    """Hash what signals depend on, neither the later windows nor where the data set lies.

    Returns
    -------
    tuple
        The hash, and (n_files,) bytes of each recording's files.
    """
    prepared_by = [preprocessor.fs, preprocessor.leads, preprocessor.low_hz, preprocessor.high_hz]
    digest = hashlib.sha256(json.dumps([CACHE_FORMAT, prepared_by]).encode())
    sizes = np.zeros(len(files), dtype=np.int64)
    listing = FolderListing()
    for row, (record_id, path) in enumerate(zip(files.names.tolist(), files.paths.tolist(), strict=True)):
        stem, ending = os.path.splitext(path)
        own = [stem + other for other in WFDB_ENDINGS] if ending in WFDB_ENDINGS else [path]
        # An entry would keep its own state: of millions of files, more than all labels.
        there = [(entry.name, os.stat(file)) for file in own if (entry := listing.file(file)) is not None]
        states = [(name, state.st_size, state.st_mtime_ns) for name, state in there]
        digest.update(json.dumps([record_id, os.path.basename(path), states]).encode())
        sizes[row] = sum(size for _, size, _ in states)
    return digest.hexdigest(), sizes


def _open(home: Path, key: str, files: _Files, *, check: bool = True) -> SignalCache | None:
    """Map a finished cache; None where there is none or it is not what was built."""
    try:
        description = json.loads((home / DESCRIPTION).read_text(encoding="utf-8"))
        if description["key"] != key or (home / SIGNALS).stat().st_size != description["n_bytes"]:
            return None
        index_bytes = (home / INDEX).read_bytes()
        if description["crc32"] != {INDEX: zlib.crc32(index_bytes)}:
            return None
        with np.load(io.BytesIO(index_bytes), allow_pickle=False) as index:
            columns = {name: index[name] for name in ("record_ids", "offsets", "n_times", "lead_mask")}
            blocks = index["block_values"], index["block_crc32"]
        if check and not _is_intact(home / SIGNALS, *blocks):
            return None
        signals = np.asarray(np.memmap(home / SIGNALS, dtype=SIGNAL_TYPE, mode="r"))
    except (OSError, ValueError, KeyError, TypeError, EOFError, RecursionError, zipfile.BadZipFile):
        return None
    return SignalCache(home, files.paths, **columns, signals=signals)


def _is_intact(path: Path, n_values: NDArray[np.int64], crc32: NDArray[np.uint32]) -> bool:
    """Compare the checksums of all blocks, read rather than mapped: mapped pages would stay."""
    n_bytes = n_values * SIGNAL_TYPE.itemsize
    starts = np.cumsum(n_bytes) - n_bytes

    def check(blocks: NDArray[np.intp]) -> bool:
        buffer = memoryview(bytearray(int(n_bytes[blocks].max())))
        with path.open("rb", buffering=0) as file:
            for start, size, wanted in zip(starts[blocks].tolist(), n_bytes[blocks].tolist(), crc32[blocks].tolist(), strict=True):
                file.seek(start)
                if file.readinto(buffer[:size]) != size or zlib.crc32(buffer[:size]) != wanted:
                    return False
        return True

    cores = min(usable_cores(), len(n_values))
    with ThreadPoolExecutor(cores) as pool:
        return all(pool.map(check, np.array_split(np.arange(len(n_values)), cores)))


def _build(files: _Files, sizes: NDArray[np.int64], preprocessor: Preprocessor, home: Path, key: str, *, progress: bool) -> None:
    with fresh_directory(home) as building:
        written = _write_signals(files, sizes, preprocessor, building / SIGNALS, progress)
        n_values = written.n_times * len(preprocessor.leads)
        np.savez(
            building / INDEX,
            record_ids=files.names,
            offsets=np.cumsum(n_values) - n_values,
            n_times=written.n_times,
            lead_mask=written.lead_mask,
            block_values=written.block_values,
            block_crc32=written.block_crc32,
        )
        description = {
            "format": CACHE_FORMAT,
            "key": key,
            "source": files.source,
            "n_records": len(files),
            "n_bytes": int(n_values.sum()) * SIGNAL_TYPE.itemsize,
            "fs": preprocessor.fs,
            "leads": list(preprocessor.leads),
            "low_hz": preprocessor.low_hz,
            "high_hz": preprocessor.high_hz,
            "warnings": dict(written.noticed.most_common(100)),
            "crc32": {INDEX: zlib.crc32((building / INDEX).read_bytes())},
        }
        (building / DESCRIPTION).write_text(json.dumps(description, indent=2, ensure_ascii=False), encoding="utf-8")


class _Block(NamedTuple):
    """Recordings that one process prepares at a time."""

    names: list[str]
    paths: list[str]
    preprocessor: Preprocessor


class _Prepared(NamedTuple):
    """What became of a block: its signals, and what stands in the index."""

    signals: bytes
    n_times: NDArray[np.int64]
    lead_mask: NDArray[np.bool_]
    noticed: Counter[str]
    failures: list[str]


class _Written(NamedTuple):
    """What is known of all recordings when their signals are written."""

    n_times: NDArray[np.int64]
    lead_mask: NDArray[np.bool_]
    block_values: NDArray[np.int64]
    block_crc32: NDArray[np.uint32]
    noticed: Counter[str]


def _blocks(files: _Files, sizes: NDArray[np.int64], preprocessor: Preprocessor) -> Iterator[_Block]:
    """Yield the recordings in order, a long one alone."""
    start, held = 0, 0
    for row, size in enumerate(sizes.tolist()):
        if row > start and (row - start == BLOCK_RECORDS or held + size > BLOCK_BYTES):
            yield _Block(files.names[start:row].tolist(), files.paths[start:row].tolist(), preprocessor)
            start, held = row, 0
        held += size
    yield _Block(files.names[start:].tolist(), files.paths[start:].tolist(), preprocessor)


def _prepare(block: _Block) -> _Prepared:
    """Read and prepare the recordings of a block; one that cannot be read leaves no values."""
    signals: list[bytes] = []
    n_times = np.zeros(len(block.names), dtype=np.int64)
    lead_mask = np.zeros((len(block.names), len(block.preprocessor.leads)), dtype=bool)
    noticed, failures = Counter[str](), []
    for row, (record_id, path) in enumerate(zip(block.names, block.paths, strict=True)):
        try:
            with one_record(path):
                record = read_record(path)
                prepared = block.preprocessor.prepare(record)
        except HeartReaderError as error:
            failures.append(f"{record_id} ({error.message})")
            continue
        signals.append(prepared.microvolts.astype(SIGNAL_TYPE, copy=False).tobytes())
        n_times[row], lead_mask[row] = prepared.microvolts.shape[1], prepared.lead_mask
        noticed.update(map(str, (*record.warnings, *prepared.warnings)))
    return _Prepared(b"".join(signals), n_times, lead_mask, noticed, failures)


def _write_signals(files: _Files, sizes: NDArray[np.int64], preprocessor: Preprocessor, path: Path, progress: bool) -> _Written:
    """Write all records, block after block."""
    n_times, lead_mask, block_values, crc32 = [], [], [], []
    noticed, failures, n_failed = Counter[str](), list[str](), 0
    jobs = n_jobs(None, len(files) // BLOCK_RECORDS) if len(files) >= MANY_RECORDS else 1
    blocks = in_order(_prepare, _blocks(files, sizes, preprocessor), jobs)
    bar = tqdm(desc="preparing records", total=len(files), disable=None if progress else True, unit="record")
    with bar, path.open("wb") as file:
        for block in blocks:
            file.write(block.signals)
            block_values.append(len(block.signals) // SIGNAL_TYPE.itemsize)
            crc32.append(zlib.crc32(block.signals))
            n_times.append(block.n_times)
            lead_mask.append(block.lead_mask)
            noticed.update(block.noticed)
            n_failed += len(block.failures)
            failures += block.failures[: MAX_NAMED - len(failures)]
            bar.update(len(block.n_times))
    if failures:
        more = f" and {n_failed - MAX_NAMED} more" if n_failed > MAX_NAMED else ""
        raise DataError(
            f"{files.source}: {n_failed} of {len(files)} records cannot be read: {'; '.join(failures)}{more}: "
            "repair these files or take their rows out of the table"
        )
    return _Written(np.concatenate(n_times), np.concatenate(lead_mask), np.array(block_values), np.array(crc32, dtype=np.uint32), noticed)
