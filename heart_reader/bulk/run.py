"""A bulk run from its sources to a folder of Parquet, and from wherever an earlier one ended."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from heart_reader.bulk.engine import Engine
from heart_reader.bulk.items import Item
from heart_reader.bulk.outcome import Outcome
from heart_reader.bulk.partitions import ReadPartition, read_partitions
from heart_reader.bulk.piece import Job, dead_row
from heart_reader.bulk.plan import Plan, make_plan
from heart_reader.bulk.processes import Processes, scratch_folder
from heart_reader.bulk.sources import list_items
from heart_reader.bulk.stores import has_wildcard, local_path
from heart_reader.bulk.tables import TableColumns
from heart_reader.bulk.versions import versions_of
from heart_reader.checkpoint import load_checkpoint
from heart_reader.errors import ConfigError, HeartReaderError
from heart_reader.folders import run_folder, sweep, write_text, write_whole
from heart_reader.machine import usable_cores
from heart_reader.signing import TrustedKeys, check_signature

__all__ = ["ENGINES", "PARTITION_SIZE", "RECORDS", "Settings", "bulk_read"]

ENGINES = ("processes", "ray")
RECORDS = "records"
PARTITION_SIZE = 1000
_SUMMARY = "summary.json"
# A partition of which no file is there is not taken for one of missing files from so many on.
_MOST_MISSING = 20
_MISSING = "no_such_file"


@dataclass(frozen=True)
class Settings:
    """How many records are read.

    Parameters
    ----------
    checkpoint
        Directory of the reader.
    measure
        See :meth:`heart_reader.classifier.EcgClassifier.predict`.
    partition_size
        Records of each file of the result.
    fs, unit, leads
        See :func:`heart_reader.data.formats.read_record`.
    path_column, key_column
        See :class:`~heart_reader.bulk.tables.TableColumns`.
    n_workers
        Processes that read; None takes one per core.
    engine
        One of ``ENGINES``.
    ray_address
        Of a cluster; None starts Ray on this machine.
    trusted
        Who must have signed the checkpoint; None means that nobody has to.
    """

    checkpoint: Path
    measure: bool = True
    partition_size: int = PARTITION_SIZE
    fs: float | None = None
    unit: str | None = None
    leads: tuple[str, ...] | None = None
    path_column: str = "path"
    key_column: str | None = None
    n_workers: int | None = None
    engine: str = "processes"
    ray_address: str | None = None
    trusted: TrustedKeys | None = None


# Is called with how many records are done, and with the errors among them by code.
Tell = Callable[[int, Counter[str]], object]


def bulk_read(sources: Sequence[str], out: Path, settings: Settings, *, tell: Callable[[int, int], Tell] | None = None) -> Outcome:
    """Read the records of sources into ``out/records/*.parquet``, or what is missing of them there.

    Each record has one row, whatever became of it. A partition is written whole or not at all.

    Parameters
    ----------
    sources
        Folders, files, shards, tables of paths, patterns; see
        :func:`heart_reader.bulk.sources.list_items`.
    out
        The folder of the result.
    tell
        Called once with how many records there are and how many were read before; returns what is
        called as records are read.

    Raises
    ------
    ConfigError
        If a source is not there, or ``out`` holds what was begun with other records, settings,
        weights or code, or another process works there.
    HeartReaderError
        If the result cannot be written, a source is out of reach, or no process can read. The same
        call goes on from there.
    """
    started = time.monotonic()
    checkpoint = load_checkpoint(settings.checkpoint)
    if settings.trusted is not None:
        check_signature(checkpoint, settings.trusted)
    versions = versions_of(checkpoint)
    job = Job(settings.checkpoint.resolve(), tuple(versions.items()), settings.measure, settings.fs, settings.unit, settings.leads)
    columns = job.columns(checkpoint)
    with run_folder(out):
        listed = list_items(sources, TableColumns(settings.path_column, settings.key_column), without=out)
        plan = make_plan(out, listed, settings.partition_size, _kept(settings), versions)
        folder = out / RECORDS
        folder.mkdir(exist_ok=True)
        sweep(folder)
        result = Outcome(plan.facts.n_records, 0)
        unread = list(_unread(plan, folder, columns.schema, result))
        result.n_before = result.n_records - sum(map(plan.rows_of, unread))
        if unread:
            _refuse_all_missing(plan.items(unread[0]))
            say = None if tell is None else tell(result.n_records, result.n_before)
            engine = _engine(job, settings, out)
            partitions = ((number, plan.items(number)) for number in unread)
            try:
                for read in read_partitions(engine, partitions, partial(dead_row, columns), _counter(result, say)):
                    _refuse_vanished(read.table, sources)
                    _write(read, folder)
                    result.add(read)
            except HeartReaderError as error:
                raise type(error)(f"{error.message} (what was read is in {out}; the same command goes on from there)") from error
            finally:
                engine.close()
        result.measure_process(started)
        _write_summary(out, result, versions)
    return result


def _kept(settings: Settings) -> dict[str, object]:
    """Return the settings that the rows depend on."""
    return {
        "--no-measure": not settings.measure,
        "--fs": settings.fs,
        "--unit": settings.unit,
        "--leads": None if settings.leads is None else list(settings.leads),
        "--path-column": settings.path_column,
        "--key-column": settings.key_column,
    }


def _counter(result: Outcome, say: Tell | None) -> Callable[[pa.Table], None]:
    """Return what counts the errors of a piece, and tells of them."""

    def count(table: pa.Table) -> None:
        errors = errors_of(table)
        result.errors += errors
        if say is not None:
            say(table.num_rows, errors)

    return count


def _engine(job: Job, settings: Settings, out: Path) -> Engine:
    if settings.engine == "ray":
        from heart_reader.bulk.on_ray import RayTasks

        n_workers = settings.n_workers or (usable_cores() if settings.ray_address is None else None)
        return RayTasks(job, n_workers, settings.ray_address)
    return Processes(job, settings.n_workers or usable_cores(), scratch_folder(out))


def partition_name(partition: int) -> str:
    """Return the name of a partition's file.

    Examples
    --------
    >>> partition_name(12)
    'part-000012.parquet'
    """
    return f"part-{partition:06}.parquet"


def _write(read: ReadPartition, folder: Path) -> None:
    """Write a partition whole or not at all, and onto the disk."""
    schema = read.table.schema
    # Hardly two probabilities are equal, so that a dictionary of them only takes room.
    distinct = [field.name for field in schema if (field.metadata or {}).get(b"kind") in (b"probability", b"measurement")]
    form = {"compression": "zstd", "use_dictionary": sorted({*schema.names} - {*distinct}), "use_byte_stream_split": distinct}
    write_whole(folder / partition_name(read.number), lambda new: pq.write_table(read.table, new, **form), durable=True)


def _unread(plan: Plan, folder: Path, schema: pa.Schema, result: Outcome) -> Iterator[int]:
    """Yield the partitions that are not there; count the errors in those that are.

    Raises
    ------
    ConfigError
        If a file is none of this run's.
    """
    for number in range(plan.facts.n_partitions):
        path = folder / partition_name(number)
        if not path.exists():
            yield number
            continue
        try:
            with pq.ParquetFile(path) as file:
                if file.metadata.num_rows != plan.rows_of(number) or file.schema_arrow.metadata != schema.metadata:
                    raise ConfigError(f"{path}: not of this run: remove it")
                result.errors += errors_of(file.read(columns=["error_code"]))
        except (pa.ArrowException, OSError) as error:
            raise ConfigError(f"{path}: damaged ({' '.join(str(error).split())[:120]}): remove it, and it is read again") from None


def errors_of(table: pa.Table) -> Counter[str]:
    """Return code to how many records of a table were not read for it."""
    counts = pc.value_counts(pc.drop_null(table["error_code"])).to_pylist()
    return Counter({row["values"]: row["counts"] for row in counts})


def _refuse_all_missing(items: Sequence[Item]) -> None:
    """Refuse to begin where none of the first files is there, as where a disk is not mounted."""
    first = items[:_MOST_MISSING]
    paths = [path for item in first if (path := local_path(item.place)) is not None]
    if len(paths) == _MOST_MISSING and not any(map(os.path.exists, paths)):
        raise ConfigError(f"{paths[0]}: no such file, nor are the {len(paths) - 1} after it: is the disk there, are the paths right?")


def _refuse_vanished(table: pa.Table, sources: Sequence[str]) -> None:
    """Refuse to write that files are missing where all of a source is gone.

    Raises
    ------
    HeartReaderError
        If a source is not there any more, or not one of a partition's files is.
    """
    n_missing = errors_of(table)[_MISSING]
    if not n_missing:
        return
    local = [path for source in sources if (path := local_path(source)) is not None and not has_wildcard(path)]
    gone = next((path for path in local if not os.path.exists(path) and not os.path.exists(f"{path}.hea")), None)
    if gone is not None:
        raise HeartReaderError(f"{gone}: is gone: bring it back")
    if n_missing == table.num_rows >= _MOST_MISSING:
        raise HeartReaderError(f"{table['path'][0]}: no such file, nor any of the {n_missing} of its partition: is the disk still there?")


def _write_summary(out: Path, result: Outcome, versions: dict[str, str]) -> None:
    values = {
        "versions": versions,
        "records": result.n_records,
        "read_before": result.n_before,
        "errors": dict(result.errors.most_common()),
        "processes_that_ended": result.n_deaths,
        "wall_s": round(result.wall_s, 2),
        "processor_s": round(result.processor_s, 2),
        "reading_s": round(result.reading_s, 2),
        "peak_mb": {"largest_process_that_reads": round(result.peak_mb[0], 1), "this_process": round(result.peak_mb[1], 1)},
    }
    write_text(out / _SUMMARY, json.dumps(values, indent=1) + "\n")
