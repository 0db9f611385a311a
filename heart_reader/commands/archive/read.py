"""Read the ECGs of a DICOMweb archive, and store structured reports of them there if asked.

With --out, readings go into a folder, and what is in it is not read again. Who was recorded is left
out of rows unless --identity asks for it; structured reports name the patient, as archives need.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from heart_reader.commands.archive.options import access_of, add_archive, show_progress, wanted_of
from heart_reader.commands.errors import show_cause
from heart_reader.commands.options import add_checkpoint

if TYPE_CHECKING:
    from heart_reader.archive.access import Access
    from heart_reader.archive.read import ArchiveReading

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    add_checkpoint(parser)
    parser.add_argument("--trusted-keys", type=Path, metavar="FILE", help="who must have signed it (default: HEART_READER_TRUSTED_KEYS)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write readings.jsonl into this folder instead, a row for each ECG")
    parser.add_argument("--pdf", action="store_true", help="also write a page of PDF of each into --out")
    parser.add_argument("--sr", action="store_true", help="also write a DICOM structured report of each into --out")
    parser.add_argument("--stow", nargs="?", const="", metavar="URL", help="store structured reports in this archive (default: the same)")
    parser.add_argument("--stow-headers", type=Path, metavar="FILE", help="headers that let one into another archive of --stow")
    parser.add_argument("--identity", action="store_true", help="rows say who was recorded")


def run(arguments: argparse.Namespace) -> int:
    """Search, read, and say what came of it."""
    from heart_reader.errors import ConfigError

    if (arguments.pdf or arguments.sr) and arguments.out is None:
        raise ConfigError("--pdf and --sr write files: name a folder with --out")
    if arguments.stow_headers is not None and not arguments.stow:
        raise ConfigError("--stow-headers belongs to another archive: name it with --stow URL")
    access = access_of(arguments, arguments.url)
    store_access = _store_access(arguments, access)
    from heart_reader.archive.dicomweb import Archive
    from heart_reader.archive.read import ReadingFolder, read_all_of
    from heart_reader.classifier import EcgClassifier
    from heart_reader.folders import run_folder
    from heart_reader.signing import named_keys
    from heart_reader.weights import find_reader

    wanted = wanted_of(arguments)
    classifier = EcgClassifier.load(find_reader(arguments.checkpoint), trusted=named_keys(arguments.trusted_keys))
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        folder = None
        if arguments.out is not None:
            stack.enter_context(run_folder(arguments.out))
            folder = ReadingFolder(arguments.out, pdf=arguments.pdf, sr=arguments.sr)
        archive = stack.enter_context(Archive(access))
        store_in = None if store_access is None else stack.enter_context(Archive(store_access))
        stack.callback(show_progress, "", done=True)
        for outcome in read_all_of(archive, wanted, classifier, out=folder, store_in=store_in, identity=arguments.identity):
            _count(counts, outcome)
            show_progress(f"{counts['ECGs']} ECGs, {counts['before']} read before, {counts['refused'] + counts['failed']} not read")
            _say(outcome, arguments)
            show_cause(outcome.error, debug=arguments.debug)
    _sum_up(counts, arguments)
    return 1 if counts["errors"] else 0


def _store_access(arguments: argparse.Namespace, access: Access) -> Access | None:
    """Return how to reach the archive that gets the reports; another one never gets our secret."""
    if not arguments.stow:
        return None if arguments.stow is None else access
    return access_of(arguments, arguments.stow, headers_file=arguments.stow_headers, environment={})


def _count(counts: Counter[str], outcome: ArchiveReading) -> None:
    counts["ECGs"] += 1
    counts[outcome.status] += 1
    counts["stored"] += outcome.stored is not None
    counts["errors"] += outcome.error is not None


def _say(outcome: ArchiveReading, arguments: argparse.Namespace) -> None:
    """Print a reading where no folder takes it, and errors in any case."""
    if outcome.reading is not None and arguments.out is None:
        if arguments.json:
            print(json.dumps(outcome.to_json(identity=arguments.identity), ensure_ascii=False, allow_nan=False), flush=True)
        else:
            print(outcome.reading.text(as_json=False)[0], flush=True)
    if outcome.error is not None and (arguments.out is not None or outcome.status == "read"):
        show_progress("", done=True)
        print(f"{outcome.ecg.instance}: {outcome.error.message}", file=sys.stderr)


def _sum_up(counts: Counter[str], arguments: argparse.Namespace) -> None:
    parts = [f"{counts['read']} ECGs read"]
    parts += [f"{counts[name]} {words}" for name, words in {"before": "read before", "refused": "refused", "failed": "failed"}.items()]
    if arguments.stow is not None:
        parts.append(f"{counts['stored']} reports stored")
    print(", ".join(parts) + (f": {arguments.out}" if arguments.out else ""), file=sys.stderr)
