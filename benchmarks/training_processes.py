"""Time training steps of one process against several, in turns in one run, each on one thread.

Run: ``torchrun --nproc-per-node 2 benchmarks/training_processes.py [--model hmt_ecgnet]
[--batch-size 64] [--threads]``. A step is the whole of it: crops from a cache of noise with as many
records as PTB-XL, forward, loss, backward, clipping, AdamW, averages and, of several processes, all
that they tell each other. While the first process trains alone the others sleep. ``--threads`` adds
a turn in which it has as many threads as there are processes, which says little where other
programs run. Beside the wall clock stands the processor time of the busiest process, which other
programs lengthen less.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from figures import add_json, keep
from torch import distributed
from training_memory import N_LEADS, N_RECORDS, N_TIMES, simulate_table

from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.build import build_preprocessor
from heart_reader.data.cache import SignalCache
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.record_table import RecordTable
from heart_reader.models.registry import build_network
from heart_reader.training.processes import ALONE, Processes, together
from heart_reader.training.trainer import Trainer

ALL_THREADS = "alone, all threads"
# Records that differ; on signals of zeros arithmetic takes another time.
N_DIFFERENT = 256


def noise_cache(table: RecordTable) -> SignalCache:
    """Return a cache of noise in memory, in which many records are the same."""
    size = N_LEADS * N_TIMES
    return SignalCache(
        folder=Path(),
        paths=table.paths,
        record_ids=table.record_ids,
        offsets=np.arange(N_RECORDS, dtype=np.int64) % N_DIFFERENT * size,
        n_times=np.full(N_RECORDS, N_TIMES, dtype=np.int64),
        lead_mask=np.ones((N_RECORDS, N_LEADS), dtype=bool),
        signals=np.random.default_rng(0).normal(0, 300, N_DIFFERENT * size).astype(np.int16),
    )


def build_trainer(config: ExperimentConfig, dataset: EcgDataset, processes: Processes) -> Trainer:
    """Return a trainer of a fresh network that never comes to validation."""
    torch.manual_seed(config.seed)
    network = build_network(config.model.name, config.model.params, N_LEADS, dataset.table.space.n_outputs)
    return Trainer(network, dataset, lambda _: {"val_macro_auroc": 0.5}, config, processes=processes)


def train_steps(trainer: Trainer, n_steps: int) -> tuple[float, float]:
    """Train some steps; return wall-clock and processor seconds of one."""
    end = trainer.progress.step + n_steps
    wall, own = time.perf_counter(), time.process_time()
    trainer.fit(lambda: trainer.progress.step >= end, lambda: None)
    return (time.perf_counter() - wall) / n_steps, (time.process_time() - own) / n_steps


def compare(
    config: ExperimentConfig, dataset: EcgDataset, processes: Processes, arguments: argparse.Namespace
) -> dict[str, list[tuple[float, float]]]:
    """Return per turn the seconds of a step of each round: wall clock, and the busiest process."""
    alone = build_trainer(config, dataset, ALONE) if processes.first else None
    shared = build_trainer(config, dataset, processes)
    turns = {"alone": 1, ALL_THREADS: processes.size} if arguments.threads else {"alone": 1}
    seconds: dict[str, list[tuple[float, float]]] = {turn: [] for turn in (*turns, "together")}

    def take(turn: str, train: Callable[[], tuple[float, float]], n_threads: int) -> None:
        torch.set_num_threads(n_threads)
        wall, own = train()
        busiest = torch.tensor(own)
        distributed.all_reduce(busiest, op=distributed.ReduceOp.MAX)
        seconds[turn].append((wall, float(busiest)))
        processes.meet()

    def nothing() -> tuple[float, float]:
        return 0.0, 0.0

    for _ in range(arguments.rounds + 1):
        for turn, n_threads in turns.items():
            take(turn, nothing if alone is None else lambda: train_steps(alone, arguments.steps), n_threads)
        take("together", lambda: train_steps(shared, arguments.steps), 1)
    return {turn: values[1:] for turn, values in seconds.items()}


def main() -> None:
    """Print medians and ratios of pairs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default=ExperimentConfig().model.name)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=4, help="steps of each turn of a round")
    parser.add_argument("--threads", action="store_true", help="compare with one process of as many threads, too")
    parser.add_argument("--own-batchnorm", action="store_true", help="batch normalisation of each process by itself")
    add_json(parser)
    arguments = parser.parse_args()
    changes = [f"model.name={arguments.model}", f"training.batch_size={arguments.batch_size}", "training.device=cpu"]
    changes += [f"training.sync_batchnorm={'false' if arguments.own_batchnorm else 'true'}", "augmentation.lead_dropout=0.1"]
    config = override_config(ExperimentConfig(), changes)
    table = simulate_table()
    with tempfile.TemporaryDirectory() as scratch, together(Path(scratch), "cpu") as processes:
        if not processes.several:
            raise SystemExit("one process has nothing to be compared with: torchrun --nproc-per-node 2 " + __file__)
        dataset = EcgDataset(table, noise_cache(table), build_preprocessor(config))
        seconds = compare(config, dataset, processes, arguments)
    if not processes.first:
        return
    figures: dict[str, tuple[float, str]] = {}
    for column, clock in enumerate(("wall clock", "processor")):
        times = {turn: [value[column] for value in values] for turn, values in seconds.items()}
        print(f"{clock}: " + ", ".join(f"{turn} {statistics.median(values) * 1e3:.0f} ms" for turn, values in times.items()))
        for turn, values in times.items():
            if turn != "together":
                ratios = [alone / shared for alone, shared in zip(values, times["together"], strict=True)]
                figures[f"{turn} / together, {clock}"] = (statistics.median(ratios), "x")
                print(f"  {turn} / together: {statistics.median(ratios):.2f} (pairs: {min(ratios):.2f} to {max(ratios):.2f})")
    keep(arguments, figures)


if __name__ == "__main__":
    main()
