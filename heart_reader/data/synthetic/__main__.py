"""Write the example files, or a PTB-XL-shaped folder of simulated records."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from heart_reader.data.synthetic.examples import EXAMPLES, write_examples
from heart_reader.data.synthetic.ptbxl_folder import write_ptbxl_folder
from heart_reader.errors import HeartReaderError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0 done, 1 failed; wrong usage leaves with 2."""
    parser = argparse.ArgumentParser(prog="python -m heart_reader.data.synthetic", description="Write simulated 12-lead ECGs.")
    commands = parser.add_subparsers(dest="command", required=True)
    examples = commands.add_parser("examples", help="one ECG per superclass in CSV and WFDB, and some difficult ones")
    examples.add_argument("--to", type=Path, default=Path("test_files"), help="folder (default: %(default)s)")
    folder = commands.add_parser("ptbxl", help="a folder in PTB-XL's layout")
    folder.add_argument("--to", type=Path, required=True, help="folder that does not exist yet")
    folder.add_argument("--records", type=int, default=600, help="number of records (default: %(default)s)")
    folder.add_argument("--seed", type=int, default=42, help="of all chance (default: %(default)s)")
    folder.add_argument("--with-500-hz", action="store_true", help="write records500 too")
    chosen = parser.parse_args(arguments)
    total = len(EXAMPLES) if chosen.command == "examples" else chosen.records
    try:
        if chosen.command == "examples":
            write_examples(chosen.to)
        else:
            write_ptbxl_folder(chosen.to, chosen.records, chosen.seed, with_500_hz=chosen.with_500_hz)
    except (HeartReaderError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    print(f"wrote {total} simulated records to {chosen.to}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
