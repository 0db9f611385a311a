"""Whole runs with real processes: equal results, kills, and what is refused."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import heart_reader
from heart_reader.bulk import Settings, bulk_read, processes, run
from heart_reader.commands import main
from heart_reader.errors import ConfigError, HeartReaderError
from heart_reader.folders import run_folder
from heart_reader.weights import find_reader
from tests.bulk import deadly

READER = find_reader("ptbxl-nano-int8")
NAMES = [f"{number:02}" for number in range(20)]
QUICK = ("--no-measure", "--partition-size", "8", "--workers", "1", "--checkpoint", str(READER))


def digests(out: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((out / "records").iterdir())}


def rows(out: Path) -> list[dict[str, object]]:
    return [row for path in sorted((out / "records").glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory, write_shard) -> Path:
    return write_shard(tmp_path_factory.mktemp("source") / "s.tar", NAMES)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, shard: Path) -> Path:
    """The result of a run that nothing disturbs."""
    out = tmp_path_factory.mktemp("undisturbed")
    bulk_read([str(shard)], out, Settings(READER, measure=False, partition_size=8, n_workers=2))
    return out


def test_every_record_has_one_row_and_the_files_say_what_read_them(undisturbed: Path) -> None:
    assert [row["key"] for row in rows(undisturbed)] == [f"s.tar/{name}" for name in NAMES]
    assert [pq.read_metadata(path).num_rows for path in sorted((undisturbed / "records").iterdir())] == [8, 8, 4]
    row = rows(undisturbed)[0]
    assert (row["error"], row["age_years"], row["sex"], row["fs_hz"], row["duration_s"]) == (None, 61.0, "male", 100.0, 10.0)
    assert row["d_superdiagnostic_NORM"] in ("absent", "present", "uncertain")
    about = {
        key.decode(): value.decode() for key, value in pq.read_schema(undisturbed / "records" / "part-000000.parquet").metadata.items()
    }
    assert about["heart_reader"] == heart_reader.__version__
    assert len(about["checkpoint_sha256"]) == len(about["code_sha256"]) == 64
    summary = json.loads((undisturbed / "summary.json").read_text())
    assert (summary["records"], summary["errors"]) == (20, {})
    assert 0 < summary["reading_s"] < summary["processor_s"]


def test_the_rows_say_what_reading_one_says(undisturbed: Path, write_records, tmp_path: Path) -> None:
    from heart_reader.classifier import EcgClassifier
    from heart_reader.data.formats import read_record

    folder = write_records(tmp_path, NAMES[:3])
    reading = EcgClassifier.load(READER).predict(read_record(folder / "02.hea"), measure=False)
    row = rows(undisturbed)[2]
    for level, classes in {**reading.levels, **{name: screen.classes for name, screen in reading.screens.items()}}.items():
        for name, one in classes.items():
            assert row[f"p_{level}_{name}"] == pytest.approx(one.probability, rel=1e-6)
            assert row[f"d_{level}_{name}"] == one.decision


def test_what_is_missing_is_read_and_what_is_there_is_not(undisturbed: Path, shard: Path, tmp_path: Path, settings: Settings) -> None:
    shutil.copytree(undisturbed, tmp_path / "out")
    wanted = digests(undisturbed)
    (tmp_path / "out" / "records" / "part-000001.parquet").unlink()
    (tmp_path / "out" / "records" / ".new-part-000001.parquet").write_bytes(b"left by a killed run")
    kept = (tmp_path / "out" / "records" / "part-000000.parquet").stat().st_mtime_ns
    told: list[int] = []

    def tell(n_records: int, n_before: int):
        told.extend((n_records, n_before))
        return lambda n_read, errors: told.append(n_read)

    outcome = bulk_read([str(shard)], tmp_path / "out", settings, tell=tell)
    assert (outcome.n_records, outcome.n_before) == (20, 12)
    assert told == [20, 12, 8]
    assert digests(tmp_path / "out") == wanted
    assert (tmp_path / "out" / "records" / "part-000000.parquet").stat().st_mtime_ns == kept


def test_a_run_that_is_stopped_and_killed_ends_with_the_same_bytes(tmp_path: Path, write_shard, settings: Settings) -> None:
    shard, out = write_shard(tmp_path / "s.tar", [f"{number:03}" for number in range(240)]), tmp_path / "out"
    command = [sys.executable, "-W", "error", "-m", "heart_reader", "bulk", str(shard), "--out", str(out), *QUICK]
    n_before = 0
    for sent in (signal.SIGINT, signal.SIGKILL):
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
        while len(list(out.glob("records/part-*"))) == n_before:
            assert process.poll() is None, process.communicate()
            time.sleep(0.002)
        os.killpg(process.pid, sent)
        said = process.communicate()[1]
        assert (process.returncode, said) == ((1, "stopped\n") if sent == signal.SIGINT else (-signal.SIGKILL, ""))
        n_before = len(list(out.glob("records/part-*")))
        assert 0 < n_before < 30
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    bulk_read([str(shard)], tmp_path / "undisturbed", settings)
    assert digests(out) == digests(tmp_path / "undisturbed")
    assert not processes.scratch_folder(out).exists()


def test_a_record_that_kills_its_process_is_a_row_and_the_others_are_read(
    tmp_path: Path, write_records, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_records(tmp_path / "in", ["a", "b", "deadly"])
    monkeypatch.setattr(processes, "_work", deadly.work)
    outcome = bulk_read([str(folder)], tmp_path / "out", settings)
    assert outcome.errors == Counter(process_ended=1)
    assert outcome.n_deaths == 3
    found = {str(row["key"]): row for row in rows(tmp_path / "out")}
    assert found["deadly.hea"]["error_code"] == "process_ended"
    assert "killed, as the system does where memory runs out" in str(found["deadly.hea"]["error"])
    assert found["a.hea"]["error_code"] is None
    assert "processes ended while they read" in "\n".join(outcome.to_lines())


def test_processes_that_end_at_once_end_the_run(tmp_path: Path, shard: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_work", deadly.stillborn)
    monkeypatch.setattr(processes, "_MOST_STILLBORN", 1)
    with pytest.raises(HeartReaderError, match="end at once"):
        bulk_read([str(shard)], tmp_path / "out", settings)


def test_bad_files_are_rows(tmp_path: Path, write_records, settings: Settings) -> None:
    folder = write_records(tmp_path / "in", ["good", "short"])
    (folder / "empty.edf").touch()
    (folder / "short.dat").write_bytes(b"cut")
    (folder / "odd.scp").write_bytes(b"\0" * 400)
    outcome = bulk_read([str(folder)], tmp_path / "out", settings)
    found = {str(row["key"]): row for row in rows(tmp_path / "out")}
    assert found["good.hea"]["error_code"] is None
    assert found["empty.edf"]["error_code"] == "empty_file"
    assert outcome.errors.total() == 3
    assert [row["p_superdiagnostic_NORM"] is None for row in found.values()] == [row["error_code"] is not None for row in found.values()]
    assert all(str(tmp_path) not in str(row["error"]) for row in found.values())


def test_two_runs_into_one_folder_and_other_settings_are_refused(undisturbed: Path, shard: Path, settings: Settings) -> None:
    def refused(match: str, source: Path = shard, **changed: object) -> None:
        with pytest.raises(ConfigError, match=match):
            bulk_read([str(source)], undisturbed, replace(settings, **changed))  # type: ignore[arg-type]

    script = "import sys\nfrom heart_reader.folders import run_folder\nwith run_folder(sys.argv[1]): print(flush=True); input()"
    holding = subprocess.Popen([sys.executable, "-c", script, str(undisturbed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holding:
        assert holding.stdout is not None
        holding.stdout.readline()
        refused("another process works in this folder")
        holding.communicate(b"\n")
    refused("begun with --no-measure True, now it is False", measure=True)
    refused("--partition-size 8, now it is 9", partition_size=9)
    refused("begun with --unit None, now it is mV", unit="mV")
    with run_folder(undisturbed):
        pass


def test_another_model_in_the_middle_is_refused(undisturbed: Path, shard: Path, settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"begun with .*, now it is .*: go on with what it was begun with"):
        bulk_read([str(shard)], undisturbed, replace(settings, checkpoint=find_reader()))


def test_a_model_that_is_exchanged_while_processes_start_ends_the_run(
    tmp_path: Path, shard: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "versions_of", lambda checkpoint: {"checkpoint_sha256": "0" * 64, "heart_reader": heart_reader.__version__})
    with pytest.raises(ConfigError, match=r"in a process that reads, and .* in this run"):
        bulk_read([str(shard)], tmp_path / "out", settings)


def test_other_records_are_refused(tmp_path: Path, write_records, settings: Settings) -> None:
    folder = write_records(tmp_path / "in", ["a"])
    bulk_read([str(folder)], tmp_path / "out", settings)
    write_records(folder, ["b"])
    with pytest.raises(ConfigError, match="begun with records 1, now it is 2"):
        bulk_read([str(folder)], tmp_path / "out", settings)


def test_a_full_disk_is_one_sentence_and_the_run_goes_on_later(
    undisturbed: Path, shard: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = pq.write_table

    def full(table: object, path: Path, **options: object) -> None:
        if "part-000001" in str(path):
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        written(table, path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(run.pq, "write_table", full)
        with pytest.raises(HeartReaderError, match=r"part-000001\.parquet: .*the disk is full: free some space .*the same command goes on"):
            bulk_read([str(shard)], tmp_path / "out", settings)
    assert list(digests(tmp_path / "out")) == ["part-000000.parquet"]
    bulk_read([str(shard)], tmp_path / "out", settings)
    assert digests(tmp_path / "out") == digests(undisturbed)


def test_records_and_results_that_vanish_are_no_missing_files(tmp_path: Path, settings: Settings) -> None:
    table = tmp_path / "t.csv"
    table.write_text("path\n" + "".join(f"gone/{number}.hea\n" for number in range(30)))
    with pytest.raises(ConfigError, match="is the disk there"):
        bulk_read([str(table)], tmp_path / "out", replace(settings, partition_size=25))
    missing = pa.table({"path": ["a"] * 30, "error_code": ["no_such_file"] * 30})
    with pytest.raises(HeartReaderError, match="is the disk still there"):
        run._refuse_vanished(missing, [str(table)])
    with pytest.raises(HeartReaderError, match="is gone: bring it back"):
        run._refuse_vanished(missing.slice(0, 3), [str(tmp_path / "unmounted")])
    run._refuse_vanished(missing.slice(0, 3), [str(table)])


def test_a_shard_that_becomes_shorter_ends_the_run(
    tmp_path: Path, write_shard, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_shard(tmp_path / "s.tar", NAMES[:3])
    made = run.make_plan

    def make_and_cut(*arguments: object, **named: object) -> object:
        plan = made(*arguments, **named)  # type: ignore[arg-type]
        os.truncate(path, 4096)
        return plan

    monkeypatch.setattr(run, "make_plan", make_and_cut)
    with pytest.raises(HeartReaderError, match="has another length than when its records were listed"):
        bulk_read([str(path)], tmp_path / "out", settings)


def test_a_cut_shard_is_read_as_far_as_it_goes(tmp_path: Path, write_shard, settings: Settings) -> None:
    path = write_shard(tmp_path / "s.tar", NAMES[:3])
    os.truncate(path, path.stat().st_size // 2)
    outcome = bulk_read([str(path)], tmp_path / "out", settings)
    assert outcome.errors.total() >= 1
    assert "cut short" in str(rows(tmp_path / "out")[-1]["error"])
    assert rows(tmp_path / "out")[0]["error"] is None


def test_the_command_tells_what_came_of_it(tmp_path: Path, write_records, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_records(tmp_path / "in", ["a", "b"])
    assert main(["bulk", str(folder), "--out", str(tmp_path / "out"), *QUICK]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("2 records: 2 read, 0 not read\n")
    assert "of it in reading" in said.out
    assert main(["bulk", str(folder), "--out", str(tmp_path / "out"), *QUICK[1:]]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["bulk", str(folder), "--out", str(tmp_path / "x"), "--ray-address", "auto"]) == 2
