"""Long lists of numbers in text, as XML files hold their samples, without one object per number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_numbers", "parse_numbers"]

_BLANK, _MINUS, _ZERO, _NINE = 32, 45, 48, 9
# More digits than this may not fit; samples of an ECG have eight at most.
_MOST_DIGITS = 15


def count_numbers(text: str) -> int:
    r"""Return how many words, parted by blanks and line ends, a text has.

    Examples
    --------
    >>> count_numbers(" 1 -2\n3 "), count_numbers("")
    (3, 0)
    """
    inside = np.frombuffer(text.encode("ascii", "replace"), np.uint8) > _BLANK
    return int(np.count_nonzero(inside[1:] & ~inside[:-1])) + bool(inside[:1].any())


def parse_numbers(text: str) -> NDArray[np.float64]:
    r"""Return the numbers of a text, parted by blanks and line ends; NaN as it stands there.

    Raises
    ------
    ValueError
        If a word is no number; such a word, or the letter that is foreign to numbers, is named.

    Examples
    --------
    >>> parse_numbers(" 1 -2\n3 ").tolist(), parse_numbers("0.5 1e2").tolist()
    ([1.0, -2.0, 3.0], [0.5, 100.0])
    """
    whole = _whole_numbers(text)
    if whole is not None:
        return whole
    if not text.isascii():
        # Also a blank that is none of ASCII's, at which split would part two words.
        raise ValueError(next(letter for letter in text if not letter.isascii()))
    words = text.split()
    try:
        numbers = np.array([float(word) for word in words])
    except ValueError:
        raise ValueError(next(word for word in words if not _is_number(word))) from None
    if "_" in text:  # Python takes 1_000 for a number
        raise ValueError(next(word for word in words if "_" in word))
    return numbers


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
    if not len(last):
        return np.empty(0)
    negative = content[edges[::2] + 1] == _MINUS
    n_left = last - edges[::2] - negative
    if n_left.max() > _MOST_DIGITS:
        return None
    # Anything but a digit, be it a second minus or a point, is far from 0 to 9 as an unsigned byte.
    digits = content - np.uint8(_ZERO)
    values = digits[last].astype(np.int64)
    n_digits, rows = len(last), np.arange(len(last))
    for place in range(1, int(n_left.max())):
        longer = np.flatnonzero(n_left > place)
        rows, last, n_left = rows[longer], last[longer], n_left[longer]
        values[rows] += digits[last - place].astype(np.int64) * 10**place
        n_digits += len(rows)
    if n_digits != int(np.count_nonzero(digits <= _NINE)):
        return None
    np.negative(values, out=values, where=negative)
    return values.astype(np.float64)
