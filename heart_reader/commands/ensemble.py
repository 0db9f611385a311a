"""Join trained checkpoints into one ensemble checkpoint."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_overrides

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("checkpoints", nargs="+", metavar="NAME_OR_DIR", help="names or directories of torch checkpoints")
    parser.add_argument("--out", type=Path, required=True, help="directory of the ensemble, such as results/NAME")
    parser.add_argument("--weights", type=float, nargs="+", metavar="W", help="one per checkpoint (default: validation chooses them)")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Join the checkpoints and print the outcome."""
    from heart_reader.checkpoint import load_checkpoint
    from heart_reader.weights import find_reader

    directories = [load_checkpoint(find_reader(name)).directory for name in arguments.checkpoints]
    from heart_reader.training.ensemble import join  # only now, for this takes seconds

    checkpoint, weighting = join(directories, arguments.out, weights=arguments.weights, overrides=arguments.overrides)
    level = checkpoint.manifest["config"]["task"]["level"]
    if weighting.rule != "given":
        print(f"held-out halves of validation: fitted weights {weighting.fitted_score:.4f}, plain mean {weighting.mean_score:.4f}")
    print(f"{checkpoint.directory}: {weighting.rule}, weights {', '.join(f'{w:.3f}' for w in weighting.weights)}")
    print(f"validation macro-AUROC {checkpoint.manifest['metrics'][level]['macro_auroc']:.4f}")
