import hashlib
import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heart_reader.data import cache as module
from heart_reader.data.cache import open_or_build
from heart_reader.data.formats import read_record
from heart_reader.data.labels import SUPERCLASSES, SUPERDIAGNOSTIC, LabelSpace, Level
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.preprocessor import Preprocessor
from heart_reader.data.record_table import RecordTable
from heart_reader.errors import DataError

PREPROCESSOR = Preprocessor(100.0, STANDARD_LEADS, 2.5, 1.25, None, None, "zero")
SPACE = LabelSpace({SUPERDIAGNOSTIC: Level(SUPERDIAGNOSTIC, SUPERCLASSES)}, (SUPERDIAGNOSTIC,))


def table_of(paths) -> RecordTable:
    return RecordTable(
        record_ids=np.array([path.stem for path in paths]),
        paths=np.array([str(path) for path in paths]),
        patient_ids=np.full(len(paths), ""),
        splits=np.full(len(paths), "train"),
        labels={SUPERDIAGNOSTIC: np.zeros((len(paths), 5), dtype=np.float32)},
        space=SPACE,
        label_rule="any_likelihood",
        source="records",
    )


@pytest.fixture
def records(tmp_path, write_record):
    """Four records; the last lasts 3 s."""
    microvolts = [write_record(tmp_path / "records" / f"r{seed}", seed, n_times=1000 if seed < 3 else 300) for seed in range(4)]
    return table_of([tmp_path / "records" / f"r{seed}.hea" for seed in range(4)]), microvolts


def build(table, folder, preprocessor=PREPROCESSOR):
    return open_or_build(table, preprocessor, folder, progress=False)


def test_the_cache_gives_back_what_the_files_hold(records, tmp_path):
    table, microvolts = records
    cache = build(table, tmp_path / "cache")
    assert len(cache) == 4
    assert cache.n_times.tolist() == [1000, 1000, 1000, 300]
    for row, values in enumerate(microvolts):
        prepared = cache.prepared(row)
        np.testing.assert_array_equal(prepared.microvolts, values)
        assert prepared.microvolts.dtype == np.int16
        assert prepared.lead_mask.all()


def test_windows_from_cache_and_file_are_bit_equal(records, tmp_path):
    table, _ = records
    preprocessor = replace(PREPROCESSOR, fs=77.0, low_hz=0.5, high_hz=30.0)
    cache = build(table, tmp_path / "cache", preprocessor)
    for row, path in enumerate(table.paths.tolist()):
        assert preprocessor.windows(cache.prepared(row)).tobytes() == preprocessor(read_record(path)).tobytes()


def test_missing_leads_are_masked_and_warnings_counted(tmp_path):
    (tmp_path / "a.csv").write_text("# fs=100\nI,II\n" + "\n".join(f"{0.1 * (i % 7)},{0.2 * (i % 5)}" for i in range(200)))
    cache = build(table_of([tmp_path / "a.csv"]), tmp_path / "cache")
    assert cache.prepared(0).lead_mask.tolist() == [True] * 6 + [False] * 6
    warnings = json.loads((cache.folder / "cache.json").read_text())["warnings"]
    assert warnings["derived from I and II: III, aVR, aVL, aVF"] == 1


def test_signals_cannot_be_written_through_the_cache(records, tmp_path):
    cache = build(records[0], tmp_path / "cache")
    with pytest.raises(ValueError, match="read-only"):
        cache.prepared(0).microvolts[0, 0] = 1


def test_rows_are_found_by_their_file(records, tmp_path):
    table, _ = records
    cache = build(table, tmp_path / "cache")
    assert cache.rows_of(table.select(np.array([2, 0]))).tolist() == [2, 0]
    with pytest.raises(DataError, match="1 of 2 records are not in the cache, the first is r9"):
        cache.rows_of(table_of([tmp_path / "records" / "r1.hea", tmp_path / "records" / "r9.hea"]))


def test_a_table_of_whole_recordings_keeps_the_key_it_always_had(records, tmp_path):
    table, _ = records
    digest = hashlib.sha256(json.dumps([1, [100.0, list(STANDARD_LEADS), None, None]]).encode())
    for name, path in zip(table.record_ids.tolist(), table.paths.tolist(), strict=True):
        files = [Path(path).with_suffix(suffix) for suffix in (".hea", ".dat")]
        states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        digest.update(json.dumps([name, f"{name}.hea", states]).encode())
    assert build(table, tmp_path / "cache").folder.name == digest.hexdigest()[:16]


def test_blocks_in_several_processes_give_the_same_bytes(records, tmp_path, monkeypatch):
    table, _ = records
    alone = build(table, tmp_path / "alone").folder
    monkeypatch.setattr(module, "MANY_RECORDS", 1)
    monkeypatch.setattr(module, "BLOCK_RECORDS", 1)
    monkeypatch.setattr(module, "n_jobs", lambda asked, n_pieces: 2)
    together = build(table, tmp_path / "together").folder
    assert (together / "signals.int16").read_bytes() == (alone / "signals.int16").read_bytes()
    with np.load(alone / "index.npz") as one, np.load(together / "index.npz") as other:
        for name in ("record_ids", "offsets", "n_times", "lead_mask"):
            np.testing.assert_array_equal(one[name], other[name])
        assert (len(one["block_crc32"]), len(other["block_crc32"])) == (1, 4)
    damaged = tmp_path / "records" / "r3.dat"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"1 of 4 records cannot be read: r3 \("):
        build(table, tmp_path / "together")


def test_a_block_holds_some_records_or_some_bytes(records, monkeypatch):
    files = module._Files.of(records[0])
    monkeypatch.setattr(module, "BLOCK_BYTES", 100)
    for n_records, sizes, wanted in (
        (64, [30, 30, 30, 30], [3, 1]),
        (2, [30, 30, 30, 30], [2, 2]),
        (64, [30, 900, 30, 30], [1, 1, 2]),
        (64, [900, 900, 900, 900], [1, 1, 1, 1]),
    ):
        monkeypatch.setattr(module, "BLOCK_RECORDS", n_records)
        assert [len(block.names) for block in module._blocks(files, np.array(sizes), PREPROCESSOR)] == wanted


@pytest.mark.parametrize("place", [0, -1])
def test_every_block_is_checked(records, tmp_path, monkeypatch, place, capsys):
    monkeypatch.setattr(module, "BLOCK_RECORDS", 1)
    path = build(records[0], tmp_path / "cache").folder / "signals.int16"
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    build(records[0], tmp_path / "cache")
    assert "it is built again" in capsys.readouterr().out


def test_a_second_opening_builds_nothing(records, tmp_path):
    first = build(records[0], tmp_path / "cache")
    state = (first.folder / "signals.int16").stat()
    (tmp_path / "cache").chmod(0o500)
    try:
        second = build(records[0], tmp_path / "cache")
    finally:
        (tmp_path / "cache").chmod(0o700)
    assert second.folder == first.folder
    assert (second.folder / "signals.int16").stat().st_ino == state.st_ino


@pytest.mark.parametrize("change", [{"fs": 50.0}, {"leads": STANDARD_LEADS[::-1]}, {"low_hz": 0.5}, {"high_hz": 30.0}])
def test_another_preparation_is_another_cache(records, tmp_path, change):
    a = build(records[0], tmp_path / "cache")
    assert build(records[0], tmp_path / "cache", replace(PREPROCESSOR, **change)).folder != a.folder


def test_windows_do_not_belong_to_the_key(records, tmp_path):
    a = build(records[0], tmp_path / "cache")
    assert (
        build(records[0], tmp_path / "cache", replace(PREPROCESSOR, window_s=5.0, stride_s=1.0, pad="edge", keep="last")).folder == a.folder
    )


def test_a_changed_file_or_table_is_another_cache(records, tmp_path, write_record):
    table, _ = records
    a = build(table, tmp_path / "cache")
    assert build(table.select(np.array([1, 0])), tmp_path / "cache").folder != a.folder
    changed = write_record(tmp_path / "records" / "r1", 99)
    b = build(table, tmp_path / "cache")
    assert b.folder != a.folder
    np.testing.assert_array_equal(b.prepared(1).microvolts, changed)


def test_a_data_set_that_moved_keeps_its_cache(records, tmp_path):
    table, _ = records
    a = build(table, tmp_path / "cache")
    (tmp_path / "records").rename(tmp_path / "elsewhere")
    moved = table_of([tmp_path / "elsewhere" / f"r{seed}.hea" for seed in range(4)])
    assert build(moved, tmp_path / "cache").folder == a.folder


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {"truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]), "absent": os.unlink, "one bit": flip_a_bit}


@pytest.mark.parametrize("name", ["signals.int16", "index.npz", "cache.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_built_again(records, tmp_path, name, damage, capsys):
    table, microvolts = records
    path = build(table, tmp_path / "cache").folder / name
    DAMAGES[damage](path)
    cache = build(table, tmp_path / "cache")
    for row in range(4):
        np.testing.assert_array_equal(cache.prepared(row).microvolts, microvolts[row])
    if (name, damage) != ("cache.json", "one bit"):  # which may have hit a word for people
        assert "it is built again" in capsys.readouterr().out


def test_files_have_the_modes_that_the_umask_gives(records, tmp_path):
    mask = os.umask(0o027)
    try:
        folder = build(records[0], tmp_path / "cache").folder
    finally:
        os.umask(mask)
    assert folder.stat().st_mode & 0o777 == 0o750
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == dict.fromkeys(
        ["signals.int16", "index.npz", "cache.json"], 0o640
    )


def test_unreadable_records_are_named_and_nothing_is_left(records, tmp_path):
    table, _ = records
    for name in ("r0", "r2"):
        path = tmp_path / "records" / f"{name}.dat"
        path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(
        DataError, match=r"2 of 4 records cannot be read: r0 \(.*\); r2 \(.*\): repair these files or take their rows out"
    ) as caught:
        build(table, tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_empty_table_is_refused(records, tmp_path):
    with pytest.raises(DataError, match="records: no records to prepare"):
        build(records[0].select(np.zeros(4, dtype=bool)), tmp_path / "cache")


def build_in_little_space(table, folder, answer):
    """Run in its own process with files limited to 30 kB, like on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
    try:
        build(table, folder)
    except DataError as error:
        answer.send(error.message)


def test_a_full_disk_is_said_and_leaves_nothing(records, tmp_path):
    fork = multiprocessing.get_context("fork")
    receive, send = fork.Pipe(duplex=False)
    process = fork.Process(target=build_in_little_space, args=(records[0], tmp_path / "cache", send))
    process.start()
    process.join(30)
    assert receive.poll()
    message = receive.recv()
    assert "the cache cannot be written (File too large)" in message
    assert "free some space or set data.cache_dir" in message
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(records, tmp_path):
    (tmp_path / "cache").touch()
    with pytest.raises(DataError, match="the cache cannot be written"):
        build(records[0], tmp_path / "cache")


BUILD_SLOWLY = """
import sys, time
import numpy as np
from pathlib import Path
sys.path.insert(0, {tests!r})
from heart_reader.data import cache
from test_cache import PREPROCESSOR, table_of
read = cache.read_record
def read_slowly(path):
    time.sleep({delay})
    print("reading", flush=True)
    return read(path)
cache.read_record = read_slowly
paths = [Path({folder!r}) / f"r{{seed}}.hea" for seed in range(4)]
built = cache.open_or_build(table_of(paths), PREPROCESSOR, Path({cache!r}), progress=False)
print("done", built.folder)
"""


def start_slow_build(tmp_path, delay):
    code = BUILD_SLOWLY.format(
        tests=os.path.dirname(__file__), folder=str(tmp_path / "records"), cache=str(tmp_path / "cache"), delay=delay
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "reading\n"
    return process


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_build_leaves_no_cache_and_its_remains_go(records, tmp_path, how):
    process = start_slow_build(tmp_path, delay=0.5)
    process.send_signal(how)
    process.communicate(timeout=30)
    assert process.returncode != 0
    left = sorted(path.name[:5] for path in (tmp_path / "cache").iterdir())
    assert left == ([".lock", ".new-"] if how == signal.SIGKILL else [])
    # Whatever is built next in that folder sweeps them.
    other = build(records[0], tmp_path / "cache", replace(PREPROCESSOR, fs=50.0))
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [other.folder.name]
    cache = build(records[0], tmp_path / "cache")
    np.testing.assert_array_equal(cache.prepared(0).microvolts, records[1][0])


def test_a_second_process_waits_and_uses_what_the_first_built(records, tmp_path):
    first = start_slow_build(tmp_path, delay=0.2)
    start = time.monotonic()
    cache = build(records[0], tmp_path / "cache")
    waited = time.monotonic() - start
    output, _ = first.communicate(timeout=30)
    assert output.endswith(f"done {cache.folder}\n")
    assert waited > 0.4
    np.testing.assert_array_equal(cache.prepared(3).microvolts, records[1][3])
