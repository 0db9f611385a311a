"""List, fetch, verify or publish readers.

``HEART_READER_WEIGHTS`` names the folder or the address that readers are fetched from.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|fetch|verify|push")
    listing = actions.add_parser("list", help="say which readers there are, and which are on this machine")
    fetching = actions.add_parser("fetch", help="fetch readers into the cache")
    for one in (listing, fetching):
        one.add_argument("--from", dest="source", metavar="FOLDER_OR_URL", help="where weights are (default: HEART_READER_WEIGHTS)")
    fetching.add_argument("names", nargs="+", metavar="NAME")
    verifying = actions.add_parser("verify", help="compare readers on this machine with their hashes")
    verifying.add_argument("names", nargs="*", metavar="NAME_OR_DIR", help="default: all that are on this machine")
    pushing = actions.add_parser("push", help="write repositories that the Hugging Face hub takes, and an index to fetch from")
    pushing.add_argument("names", nargs="+", metavar="NAME_OR_DIR")
    pushing.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    pushing.add_argument("--licence", metavar="SPDX", help="licence of your own weights, such as CC-BY-4.0")


def run(arguments: argparse.Namespace) -> int | None:
    """Do what was asked and print the outcome."""
    actions = {"list": _list, "fetch": _fetch, "verify": _verify, "push": _push}
    return actions[arguments.action](arguments)


def _list(arguments: argparse.Namespace) -> None:
    import os

    from heart_reader.weights.fetch import SOURCE, available_readers
    from heart_reader.weights.find import local_reader

    for name, reader in available_readers(arguments.source or os.environ.get(SOURCE, "")).items():
        place = local_reader(reader)
        figure = f"{reader.figures['test_macro_auroc']:.3f}" if "test_macro_auroc" in reader.figures else "    –"
        print(f"{name:20} {reader.n_bytes / 1e3:6,.0f} kB  test macro-AUROC {figure}  {place or 'not on this machine'}")
        print(f"{'':20} {reader.title}. {reader.licence}")


def _fetch(arguments: argparse.Namespace) -> None:
    from heart_reader.weights.fetch import fetch

    for name in arguments.names:
        print(f"{name}: {fetch(name, arguments.source)}")


def _verify(arguments: argparse.Namespace) -> None:
    from heart_reader.checkpoint import load_checkpoint
    from heart_reader.weights import find_reader, shipped_readers
    from heart_reader.weights.find import local_reader

    directories = [find_reader(name) for name in arguments.names]
    if not directories:
        directories = [place for reader in shipped_readers().values() if (place := local_reader(reader)) is not None]
    for directory in directories:
        print(f"{directory}: whole, checkpoint {load_checkpoint(directory).sha256[:12]}")


def _push(arguments: argparse.Namespace) -> None:
    from heart_reader.weights.cards import push

    for folder in push(arguments.names, arguments.to, licence=arguments.licence):
        print(f"{folder}: to publish it, hf upload OWNER/{folder.name} {folder}")
