"""Evaluate a checkpoint on the records it was configured with."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_checkpoint, add_overrides

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_checkpoint(parser, positional="name or directory of the checkpoint")
    parser.add_argument("--split", choices=("val", "test"), default="test", help="default: %(default)s")
    parser.add_argument("--level", help="level of diagnosis (default: the checkpoint's own)")
    parser.add_argument(
        "--out", type=Path, help="directory of the report (default: beside the checkpoint; of a published reader results/reports/)"
    )
    parser.add_argument("--against", metavar="OTHER", help="compare with another checkpoint, paired on the same records")
    parser.add_argument("--stress", action="store_true", help="read the records with missing leads, noise and other faults too")
    parser.add_argument(
        "--no-readings", dest="readings", action="store_false", help="leave out the whole readings: no contradictions, no conclusions"
    )
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read a split with the checkpoint and write its report."""
    from heart_reader.checkpoint import load_checkpoint
    from heart_reader.evaluation.request import checkpoint_config, choose_folder, read_split, refuse_other_report
    from heart_reader.weights import find_reader

    checkpoint = load_checkpoint(find_reader(arguments.checkpoint))
    against = None if arguments.against is None else find_reader(arguments.against)
    if against is not None:
        load_checkpoint(against)
    config = checkpoint_config(checkpoint, arguments.overrides)
    asked = {"split": arguments.split, "level": arguments.level or config.task.level}
    table = read_split(checkpoint, config, **asked)
    out = arguments.out or choose_folder(checkpoint, config, **asked)
    if arguments.out is None:
        refuse_other_report(out, table, asked["level"])
    from heart_reader.evaluation.report.page import report_page  # only now, for this takes seconds
    from heart_reader.evaluation.run import evaluate

    further = {"against": against, "overrides": arguments.overrides, "stress": arguments.stress, "readings": arguments.readings}
    report = evaluate(checkpoint.directory, out, **asked, **further, table=table)
    print(report_page(report))
    print(f"written to {out}")
