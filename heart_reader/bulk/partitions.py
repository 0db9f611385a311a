"""From partitions to pieces and back: what is given to an engine, in which order, and again.

A partition is read in pieces, so that all processes work on the last one too. A piece whose process
died is read again in smaller pieces, down to the record that did it, which becomes a row.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from heart_reader.bulk.engine import Died, Engine
from heart_reader.bulk.items import Item
from heart_reader.bulk.piece import Done
from heart_reader.errors import HeartReaderError

__all__ = ["PIECE", "ReadPartition", "read_partitions"]

# Records of a piece, and into how many a piece is split whose process died.
PIECE, _SPLIT = 128, 8
# So many processes may die in succession before it is no record's fault.
_MOST_IN_SUCCESSION = 60
# A record alone in its piece may end so many processes: the first may have died for another's sake.
_MOST_DEATHS = 2


class ReadPartition(NamedTuple):
    """A partition that was read.

    Parameters
    ----------
    number
        Which one.
    table
        A row per record, in their order.
    reading_s, processor_s
        See :class:`~heart_reader.bulk.piece.Done`.
    n_deaths
        Processes that died while they read it.
    """

    number: int
    table: pa.Table
    reading_s: float
    processor_s: float
    n_deaths: int


class _Piece(NamedTuple):
    partition: int
    start: int
    items: tuple[Item, ...]
    deaths: int = 0


class _Open:
    """A partition of which pieces are still out."""

    def __init__(self, n_records: int) -> None:
        self.n_left = n_records
        self.tables: dict[int, pa.Table] = {}
        self.reading_s = self.processor_s = 0.0
        self.n_deaths = 0


def read_partitions(
    engine: Engine,
    partitions: Iterable[tuple[int, Sequence[Item]]],
    dead: Callable[[Item, str], pa.Table],
    tell: Callable[[pa.Table], object] | None = None,
) -> Iterator[ReadPartition]:
    """Read partitions, and yield each once all of it is read.

    Parameters
    ----------
    engine
        What reads.
    partitions
        Numbers and records; taken one by one, as there is room.
    dead
        Makes the row of a record that ended the processes which read it, and of how they ended.
    tell
        Called with the rows of each piece.
    """
    waiting: deque[_Piece] = deque()
    out: dict[int, _Piece] = {}
    unfinished: dict[int, _Open] = {}
    to_come = iter(partitions)
    number = n_in_succession = 0
    read: ReadPartition | None = None
    while True:
        while engine.n_free and (waiting or _begin(to_come, waiting, unfinished)):
            out[number] = piece = waiting.popleft()
            engine.give(number, piece.items)
            number += 1
        if read is not None:  # while the processes go on
            yield read
            read = None
        if not out:
            return
        given, answer = engine.take()
        piece = out.pop(given)
        of = unfinished[piece.partition]
        n_in_succession = n_in_succession + 1 if isinstance(answer, Died) else 0
        if isinstance(answer, Died):
            of.n_deaths += 1
            if n_in_succession == _MOST_IN_SUCCESSION:
                raise HeartReaderError(f"{n_in_succession} processes ended in succession, the last: {answer.why}: try fewer --workers")
            if len(piece.items) > 1 or piece.deaths + 1 < _MOST_DEATHS:
                waiting.extendleft(reversed(_smaller(piece)))
                continue
            answer = Done(dead(piece.items[0], answer.why), 0.0, 0.0)
        of.tables[piece.start] = answer.table
        of.n_left -= answer.table.num_rows
        of.reading_s += answer.reading_s
        of.processor_s += answer.processor_s
        if tell is not None:
            tell(answer.table)
        if of.n_left == 0:
            del unfinished[piece.partition]
            table = pa.concat_tables([of.tables[start] for start in sorted(of.tables)]).combine_chunks()
            read = ReadPartition(piece.partition, table, of.reading_s, of.processor_s, of.n_deaths)


def _begin(to_come: Iterator[tuple[int, Sequence[Item]]], waiting: deque[_Piece], unfinished: dict[int, _Open]) -> bool:
    """Cut the next partition into pieces; return whether there was one."""
    following = next(to_come, None)
    if following is None:
        return False
    number, items = following
    unfinished[number] = _Open(len(items))
    waiting.extend(_Piece(number, start, tuple(items[start : start + PIECE])) for start in range(0, len(items), PIECE))
    return True


def _smaller(piece: _Piece) -> list[_Piece]:
    """Return what is read in place of a piece whose process died."""
    n_records = len(piece.items)
    if n_records == 1:
        return [piece._replace(deaths=piece.deaths + 1)]
    size = -(-n_records // _SPLIT)
    return [_Piece(piece.partition, piece.start + start, piece.items[start : start + size]) for start in range(0, n_records, size)]
