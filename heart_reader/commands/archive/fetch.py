"""Fetch the ECGs of a DICOMweb archive as files of DICOM.

The files are as the archive has them, with the patient's name. What is in the folder already is not
fetched again.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from heart_reader.commands.archive.options import access_of, add_archive, show_progress, wanted_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the files, each named after its identifier")


def run(arguments: argparse.Namespace) -> int:
    """Search, and write what is not there yet."""
    access = access_of(arguments, arguments.url)
    from heart_reader.archive.dicomweb import Archive
    from heart_reader.archive.read import fetch_all
    from heart_reader.folders import run_folder

    wanted = wanted_of(arguments)
    counts: Counter[str] = Counter()
    with run_folder(arguments.out), Archive(access) as archive:
        for ecg, came, error in fetch_all(archive, wanted, arguments.out):
            counts[came] += 1
            show_progress(f"{counts.total()} ECGs")
            if error is not None:
                show_progress("", done=True)
                print(f"{ecg.instance}: {error.message}", file=sys.stderr)
        show_progress("", done=True)
    print(f"{counts['fetched']} ECGs fetched, {counts['before']} were there, {counts['failed']} failed: {arguments.out}")
    return 1 if counts["failed"] else 0
