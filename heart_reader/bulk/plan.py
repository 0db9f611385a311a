"""The plan of a run: which records, in which partitions, read by what.

It is made once. A later run with the same sources goes on with it, and one that would read anything
else, or otherwise, is refused.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from heart_reader.bulk.items import ITEMS, Item, items_of, table_of
from heart_reader.errors import ConfigError, HeartReaderError
from heart_reader.folders import write_text, write_whole

__all__ = ["Plan", "PlanFacts", "make_plan"]

FORMAT = 1
_FACTS, _TABLE = "plan.json", "plan.parquet"


@dataclass(frozen=True)
class PlanFacts:
    """What a run must have in common with the one that made the plan.

    Parameters
    ----------
    n_records, partition_size
        Records in all, and in each partition but the last.
    records_sha256
        Of the keys, places and order of the records.
    settings
        What was asked for, as plain values.
    versions
        Who reads: name to version or SHA-256.
    """

    n_records: int
    partition_size: int
    records_sha256: str
    settings: Mapping[str, Any]
    versions: Mapping[str, str]

    @property
    def n_partitions(self) -> int:
        """How many partitions there are."""
        return -(-self.n_records // self.partition_size)

    def check(self, earlier: PlanFacts, out: Path) -> None:
        """Refuse to go on with another run's plan.

        Raises
        ------
        ConfigError
            If anything differs; the message names the first that does.
        """
        theirs, ours = _flat(earlier), _flat(self)
        for name, value in ours.items():
            if theirs.get(name) != value:
                raise ConfigError(
                    f"{out}: begun with {name} {theirs.get(name)}, now it is {value}: go on with what it was begun with, or choose "
                    "another --out"
                )


def _flat(facts: PlanFacts) -> dict[str, Any]:
    names = {"records_sha256": "the list of records", "n_records": "records", "partition_size": "--partition-size"}
    plain = json.loads(json.dumps(asdict(facts)))
    first = {names[name]: plain[name] for name in ("n_records", "records_sha256", "partition_size")}
    return {**plain["versions"], **plain["settings"], **first}


class Plan:
    """A plan on disk, read one partition at a time.

    Parameters
    ----------
    facts
        What it states of itself.
    folder
        Where it lies.
    """

    def __init__(self, facts: PlanFacts, folder: Path) -> None:
        self.facts = facts
        self._table = pq.ParquetFile(folder / _TABLE)

    @classmethod
    def of(cls, folder: Path) -> Plan | None:
        """Return the plan in a folder, None if there is none.

        Raises
        ------
        HeartReaderError
            If it is damaged, or of another version.
        """
        path = folder / _FACTS
        if not path.exists():
            return None
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            version = values.pop("format")
            if version != FORMAT:
                raise ConfigError(f"{path}: a plan of format {version}; this version goes on with format {FORMAT}: choose another --out")
            plan = cls(PlanFacts(**values), folder)
            if plan._table.metadata.num_rows != plan.facts.n_records:
                raise ValueError(f"{plan._table.metadata.num_rows} rows in {_TABLE}")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
            raise HeartReaderError(f"{path}: damaged ({type(error).__name__}: {error}): choose another --out") from None
        return plan

    def rows_of(self, partition: int) -> int:
        """Return how many records a partition has."""
        return int(self._table.metadata.row_group(partition).num_rows)

    def items(self, partition: int) -> list[Item]:
        """Return the records of a partition."""
        return items_of(self._table.read_row_group(partition))


def make_plan(folder: Path, items: Iterable[Item], partition_size: int, settings: Mapping[str, Any], versions: Mapping[str, str]) -> Plan:
    """List the records and write the plan, or check that they are those of the plan that is there.

    No more records than those of one partition are in memory at a time, and sixteen bytes of each
    of the others.

    Raises
    ------
    ConfigError
        If there is no record, a record is named twice, or the plan that is there is another one.
    HeartReaderError
        If nothing can be written, or the plan that is there is damaged.
    """
    earlier = Plan.of(folder)
    listed = _Listed()
    if earlier is not None:
        for item in items:
            listed.add(item)
        facts = PlanFacts(listed.n_records, partition_size, listed.sha256, settings, versions)
        facts.check(earlier.facts, folder)
        return earlier

    def write(new: Path) -> None:
        # The parts of a file system's errors that matter are in their errno, which Arrow keeps.
        with pq.ParquetWriter(new, ITEMS, compression="zstd") as writer:
            for part in _parts(listed.through(items), partition_size):
                writer.write_table(table_of(part), row_group_size=partition_size)

    write_whole(folder / _TABLE, write, durable=True)
    try:
        listed.refuse_repeated(pq.ParquetFile(folder / _TABLE))
        if not listed.n_records:
            raise ConfigError("no record in what was named: check the names; a table needs a column of paths, see --path-column")
    except ConfigError:
        (folder / _TABLE).unlink()
        raise
    facts = PlanFacts(listed.n_records, partition_size, listed.sha256, settings, versions)
    write_text(folder / _FACTS, json.dumps({"format": FORMAT, **asdict(facts)}, indent=1, ensure_ascii=False) + "\n", durable=True)
    return Plan(facts, folder)


def _parts(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    while part := list(islice(items, size)):
        yield part


class _Listed:
    """The identity of a list of records, and what finds a name that comes twice."""

    def __init__(self) -> None:
        self.n_records = 0
        self._sha256 = hashlib.sha256()
        self._hashes = {"key": array("Q"), "place": array("Q")}

    @property
    def sha256(self) -> str:
        """Of all that was added."""
        return self._sha256.hexdigest()

    def add(self, item: Item) -> None:
        """Take a record."""
        self._sha256.update(json.dumps(item).encode())
        self.n_records += 1
        self._hashes["key"].append(_short_hash(item.key))
        self._hashes["place"].append(_short_hash(_where(item)))

    def through(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield records while they are added."""
        for item in items:
            self.add(item)
            yield item

    def refuse_repeated(self, table: pq.ParquetFile) -> None:
        """Raise ConfigError if two records have one key, or one lies where another does."""
        for column, said in (("key", "called"), ("place", "read from")):
            hashes = np.sort(np.frombuffer(self._hashes[column], np.uint64)) if self.n_records else np.empty(0, np.uint64)
            twice = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
            seen = set()
            # Two names may have one hash, so those that have are compared.
            for group in range(table.num_row_groups) if twice else ():
                for item in items_of(table.read_row_group(group)):
                    name = item.key if column == "key" else _where(item)
                    if _short_hash(name) in twice and name in seen:
                        raise ConfigError(f"two records are {said} {name}: name each record once, see --key-column")
                    seen |= {name} if _short_hash(name) in twice else set()


def _where(item: Item) -> str:
    return f"{item.place}, byte {item.members[0].offset}" if item.members else item.place


def _short_hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little")
