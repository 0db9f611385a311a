"""Export a reader to ONNX: ``python export.py CHECKPOINT --out DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.cli import add_overrides, run_command


def main(arguments: argparse.Namespace) -> None:
    """Export behind the parity gate."""
    from heart_reader.edge.export import export

    print(export(arguments.checkpoint, arguments.out, overrides=arguments.overrides))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write an ONNX checkpoint that runs without torch, if it agrees with the original.")
    parser.add_argument("checkpoint", type=Path, help="torch checkpoint directory")
    parser.add_argument("--out", type=Path, required=True, help="directory of the variants; fp32/ is written into it")
    add_overrides(parser)
    raise SystemExit(run_command(parser, main))
