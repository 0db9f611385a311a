"""Read very many ECGs into a folder of Parquet, with one row for each.

A SOURCE is a folder, a file, a table of paths (CSV, TSV or Parquet with a column "path"), a tar
shard as WebDataset has them, a pattern such as 'archive/**/*.dcm', or an address that fsspec knows,
such as s3://bucket/shards/*.tar. What was interrupted, in whatever way, goes on when the command is
started again; a record that cannot be read becomes a row that says why. DIR/records holds the
result. Rows name no patient, but the files by the names that they have.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from heart_reader.commands.options import add_checkpoint, add_facts

if TYPE_CHECKING:
    from heart_reader.bulk.run import Tell

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="where the records are")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the result")
    add_checkpoint(parser)
    parser.add_argument("--trusted-keys", type=Path, metavar="FILE", help="who must have signed it (default: HEART_READER_TRUSTED_KEYS)")
    parser.add_argument("--no-measure", action="store_true", help="probabilities alone: no measurements, no check of the signal")
    parser.add_argument("--workers", type=_count, metavar="N", help="processes that read (default: one per core)")
    parser.add_argument("--partition-size", type=_count, default=1000, metavar="N", help="records of each file (default: %(default)s)")
    parser.add_argument("--path-column", default="path", metavar="NAME", help="column of a table that names files (default: %(default)s)")
    parser.add_argument("--key-column", metavar="NAME", help="column of a table that names records (default: their paths do)")
    parser.add_argument("--engine", choices=("processes", "ray"), default="processes", help="what runs the readers (default: %(default)s)")
    parser.add_argument("--ray-address", metavar="HOST:PORT", help="a cluster of Ray, or auto (default: Ray on this machine alone)")
    add_facts(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read, draw the progress, and tell what came of it."""
    from heart_reader.data.record import UNIT_TO_MV
    from heart_reader.errors import ConfigError
    from heart_reader.weights import find_reader

    if arguments.unit is not None and arguments.unit.strip().lower() not in UNIT_TO_MV:
        raise ConfigError(f"--unit {arguments.unit}: mV, uV, nV or V is needed")
    if arguments.ray_address is not None and arguments.engine != "ray":
        raise ConfigError("--ray-address is of --engine ray")
    directory = find_reader(arguments.checkpoint)
    from heart_reader.bulk import Settings, bulk_read
    from heart_reader.signing import named_keys

    settings = Settings(
        checkpoint=directory,
        measure=not arguments.no_measure,
        partition_size=arguments.partition_size,
        fs=arguments.fs,
        unit=arguments.unit,
        leads=arguments.leads,
        path_column=arguments.path_column,
        key_column=arguments.key_column,
        n_workers=arguments.workers,
        engine=arguments.engine,
        ray_address=arguments.ray_address,
        trusted=named_keys(arguments.trusted_keys),
    )
    outcome = bulk_read(arguments.sources, arguments.out, settings, tell=_bar)
    for line in outcome.to_lines():
        print(line)
    print(f"the result: {arguments.out / 'records'}", file=sys.stderr)
    return 0


def _bar(n_records: int, n_before: int) -> Tell:
    """Return what moves a bar on a terminal."""
    from tqdm import tqdm

    bar = tqdm(total=n_records, initial=n_before, unit="record", disable=None, smoothing=0.05)
    errors: Counter[str] = Counter()

    def tell(n_read: int, failed: Counter[str]) -> None:
        errors.update(failed)
        bar.set_postfix(not_read=errors.total(), refresh=False)
        bar.update(n_read)
        if bar.n >= n_records:
            bar.close()

    return tell


def _count(text: str) -> int:
    """Read an argument that is a number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; a whole number, 1 or more, is needed")
    return int(text)
