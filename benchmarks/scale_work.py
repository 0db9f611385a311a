"""What benchmarks/scale.py measures, each in a process of its own: prints its figures as JSON.

Run: ``python benchmarks/scale_work.py PART --n 1000 --work build/scale``.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import resource
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from heart_reader.config import ExperimentConfig, load_config
from heart_reader.data.build import build_preprocessor, build_table
from heart_reader.data.cache import SignalCache, open_or_build
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.formats import read_record
from heart_reader.data.labels import SUPERCLASSES
from heart_reader.data.record import EcgRecord
from heart_reader.data.record_table import RecordTable
from heart_reader.data.synthetic.files import write_wfdb
from heart_reader.decisions.decision import Thresholds
from heart_reader.in_order import in_order, n_jobs
from heart_reader.predictions import Predictions

ROOT = Path(__file__).resolve().parent.parent
PER_SHARD = 1_000
CROPS = 4_096
DRAWS = 1_000
N_STATEMENTS = 71
Figures = dict[str, Any]


def cpu_s() -> float:
    """Return the processor time of this process and of those it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


@contextmanager
def timed(figures: Figures, name: str) -> Iterator[None]:
    """Note processor and wall time of a block under ``NAME_cpu_s`` and ``NAME_wall_s``."""
    cpu, wall = cpu_s(), time.perf_counter()
    yield
    figures |= {f"{name}_cpu_s": cpu_s() - cpu, f"{name}_wall_s": time.perf_counter() - wall}


def config_of(work: Path, n: int) -> ExperimentConfig:
    """Return the default recipe on the simulated PTB-XL, one epoch, one thread."""
    settings = [f"data.root={work / f'ptbxl-{n}'}", f"data.cache_dir={work / f'cache-{n}'}", "data.sources=[{kind: ptbxl}]"]
    return load_config(ROOT / "configs/default.yaml", [*settings, "training.epochs=1", "training.threads=1"])


def opened(work: Path, n: int, figures: Figures, name: str) -> tuple[RecordTable, SignalCache]:
    """Read the table and open or build the cache."""
    config = config_of(work, n)
    with timed(figures, "table"):
        table = build_table(config)
    with timed(figures, name):
        cache = open_or_build(table, build_preprocessor(config), config.data.cache_dir, progress=True)
    return table, cache


def part_table(n: int, work: Path) -> Figures:
    """Read the table of all records with their labels."""
    figures: Figures = {}
    with timed(figures, "table"):
        table = build_table(config_of(work, n))
    return figures | {"n_records": len(table)}


def part_build(n: int, work: Path) -> Figures:
    """Build the cache from nothing."""
    shutil.rmtree(work / f"cache-{n}", ignore_errors=True)
    figures: Figures = {}
    table, cache = opened(work, n, figures, "build")
    return figures | {"n_records": len(table), "bytes": sum(file.stat().st_size for file in cache.folder.iterdir())}


def part_open(n: int, work: Path) -> Figures:
    """Open the cache, which compares the checksums of all records."""
    figures: Figures = {}
    table, _ = opened(work, n, figures, "open")
    return figures | {"n_records": len(table)}


def part_feed(n: int, work: Path) -> Figures:
    """Prepare a training without its network: mean and spread of the leads, and random crops."""
    figures: Figures = {}
    table, cache = opened(work, n, figures, "open")
    config = config_of(work, n)
    dataset = EcgDataset(table, cache, build_preprocessor(config)).split("train")
    with timed(figures, "statistics"):
        dataset.lead_statistics()
    rng = np.random.default_rng(0)
    order = rng.permutation(len(dataset))[:CROPS]
    with timed(figures, "crops"):
        for start in range(0, len(order), config.training.batch_size):
            dataset.random_crops(order[start : start + config.training.batch_size], rng, config.augmentation)
    return figures | {"n_records": len(dataset), "n_crops": len(order)}


def part_train(n: int, work: Path) -> Figures:
    """Train one epoch with validation, decisions and checkpoint, on one thread."""
    from heart_reader.training.run import train

    figures: Figures = {}
    config, out = config_of(work, n), work / f"run-{n}"
    shutil.rmtree(out, ignore_errors=True)
    with timed(figures, "table"):
        table = build_table(config)
    with timed(figures, "train"):
        outcome = train(config, out, table=table)
    counts = table.counts()
    return figures | {
        "n_records": counts["train"],
        "n_val": counts["val"],
        "epoch_wall_s": outcome.checkpoint.manifest["training"]["elapsed_s"],
    }


def simulated_predictions(n: int, shares: np.ndarray, names: tuple[str, ...], level: str) -> Predictions:
    """Make predictions like those of a trained model; one patient in ten has two records."""
    rng = np.random.default_rng(0)
    y_true = (rng.random((n, len(shares))) < shares).astype(np.float32)
    y_prob = 1 / (1 + np.exp(-(2.2 * y_true - 1.4 + rng.normal(0, 1.1, y_true.shape))))
    patients = np.array([f"p{row if row % 10 else row + 1}" for row in range(n)])
    return Predictions("test", level, names, np.array([f"r{row}" for row in range(n)]), patients, y_true, y_prob)


def part_bootstrap(n: int, work: Path) -> Figures:
    """Draw 1,000 times all metrics of five classes, and the AUROC of 71 statements."""
    from heart_reader.evaluation.bootstrap import bootstrap, draw_metrics

    figures: Figures = {"n_records": n, "draws": DRAWS}
    five = simulated_predictions(n, np.array([0.45, 0.25, 0.24, 0.23, 0.12]), SUPERCLASSES, "superdiagnostic")
    with timed(figures, "five_classes"):
        bootstrap(five, Thresholds("given", "val", (0.5, 0.45, 0.4, 0.45, 0.35)), draws=DRAWS, confidence=0.95, seed=0)
    del five
    names = tuple(f"S{number}" for number in range(N_STATEMENTS))
    many = simulated_predictions(n, np.geomspace(0.4, 0.002, N_STATEMENTS), names, "all")
    with timed(figures, "statements"):
        draw_metrics(many, None, ["macro_auroc"], draws=DRAWS, seed=0)
    return figures


def part_recombine(n: int, work: Path, pool: int) -> Figures:
    """Write a PTB-XL of n records out of a smaller one: other gains, other ids, other patients."""
    source, folder, unfinished = work / f"ptbxl-{pool}", work / f"ptbxl-{n}", work / f".new-ptbxl-{n}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    with (source / "ptbxl_database.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (unfinished / "ptbxl_database.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        for number in range(n):
            row, turn = rows[number % pool], number // pool
            name = f"records100/{number // PER_SHARD:05d}/{number:07d}_lr"
            patient = f"{float(row['patient_id']) + turn * pool:.1f}"
            writer.writerow(row | {"ecg_id": number, "patient_id": patient, "filename_lr": name, "filename_hr": name})
    shutil.copyfile(source / "scp_statements.csv", unfinished / "scp_statements.csv")
    paths = [source / f"{row['filename_lr']}.hea" for row in rows]
    parts = range(-(-n // PER_SHARD))
    write = partial(_write_part, n=n, paths=paths, folder=unfinished / "records100")
    n_bytes = sum(in_order(write, parts, n_jobs(None, len(parts))))
    unfinished.rename(folder)
    return {"n_records": n, "bytes": n_bytes}


def _write_part(part: int, *, n: int, paths: list[Path], folder: Path) -> int:
    target = folder / f"{part:05d}"
    target.mkdir(parents=True)
    for record in _recombined(part, n, paths, "{:07d}_lr"):
        write_wfdb(record, target)
    return sum(file.stat().st_size for file in target.iterdir())


def part_shards(n: int, work: Path, pool: int) -> Figures:
    """Write a biobank as shards by recombining simulated records, each with a gain of its own."""
    folder, unfinished = work / f"biobank-{n}", work / f".new-biobank-{n}"
    for old in (folder, unfinished):
        shutil.rmtree(old, ignore_errors=True)
    unfinished.mkdir(parents=True)
    paths = sorted((work / f"ptbxl-{pool}").glob("records100/*/*.hea"))
    shards = range(-(-n // PER_SHARD))
    write = partial(_write_shard, n=n, paths=paths, folder=unfinished)
    sizes = list(in_order(write, shards, n_jobs(None, len(shards))))
    unfinished.rename(folder)
    return {"n_records": n, "n_shards": len(sizes), "bytes": sum(sizes)}


def _write_shard(shard: int, *, n: int, paths: list[Path], folder: Path) -> int:
    """Write one shard of WebDataset: per record a header and its samples under one key."""
    target = folder / f"biobank-{shard:06d}.tar"
    with tarfile.open(target, "w") as tar, tempfile.TemporaryDirectory() as scratch:
        for record in _recombined(shard, n, paths, "b{:09d}"):
            write_wfdb(record, Path(scratch))
            for suffix in (".hea", ".dat"):
                file = Path(scratch) / f"{record.record_id}{suffix}"
                content = file.read_bytes()
                member = tarfile.TarInfo(file.name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
                file.unlink()
    return target.stat().st_size


def _recombined(part: int, n: int, paths: list[Path], name: str) -> Iterator[EcgRecord]:
    """Yield the records of a part, each with a gain of its own."""
    rng = np.random.default_rng([0, part])
    for number in range(part * PER_SHARD, min(n, (part + 1) * PER_SHARD)):
        record = read_record(paths[number % len(paths)])
        yield replace(record, record_id=name.format(number), signal=record.signal * np.float32(rng.uniform(0.8, 1.25)))


PARTS: dict[str, Callable[..., Figures]] = {
    name.removeprefix("part_"): function for name, function in list(globals().items()) if name.startswith("part_")
}


def main() -> None:
    """Do one part and print its figures as the last line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--n", type=int, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--pool", type=int, help="the simulated PTB-XL whose records are recombined")
    arguments = parser.parse_args()
    further = {"pool": arguments.pool} if arguments.part in {"shards", "recombine"} else {}
    print(json.dumps(PARTS[arguments.part](arguments.n, arguments.work.resolve(), **further)))


if __name__ == "__main__":
    main()
