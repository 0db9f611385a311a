"""Time building the signal cache against a loop of ``wfdb.rdsamp``, and compare every value.

Run: ``python benchmarks/cache.py [--records 2000] [--rounds 3]``. The records are those of PTB-XL
in the folder that ``HEART_READER_DATA`` names, else simulated ones in the same layout. All files
are read once before, so that both find them in memory; the two then take turns, and the fastest
round of each counts. The loop only reads; the build also checks, prepares, writes and flushes to
disk.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from figures import add_json, keep
from numpy.typing import NDArray

from heart_reader.config import DataConfig, TaskConfig
from heart_reader.data.cache import SignalCache, open_or_build
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.preprocessor import Preprocessor
from heart_reader.data.record_table import RecordTable
from heart_reader.data.sources.ptbxl import PtbxlSource
from heart_reader.data.synthetic import write_ptbxl_folder

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # wfdb 4.3.1 uses what pandas 3.1 is about to drop
    import wfdb

PREPROCESSOR = Preprocessor(fs=100.0, leads=STANDARD_LEADS, window_s=2.5, stride_s=1.25, low_hz=None, high_hz=None, pad="zero")


def find_records(n_records: int, scratch: Path) -> RecordTable:
    """Return the first records of real PTB-XL, or of a simulated folder."""
    data = os.environ.get("HEART_READER_DATA")
    root = Path(data) / "ptbxl" if data else scratch / "simulated"
    if not data:
        write_ptbxl_folder(root, n_records, seed=1)
    table = PtbxlSource().read(DataConfig(root=root, allow_missing=True), TaskConfig(), None)
    print(f"{min(n_records, len(table))} records of {'PTB-XL' if data else 'a simulated folder'}, 12 leads, 10 s, 100 Hz")
    return table.select(np.arange(min(n_records, len(table))))


def read_by_wfdb(names: list[str]) -> tuple[float, list[NDArray[np.float64]]]:
    """Return the seconds of the plain loop, and its signals in mV, time first."""
    start = time.perf_counter()
    signals = [wfdb.rdsamp(name)[0] for name in names]
    return time.perf_counter() - start, signals


def build_cache(table: RecordTable, folder: Path) -> tuple[float, SignalCache]:
    """Return the seconds of a build from nothing, and the cache."""
    start = time.perf_counter()
    cache = open_or_build(table, PREPROCESSOR, folder, progress=False)
    return time.perf_counter() - start, cache


def main() -> None:
    """Print the ratio and whether all signals are bit-equal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    add_json(parser)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        table = find_records(args.records, Path(scratch))
        names = [path.removesuffix(".hea") for path in table.paths.tolist()]
        for name in names:
            Path(f"{name}.hea").read_bytes()
            Path(f"{name}.dat").read_bytes()
        loop_s, build_s = [], []
        for turn in range(args.rounds):
            seconds, signals = read_by_wfdb(names)
            loop_s.append(seconds)
            seconds, cache = build_cache(table, Path(scratch) / f"cache{turn}")
            build_s.append(seconds)
        n_differing = sum(
            not np.array_equal(np.rint(signal.T * 1000), cache.prepared(row).microvolts) for row, signal in enumerate(signals)
        )
        start = time.perf_counter()
        open_or_build(table, PREPROCESSOR, cache.folder.parent, progress=False)
        open_s = time.perf_counter() - start
    per_record = 1e6 / len(table)
    keep(args, {"build": (min(build_s) * per_record, "us"), "against wfdb": (min(loop_s) / min(build_s), "x"), "open": (open_s, "s")})
    print(f"wfdb.rdsamp in a loop   {min(loop_s):7.2f} s  {min(loop_s) * per_record:6.0f} us a record")
    print(f"building the cache      {min(build_s):7.2f} s  {min(build_s) * per_record:6.0f} us a record")
    print(f"opening it again        {open_s:7.2f} s")
    print(f"ratio {min(loop_s) / min(build_s):.1f} (at least 8 is wanted); records that differ in any value: {n_differing}")


if __name__ == "__main__":
    main()
