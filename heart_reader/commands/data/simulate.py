"""Write simulated 12-lead ECGs."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.errors import ConfigError
from heart_reader.machine import usable_cores

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
    folder.add_argument("--jobs", type=int, default=usable_cores(), metavar="N", help="processes (default: one per core)")
    folder.add_argument("--with-500-hz", action="store_true", help="write records500 too")
    challenge = kinds.add_parser("cpsc2018", help="a folder as the PhysioNet Challenge has CPSC2018, 6 to 60 s at 500 Hz")
    challenge.add_argument("--to", type=Path, required=True, help="folder that does not exist yet")
    challenge.add_argument("--records", type=int, default=600, help="number of records (default: %(default)s)")
    challenge.add_argument("--seed", type=int, default=42, help="of all chance (default: %(default)s)")


def run(arguments: argparse.Namespace) -> None:
    """Write the records."""
    from heart_reader.data.synthetic.challenge_folder import write_challenge_folder
    from heart_reader.data.synthetic.examples import EXAMPLES, write_examples
    from heart_reader.data.synthetic.ptbxl_folder import write_ptbxl_folder

    if arguments.kind == "examples":
        write_examples(arguments.to)
        n_records = len(EXAMPLES)
    elif arguments.kind == "ptbxl":
        if arguments.jobs < 1:
            raise ConfigError(f"--jobs {arguments.jobs}; a number of processes, 1 or more, is needed")
        write_ptbxl_folder(arguments.to, arguments.records, arguments.seed, with_500_hz=arguments.with_500_hz, jobs=arguments.jobs)
        n_records = arguments.records
    else:
        write_challenge_folder(arguments.to, arguments.records, arguments.seed)
        n_records = arguments.records
    print(f"wrote {n_records} simulated records to {arguments.to}")
