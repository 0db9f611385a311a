"""How WFDB's signal formats store samples.

References
----------
WFDB Applications Guide, signal(5). https://physionet.org/physiotools/wag/signal-5.htm
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["COARSE", "DIFFERENCES", "FLAC_BITS", "STORED", "SampleFormat", "decode_24"]

# What no sample is, for formats without a value that means "missing".
_NEVER = 1 << 40
# The format that stores by how much a sample differs from the one before.
DIFFERENCES = 8
# Formats that are FLAC streams, and the bits of their samples.
FLAC_BITS = {508: 8, 516: 16, 524: 24}
# Formats of eight bits, which are lawfully coarse.
COARSE = {8, 80, 508}


class SampleFormat(NamedTuple):
    """How one signal format stores samples.

    ``decode`` takes whole groups of samples apart, the last of which may be cut short. ``cut`` is
    how many bytes 0, 1, ... samples of a group need, and all of them at its end. ``invalid`` is the
    value that means "missing".
    """

    decode: Callable[[bytes], NDArray[np.signedinteger]]
    cut: tuple[int, ...]
    invalid: int

    @property
    def group(self) -> int:
        """Samples that are packed together."""
        return len(self.cut) - 1

    def n_bytes(self, n_samples: int) -> int:
        """Return the bytes of so many samples."""
        groups, rest = divmod(n_samples, self.group)
        return groups * self.cut[-1] + self.cut[rest]

    def n_samples(self, n_bytes: int) -> int:
        """Return how many samples so many bytes hold."""
        groups, rest = divmod(n_bytes, self.cut[-1])
        return groups * self.group + sum(needed <= rest for needed in self.cut[1:])


def _whole(kind: str) -> Callable[[bytes], NDArray[np.signedinteger]]:
    return lambda raw: np.frombuffer(raw, kind)


def decode_24(raw: bytes) -> NDArray[np.signedinteger]:
    r"""Return 24-bit samples, least significant byte first.

    Examples
    --------
    >>> decode_24(b"\x01\x00\x00\xff\xff\xff").tolist()
    [1, -1]
    """
    triples = np.frombuffer(raw, np.uint8).reshape(-1, 3)
    words = np.zeros((len(triples), 4), np.uint8)
    words[:, 1:] = triples
    # In the upper three bytes the sign is in place; the shift carries it down.
    return words.view("<i4")[:, 0] >> 8


def _decode_80(raw: bytes) -> NDArray[np.signedinteger]:
    return np.frombuffer(raw, np.uint8).astype(np.int16) - np.int16(128)


def _decode_160(raw: bytes) -> NDArray[np.signedinteger]:
    return (np.frombuffer(raw, "<u2") ^ np.uint16(1 << 15)).astype(np.uint16).view(np.int16)


def _decode_212(raw: bytes) -> NDArray[np.signedinteger]:
    """Two 12-bit samples in three bytes; an odd last sample stands in two bytes."""
    triples = np.frombuffer(raw + b"\0" * (-len(raw) % 3), np.uint8).reshape(-1, 3).astype(np.int16)
    samples = np.empty(2 * len(triples), np.int16)
    samples[0::2] = triples[:, 0] | (triples[:, 1] & 0x0F) << 8
    samples[1::2] = triples[:, 2] | (triples[:, 1] >> 4) << 8
    return samples << 4 >> 4


def _ten_bits(raw: bytes, shifts: tuple[int, int]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    words = np.frombuffer(raw + b"\0" * (-len(raw) % 4), "<u4").astype(np.uint32)
    first, second = (np.right_shift(words, np.uint32(shift)).view(np.int32) for shift in shifts)
    return first, second, words.view(np.int32)


def _signed_10(samples: NDArray[np.int32]) -> NDArray[np.signedinteger]:
    """Carry the sign of ten bits, whatever stands above them."""
    return (samples << 22 >> 22).astype(np.int16)


def _decode_310(raw: bytes) -> NDArray[np.signedinteger]:
    """Three 10-bit samples in two pairs of bytes; the third is in the five upper bits of both."""
    first, second, words = _ten_bits(raw, (1, 17))
    samples = np.empty(3 * len(words), np.int32)
    samples[0::3], samples[1::3] = first, second
    samples[2::3] = (words >> 11 & 0x1F) | (words >> 27 & 0x1F) << 5
    return _signed_10(samples)


def _decode_311(raw: bytes) -> NDArray[np.signedinteger]:
    """Three 10-bit samples in the 30 lower bits of four bytes."""
    second, third, words = _ten_bits(raw, (10, 20))
    samples = np.empty(3 * len(words), np.int32)
    samples[0::3], samples[1::3], samples[2::3] = words, second, third
    return _signed_10(samples)


STORED = {
    DIFFERENCES: SampleFormat(_whole("i1"), (0, 1), _NEVER),
    16: SampleFormat(_whole("<i2"), (0, 2), -(1 << 15)),
    24: SampleFormat(decode_24, (0, 3), -(1 << 23)),
    32: SampleFormat(_whole("<i4"), (0, 4), -(1 << 31)),
    61: SampleFormat(_whole(">i2"), (0, 2), -(1 << 15)),
    80: SampleFormat(_decode_80, (0, 1), -(1 << 7)),
    160: SampleFormat(_decode_160, (0, 2), -(1 << 15)),
    212: SampleFormat(_decode_212, (0, 2, 3), -(1 << 11)),
    310: SampleFormat(_decode_310, (0, 2, 4, 4), -(1 << 9)),
    311: SampleFormat(_decode_311, (0, 2, 3, 4), -(1 << 9)),
}
