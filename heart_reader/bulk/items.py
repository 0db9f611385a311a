"""What a source lists: where each record lies and what it is called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import pyarrow as pa

__all__ = ["ITEMS", "Item", "Member", "items_of", "table_of"]

# The columns of a plan.
ITEMS = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("place", pa.string(), nullable=False),
        pa.field("n_bytes", pa.int64()),
        pa.field("members", pa.list_(pa.struct([("name", pa.string()), ("offset", pa.int64()), ("n_bytes", pa.int64())]))),
        pa.field("problem", pa.string()),
    ]
)


class Member(NamedTuple):
    """One file within a shard: its name without folders, and where its bytes are."""

    name: str
    offset: int
    n_bytes: int


class Item(NamedTuple):
    """One record to read.

    Parameters
    ----------
    key
        What it is called in the result; no other record of the run has this key.
    path
        Where it lies, as its source says it: below a folder, or as a table has it.
    place
        Where it is read from: an absolute path, or an address.
    n_bytes
        Size of the shard that it lies in; None for a file of its own.
    members
        Its files within the shard.
    problem
        Why it cannot be read, where that is known already.
    """

    key: str
    path: str
    place: str
    n_bytes: int | None = None
    members: tuple[Member, ...] = ()
    problem: str | None = None


def table_of(items: Iterable[Item]) -> pa.Table:
    """Return items as a table with the columns of ``ITEMS``."""
    rows: list[dict[str, Any]] = [{**item._asdict(), "members": [member._asdict() for member in item.members]} for item in items]
    return pa.Table.from_pylist(rows, ITEMS)


def items_of(table: pa.Table) -> list[Item]:
    """Return the rows of such a table as items.

    Examples
    --------
    >>> item = Item("a", "s.tar", "/data/s.tar", 10240, (Member("a.hea", 512, 100),))
    >>> items_of(table_of([item])) == [item]
    True
    """
    return [Item(**{**row, "members": tuple(Member(**member) for member in row["members"])}) for row in table.to_pylist()]
