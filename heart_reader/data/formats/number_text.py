"""Long lists of numbers in text, as XML files hold their samples, without one object per number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_numbers", "parse_numbers"]

_BLANK, _MINUS, _ZERO = 32, 45, 48
# More digits than this may not fit; samples of an ECG have eight at most.
_MOST_DIGITS = 15


def count_numbers(text: str) -> int:
    """Return how many words, parted by blanks and line ends, a text has.

    Examples
    --------
    >>> count_numbers(" 1 -2\\n3 "), count_numbers("")
    (3, 0)
    """
    inside = np.frombuffer(text.encode("ascii", "replace"), np.uint8) > _BLANK
    return int(np.count_nonzero(inside[1:] & ~inside[:-1])) + bool(inside[:1].any())


def parse_numbers(text: str) -> NDArray[np.float64]:
    """Return the numbers of a text, parted by blanks and line ends; NaN as it stands there.

    Raises
    ------
    ValueError
        If a word is no number; the first such word is named.

    Examples
    --------
    >>> parse_numbers(" 1 -2\\n3 ").tolist(), parse_numbers("0.5 1e2").tolist()
    ([1.0, -2.0, 3.0], [0.5, 100.0])
    """
    whole = _whole_numbers(text)
    if whole is not None:
        return whole
    words = text.split()
    # Python also takes 1_000 and digits of other scripts for numbers.
    if not text.isascii() or "_" in text:
        words = [word if word.isascii() and "_" not in word else f"{word}?" for word in words]
    try:
        return np.array([float(word) for word in words])
    except ValueError:
        raise ValueError(next(word.removesuffix("?") for word in words if not _is_number(word))) from None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _whole_numbers(text: str) -> NDArray[np.float64] | None:
    """Read a text of nothing but whole numbers, digit place by digit place; else None."""
    if not text.isascii():
        return None
    content = np.frombuffer(f" {text} ".encode("ascii"), np.uint8)
    inside = content > _BLANK
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    last = edges[1::2]
    first = edges[::2] + 1
    if not len(first):
        return np.empty(0)
    negative = content[first] == _MINUS
    first = first + negative
    length = last - first + 1
    most = int(length.max())
    # Anything but a digit, be it a second minus or a point, is far from 0 to 9 as an unsigned byte.
    digits = content - np.uint8(_ZERO)
    n_digits = int(np.count_nonzero(digits <= 9))
    if most > _MOST_DIGITS or length.min() < 1 or n_digits != int(length.sum()):
        return None
    values = digits[last].astype(np.float64)
    for place in range(1, most):
        there = length > place
        values += np.where(there, digits[last - place * there], 0) * 10.0**place
    values[negative] *= -1.0
    return values
