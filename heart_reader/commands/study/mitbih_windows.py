"""Compare networks with the measured rhythm on ten-second windows of MIT-BIH, patients apart."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_overrides

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, default=Path("configs/mitbih_convnextv2.yaml"), help="recipe (default: %(default)s)")
    parser.add_argument("--runs", type=Path, default=Path("results/runs/mitbih_windows"), help="trained folds (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of page, figure and numbers (default: %(default)s)")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train what is not trained yet, measure, write and print the page."""
    from heart_reader.config import load_config
    from heart_reader.folders import run_folder

    config = load_config(arguments.config, arguments.overrides)
    from heart_reader.studies.mitbih_windows import LEVELS, MEASURED, compare, measure_windows, train_folds  # takes seconds
    from heart_reader.studies.mitbih_windows_page import write_study

    with run_folder(arguments.runs):
        table, read = train_folds(config, arguments.runs)
        read[MEASURED] = measure_windows(table, arguments.runs)
    settings = {"draws": config.evaluation.draws, "seed": config.seed}
    results = {level: compare(table, {title: of[level] for title, of in read.items()}, level, **settings) for level in LEVELS}
    facts = {
        "source": table.source,
        "n_windows": len(table),
        "n_patients": len(set(table.patient_ids.tolist())),
        "n_folds": config.data.sources[0].n_folds,  # type: ignore[attr-defined]
        "left_out": "; ".join(f"{count} {reason}" for reason, count in table.left_out.items()) or "nothing",
        **settings,
    }
    print(write_study(results, arguments.out, facts))
