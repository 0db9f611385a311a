"""Measure how caching, training, evaluating and bulk reading grow with the number of records.

Run, stage by stage: ``python benchmarks/scale.py --stage simulate --n 1000 10000 100000``, then
``cache``, ``train``, ``evaluate``, ``shards``, ``bulk``, ``bulk-signal``, and at last ``figure``.
What a stage measures is kept in ``OUT/scale.json`` as soon as it is known, by stage and number of
records, and is not measured again unless ``--again`` is given; so a study can be interrupted, and
its stages run on different days. ``--clean`` removes the simulated data.

Every part is a process of its own. Measured are its processor time, that of the processes it
starts included, its wall time, the largest resident size of any one of its processes, and the
memory that cannot be dropped (anonymous, all processes together, shared pages once, sampled ten
times a second): the pages of a cache that is mapped from disk count for the former alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from figures import machine
from pyarrow import parquet
from scale_page import draw, page

ROOT = Path(__file__).resolve().parent.parent
WORKER = Path(__file__).with_name("scale_work.py")
READER = "ptbxl-nano-int8"
SAMPLED_S = 0.1
TRUE_SIZE = 21_799
# Simulating takes large arrays by the thousand; asking the system for each is a third of the time.
KEEP_MEMORY = {"MALLOC_TOP_PAD_": "67108864", "MALLOC_MMAP_THRESHOLD_": "67108864", "MALLOC_TRIM_THRESHOLD_": "268435456"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
Figures = dict[str, Any]


class Memory(threading.Thread):
    """Samples the anonymous memory of a process and of all below it."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self.peak_kb = 0

    def run(self) -> None:
        """Sample until stopped."""
        while not self._over.wait(SAMPLED_S):
            self.peak_kb = max(self.peak_kb, sum(map(anonymous_kb, tree(self._pid))))

    def stop(self) -> float:
        """Return the peak in MB."""
        self._over.set()
        self.join()
        return self.peak_kb / 1024


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, children.read_text(encoding="ascii").split())
            except OSError:
                continue
    return found


def anonymous_kb(pid: int) -> int:
    """Return what a process holds that lies in no file, shared pages in parts; 0 if it ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:"))


def measure(command: list[str], environment: dict[str, str]) -> Figures:
    """Run a command; return its times and memory, and what it printed last as JSON, if it did.

    Raises
    ------
    SystemExit
        If the command fails.
    """
    load, start = os.getloadavg()[0], time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | environment)
    memory = Memory(process.pid)
    memory.start()
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    anonymous_mb = memory.stop()
    if process.returncode:
        raise SystemExit(f"error: {' '.join(command)} ended with {process.returncode}; nothing of it is kept")
    figures: Figures = {
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "wall_s": time.perf_counter() - start,
        "largest_process_mb": usage.ru_maxrss / 1024,
        "anonymous_mb": anonymous_mb,
        "load_before": load,
    }
    last = output.rstrip().rpartition("\n")[2]
    return figures | (json.loads(last) if last.startswith("{") else {})


def work_part(part: str, n: int, work: Path, *more: str, **environment: str) -> Figures:
    """Measure one part of ``scale_work.py``."""
    return measure([sys.executable, str(WORKER), part, "--n", str(n), "--work", str(work), *more], environment)


def simulate(n: int, work: Path, arguments: argparse.Namespace) -> dict[str, Figures]:
    """Write a PTB-XL of n records: simulated up to its true size, then recombined."""
    target = work / f"ptbxl-{n}"
    shutil.rmtree(target, ignore_errors=True)
    if n > TRUE_SIZE:
        return {"recombine": work_part("recombine", n, work, "--pool", str(arguments.pool), **ONE_THREAD)}
    command = [sys.executable, "-m", "heart_reader", "data", "simulate", "ptbxl", "--to", str(target), "--records", str(n), "--seed", "1"]
    figures = measure(command, KEEP_MEMORY | ONE_THREAD)
    n_bytes = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    return {"simulate": figures | {"n_records": n, "bytes": n_bytes}}


def shards(n: int, work: Path, arguments: argparse.Namespace) -> dict[str, Figures]:
    """Write a biobank of n records as shards."""
    return {"shards": work_part("shards", n, work, "--pool", str(arguments.pool), **ONE_THREAD)}


def cache(n: int, work: Path, _: argparse.Namespace) -> dict[str, Figures]:
    """Read the table, build the cache, open it again, and take crops from it."""
    return {part: work_part(part, n, work, **ONE_THREAD) for part in ("table", "build", "open", "feed")}


def train(n: int, work: Path, _: argparse.Namespace) -> dict[str, Figures]:
    """Train one epoch of the default recipe."""
    return {"train": work_part("train", n, work, **ONE_THREAD)}


def evaluate(n: int, work: Path, _: argparse.Namespace) -> dict[str, Figures]:
    """Evaluate the test fold as the command does, and bootstrap n records on their own."""
    measured: dict[str, Figures] = {}
    if (work / f"ptbxl-{n}").exists():
        settings = [f"data.root={work / f'ptbxl-{n}'}", f"data.cache_dir={work / f'cache-{n}'}", "data.sources=[{kind: ptbxl}]"]
        command = [sys.executable, "-m", "heart_reader", "evaluate", READER, "--no-readings", "--out", str(work / f"report-{n}")]
        figures = measure([*command, *(f"--set={setting}" for setting in settings)], ONE_THREAD)
        report = json.loads((work / f"report-{n}/report.json").read_text(encoding="utf-8"))
        measured["evaluate"] = figures | {"n_records": report["n_records"]}
    return measured | {"bootstrap": work_part("bootstrap", n, work, **ONE_THREAD)}


def bulk(n: int, work: Path, _: argparse.Namespace, *options: str) -> dict[str, Figures]:
    """Read the biobank of n records from its shards into Parquet, with measurements."""
    out = work / f"bulk-{n}"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "heart_reader", "bulk", str(work / f"biobank-{n}"), "--out", str(out), *options]
    figures = measure(command, ONE_THREAD)
    files = list((out / "records").rglob("*.parquet"))
    n_rows = sum(parquet.read_metadata(file).num_rows for file in files)
    if n_rows != n:
        raise SystemExit(f"error: {n_rows} rows of {n} records in {out}")
    n_bytes = sum(file.stat().st_size for file in files)
    shutil.rmtree(out)
    return {"bulk_signal" if options else "bulk": figures | {"n_records": n, "bytes": n_bytes}}


def bulk_signal(n: int, work: Path, arguments: argparse.Namespace) -> dict[str, Figures]:
    """Read the biobank without reporting measurements; forests of the reader still take theirs."""
    return bulk(n, work, arguments, "--no-measure")


STAGES: dict[str, Callable[[int, Path, argparse.Namespace], dict[str, Figures]]] = {
    "simulate": simulate,
    "shards": shards,
    "cache": cache,
    "train": train,
    "evaluate": evaluate,
    "bulk": bulk,
    "bulk-signal": bulk_signal,
}


def load(path: Path) -> dict[str, Any]:
    """Return what was measured so far."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"format": 1, "stages": {}}


def save(path: Path, content: dict[str, Any]) -> None:
    """Write the figures whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    new.replace(path)


def run_stage(arguments: argparse.Namespace, n: int) -> None:
    """Measure a stage unless that is done, and keep the figures."""
    path, key = arguments.out / "scale.json", str(n)
    known = load(path)
    if key in known["stages"].get(arguments.stage, {}) and not arguments.again:
        print(f"{arguments.stage} of {n:,} records is measured already; --again measures it anew")
        return
    parts = STAGES[arguments.stage](n, arguments.work, arguments)
    known = load(path)
    entry = {"created": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "parts": parts}
    known["stages"].setdefault(arguments.stage, {})[key] = entry
    save(path, known)
    for name, figures in parts.items():
        print(
            f"{name:10} {figures['n_records']:>9,} records  {figures['cpu_s']:8.1f} s of a core  {figures['wall_s']:8.1f} s  "
            f"{figures['anonymous_mb']:7.0f} MB"
        )


def main() -> None:
    """Run a stage, or draw what is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=[*STAGES, "figure"])
    parser.add_argument("--n", type=int, nargs="+", default=[1_000, 10_000], help="numbers of records (default: 1000 10000)")
    parser.add_argument("--work", type=Path, default=ROOT / "build/scale", help="folder of the simulated data (default: build/scale)")
    parser.add_argument("--out", type=Path, default=ROOT / "results", help="folder of scale.json, .md and .png (default: results)")
    parser.add_argument("--pool", type=int, default=10_000, help="which simulated PTB-XL is recombined (default: 10000)")
    parser.add_argument("--again", action="store_true", help="measure what is known already")
    parser.add_argument("--clean", action="store_true", help="remove the simulated data at the end")
    arguments = parser.parse_args()
    arguments.work = arguments.work.resolve()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.stage == "figure":
        known = load(arguments.out / "scale.json")
        draw(known, arguments.out / "scale.png")
        (arguments.out / "scale.md").write_text(page(known), encoding="utf-8")
    elif arguments.stage is not None:
        for n in arguments.n:
            run_stage(arguments, n)
    if arguments.clean:
        shutil.rmtree(arguments.work)


if __name__ == "__main__":
    main()
