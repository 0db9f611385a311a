"""A result of bulk reading in memory, as far as a report needs it: one pass over its files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.stats import binomtest

from heart_reader.bulk.plan import Plan
from heart_reader.bulk.run import RECORDS, errors_of, partition_name
from heart_reader.errors import ConfigError

__all__ = ["CATEGORIES", "LISTS", "Cohort", "quantiles", "wilson"]

# Columns with one word, and with several.
CATEGORIES = ("source_format", "fs_hz", "n_leads", "sex", "acquired_year", "quality", "conclusion", "rhythm")
LISTS = ("statements", "not_stated", "rhythm_findings", "quality_findings", "warnings", "doubtful")
_NUMBERS = ("age_years", "duration_s")
_QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)
_UNKNOWN = "unknown"


@dataclass
class Cohort:
    """What was read.

    Parameters
    ----------
    folder
        Where it lies.
    versions
        Who read it.
    settings
        How it was read.
    n_records, n_planned
        Records that are there, and that are there once the run is at its end.
    errors
        Code to how many records were not read.
    categories, lists
        Column to word to how many of the records that were read have it.
    numbers
        Column to (n_read,) values in the order of the records, NaN where unknown.
    units
        Column to its unit.
    """

    folder: Path
    versions: dict[str, str]
    settings: dict[str, Any]
    n_planned: int
    n_records: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    categories: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in CATEGORIES})
    lists: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in LISTS})
    numbers: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    @property
    def n_read(self) -> int:
        """Records that were read."""
        return self.n_records - self.errors.total()

    @classmethod
    def of(cls, folder: Path) -> Cohort:
        """Read the files of a result, which may be unfinished.

        Raises
        ------
        ConfigError
            If it is no result of bulk reading, or nothing is there yet.
        """
        plan = Plan.of(folder)
        paths = [] if plan is None else [folder / RECORDS / partition_name(number) for number in range(plan.facts.n_partitions)]
        paths = [path for path in paths if path.exists()]
        if plan is None or not paths:
            raise ConfigError(f"{folder}: nothing that heart-reader bulk wrote: name the folder of its --out")
        cohort = cls(folder, dict(plan.facts.versions), dict(plan.facts.settings), plan.facts.n_records)
        values: dict[str, list[NDArray[np.float32]]] = {}
        for path in paths:
            try:
                with pq.ParquetFile(path) as file:
                    variables = _variables(file.schema_arrow)
                    cohort.units = {name: unit for name, unit in variables.items() if unit is not None}
                    cohort._add(file.read(columns=["error_code", *CATEGORIES, *LISTS, *variables]), values, list(variables))
            except (pa.ArrowException, OSError) as error:
                raise ConfigError(f"{path}: damaged ({' '.join(str(error).split())[:120]}): remove it and read again") from None
        cohort.numbers = {name: np.concatenate(parts) for name, parts in values.items()}
        return cohort

    def _add(self, table: pa.Table, values: dict[str, list[NDArray[np.float32]]], names: list[str]) -> None:
        self.n_records += table.num_rows
        self.errors += errors_of(table)
        read = table.filter(pc.is_null(table["error_code"]))
        for name in CATEGORIES:
            self.categories[name] += _counts(read[name])
        for name in LISTS:
            self.lists[name] += _counts(pc.list_flatten(read[name]))
        for name in names:
            values.setdefault(name, []).append(read[name].to_numpy().astype(np.float32))

    def to_json(self) -> dict[str, object]:
        """Return all numbers of the report as plain values."""
        n_read = self.n_read
        return {
            "versions": self.versions,
            "records": self.n_records,
            "planned": self.n_planned,
            "read": n_read,
            "errors": dict(self.errors.most_common()),
            **{name: dict(of.most_common()) for name, of in self.categories.items()},
            **{
                name: {word: dict(zip(("n", "share", "low", "high"), (n, *wilson(n, n_read)), strict=True)) for word, n in of.most_common()}
                for name, of in self.lists.items()
            },
            "numbers": {name: {"unit": self.units.get(name), **quantiles(of)} for name, of in self.numbers.items()},
        }


def _variables(schema: pa.Schema) -> dict[str, str | None]:
    """Return the columns of numbers with their units: age, length, measurements, first level."""
    found: dict[str, str | None] = {"age_years": "years", "duration_s": "s"}
    level = None
    for column in schema:
        about = column.metadata or {}
        if about.get(b"kind") == b"measurement":
            found[column.name] = about[b"unit"].decode()
        elif about.get(b"kind") == b"probability":
            level = level or about[b"level"]
            found |= {column.name: None} if about[b"level"] == level else {}
    return found


def _counts(column: pa.ChunkedArray) -> Counter[str]:
    counts = pc.value_counts(column).to_pylist()
    return Counter({_UNKNOWN if row["values"] is None else str(row["values"]): row["counts"] for row in counts})


def wilson(n: int, n_all: int) -> tuple[float, float, float]:
    """Return a share and its interval of 95 %.

    References
    ----------
    Wilson E. B. Probable inference, the law of succession, and statistical inference. JASA 22
    (1927) 209-212.

    Examples
    --------
    >>> [round(value, 3) for value in wilson(1, 10)]
    [0.1, 0.018, 0.404]
    """
    if n_all == 0:
        return 0.0, 0.0, 1.0
    found = binomtest(n, n_all).proportion_ci(method="wilson")
    return n / n_all, float(found.low), float(found.high)


def quantiles(values: NDArray[np.float32]) -> dict[str, float | int | None]:
    """Return how many values are known, and their quantiles.

    Examples
    --------
    >>> quantiles(np.array([1, 2, 3, np.nan], np.float32))["p50"]
    2.0
    """
    known = values[np.isfinite(values)]
    found = np.quantile(known.astype(np.float64), _QUANTILES).tolist() if known.size else [None] * len(_QUANTILES)
    return {"n": int(known.size), **{f"p{100 * q:g}": value for q, value in zip(_QUANTILES, found, strict=True)}}
