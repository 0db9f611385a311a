"""Explain one finding in one ECG: ``python -m heart_reader.explain FILE --finding MI --out
reason.png``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from heart_reader.checkpoint import load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.cli import run_command
from heart_reader.data.formats import read_record
from heart_reader.data.one_record import one_record
from heart_reader.explain.explainer import Explainer
from heart_reader.explain.explanation import Explanation
from heart_reader.explain.measurement_shares import by_group, largest
from heart_reader.explain.origin import find_origin
from heart_reader.weights import find_reader


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, explain, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m heart_reader.explain", description="Which leads and which moments moved a finding?")
    parser.add_argument("file", type=Path)
    parser.add_argument("--finding", required=True, help="name of a class, such as MI")
    parser.add_argument("--level", help="its level (default: the first level of a reading that has it)")
    parser.add_argument("--checkpoint", metavar="NAME_OR_DIR", help="default: the shipped reader")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="where to begin, in seconds (default: %(default)s)")
    parser.add_argument("--duration", type=float, default=10.0, metavar="S", help="at most 30 (default: %(default)s)")
    parser.add_argument("--fs", type=float, metavar="HZ", help="sampling rate, if the file does not state it")
    parser.add_argument("--unit", help="mV, uV, nV or V, if the file does not state it")
    parser.add_argument("--leads", type=lambda text: tuple(text.split(",")), help="names of the columns, separated by commas")
    parser.add_argument("--out", type=Path, metavar="PNG", help="write a figure")
    parser.add_argument("--json", action="store_true", help="print JSON, with the relevance in it")
    return run_command(parser, _explain, argv)


def _explain(arguments: argparse.Namespace) -> None:
    with one_record(arguments.file):
        record = read_record(arguments.file, fs=arguments.fs, unit=arguments.unit, leads=arguments.leads)
    origin = find_origin(load_checkpoint(find_reader(arguments.checkpoint)))
    explainer = Explainer(EcgClassifier.load(origin.directory))
    stretch = {"start_s": arguments.start, "duration_s": arguments.duration}
    with one_record(arguments.file):
        explanation = explainer.explain(record, arguments.finding, arguments.level, **stretch)
    print(json.dumps(explanation.to_json(), ensure_ascii=False, allow_nan=False) if arguments.json else _in_words(explanation))
    if arguments.out is not None:
        from heart_reader.explain.plot import plot_explanation

        plot_explanation(explanation, record, arguments.out)


def _in_words(explanation: Explanation) -> str:
    """Return what signal and measurements add, the leads by their share, and where in time most of
    it lies.
    """
    leads = sorted(explanation.lead_shares.items(), key=lambda item: -item[1])
    window = max(explanation.windows, key=lambda item: item["share"])
    return "\n".join(
        [
            f"{explanation.record_id}: {explanation.finding} ({explanation.level}), probability {explanation.probability:.3f}",
            *_sum_in_words(explanation),
            f"  by lead: {', '.join(f'{name} {share:.0%}' for name, share in leads)}",
            f"  most of all from {window['start_s']:g} to {window['end_s']:g} s ({window['share']:.0%} of the windows' relevance)",
            f"  {explanation.raising_share:.0%} of it speaks for {explanation.finding}; against {explanation.baseline}",
            f"  {' '.join(explanation.notes)}",
        ]
    )


def _sum_in_words(explanation: Explanation) -> list[str]:
    """Return how the log-odds add up, and the largest contributions of measurements."""
    total = f"  log-odds {explanation.log_odds:+.2f} = baseline {explanation.baseline_log_odds:+.2f}"
    total += f" + signal {explanation.signal_contribution:+.2f}"
    if not explanation.measurements:
        return [total]
    named = ", ".join(str(share) for share in largest(explanation.measurements))
    groups = ", ".join(f"{name} {adds:+.2f}" for name, adds in by_group(explanation.measurements).items())
    return [f"{total} + measurements {explanation.measurement_contribution:+.2f} ({groups})", f"  by measurement: {named}"]


if __name__ == "__main__":
    sys.exit(main())
