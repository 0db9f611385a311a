"""List the ECGs that a DICOMweb archive has.

Who was recorded is left out unless --identity asks for it.
"""

from __future__ import annotations

import argparse
import json

from heart_reader.commands.archive.options import access_of, add_archive, wanted_of

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.add_argument("--identity", action="store_true", help="say whose they are")


def run(arguments: argparse.Namespace) -> None:
    """Search, and print what is found."""
    access = access_of(arguments, arguments.url)
    from heart_reader.archive.dicomweb import Archive

    wanted = wanted_of(arguments)
    with Archive(access) as archive:
        for ecg in archive.find(wanted):
            facts = ecg.to_json(identity=arguments.identity)
            text = json.dumps(facts, ensure_ascii=False) if arguments.json else "  ".join(value or "-" for value in facts.values())
            print(text, flush=True)
