"""Time a training step in bfloat16 against float32, in turns in one run.

Run: ``python benchmarks/training_step.py [--threads 1] [--model inception1d]``. One step is what
the trainer does with a batch of 64 random 2.5 s crops at 100 Hz: forward, loss, backward, clipping,
AdamW. The median of each is compared.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from figures import add_json, keep

from heart_reader.config import ExperimentConfig
from heart_reader.models.registry import EcgNetwork, build_network
from heart_reader.training.optim import build_optimizer

BATCH_SIZE, N_LEADS, N_TIMES, N_OUTPUTS = 64, 12, 250, 76


def step_s(network: EcgNetwork, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor, *, bfloat16: bool) -> float:
    """Return the seconds of one training step."""
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
        logits = network(x)
    torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), y).backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return time.perf_counter() - start


def main() -> None:
    """Print both medians and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", default=ExperimentConfig().model.name)
    parser.add_argument("--rounds", type=int, default=12)
    add_json(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    network = build_network(arguments.model, {}, N_LEADS, N_OUTPUTS).train()
    optimizer = build_optimizer(network, ExperimentConfig().training.optimizer)
    x, y = torch.randn(BATCH_SIZE, N_LEADS, N_TIMES), torch.randint(2, (BATCH_SIZE, N_OUTPUTS)).float()
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(2 * (arguments.rounds + 2)):  # two warm-up steps each
        seconds[turn % 2 == 1].append(step_s(network, optimizer, x, y, bfloat16=turn % 2 == 1))
    plain, half = (statistics.median(seconds[kind][2:]) for kind in (False, True))
    keep(arguments, {"float32": (plain * 1e3, "ms"), "bfloat16": (half * 1e3, "ms")})
    print(f"{arguments.model}, {arguments.threads} thread(s), {BATCH_SIZE} x {N_LEADS} x {N_TIMES}")
    print(f"float32 {plain * 1e3:6.0f} ms   bfloat16 {half * 1e3:6.0f} ms   ratio {plain / half:.2f}")


if __name__ == "__main__":
    main()
