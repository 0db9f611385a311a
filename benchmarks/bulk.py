"""Read a simulated biobank in bulk: undisturbed, killed several times, and both compared.

Run::

    python benchmarks/bulk.py shards --to DIR --records 200000
    python benchmarks/bulk.py run --shards DIR --out OUT [--kills 3] [-- OPTIONS OF bulk]
    python benchmarks/bulk.py compare OUT OTHER

``shards`` writes tar files of WFDB records as WebDataset has them: a few hundred simulated ECGs,
each copy with a gain, a shift in time and noise of its own, so that writing costs little and no two
are the same. ``run`` starts the command, and kills all of its processes at random times if asked
to. ``compare`` says whether two results are the same, byte by byte.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.signal import resample
from heart_reader.data.synthetic import simulate
from heart_reader.data.synthetic.population import random_parameters

PER_SHARD = 1000
_SUPERCLASSES = ("NORM", "NORM", "MI", "STTC", "CD", "HYP")
_SIMULATED_HZ = 500.0


def originals(n_records: int, fs: float, seed: int) -> list[tuple[NDArray[np.float32], float, str]]:
    """Simulate ECGs: (12, n_times) in microvolts, age in years and sex."""
    made = []
    for number in range(n_records):
        rng = np.random.default_rng([seed, number])
        parameters = random_parameters((_SUPERCLASSES[number % len(_SUPERCLASSES)],), rng)
        record = simulate(parameters, rng=rng, fs=_SIMULATED_HZ, duration_s=10.0)
        signal = record.signal if fs == _SIMULATED_HZ else resample(record.signal, _SIMULATED_HZ, fs)
        made.append((np.asarray(signal, np.float32) * 1000.0, parameters.age, parameters.sex))
    return made


def write_shards(folder: Path, n_records: int, *, n_originals: int, fs: float, seed: int) -> None:
    """Write shards of a thousand records each, 24 KB a record at 100 Hz."""
    made = originals(min(n_originals, n_records), fs, seed)
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, n_records, PER_SHARD):
        rng = np.random.default_rng([seed, 1, start])
        with tarfile.open(folder / f"shard-{start // PER_SHARD:05}.tar", "w") as shard:
            for number in range(start, min(start + PER_SHARD, n_records)):
                for name, content in record_files(f"{number:07}", made[number % len(made)], fs, rng):
                    entry = tarfile.TarInfo(name)
                    entry.size = len(content)
                    shard.addfile(entry, io.BytesIO(content))


def record_files(
    name: str, original: tuple[NDArray[np.float32], float, str], fs: float, rng: np.random.Generator
) -> Iterator[tuple[str, bytes]]:
    """Yield header and signal file of a copy that no other copy is equal to."""
    microvolts, age, sex = original
    n_times = microvolts.shape[1]
    moved = np.roll(microvolts, int(rng.integers(n_times)), axis=1) * rng.uniform(0.85, 1.15)
    values = np.clip(np.rint(moved + rng.normal(0, 4, moved.shape)), -32767, 32767).astype("<i2")
    sums = values.sum(axis=1, dtype=np.int64) % 65536
    lines = [f"{name} 12 {fs:g} {n_times}"]
    lines += [f"{name}.dat 16 1000(0)/mV 16 0 {values[row, 0]} {sums[row]} 0 {lead}" for row, lead in enumerate(STANDARD_LEADS)]
    lines += [f"# Age: {age:.0f}", f"# Sex: {sex}"]
    yield f"{name}.hea", ("\n".join(lines) + "\n").encode("ascii")
    yield f"{name}.dat", np.ascontiguousarray(values.T).tobytes()


def run(shards: Path, out: Path, kills: int, every_s: tuple[float, float], options: list[str]) -> None:
    """Read all shards; kill the run and all of its processes so many times on the way."""
    command = [sys.executable, "-m", "heart_reader", "bulk", str(shards), "--out", str(out), *options]
    for number in range(kills + 1):
        started = time.monotonic()
        process = subprocess.Popen(command, start_new_session=True)
        if number < kills:
            try:
                process.wait(random.uniform(*every_s))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            n_done = len(list((out / "records").glob("part-*.parquet")))
            print(f"killed after {time.monotonic() - started:.0f} s, {n_done} partitions are there", flush=True)
        elif process.wait():
            raise SystemExit(process.returncode)


def compare(first: Path, second: Path) -> bool:
    """Return whether two results have the same files with the same bytes."""
    ours, theirs = (
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((folder / "records").glob("*.parquet"))}
        for folder in (first, second)
    )
    differ = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    print(f"{len(ours)} and {len(theirs)} files, {len(differ)} differ" + (f": {', '.join(differ[:5])}" if differ else ""))
    return not differ


def main() -> int:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    shards = kinds.add_parser("shards")
    shards.add_argument("--to", type=Path, required=True)
    shards.add_argument("--records", type=int, default=2000)
    shards.add_argument("--originals", type=int, default=500)
    shards.add_argument("--fs", type=float, default=100.0)
    shards.add_argument("--seed", type=int, default=1)
    reading = kinds.add_parser("run")
    reading.add_argument("--shards", type=Path, required=True)
    reading.add_argument("--out", type=Path, required=True)
    reading.add_argument("--kills", type=int, default=0)
    reading.add_argument("--every", type=float, nargs=2, default=(30.0, 90.0), metavar="S", help="seconds to a kill, at least and at most")
    reading.add_argument("options", nargs="*", help="of heart-reader bulk, behind --")
    comparing = kinds.add_parser("compare")
    comparing.add_argument("first", type=Path)
    comparing.add_argument("second", type=Path)
    arguments = parser.parse_args()
    if arguments.kind == "shards":
        write_shards(arguments.to, arguments.records, n_originals=arguments.originals, fs=arguments.fs, seed=arguments.seed)
    elif arguments.kind == "run":
        run(arguments.shards, arguments.out, arguments.kills, tuple(arguments.every), arguments.options)
    else:
        return 0 if compare(arguments.first, arguments.second) else 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
