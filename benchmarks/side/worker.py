"""One side of some comparisons, in a process of its own that times itself.

Run by ``benchmarks/side_by_side.py`` as ``python worker.py FOLDER LABEL SIDES ROUND_S`` with the
Python and the packages of that side. SIDES is JSON: name of a comparison to the name of a function
of ``own.py`` or ``others.py`` and its options. Every item is answered once; the answers are kept in
``FOLDER/answers``, and what could be prepared is printed. Then each line of the standard input
names a comparison: its items are worked through as often as takes ROUND_S of processor time, at
least once, and the times are printed.
"""

from __future__ import annotations

import gc
import importlib
import json
import math
import os
import sys
import time
import warnings
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from work import Work

PACKAGES = ("numpy", "scipy", "onnxruntime", "torch", "scikit-learn", "wfdb", "neurokit2", "ecgdatakit", "pydicom")


def prepare(folder: Path, label: str, sides: dict[str, dict[str, Any]], round_s: float) -> tuple[dict[str, Work], dict[str, str]]:
    """Return the work of each comparison, and why some have none."""
    works, left_out = {}, {}
    for name, side in sides.items():
        module, _, function = side["side"].partition(".")
        try:
            work: Work = getattr(importlib.import_module(module), function)(folder, **side["options"])
            answers = work.collect([work.do(item) for item in work.items])
        except ModuleNotFoundError as error:
            left_out[name] = f"{error.name} is not installed"
            continue
        np.savez(folder / "answers" / f"{label} {name}.npz", **answers)
        once_s = 1e-3 * timed(work)["processor"] * len(work.items[: work.timed]) * work.units
        works[name] = replace(work, repeats=math.ceil(round_s / max(once_s, 1e-6)))
    return works, left_out


def timed(work: Work) -> dict[str, float]:
    """Work through the items once; return milliseconds of each unit."""
    items = work.items[: work.timed]
    gc.collect()
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(work.repeats):
        for item in items:
            work.do(item)
    taken = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
    return {clock: 1e3 * seconds / (work.repeats * len(items) * work.units) for clock, seconds in taken.items()}


def versions() -> dict[str, str]:
    """Return what is installed of what bears on the comparisons."""
    found = {"python": sys.version.split()[0]}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    kernels = sys.modules.get("heart_reader.kernels")
    if kernels is not None:
        found["heart_reader.kernels"] = "compiled" if kernels.COMPILED else "NumPy"
    return found


def main() -> None:
    """Answer, then take times for as long as somebody asks."""
    folder, label, sides, round_s = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]), float(sys.argv[4])
    # What packages print is no answer of this process.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    works, left_out = prepare(folder, label, sides, round_s)
    ready = {"ready": sorted(works), "left_out": left_out, "versions": versions()}
    print(json.dumps(ready), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(timed(works[line.strip()])), file=answers, flush=True)


if __name__ == "__main__":
    main()
