"""XLI, the compression of Philips electrocardiographs: differences, then LZW with codes of 10 bits.

A lead is a block: the number of its bytes (32 bits), the number 1 and a start value (16 bits each),
all little-endian, then LZW codes, the highest bit first. A table of 256 bytes grows to 1023
entries and is never emptied; code 1023 ends the block. What comes out are the high bytes of all
values and then their low bytes. The first two values are samples, the others second differences,
turned round, one sample late and 64 too high; the start value is the one that is missing.

References
----------
C. Watford, Sierra ECG Tools, https://github.com/sixlettervariables/sierra-ecg-tools (description of
XLI). T. A. Welch, A technique for high-performance data compression, Computer 17 (1984) 8-19.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

__all__ = ["XliError", "xli_blocks", "xli_samples"]

_BITS = 10
_END = (1 << _BITS) - 1
_HEAD = struct.Struct("<ihh")
_WEIGHTS = 1 << np.arange(_BITS - 1, -1, -1)
_BYTES = [bytes((value,)) for value in range(256)]
# Adds to every difference.
_OFFSET = 64


class XliError(ValueError):
    """A block cannot be decoded; the words say why."""


def xli_blocks(data: bytes) -> list[tuple[int, bytes]]:
    """Split compressed leads into start value and codes of each.

    Raises
    ------
    XliError
        If a block is longer than what is left, or is no block.
    """
    blocks: list[tuple[int, bytes]] = []
    place = 0
    while place < len(data):
        number = len(blocks) + 1
        if len(data) - place < _HEAD.size:
            raise XliError(f"the head of block {number} is truncated")
        size, kind, start = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        if kind != 1:
            raise XliError(f"block {number} is of kind {kind}, and only kind 1 is known")
        if not 0 < size <= len(data) - place:
            raise XliError(f"block {number} declares {size} bytes, {len(data) - place} are left")
        blocks.append((start, data[place : place + size]))
        place += size
    return blocks


def xli_samples(start: int, codes: bytes, most: int) -> NDArray[np.int64]:
    """Decode a block.

    Parameters
    ----------
    start, codes
        As :func:`xli_blocks` gives them.
    most
        Time points that are expected; a block with many more is refused while it is decoded.

    Returns
    -------
    ndarray
        (n_times,) whole numbers that 16 bits hold.

    Raises
    ------
    XliError
        If a code has no meaning, or values leave 16 bits.

    Examples
    --------
    >>> bits = "".join(f"{code:010b}" for code in (0, 256, 0, 5, 7, 64, 64, 1023))
    >>> xli_samples(0, int(bits, 2).to_bytes(10), 4).tolist()
    [5, 7, 9, 11]
    """
    unpacked = _unpacked(codes, 2 * most)
    if len(unpacked) < 4 or len(unpacked) % 2:
        raise XliError(f"{len(unpacked)} bytes come out, which is no lead")
    halves = np.frombuffer(unpacked, np.uint8).reshape(2, -1).astype(np.uint16)
    values: NDArray[np.int64] = (halves[0] << 8 | halves[1]).view(np.int16).astype(np.int64)
    if len(values) == 2:
        return values
    bends = np.append(start, values[2:-1] - _OFFSET)
    samples: NDArray[np.int64] = np.empty_like(values)
    samples[:2] = values[:2]
    steps = values[1] - values[0] - np.cumsum(bends)
    samples[2:] = values[1] + np.cumsum(steps)
    if samples.min() < -32768 or samples.max() > 32767:
        raise XliError("values leave 16 bits")
    return samples


def _unpacked(codes: bytes, most: int) -> bytes:
    """What LZW codes stand for; at most a little more than ``most`` bytes."""
    bits = np.unpackbits(np.frombuffer(codes, np.uint8))
    numbers = (bits[: len(bits) // _BITS * _BITS].reshape(-1, _BITS) @ _WEIGHTS).tolist()
    if _END in numbers:
        del numbers[numbers.index(_END) :]
    table, pieces, n_bytes, before = _BYTES.copy(), [], 0, b""
    for code in numbers:
        if code < len(table):
            piece = table[code]
        elif code == len(table) < _END and before:
            piece = before + before[:1]
        else:
            raise XliError(f"code {code} stands before what it refers to")
        pieces.append(piece)
        n_bytes += len(piece)
        if n_bytes > most:
            raise XliError("more samples than are declared")
        if before and len(table) < _END:
            table.append(before + piece[:1])
        before = piece
    return b"".join(pieces)
