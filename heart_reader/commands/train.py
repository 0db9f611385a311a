"""Train a model on the data that a configuration names.

Under torchrun several processes share the training: torchrun --nproc-per-node 2 train.py ...
"""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from heart_reader.commands.options import add_overrides

if TYPE_CHECKING:
    from heart_reader.config import ExperimentConfig
    from heart_reader.training.processes import Processes

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, help="YAML file; without it the defaults of heart_reader/config.py")
    parser.add_argument("--out", type=Path, help="directory of the run (default: results/NAME of the configuration)")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run, exactly where it stopped")
    parser.add_argument(
        "--timeout-s", type=float, default=300, help="of several processes: how long to wait for one that no longer answers (300)"
    )
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> int:
    """Load the configuration and train."""
    from heart_reader.config import load_config
    from heart_reader.training.processes import together

    config = load_config(arguments.config, arguments.overrides)
    out = arguments.out or Path("results") / config.name
    with together(out, config.training.device, arguments.timeout_s) as processes:
        return _train(config, out, arguments.resume, processes)


def _train(config: ExperimentConfig, out: Path, resume: bool, processes: Processes) -> int:
    from heart_reader.data.build import build_table
    from heart_reader.folders import run_folder
    from heart_reader.training.run_state import can_resume, check_start

    with run_folder(out) if processes.first else nullcontext():
        # Started again by torchrun, after it lost one of them, they go on.
        resume = processes.first_says(lambda: resume or (processes.restarted and can_resume(out)))
        processes.first_says(lambda: check_start(config, out, resume=resume))
        with processes.in_turn():
            table = build_table(config)
        from heart_reader.training.joined import train_joined  # only now, for this takes seconds
        from heart_reader.training.run import train

        outcome = (train_joined if config.ensemble.members else train)(config, out, resume=resume, table=table, processes=processes)
    if not outcome.complete:
        print(f"stopped; {outcome.checkpoint.directory} is usable, and --resume goes on from here")
        return 1
    scores = outcome.checkpoint.manifest["metrics"][config.task.level]
    print(f"{outcome.checkpoint.directory}: validation macro-AUROC {scores['macro_auroc']:.4f} on {scores['n_records']} records")
    print(f"next: heart-reader evaluate {outcome.checkpoint.directory}")
    return 0
