"""Options of the commands that speak DICOMweb."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heart_reader.commands.options import positive_number

if TYPE_CHECKING:
    from heart_reader.archive.access import Access
    from heart_reader.archive.dicomweb import Wanted

__all__ = ["access_of", "add_access", "add_archive", "add_search", "day", "show_progress", "wanted_of"]


def add_archive(parser: argparse.ArgumentParser) -> None:
    """Add the archive to search, how to be let in, and what to search for."""
    parser.add_argument("url", metavar="URL", help="root of the archive's DICOMweb services")
    add_access(parser)
    add_search(parser)


def add_access(parser: argparse.ArgumentParser) -> None:
    """Add how to reach a DICOMweb archive."""
    parser.add_argument(
        "--headers",
        type=Path,
        metavar="FILE",
        help="headers that let one in, a line each, such as Authorization: Bearer ... (default: from HEART_READER_ARCHIVE_TOKEN, "
        "or HEART_READER_ARCHIVE_USER and HEART_READER_ARCHIVE_PASSWORD)",
    )
    parser.add_argument("--ca", type=Path, metavar="FILE", help="certificates to trust (default: those of this machine)")
    parser.add_argument("--insecure", action="store_true", help="allow secrets to go to another machine without TLS")
    parser.add_argument("--timeout", type=positive_number, default=20.0, metavar="S", help="patience in seconds (default: %(default)s)")
    parser.add_argument("--retries", type=count, default=4, help="repetitions of a request that failed (default: %(default)s)")
    parser.add_argument("--max-mb", type=positive_number, default=512.0, metavar="MB", help="largest answer (default: %(default)s)")


def add_search(parser: argparse.ArgumentParser) -> None:
    """Add what to search for."""
    parser.add_argument("--from", dest="first", type=day, metavar="DATE", help="studies of this day (YYYY-MM-DD) or later")
    parser.add_argument("--to", dest="last", type=day, metavar="DATE", help="studies of this day or earlier")
    parser.add_argument("--patient", metavar="ID", help="studies of one patient, by the number that the archive has")
    parser.add_argument("--study", action="append", default=[], metavar="UID", help="one study, by its identifier; repeatable")
    parser.add_argument("--modality", action="append", metavar="CODE", help="of series to look into; repeatable (default: ECG)")
    parser.add_argument("--limit", type=count, metavar="N", help="not more than so many ECGs")


def access_of(arguments: argparse.Namespace, url: str, **secrets: Any) -> Access:
    """Return how to reach an archive that the options name.

    Parameters
    ----------
    secrets
        ``headers_file`` and ``environment`` of another archive than that of ``--headers``.
    """
    from heart_reader.archive.access import MEGABYTE, Access

    return Access.of(
        url,
        **(secrets or {"headers_file": arguments.headers}),
        ca=arguments.ca,
        insecure=arguments.insecure,
        timeout_s=arguments.timeout,
        retries=arguments.retries,
        max_bytes=int(arguments.max_mb * MEGABYTE),
    )


def wanted_of(arguments: argparse.Namespace) -> Wanted:
    """Return what the options search for."""
    from heart_reader.archive.dicomweb import Wanted

    modalities = tuple(arguments.modality or ("ECG",))
    return Wanted(arguments.first, arguments.last, arguments.patient, tuple(arguments.study), modalities, arguments.limit)


def show_progress(text: str, *, done: bool = False) -> None:
    """Say on one line of the terminal, wiped in the end, how far it has come."""
    if sys.stderr.isatty():
        print("\r\033[K" if done else f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def day(text: str) -> date:
    """Read a date.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}; a day such as 2024-01-31 is needed") from None


def count(text: str) -> int:
    """Read a whole number of 0 or more.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none.
    """
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r}; a whole number of 0 or more is needed")
    return int(text)
