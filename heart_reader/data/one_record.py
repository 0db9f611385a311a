"""A net around the work on one record of many, for failures that nobody foresaw."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heart_reader.errors import HeartReaderError, UnexpectedError
from heart_reader.messages import message

__all__ = ["one_record"]


@contextmanager
def one_record(where: str | Path) -> Iterator[None]:
    """Turn every exception but ours into one that names the record; what stops a program passes.

    Parameters
    ----------
    where
        The record, as a person knows it.

    Raises
    ------
    UnexpectedError
        If anything but a :class:`~heart_reader.errors.HeartReaderError` was raised within, a
        shortage of memory and an endless recursion included; that is its cause.

    Examples
    --------
    >>> with one_record("a.csv"):  # doctest: +ELLIPSIS
    ...     [][0]
    Traceback (most recent call last):
        ...
    heart_reader.errors.UnexpectedError: a.csv: reading failed for an unforeseen reason ...
    """
    try:
        yield
    except HeartReaderError:
        raise
    except Exception as error:
        raise UnexpectedError(message("unexpected_error", where=str(where), kind=type(error).__name__)) from error
