"""Pieces and partitions, with an engine that fails as it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest

from heart_reader.bulk.engine import Died
from heart_reader.bulk.items import Item
from heart_reader.bulk.partitions import PIECE, read_partitions
from heart_reader.bulk.piece import Done
from heart_reader.errors import HeartReaderError


def table(keys: list[str], what: str = "read") -> pa.Table:
    return pa.table({"key": pa.array(keys, pa.string()), "what": pa.array([what] * len(keys), pa.string())})


class Engine:
    """Reads the piece that it was given last, unless something in it is deadly."""

    def __init__(self, deadly: Callable[[str], bool] = lambda key: False, n_places: int = 3) -> None:
        self.given: list[tuple[int, tuple[Item, ...]]] = []
        self.deadly, self.n_places = deadly, n_places
        self.read: list[str] = []

    @property
    def n_free(self) -> int:
        return self.n_places - len(self.given)

    def give(self, number: int, items: tuple[Item, ...]) -> None:
        self.given.append((number, items))

    def take(self) -> tuple[int, Done | Died]:
        number, items = self.given.pop()
        keys = [item.key for item in items]
        if any(map(self.deadly, keys)):
            return number, Died("killed")
        self.read += keys
        return number, Done(table(keys), 1.0, 2.0)

    def close(self) -> None:
        pass


def partitions(n_partitions: int, size: int, taken: list[int] | None = None) -> Iterator[tuple[int, list[Item]]]:
    for number in range(n_partitions):
        if taken is not None:
            taken.append(number)
        yield number, [Item(f"{number}-{row}", "", "") for row in range(size)]


def dead(item: Item, why: str) -> pa.Table:
    return table([item.key], why)


@pytest.mark.parametrize("size", [1, PIECE, PIECE + 1, 3 * PIECE + 7])
def test_each_partition_comes_once_with_its_records_in_order(size: int) -> None:
    read = list(read_partitions(Engine(), partitions(5, size), dead))
    assert sorted(one.number for one in read) == list(range(5))
    for one in read:
        assert one.table["key"].to_pylist() == [f"{one.number}-{row}" for row in range(size)]


def test_a_deadly_record_becomes_a_row_and_no_other_does() -> None:
    deadly = {"0-5", "0-6", "1-190"}
    engine = Engine(deadly.__contains__)
    read = {one.number: one for one in read_partitions(engine, partitions(3, 200), dead)}
    rows = [row for number in range(3) for row in read[number].table.to_pylist()]
    assert [row["key"] for row in rows] == [f"{number}-{row}" for number in range(3) for row in range(200)]
    assert {row["key"] for row in rows if row["what"] == "killed"} == deadly
    assert sorted(engine.read) == sorted({row["key"] for row in rows} - deadly)
    assert (read[1].n_deaths, read[2].n_deaths) == (4, 0)


def test_a_process_that_dies_for_another_sake_costs_no_record() -> None:
    left = iter([True] * 3)
    read = list(read_partitions(Engine(lambda key: key == "0-3" and next(left, False)), partitions(1, 100), dead))
    assert set(read[0].table["what"].to_pylist()) == {"read"}
    assert read[0].n_deaths == 3


def test_where_every_process_dies_the_run_ends() -> None:
    with pytest.raises(HeartReaderError, match="processes ended in succession, the last: killed: try fewer --workers"):
        list(read_partitions(Engine(lambda key: True), partitions(2, 500), dead))


def test_no_more_partitions_are_taken_than_are_worked_on() -> None:
    taken: list[int] = []
    for done, _ in enumerate(read_partitions(Engine(), partitions(50, 2, taken), dead), start=1):
        assert len(taken) <= done + 3
