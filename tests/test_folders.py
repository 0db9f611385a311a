"""Writers that are killed between any two steps, two writers at once, and what readers find
meanwhile.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from heart_reader.errors import ConfigError, HeartReaderError
from heart_reader.folders import atomic_directory, remove_directory, run_folder, standing, sweep, write_whole

FORK = multiprocessing.get_context("fork")
STEPS = ("mkdir", "rename", "unlink", "replace")


def write(final: Path, content: str) -> None:
    with atomic_directory(final) as new:
        (new / "a").write_text(content)
        (new / "b").write_text(content)


def read(final: Path) -> str:
    folder = standing(final)
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    (content,) = {path.read_text() for path in folder.iterdir()}
    return content


def die_at(step: int, action: Callable[[], None]) -> bool:
    """Run in a process that is gone, without any clean-up, before its step-th change of a folder;
    tell whether it was.
    """

    def child() -> None:
        done = 0

        def counted(plain: Callable[..., object]) -> Callable[..., object]:
            def call(*arguments: object, **keywords: object) -> object:
                nonlocal done
                done += 1
                if done == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return plain(*arguments, **keywords)

            return call

        for name in STEPS:
            setattr(Path, name, counted(getattr(Path, name)))
        shutil.rmtree = counted(shutil.rmtree)  # type: ignore[assignment]
        os.unlink = counted(os.unlink)  # type: ignore[assignment]
        action()

    process = FORK.Process(target=child)
    process.start()
    process.join(30)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def test_a_kill_at_any_step_of_a_replacement_loses_nothing(tmp_path: Path) -> None:
    seen = set()
    for step in range(1, 100):
        final = tmp_path / str(step) / "checkpoint"
        write(final, "old")
        died = die_at(step, lambda final=final: write(final, "new"))  # type: ignore[misc]
        seen.add((read(final), final.exists()))
        write(final, "next")
        assert read(final) == "next"
        assert [path.name for path in final.parent.iterdir()] == ["checkpoint"]
        if not died:
            break
    # Before, between the two renames, and after.
    assert seen == {("old", True), ("old", False), ("new", True)}


def test_a_kill_at_any_step_of_a_removal_leaves_all_or_nothing(tmp_path: Path) -> None:
    for step in range(1, 100):
        final = tmp_path / str(step) / "training_state"
        write(final, "old")
        died = die_at(step, lambda final=final: remove_directory(final))  # type: ignore[misc]
        assert not standing(final).exists() or read(final) == "old"
        sweep(final.parent)
        assert [path.name for path in final.parent.iterdir()] in ([], ["training_state"])
        if not died:
            break
    assert not final.exists()


def test_a_kill_while_a_file_is_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    for step in range(1, 100):
        write_whole(path, lambda new: new.write_text("old"))
        died = die_at(step, lambda: write_whole(path, lambda new: new.write_text("new")))
        assert path.read_text() in ("old", "new")
        with run_folder(tmp_path):
            assert {entry.name for entry in tmp_path.iterdir()} == {"report.json", ".lock"}
        if not died:
            break
    assert path.read_text() == "new"


def test_what_stands_aside_comes_back(tmp_path: Path) -> None:
    write(tmp_path / "checkpoint", "old")
    (tmp_path / "checkpoint").rename(tmp_path / ".old-checkpoint")
    assert read(tmp_path / "checkpoint") == "old"
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


HOLD = """
import sys, time
from pathlib import Path
from heart_reader.folders import atomic_directory, run_folder
with run_folder(Path(sys.argv[1])):
    with atomic_directory(Path(sys.argv[1], "checkpoint")) as new:
        (new / "a").write_text("living")
        (new / "b").write_text("living")
        print("in", flush=True)
        time.sleep(float(sys.argv[2]))
"""


def hold(folder: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder), str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    return process


def test_the_second_process_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    with hold(tmp_path / "run", 0.7) as process:
        with pytest.raises(ConfigError, match=rf"another process works in this folder \(process {process.pid} on .*\): wait for it"):
            run_folder(tmp_path / "run").__enter__()
        sweep(tmp_path / "run")
        write(tmp_path / "run" / "checkpoint", "second")  # which waits
    assert process.returncode == 0
    assert read(tmp_path / "run" / "checkpoint") == "second"
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["checkpoint"]


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    with hold(tmp_path / "run", 60) as process:
        process.kill()
    assert (tmp_path / "run" / ".lock").exists()
    with run_folder(tmp_path / "run"):
        assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]
    assert not (tmp_path / "run").exists()


def test_many_writers_at_once_leave_one_whole_directory(tmp_path: Path) -> None:
    def writer(number: int) -> None:
        for _ in range(10):
            write(tmp_path / "checkpoint", str(number))

    processes = [FORK.Process(target=writer, args=(number,)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert read(tmp_path / "checkpoint") in "0123"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_whoever_has_a_folder_has_it_again(tmp_path: Path) -> None:
    with run_folder(tmp_path / "run"), run_folder(tmp_path / "run"):
        write(tmp_path / "run" / "checkpoint", "x")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["checkpoint"]


@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077])
def test_modes_are_the_usual_ones(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write(tmp_path / "checkpoint", "x")
        write_whole(tmp_path / "file", lambda path: path.write_text("x"))
    finally:
        os.umask(before)
    assert (tmp_path / "checkpoint").stat().st_mode & 0o777 == 0o777 & ~mask
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "checkpoint" / "a", tmp_path / "file")} == {0o666 & ~mask}


def as_nobody(action: Callable[[], None]) -> str:
    """Return the error of an action run by a user who owns nothing here."""
    receive, send = FORK.Pipe(duplex=False)

    def child() -> None:
        if os.getuid() == 0:
            os.setuid(65534)
        try:
            action()
            send.send("no error")
        except HeartReaderError as error:
            send.send(error.message)

    process = FORK.Process(target=child)
    process.start()
    process.join(30)
    assert receive.poll()
    return str(receive.recv())


@pytest.fixture
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that may be read and not written."""
    folder = tmp_path_factory.mktemp("readonly")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)
    folder.chmod(0o555)
    return folder


def test_a_read_only_folder_is_one_clear_line(read_only: Path) -> None:
    def enter() -> None:
        with run_folder(read_only):
            pass

    def whole() -> None:
        write_whole(read_only / "a", lambda path: path.write_text("x"))

    for action in (enter, whole, lambda: write(read_only / "checkpoint", "x"), lambda: write(read_only / "run" / "checkpoint", "x")):
        message = as_nobody(action)
        assert "could not be written, Permission denied" in message
        assert "choose another" in message
        assert "\n" not in message


def test_waiting_ends_soon_after_the_other_does(tmp_path: Path) -> None:
    with hold(tmp_path, 0.5):
        start = time.monotonic()
        with run_folder(tmp_path, wait=True):
            assert 0.2 < time.monotonic() - start < 5
