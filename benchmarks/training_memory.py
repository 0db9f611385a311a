"""Show the memory of training with the default recipe on a cache of the size of PTB-XL.

Run: ``python benchmarks/training_memory.py [--steps 40]``. The cache is a sparse file of the true
size, 21,799 x 12 x 1000 int16, with labels drawn at random for all 76 outputs. After some steps of
training the rest of the epoch is only read, so that every page of the cache is touched. Its pages
are mapped from disk: they count as resident here, but the system drops them when memory is short.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path

import numpy as np
import torch
from figures import add_json, keep

from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.build import build_preprocessor
from heart_reader.data.cache import SignalCache
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.labels import ALL, SUPERCLASSES, SUPERDIAGNOSTIC, LabelSpace, Level
from heart_reader.data.record_table import RecordTable
from heart_reader.models.registry import build_network
from heart_reader.training.trainer import Trainer

N_RECORDS, N_LEADS, N_TIMES, N_STATEMENTS = 21_799, 12, 1000, 71
ALLOWED_MB = 2048


def simulate_table() -> RecordTable:
    """Return a table of the size of PTB-XL with random labels."""
    rng = np.random.default_rng(0)
    names = np.array([str(number) for number in range(1, N_RECORDS + 1)])
    groups = tuple(tuple(range(start, 44, 5)) for start in range(5))
    levels = {
        ALL: Level(ALL, tuple(f"S{number}" for number in range(N_STATEMENTS))),
        SUPERDIAGNOSTIC: Level(SUPERDIAGNOSTIC, SUPERCLASSES, groups),
    }
    return RecordTable(
        record_ids=names,
        paths=names,
        patient_ids=names,
        splits=np.full(N_RECORDS, "train"),
        labels={name: (rng.random((N_RECORDS, len(level.class_names))) < 0.1).astype(np.float32) for name, level in levels.items()},
        space=LabelSpace(levels, (ALL, SUPERDIAGNOSTIC)),
        label_rule="any_likelihood",
        source="simulated table",
    )


def simulate_cache(folder: Path, table: RecordTable) -> SignalCache:
    """Make a cache of the size of all of PTB-XL at 100 Hz that holds zeros."""
    path = folder / "signals.int16"
    with open(path, "wb") as file:
        file.truncate(N_RECORDS * N_LEADS * N_TIMES * 2)
    return SignalCache(
        folder=folder,
        paths=table.paths,
        record_ids=table.record_ids,
        offsets=np.arange(N_RECORDS, dtype=np.int64) * N_LEADS * N_TIMES,
        n_times=np.full(N_RECORDS, N_TIMES, dtype=np.int64),
        lead_mask=np.ones((N_RECORDS, N_LEADS), dtype=bool),
        signals=np.asarray(np.memmap(path, dtype="<i2", mode="r")),
    )


def peak_mb() -> float:
    """Return the largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Train for some steps, read the rest, and print the peak beside the framework's own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=40, help="training steps before the rest is only read")
    add_json(parser)
    arguments = parser.parse_args()
    steps = arguments.steps
    framework_mb = peak_mb()
    config = override_config(ExperimentConfig(), ["training.epochs=1"])
    table = simulate_table()
    with tempfile.TemporaryDirectory() as scratch:
        dataset = EcgDataset(table, simulate_cache(Path(scratch), table), build_preprocessor(config))
        torch.manual_seed(0)
        network = build_network(config.model.name, config.model.params, N_LEADS, table.space.n_outputs)
        network.standardize.set_statistics(*map(torch.from_numpy, dataset.lead_statistics()))
        trainer = Trainer(network, dataset, lambda _: {"val_macro_auroc": 0.5}, config)
        trainer.fit(lambda: trainer.progress.step >= steps, lambda: None)
        for batch in np.array_split(np.random.default_rng(0).permutation(N_RECORDS), N_RECORDS // 64):
            dataset.random_crops(batch, np.random.default_rng(0), config.augmentation)
        cache_mb = N_RECORDS * N_LEADS * N_TIMES * 2 / 2**20
    used_mb = peak_mb() - framework_mb
    print(f"{N_RECORDS} records, cache of {cache_mb:.0f} MiB; torch and the package loaded: {framework_mb:.0f} MiB")
    keep(arguments, {"beside the framework": (used_mb, "MB")})
    print(f"peak of training: {peak_mb():.0f} MiB, {used_mb:.0f} MiB beside the framework ({ALLOWED_MB} allowed)")


if __name__ == "__main__":
    main()
