"""Show the memory that all of PTB-XL at 100 Hz takes: a cache of its size, read in random batches until every page was touched.

Run: ``python benchmarks/cache_memory.py``. The cache is a sparse file of the true size, 21,799 x 12 x 1000 int16. Its pages are
mapped from disk: they count as resident here, but the system drops them when memory is short.
"""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path

import numpy as np
import torch

from heart_reader.data.cache import SignalCache
from heart_reader.data.preprocessor import from_microvolts

N_RECORDS, N_LEADS, N_TIMES = 21_799, 12, 1000
BATCH_SIZE = 64


def simulate_full_size_cache(folder: Path) -> SignalCache:
    """Make a cache of the size of all of PTB-XL at 100 Hz; its records are named ``1`` to ``21799`` and hold zeros."""
    path = folder / "signals.int16"
    with open(path, "wb") as file:
        file.truncate(N_RECORDS * N_LEADS * N_TIMES * 2)
    return SignalCache(
        folder=folder,
        record_ids=np.array([str(number) for number in range(1, N_RECORDS + 1)]),
        offsets=np.arange(N_RECORDS, dtype=np.int64) * N_LEADS * N_TIMES,
        n_times=np.full(N_RECORDS, N_TIMES, dtype=np.int64),
        lead_mask=np.ones((N_RECORDS, N_LEADS), dtype=bool),
        signals=np.asarray(np.memmap(path, dtype="<i2", mode="r")),
    )


def peak_mb() -> float:
    """Return the largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the peak beside the framework's own."""
    framework_mb = peak_mb()
    with tempfile.TemporaryDirectory() as scratch:
        cache = simulate_full_size_cache(Path(scratch))
        order = np.random.default_rng(0).permutation(len(cache))
        for start in range(0, len(order), BATCH_SIZE):
            batch = [cache.prepared(int(row)).microvolts for row in order[start : start + BATCH_SIZE]]
            torch.from_numpy(from_microvolts(np.stack(batch))).sum()
        print(f"cache on disk                   {cache.signals.nbytes / 2**20:6.0f} MiB")
    print(f"the framework and the package   {framework_mb:6.0f} MiB")
    print(f"peak after one epoch of batches {peak_mb():6.0f} MiB, {peak_mb() - framework_mb:.0f} MiB beside the framework (2048 allowed)")


if __name__ == "__main__":
    main()
