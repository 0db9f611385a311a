"""Write simulated 12-lead ECGs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    examples = kinds.add_parser("examples", help="one ECG per superclass in CSV and WFDB, and some difficult ones")
    examples.add_argument("--to", type=Path, default=Path("test_files"), help="folder (default: %(default)s)")
    folder = kinds.add_parser("ptbxl", help="a folder in PTB-XL's layout")
    folder.add_argument("--to", type=Path, required=True, help="folder that does not exist yet")
    folder.add_argument("--records", type=int, default=600, help="number of records (default: %(default)s)")
    folder.add_argument("--seed", type=int, default=42, help="of all chance (default: %(default)s)")
    folder.add_argument("--with-500-hz", action="store_true", help="write records500 too")


def run(arguments: argparse.Namespace) -> None:
    """Write the records."""
    from tqdm import tqdm

    from heart_reader.data.synthetic.examples import EXAMPLES, write_examples
    from heart_reader.data.synthetic.ptbxl_folder import write_ptbxl_folder

    total = len(EXAMPLES) if arguments.kind == "examples" else arguments.records
    with tqdm(total=total, unit="record", disable=not sys.stderr.isatty()) as bar:

        def progress(done: int) -> None:
            bar.update(done - bar.n)

        if arguments.kind == "examples":
            write_examples(arguments.to, progress=progress)
        else:
            write_ptbxl_folder(arguments.to, arguments.records, arguments.seed, with_500_hz=arguments.with_500_hz, progress=progress)
    print(f"wrote {total} simulated records to {arguments.to}")
