"""Write ONNX checkpoints that run without torch, if they keep what the original can."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_checkpoint, add_overrides
from heart_reader.errors import ConfigError

VARIANTS = ("fp32", "fp16", "int8", "pruned-int8", "nano-int8")

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_checkpoint(parser, positional="name or directory of a torch checkpoint, with --triton of an ONNX checkpoint")
    parser.add_argument("--out", type=Path, help="directory of the variants and of their table")
    parser.add_argument("--triton", type=Path, metavar="DIR", help="write an ONNX checkpoint into this model repository of Triton instead")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, help="which to write (default: fp32 int8 pruned-int8 nano-int8)")
    parser.add_argument("--prune", type=float, metavar="RATIO", help="share of the channels that pruned-int8 loses (default: 0.5)")
    parser.add_argument("--force", action="store_true", help="write variants that fail the gate too, with the failure in their manifest")
    parser.add_argument("--no-benchmark", action="store_true", help="leave out the table of size, speed and accuracy")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write the variants behind the gate, then measure them side by side; or a model of Triton."""
    from heart_reader.weights import find_reader

    if arguments.triton is not None:
        _write_triton_model(find_reader(arguments.checkpoint), arguments)
        return
    if arguments.out is None:
        raise ConfigError("nothing says where to: pass --out for variants, or --triton for a model of Triton")
    overrides = list(arguments.overrides)
    if arguments.variants:
        overrides.append(f"export.variants=[{', '.join(arguments.variants)}]")
    if arguments.prune is not None:
        overrides.append(f"export.pruning.ratio={arguments.prune}")
    checkpoint = find_reader(arguments.checkpoint)
    _check(checkpoint, overrides)
    from heart_reader.edge.benchmark import benchmark  # only now, for this takes seconds
    from heart_reader.edge.variants import build_variants
    from heart_reader.training.pruned import prune_origin

    written = build_variants(checkpoint, arguments.out, overrides=overrides, force=arguments.force, prune=prune_origin)
    if not arguments.no_benchmark:
        print(benchmark([checkpoint, *(variant.directory for variant in written)], arguments.out, overrides=overrides))


def _write_triton_model(checkpoint: Path, arguments: argparse.Namespace) -> None:
    """Write a model that Triton serves."""
    if arguments.out is not None or arguments.variants or arguments.prune is not None or arguments.overrides:
        raise ConfigError("--triton takes a checkpoint as it is: leave --out, --variants, --prune and --set away, or write variants first")
    from heart_reader.edge.triton import write_triton_model

    print(f"{write_triton_model(checkpoint, arguments.triton)}: tritonserver --model-repository {arguments.triton} serves it")


def _check(directory: Path, overrides: list[str]) -> None:
    """Refuse a checkpoint or settings that nothing can be exported from, before torch is loaded."""
    from heart_reader.checkpoint import load_checkpoint
    from heart_reader.config import ExperimentConfig, override_config
    from heart_reader.errors import NotServable

    checkpoint = load_checkpoint(directory)
    if checkpoint.runtime != "torch":
        raise NotServable(f"{directory}: an ONNX checkpoint is not exported again: use the checkpoint it was exported from")
    export = override_config(ExperimentConfig.from_json(dict(checkpoint.manifest["config"])), overrides).export
    if "nano-int8" in export.variants and export.nano is not None:
        load_checkpoint(export.nano)
