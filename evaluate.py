"""Evaluate a reader: ``python evaluate.py CHECKPOINT [--split test] [--out DIR] [--against OTHER] [--stress] [--no-readings]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.cli import add_overrides, run_command


def main(arguments: argparse.Namespace) -> None:
    """Read a split with the checkpoint and write its report."""
    from heart_reader.evaluation.run import evaluate

    out = arguments.out or arguments.checkpoint.parent / f"report-{arguments.split}"
    report = evaluate(
        arguments.checkpoint,
        out,
        split=arguments.split,
        level=arguments.level,
        against=arguments.against,
        overrides=arguments.overrides,
        stress=arguments.stress,
        readings=arguments.readings,
    )
    print(report.to_markdown())
    print(f"written to {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Evaluate a checkpoint on the records it was configured with.")
    parser.add_argument("checkpoint", type=Path, help="checkpoint directory")
    parser.add_argument("--split", choices=("val", "test"), default="test")
    parser.add_argument("--level", help="level of diagnosis (default: the checkpoint's own)")
    parser.add_argument("--out", type=Path, help="directory of the report (default: report-SPLIT beside the checkpoint)")
    parser.add_argument("--against", type=Path, metavar="OTHER", help="compare with another checkpoint, paired on the same records")
    parser.add_argument("--stress", action="store_true", help="read the records with missing leads, noise and other faults too")
    parser.add_argument(
        "--no-readings", dest="readings", action="store_false", help="leave out the whole readings: no contradictions, no conclusions"
    )
    add_overrides(parser)
    raise SystemExit(run_command(parser, main))
