"""Processes that take too long or too much or die are replaced without harm to others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from heart_reader.errors import Integrity, UnreadableRecord
from heart_reader.frontend.error_answers import RequestRefused, UnforeseenElsewhere
from heart_reader.frontend.nursery import can_copy
from heart_reader.frontend.workers import GivenUp, InThreads, Workers
from tests.frontend.work_of_tests import prepare, prepare_from, prepare_slowly_from, prepare_with_thread

pytestmark = pytest.mark.slow

MEGABYTE = 1024 * 1024
MANY_PIECES = 20


@pytest.fixture(scope="module", params=[True, False], ids=["copies", "each by itself"])
def workers(request: pytest.FixtureRequest) -> Iterator[Workers]:
    """Two processes that bear two seconds and 64 MiB."""
    with pytest.MonkeyPatch.context() as patch:
        if not request.param:
            patch.setattr("heart_reader.frontend.workers.can_copy", lambda: False)
        elif not can_copy():
            pytest.skip("this system has no copies")
        started = Workers(prepare, 2, timeout_s=2, memory_mb=64)
    started.wait()
    yield started
    started.close()
    assert started.pids() == []
    assert multiprocessing.active_children() == []


def do(workers: Workers, *arguments: Any) -> int:
    """Do one piece of work that somebody waits for; answers the process."""
    return int(workers.do(Event(), *arguments))


def wait_until_ready(workers: Workers) -> None:
    """Wait until a process is ready; ``wait`` is only for the start."""
    workers.is_ready()
    workers.wait()


def wait_for_end(pid: int) -> None:
    """Return when there is no such process, or nothing of it but its exit code."""
    status = Path(f"/proc/{pid}/stat")
    with suppress(FileNotFoundError):
        while status.read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.01)


def check_refused(workers: Workers, status: int, code: str, *arguments: Any) -> str:
    with pytest.raises(RequestRefused) as refused:
        do(workers, *arguments)
    assert (refused.value.status_code, refused.value.code) == (status, code)
    return str(refused.value.detail)


def living(workers: Workers) -> set[int]:
    return set(workers.pids())


def test_a_process_does_one_piece_after_another(workers: Workers) -> None:
    before = living(workers)
    assert {do(workers, "work") for _ in range(MANY_PIECES)} <= before
    assert living(workers) == before


def test_what_takes_too_long_is_ended_and_the_other_process_goes_on(workers: Workers) -> None:
    wait_until_ready(workers)
    before = living(workers)
    begun = time.monotonic()
    assert "longer than 2 s" in check_refused(workers, 504, "too_slow", "sleep", 60)
    assert time.monotonic() - begun < 5
    assert len(living(workers) & before) == 1
    wait_until_ready(workers)
    assert len(living(workers)) == 2
    assert do(workers, "work") in before


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
def test_what_takes_too_much_memory_is_refused_and_the_next_has_all_of_it(workers: Workers) -> None:
    wait_until_ready(workers)
    before = living(workers)
    assert do(workers, "allocate", 40 * MEGABYTE) in before
    assert "64 MB" in check_refused(workers, 413, "too_much_memory", "allocate", 80 * MEGABYTE)
    assert len(living(workers) & before) == 1
    wait_until_ready(workers)
    for _ in range(4):
        do(workers, "allocate", 40 * MEGABYTE)


def test_a_process_that_dies_at_work_costs_a_second_try(workers: Workers, tmp_path: Path) -> None:
    wait_until_ready(workers)
    before = living(workers)
    assert do(workers, "die once", tmp_path / "died") in before
    wait_until_ready(workers)
    assert len(living(workers)) == 2


def test_what_kills_every_process_is_refused_and_the_next_is_done(workers: Workers) -> None:
    check_refused(workers, 500, "process_died", "die")
    assert do(workers, "work") in living(workers)


def test_processes_that_died_idle_cost_nothing(workers: Workers) -> None:
    wait_until_ready(workers)
    before = living(workers)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)
    assert do(workers, "work") not in before
    assert workers.is_ready()
    assert not living(workers) & before


def test_what_a_client_who_left_asked_for_is_ended_if_it_is_long(workers: Workers) -> None:
    wait_until_ready(workers)
    before, given_up = living(workers), Event()
    given_up.set()
    # Ending it would cost more than this takes.
    assert int(workers.do(given_up, "sleep", 0.3)) in before
    assert living(workers) == before
    begun = time.monotonic()
    with pytest.raises(GivenUp):
        workers.do(given_up, "sleep", 60)
    assert time.monotonic() - begun < 1.8
    assert len(living(workers) & before) == 1
    assert do(workers, "work") in before


def test_an_error_that_cannot_be_sent_arrives_with_its_name_and_its_place(workers: Workers) -> None:
    with pytest.raises(UnforeseenElsewhere) as raised:
        do(workers, "fail")
    assert raised.value.kind == "Unsendable"
    assert any("misbehave" in frame for frame in raised.value.frames)
    assert do(workers, "work") in living(workers)


def test_a_refusal_arrives_as_it_is(workers: Workers) -> None:
    with pytest.raises(UnreadableRecord) as raised:
        do(workers, "refuse")
    assert raised.value.args[0].code == "empty_file"


def test_processes_that_cannot_be_replaced_are_no_fault_of_the_recording(tmp_path: Path) -> None:
    (tmp_path / "needed").touch()
    workers = Workers(partial(prepare_slowly_from, tmp_path / "needed"), 1, timeout_s=60, memory_mb=64)
    workers.wait()
    (tmp_path / "needed").unlink()
    check_refused(workers, 503, "no_process", "die")
    assert not workers.is_ready()
    # Nobody waits for a process to get ready for a client who left.
    given_up = Event()
    given_up.set()
    with pytest.raises(GivenUp):
        workers.do(given_up, "work")
    (tmp_path / "needed").touch()
    assert do(workers, "work") in living(workers)
    workers.close()


def test_processes_that_never_get_ready_say_why(tmp_path: Path) -> None:
    never = Workers(partial(prepare_from, tmp_path / "needed"), 1, timeout_s=60, memory_mb=64)
    with pytest.raises(Integrity):
        never.wait()
    never.close()


def test_closing_ends_what_still_runs() -> None:
    before = multiprocessing.active_children()
    workers = Workers(prepare, 1, timeout_s=60, memory_mb=64)
    workers.wait()
    outcome: list[str] = []
    caller = Thread(target=lambda: outcome.append(check_refused(workers, 503, "no_process", "sleep", 60)))
    caller.start()
    time.sleep(0.3)
    workers.close()
    caller.join(timeout=10)
    assert outcome
    assert living(workers) == set()
    assert multiprocessing.active_children() == before


def test_threads_only_leave_out_what_nobody_waits_for() -> None:
    threads, given_up = InThreads(prepare), Event()
    assert threads.do(given_up, "work") == str(os.getpid()).encode()
    given_up.set()
    with pytest.raises(GivenUp):
        threads.do(given_up, "work")


copying = pytest.mark.skipif(not can_copy(), reason="this system has no copies")


@copying
def test_copies_are_prepared_once_and_replaced_at_once(tmp_path: Path) -> None:
    workers = Workers(partial(prepare_from, tmp_path), 2, timeout_s=60, memory_mb=64)
    workers.wait()
    before = living(workers)
    tmp_path.rmdir()  # nothing can be prepared any more
    check_refused(workers, 500, "process_died", "die")
    begun = time.monotonic()
    assert do(workers, "work") in living(workers)
    assert time.monotonic() - begun < 1
    assert not living(workers) & before
    workers.close()


@copying
def test_how_a_copy_died_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    workers = Workers(prepare, 2, timeout_s=60, memory_mb=64)
    workers.wait()
    check_refused(workers, 500, "process_died", "die")
    assert [record.exit_code for record in caplog.records if "died at work" in record.message] == [-signal.SIGKILL] * 2  # type: ignore[attr-defined]
    workers.close()


@copying
def test_copies_outlive_what_they_were_made_of_and_it_is_replaced() -> None:
    others = multiprocessing.active_children()
    workers = Workers(prepare, 2, timeout_s=60, memory_mb=64)
    workers.wait()
    before = living(workers)
    (nursery,) = (child for child in multiprocessing.active_children() if child not in others)
    nursery.kill()
    nursery.join()
    assert do(workers, "work") in before
    for pid in before:
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)
    assert do(workers, "work") in living(workers)
    workers.close()
    assert multiprocessing.active_children() == others


@copying
def test_what_starts_threads_is_prepared_in_each_process(caplog: pytest.LogCaptureFixture) -> None:
    """A copy has one thread: what another one held would never be let go of."""
    workers = Workers(prepare_with_thread, 2, timeout_s=60, memory_mb=64)
    workers.wait()
    assert "starts threads" in caplog.text
    assert {do(workers, "work") for _ in range(4)} <= living(workers) <= {child.pid for child in multiprocessing.active_children()}
    workers.close()


@copying
def test_copies_that_never_get_ready_say_why(tmp_path: Path) -> None:
    never = Workers(partial(prepare_from, tmp_path / "needed"), 2, timeout_s=60, memory_mb=64)
    with pytest.raises(Integrity):
        never.wait()
    check_refused(never, 503, "no_process", "work")
    (tmp_path / "needed").touch()
    assert do(never, "work") in living(never)
    never.close()
