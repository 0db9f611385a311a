"""What waits is on the disk, bounded, and survives the end of the program."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from heart_reader.archive.spool import Spool, SpoolFull
from heart_reader.errors import ArchiveError


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_an_ecg_becomes_a_report_and_then_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 2)
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0
    spool.put("1.2", b"ecg", 0)
    uid, path = spool.next_ecg(0) or pytest.fail("none")
    assert (uid, path.read_bytes(), len(spool)) == ("1.2", b"ecg", 1)
    assert spool.next_ecg(0) is None
    spool.done(uid, path, b"report")
    assert files(tmp_path / "spool") == ["reports/1.2.dcm"]
    uid, path = spool.next_report(0) or pytest.fail("none")
    spool.sent(path)
    assert (len(spool), files(tmp_path / "spool")) == (0, [])


def test_the_one_that_waited_longest_comes_first(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 9)
    for number in (3, 1, 2):
        spool.put(f"1.{number}", b"", 0)
        time.sleep(0.01)
    assert [(spool.next_ecg(0) or pytest.fail("none"))[0] for _ in range(3)] == ["1.3", "1.1", "1.2"]


def test_there_is_no_room_beyond_the_limit_until_a_report_is_sent(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 2)
    spool.put("1.1", b"", 0)
    spool.put("1.2", b"", 0)
    spool.put("1.2", b"again", 0)  # the same one replaces itself
    with pytest.raises(SpoolFull, match="2 ECGs wait"):
        spool.put("1.3", b"", 0.01)
    uid, path = spool.next_ecg(0) or pytest.fail("none")
    spool.done(uid, path, b"report")
    with pytest.raises(SpoolFull):
        spool.put("1.3", b"", 0.01)
    came = threading.Thread(target=spool.put, args=("1.3", b"", 10))
    came.start()
    spool.sent((spool.next_report(0) or pytest.fail("none"))[1])
    came.join(5)
    assert not came.is_alive()
    assert len(spool) == 2


def test_nobody_waits_once_it_is_closed(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1)
    spool.put("1.1", b"", 0)
    spool.close()
    began = time.monotonic()
    with pytest.raises(SpoolFull):
        spool.put("1.2", b"", 60)
    assert spool.next_report(60) is None
    assert time.monotonic() - began < 5


def test_what_waited_is_there_after_a_kill(tmp_path: Path) -> None:
    first = Spool(tmp_path, 9)
    for number in range(3):
        first.put(f"1.{number}", b"", 0)
    uid, path = first.next_ecg(0) or pytest.fail("none")
    first.done(uid, path, b"report")
    first.next_ecg(0)  # being read when the program ends
    (tmp_path / "ecgs" / ".new-1.9.0.dcm").write_bytes(b"half")
    second = Spool(tmp_path, 9)
    assert len(second) == 3
    assert {(second.next_ecg(0) or pytest.fail("none"))[0] for _ in range(2)} == {"1.1", "1.2"}
    assert (second.next_report(0) or pytest.fail("none"))[0] == "1.0"
    assert not [name for name in files(tmp_path) if ".new-" in name]


def test_an_ecg_that_ends_the_program_is_given_up(tmp_path: Path) -> None:
    Spool(tmp_path, 9).put("1.1", b"", 0)
    for _ in range(3):
        assert Spool(tmp_path, 9).next_ecg(0) is not None
    spool = Spool(tmp_path, 9)
    with pytest.raises(ArchiveError, match=r"1\.1: given up"):
        spool.next_ecg(0)
    assert spool.next_ecg(0) is None
    assert files(tmp_path) == []


def test_an_ecg_is_put_back_when_the_disk_was_at_fault(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 9)
    spool.put("1.1", b"ecg", 0)
    for _ in range(5):
        spool.again(*(spool.next_ecg(0) or pytest.fail("none")))
    assert (spool.next_ecg(0) or pytest.fail("none"))[1].read_bytes() == b"ecg"


def test_a_report_that_was_refused_waits_for_the_next_start(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 9)
    spool.put("1.1", b"", 0)
    uid, path = spool.next_ecg(0) or pytest.fail("none")
    spool.done(uid, path, b"report")
    spool.hold(uid)
    assert (spool.next_report(0), len(spool)) == (None, 1)
    assert Spool(tmp_path, 9).next_report(0) is not None


@pytest.mark.parametrize("uid", ["../1", "a", "", "1.2/3"])
def test_no_name_leaves_the_folder(tmp_path: Path, uid: str) -> None:
    with pytest.raises(ArchiveError):
        Spool(tmp_path / "spool", 9).put(uid, b"", 0)
    assert files(tmp_path) == []
