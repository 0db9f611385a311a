"""Huffman codes of SCP-ECG: the tables of section 2, and a decoder of whole leads at once.

Where a code ends depends on where it begins. So for every bit of a lead it is looked up which code
would begin there; a walk from code to code, in steps of four, then picks those that do.

References
----------
EN 1064 (ISO 11073-91064), clause 5.5 and Annex C: Huffman tables, and the default one.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Code", "DamagedCodes", "HuffmanTables", "default_tables", "huffman_decode", "parse_tables"]

# In place of a number of tables: those of the standard.
_DEFAULT = 19999
_CODE = struct.Struct("<BBBhI")
_MOST_TABLES = 16
_MOST_PREFIX, _MOST_REST = 32, 32
# Up to this many bits of a code are looked up in a list of all.
_LISTED_BITS = 16
# Codes of the walk that are found by arithmetic rather than one by one: 2 ** 2.
_DOUBLINGS = 2


class DamagedCodes(ValueError):
    """Tables or bits that mean nothing; says what is wrong with them."""


@dataclass(frozen=True)
class Code:
    """One code.

    Parameters
    ----------
    prefix_bits, total_bits
        Length of what identifies it, and of that with the number behind it.
    switches
        Whether ``value`` is the number of the table, from 1, that the next code is of.
    value
        What it stands for; a number behind it, in two's complement, is added.
    bits
        The prefix, as a number whose first bit is the highest.
    """

    prefix_bits: int
    total_bits: int
    switches: bool
    value: int
    bits: int

    @property
    def start(self) -> int:
        """The lowest number of 32 bits that begins with it."""
        return self.bits << 32 - self.prefix_bits


@dataclass(frozen=True, eq=False)
class HuffmanTables:
    """Tables between which codes may switch; every lead begins with the first.

    Parameters
    ----------
    tables
        Their codes, none of which is the beginning of another of the same table.
    """

    tables: tuple[tuple[Code, ...], ...]

    @cached_property
    def columns(self) -> tuple[NDArray[np.int64], ...]:
        """Of all codes and of none: bits of prefix and in all, value, table to switch to or -1."""
        rows = [(code.prefix_bits, code.total_bits, code.value, code.value - 1 if code.switches else -1) for code in sum(self.tables, ())]
        return tuple(np.array(column, np.int64) for column in zip(*rows, (1, 1, 0, -1), strict=True))

    @cached_property
    def has_switches(self) -> bool:
        """Whether any code leads to another table."""
        return bool((self.columns[3] >= 0).any())

    @cached_property
    def finders(self) -> tuple[_Finder, ...]:
        """What finds codes, one for each table."""
        firsts = np.cumsum([0, *(len(table) for table in self.tables)])
        return tuple(_finder(table, int(first), int(firsts[-1])) for table, first in zip(self.tables, firsts[:-1], strict=True))


@dataclass(frozen=True, eq=False)
class _Finder:
    """Finds the code that 32 bits begin with.

    ``starts`` are where codes begin among all numbers of 32 bits, rising, ``codes`` which codes
    those are and ``spans`` how long; ``listed`` are both for all beginnings of ``bits`` bits, where
    these are few.
    """

    bits: int
    starts: NDArray[np.int64]
    codes: NDArray[np.intp]
    spans: NDArray[np.intp]
    listed: tuple[NDArray[np.intp], NDArray[np.intp]] | None

    def rows(self, windows: NDArray[np.uint32]) -> NDArray[np.intp]:
        """Which code it is, by its row in the columns of all tables."""
        return self.codes[self._at(windows)] if self.listed is None else self.listed[0][self._listed_at(windows)]

    def lengths(self, windows: NDArray[np.uint32]) -> NDArray[np.intp]:
        """How many bits it has."""
        return self.spans[self._at(windows)] if self.listed is None else self.listed[1][self._listed_at(windows)]

    def _at(self, windows: NDArray[np.uint32]) -> NDArray[np.intp]:
        return np.searchsorted(self.starts, windows, side="right") - 1

    def _listed_at(self, windows: NDArray[np.uint32]) -> NDArray[np.uint32]:
        # A number of 32 bits cannot be shifted by 32.
        at: NDArray[np.uint32] = windows >> np.uint32(32 - self.bits) if self.bits else np.zeros_like(windows)
        return at


def _finder(table: Sequence[Code], first: int, nothing: int) -> _Finder:
    """Lay the codes of a table over all numbers of 32 bits; the gaps are ``nothing``."""
    pieces, end = [(0, nothing, 1)], 0
    for code, row in sorted(zip(table, range(first, nothing), strict=False), key=lambda item: item[0].start):
        if code.start < end:
            raise DamagedCodes("two codes of a Huffman table begin alike")
        end = code.start + (1 << 32 - code.prefix_bits)
        pieces += [(code.start, row, code.total_bits), (end, nothing, 1)]
    starts, codes, spans = (np.array(column) for column in zip(*pieces, strict=True))
    bits = max(code.prefix_bits for code in table)
    if bits > _LISTED_BITS:
        return _Finder(bits, starts, codes, spans, None)
    at = np.searchsorted(starts, np.arange(1 << bits) << 32 - bits, side="right") - 1
    return _Finder(bits, starts, codes, spans, (codes[at], spans[at]))


def _reversed(number: int, bits: int) -> int:
    return int(f"{number & ((1 << bits) - 1):0{bits}b}"[::-1], 2) if bits else 0


@cache
def default_tables() -> HuffmanTables:
    """Return the table of the standard: 0 in one bit, up to 8 in ten, others behind ten bits."""
    codes = [Code(1, 1, False, 0, 0)]
    for value in range(1, 9):
        ones = (1 << value) - 1
        codes += [Code(value + 2, value + 2, False, sign * value, ones << 2 | (sign < 0)) for sign in (1, -1)]
    codes += [Code(10, 18, False, 0, 0b1111111110), Code(10, 26, False, 0, 0b1111111111)]
    return HuffmanTables((tuple(codes),))


def parse_tables(data: bytes) -> HuffmanTables:
    """Read section 2.

    Raises
    ------
    DamagedCodes
        If it is cut off or its codes cannot be told apart.
    """
    count = int.from_bytes(data[:2], "little")
    if count == _DEFAULT:
        return default_tables()
    if not 1 <= count <= _MOST_TABLES:
        raise DamagedCodes(f"{count} Huffman tables, but 1 to {_MOST_TABLES} can be read")
    tables, at = [], 2
    for number in range(1, count + 1):
        n_codes = int.from_bytes(data[at : at + 2], "little")
        end = at + 2 + n_codes * _CODE.size
        if not n_codes or end > len(data):
            raise DamagedCodes(f"Huffman table {number} has {n_codes} codes in {max(0, len(data) - at)} bytes")
        tables.append(tuple(_code(number, count, fields) for fields in _CODE.iter_unpack(data[at + 2 : end])))
        at = end
    made = HuffmanTables(tuple(tables))
    _ = made.finders
    return made


def _code(number: int, n_tables: int, fields: Sequence[int]) -> Code:
    """Check a code; mode 1 is a value, 0 a switch, and the first bit is the lowest of its base."""
    prefix_bits, total_bits, mode, value, base = fields
    rest = total_bits - prefix_bits
    if not (total_bits and prefix_bits <= _MOST_PREFIX and 0 <= rest <= _MOST_REST):
        raise DamagedCodes(f"a code of Huffman table {number} has {prefix_bits} bits of prefix and {total_bits} in all")
    if mode not in (0, 1) or (mode == 0 and not 1 <= value <= n_tables):
        raise DamagedCodes(f"a code of Huffman table {number} leads to table {value} of {n_tables} in mode {mode}")
    return Code(prefix_bits, total_bits, mode == 0, value, _reversed(base, prefix_bits))


def huffman_decode(data: bytes, count: int, tables: HuffmanTables) -> NDArray[np.int64]:
    """Decode the numbers of one lead.

    Parameters
    ----------
    data
        Its bytes, the first bit the highest.
    count
        How many numbers are in them.

    Returns
    -------
    array
        (count,).

    Raises
    ------
    DamagedCodes
        If the bits end before, or mean nothing.

    Examples
    --------
    >>> huffman_decode(bytes([0b10010101]), 3, default_tables()).tolist()
    [1, -1, 0]
    """
    n_bits = 8 * len(data)
    if count > n_bits:
        raise DamagedCodes(f"{count} numbers are declared in {n_bits} bits")
    if not count:
        return np.zeros(0, np.int64)
    windows = _windows(data)
    prefix_bits, total_bits, values, switched_to = tables.columns
    nothing = len(values) - 1
    every_bit = np.arange(len(windows))
    ahead = [np.minimum(every_bit + finder.lengths(windows), n_bits) for finder in tables.finders]
    if tables.has_switches:
        rows = [finder.rows(windows) for finder in tables.finders]
        in_tables, places = _switching_walk(ahead, [switched_to[codes] for codes in rows], count)
        chosen = np.choose(in_tables, [codes[places] for codes in rows])
    else:
        places = _walk(ahead[0], count)
        chosen = tables.finders[0].rows(windows[places])
    ends = places + total_bits[chosen]
    wrong = np.flatnonzero((chosen == nothing) | (ends > n_bits))
    if wrong.size:
        raise DamagedCodes(f"the Huffman codes end or mean nothing after {wrong[0]} of {count} numbers")
    decoded: NDArray[np.int64] = values[chosen]
    rest = (total_bits - prefix_bits)[chosen]
    longer = np.flatnonzero(rest)
    if longer.size:
        bits = rest[longer]
        numbers = windows[places[longer] + prefix_bits[chosen[longer]]].astype(np.int64) >> (32 - bits)
        decoded[longer] += numbers - ((numbers >> (bits - 1)) << bits)
    return decoded


def _windows(data: bytes) -> NDArray[np.uint32]:
    """The 32 bits that begin at every bit, and behind the last one zeros."""
    padded = np.frombuffer(data + bytes(5), np.uint8).astype(np.uint64)
    wide = padded[:-4] << np.uint64(32)
    for place in range(1, 5):
        wide |= padded[place : len(wide) + place] << np.uint64(32 - 8 * place)
    shifted = wide[:, None] >> np.arange(8, 0, -1, dtype=np.uint64)
    windows: NDArray[np.uint32] = shifted.astype(np.uint32).ravel()[: 8 * len(data) + 1]
    return windows


def _walk(ahead: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Bits at which the first ``count`` numbers begin.

    Parameters
    ----------
    ahead
        (n_bits + 1,) where the code ends that begins at a bit. From the last bit, behind which
        nothing is, a walk leads nowhere else.
    """
    jumps = [ahead]
    for _ in range(_DOUBLINGS):
        jumps.append(jumps[-1][jumps[-1]])
    far, place = jumps.pop().data, 0
    steps = [place]
    for _ in range((count - 1) >> _DOUBLINGS):
        place = far[place]
        steps.append(place)
    walked = np.array(steps)
    for jump in reversed(jumps):
        walked = np.stack([walked, jump[walked]], axis=1).ravel()
    return walked[:count]


def _switching_walk(
    ahead: list[NDArray[np.intp]], targets: list[NDArray[np.int64]], count: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Tables and bits at which the first ``count`` numbers begin, one code at a time."""
    size = len(ahead[0])
    # A switch is a negative number; one that is cut off by the end of the bits leads nowhere.
    moves = [
        np.where((target >= 0) & (ends > np.arange(size)), ~(target * size + ends), ends).data
        for ends, target in zip(ahead, targets, strict=True)
    ]
    table, place = 0, 0
    in_tables: list[int] = []
    places: list[int] = []
    while len(places) < count:
        end = moves[table][place]
        if end < 0:
            table, place = divmod(~end, size)
            continue
        in_tables.append(table)
        places.append(place)
        place = end
    return np.array(in_tables), np.array(places)
