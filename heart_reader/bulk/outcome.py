"""What came of a bulk run."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from heart_reader.bulk.partitions import ReadPartition

__all__ = ["Outcome"]


@dataclass
class Outcome:
    """What came of a run.

    Parameters
    ----------
    n_records, n_before
        Records in all, and those that earlier runs had read.
    errors
        Code to how many records were not read for it, in all.
    n_deaths
        Processes that died while they read.
    wall_s, reading_s, processor_s
        Seconds that went by; of processor time, in reading files and ECGs, and in all. Processes of
        Ray count as far as they read.
    peak_mb
        Memory of the largest process that read, and of this one.
    """

    n_records: int
    n_before: int
    errors: Counter[str] = field(default_factory=Counter)
    n_deaths: int = 0
    wall_s: float = 0.0
    reading_s: float = 0.0
    processor_s: float = 0.0
    peak_mb: tuple[float, float] = (0.0, 0.0)

    def add(self, read: ReadPartition) -> None:
        """Count what reading a partition took."""
        self.reading_s += read.reading_s
        self.processor_s += read.processor_s
        self.n_deaths += read.n_deaths

    def measure_process(self, started: float) -> None:
        """Count what this process took, listing and writing included."""
        self.wall_s = time.monotonic() - started
        self.processor_s += time.process_time()
        if sys.platform != "win32":
            import resource

            kilobytes = 1e6 if sys.platform == "darwin" else 1e3
            largest = (resource.getrusage(who).ru_maxrss / kilobytes for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF))
            self.peak_mb = next(largest), next(largest)

    def to_lines(self) -> list[str]:
        """Return sentences for a person."""
        n_errors, n_now = self.errors.total(), self.n_records - self.n_before
        before = f", {self.n_before} of them before" if self.n_before else ""
        lines = [f"{self.n_records} records{before}: {self.n_records - n_errors} read, {n_errors} not read"]
        lines += [f"  {code}: {count}" for code, count in self.errors.most_common()]
        if self.n_deaths:
            lines.append(f"{self.n_deaths} processes ended while they read, and what they read was read again")
        if n_now:
            lines.append(
                f"{self.wall_s:.1f} s, {n_now / max(self.wall_s, 1e-3):.1f} records a second; {self.processor_s:.1f} s of processor time, "
                f"{self.reading_s / max(self.processor_s, 1e-9):.1%} of it in reading"
            )
        return lines
