"""Show which leads, moments and measurements moved a finding."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_checkpoint, add_facts

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path, help="a record")
    parser.add_argument("--finding", required=True, help="name of a class, such as MI")
    parser.add_argument("--level", help="its level (default: the first level of a reading that has it)")
    add_checkpoint(parser)
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="where to begin, in seconds (default: %(default)s)")
    parser.add_argument("--duration", type=float, default=10.0, metavar="S", help="at most 30 (default: %(default)s)")
    add_facts(parser)
    parser.add_argument("--out", type=Path, metavar="PNG", help="write a figure")
    parser.add_argument("--json", action="store_true", help="print JSON, with the relevance in it")


def run(arguments: argparse.Namespace) -> None:
    """Explain one finding in one ECG."""
    import json

    from heart_reader.checkpoint import load_checkpoint
    from heart_reader.data.formats import read_record
    from heart_reader.data.one_record import one_record
    from heart_reader.explain.explainer import find_origin
    from heart_reader.weights import find_reader

    served = load_checkpoint(find_reader(arguments.checkpoint))
    with one_record(arguments.file):
        record = read_record(arguments.file, fs=arguments.fs, unit=arguments.unit, leads=arguments.leads)
    origin = find_origin(served)
    from heart_reader.classifier import EcgClassifier  # only now, for torch takes seconds
    from heart_reader.explain.explainer import Explainer

    explainer = Explainer(EcgClassifier.load(origin.directory))
    with one_record(arguments.file):
        explanation = explainer.explain(record, arguments.finding, arguments.level, start_s=arguments.start, duration_s=arguments.duration)
    print(json.dumps(explanation.to_json(), ensure_ascii=False, allow_nan=False) if arguments.json else explanation.to_text())
    if arguments.out is not None:
        from heart_reader.explain.plot import plot_explanation

        plot_explanation(explanation, record, arguments.out)
