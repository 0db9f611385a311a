"""Download a public ECG data set; the same command resumes or verifies."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from heart_reader.commands.options import data_folder

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("dataset", help="its name; heart-reader data list names them")
    parser.add_argument("--to", type=Path, metavar="DIR", help="default: data/DATASET (HEART_READER_DATA replaces data)")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB", help="such as 'records100/*' '*.csv'; repeatable")
    parser.add_argument("--base-url", metavar="URL", help="a mirror: the folder that holds SHA256SUMS.txt")


def run(arguments: argparse.Namespace) -> int:
    """Fetch what is not there and check everything."""
    from heart_reader.data.download import DATASETS, Dataset, download
    from heart_reader.errors import ConfigError

    if arguments.dataset not in DATASETS:
        raise ConfigError(f"no data set {arguments.dataset!r}; there are {', '.join(DATASETS)}")
    dataset = DATASETS[arguments.dataset]
    if arguments.base_url:
        dataset = Dataset(f"{arguments.base_url.rstrip('/')}/", dataset.prefix)
    folder = arguments.to or data_folder(arguments.dataset)
    try:
        n_fetched, n_there = download(dataset, folder, only=arguments.only)
    except KeyboardInterrupt:
        print("stopped: run the same command again, it resumes", file=sys.stderr)
        return 1
    print(f"{folder}: {n_fetched} files fetched, {n_there} were there; all have their published SHA-256")
    return 0
