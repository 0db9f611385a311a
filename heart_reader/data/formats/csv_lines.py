"""The lines of a long table: as text in blocks, for a Python string of each of ten million lines
takes twenty times the file's size.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import overload

__all__ = ["Lines", "line_blocks"]

# A block of lines, characters; an ordinary ten-second record is one.
BLOCK_LENGTH = 1 << 20
_END = re.compile("\n|\r(?!\n)")


def line_blocks(text: str) -> Iterator[list[str]]:
    r"""Split like ``text.splitlines()``, a block of lines at a time.

    Examples
    --------
    >>> list(line_blocks("a\nb\r\n\nc"))
    [['a', 'b', '', 'c']]
    """
    start = 0
    while start < len(text):
        end = _END.search(text, start + BLOCK_LENGTH) if len(text) - start > BLOCK_LENGTH else None
        stop = end.end() if end else len(text)
        yield text[start:stop].splitlines()
        start = stop


class Lines(Sequence[str]):
    """Lines without their ends, all but one block of them packed; slices are plain lists.

    Examples
    --------
    >>> lines = Lines()
    >>> lines.extend(["a", "b", "c"])
    >>> lines.extend(["d"])
    >>> len(lines), lines[1], lines[-1], lines[1:4], list(lines)
    (4, 'b', 'd', ['b', 'c', 'd'], ['a', 'b', 'c', 'd'])
    """

    def __init__(self) -> None:
        self._blocks: list[str | list[str]] = []
        self._starts = [0]
        self._unpacked: tuple[int, list[str]] = (-1, [])

    def extend(self, block: list[str]) -> None:
        """Add lines; the block before is packed."""
        if block:
            self._blocks[-1:] = ["\n".join(lines) if isinstance(lines, list) else lines for lines in self._blocks[-1:]]
            self._blocks.append(block)
            self._starts.append(self._starts[-1] + len(block))

    def cut(self, start: int, stop: int) -> Lines:
        """Return the same lines without some at the start and at the end."""
        kept = Lines()
        for number, (first, end) in enumerate(zip(self._starts, self._starts[1:], strict=False)):
            if start <= first and end <= stop:
                # A whole block is shared, not copied.
                kept._blocks.append(self._blocks[number])
                kept._starts.append(kept._starts[-1] + end - first)
            else:
                kept.extend(self._lines(number)[max(start - first, 0) : max(stop - first, 0)])
        return kept

    def __len__(self) -> int:
        return self._starts[-1]

    def __iter__(self) -> Iterator[str]:
        for number in range(len(self._blocks)):
            yield from self._lines(number)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, int):
            index = range(len(self))[place]
            number = bisect_right(self._starts, index) - 1
            return self._lines(number)[index - self._starts[number]]
        start, stop, step = place.indices(len(self))
        found: list[str] = []
        for number in range(bisect_right(self._starts, start) - 1, len(self._blocks)):
            first = self._starts[number]
            if first >= stop:
                break
            found += self._lines(number)[max(start - first, 0) : stop - first]
        return found[::step]

    def _lines(self, number: int) -> list[str]:
        block = self._blocks[number]
        if isinstance(block, list):
            return block
        if self._unpacked[0] != number:
            self._unpacked = number, block.split("\n")
        return self._unpacked[1]
