"""Work in several processes keeps order and memory, and says it when a process dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from heart_reader.errors import HeartReaderError
from heart_reader.in_order import in_order


def square(number: int) -> int:
    """Answer, or fail where there is nothing to answer."""
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number**2


def end_itself(number: int) -> int:
    """Be ended like a process that a system without memory picks."""
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("jobs", [1, 2])
def test_answers_come_in_order(jobs: int) -> None:
    assert list(in_order(square, range(50), jobs)) == [number**2 for number in range(50)]


def test_pieces_are_taken_only_as_they_are_worked_on() -> None:
    taken = []

    def pieces() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    answers = in_order(square, pieces(), 2)
    for _ in range(10):
        next(answers)
    assert len(taken) <= 10 + 2 * 3
    answers.close()
    assert len(taken) <= 10 + 2 * 3


def test_an_error_of_the_work_comes_out() -> None:
    with pytest.raises(ValueError, match="-1 is negative"):
        list(in_order(square, [1, -1, 2], 2))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes are ended otherwise here")
def test_a_process_that_is_ended_from_outside_is_named() -> None:
    with pytest.raises(HeartReaderError, match="memory ran out"):
        list(in_order(end_itself, range(10), 2))
