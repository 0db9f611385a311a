"""Export a reader for devices: ``python export.py CHECKPOINT --out DIR [--variants fp32 int8]
[--prune 0.5] [--force]``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.cli import add_overrides, run_command

VARIANTS = ("fp32", "fp16", "int8", "pruned-int8", "nano-int8")


def main(arguments: argparse.Namespace) -> None:
    """Write the variants behind the gate, then measure them side by side."""
    from heart_reader.edge.settings import check_export

    overrides = list(arguments.overrides)
    if arguments.variants:
        overrides.append(f"export.variants=[{', '.join(arguments.variants)}]")
    if arguments.prune is not None:
        overrides.append(f"export.pruning.ratio={arguments.prune}")
    check_export(arguments.checkpoint, overrides)
    from heart_reader.edge.benchmark_run import benchmark  # only now, for this takes seconds
    from heart_reader.edge.variants import build_variants
    from heart_reader.training.pruned import prune_origin

    written = build_variants(arguments.checkpoint, arguments.out, overrides=overrides, force=arguments.force, prune=prune_origin)
    if not arguments.no_benchmark:
        print(benchmark([arguments.checkpoint, *(variant.directory for variant in written)], arguments.out, overrides=overrides))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write ONNX checkpoints that run without torch, if they keep what the original can.")
    parser.add_argument("checkpoint", type=Path, help="torch checkpoint directory")
    parser.add_argument("--out", type=Path, required=True, help="directory of the variants and of their table")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, help="which to write (default: fp32 int8 pruned-int8 nano-int8)")
    parser.add_argument("--prune", type=float, metavar="RATIO", help="share of the channels that pruned-int8 loses (default: 0.5)")
    parser.add_argument("--force", action="store_true", help="write variants that fail the gate too, with the failure in their manifest")
    parser.add_argument("--no-benchmark", action="store_true", help="leave out the table of size, speed and accuracy")
    add_overrides(parser)
    raise SystemExit(run_command(parser, main))
