"""What sources list: folders, patterns, tables, shards, addresses, and what is refused."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from heart_reader.bulk.items import Member
from heart_reader.bulk.shards import shard_items
from heart_reader.bulk.sources import list_items
from heart_reader.bulk.tables import TableColumns
from heart_reader.errors import ConfigError


def keys(*sources: object, **options: object) -> list[str]:
    return [item.key for item in list_items([str(source) for source in sources], **options)]  # type: ignore[arg-type]


def test_a_folder_lists_records_once_and_shards_record_by_record(tmp_path: Path, write_records, write_shard) -> None:
    folder = write_records(tmp_path / "a" / "below", ["2", "10"]).parent
    write_shard(folder / "s.tar", ["x", "y"])
    (folder / "notes.doc").write_text("none")
    (folder / ".hidden.edf").write_text("none")
    write_records(folder / "out", ["9"])
    assert keys(folder, without=folder / "out") == ["s.tar/x", "s.tar/y", "below/10.hea", "below/2.hea"]
    assert keys(folder / "below") == ["10.hea", "2.hea"]
    assert keys(folder / "below", folder / "s.tar") == ["below/10.hea", "below/2.hea", "s.tar/x", "s.tar/y"]
    assert keys(folder / "*" / "1*.hea") == ["below/10.hea"]
    assert keys(folder / "below" / "10") == ["10"]
    assert keys(f"file://{folder}/below/2.hea") == ["2.hea"]


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
def test_a_table_names_files_and_keys(tmp_path: Path, kind: str) -> None:
    rows = {"who": ["a", "b", "c"], "file": ["x/1.hea", "/abs/2.edf", "s3://bucket/3.dcm"]}
    path = tmp_path / f"table.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table(rows), path)
    else:
        sign = "," if kind == "csv" else "\t"
        path.write_text("\n".join([sign.join(rows), *(sign.join(row) for row in zip(*rows.values(), strict=True))]) + "\n")
    items = list(list_items([str(path)], TableColumns("file", "who")))
    assert [(item.key, item.path) for item in items] == list(zip(*rows.values(), strict=True))
    assert [item.place for item in items] == [str(tmp_path / "x" / "1.hea"), "/abs/2.edf", "s3://bucket/3.dcm"]
    assert [item.key for item in list_items([str(path)], TableColumns("file"))] == rows["file"]
    with pytest.raises(ConfigError, match="no column 'id'"):
        list(list_items([str(path)], TableColumns("file", "id")))


def test_a_row_without_path_is_refused_and_a_table_of_samples_is_a_record(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,key\na.hea,1\n,2\n")
    with pytest.raises(ConfigError, match="row 2 names no file"):
        keys(tmp_path / "t.csv")
    (tmp_path / "ecg.csv").write_text("I,II\n1,2\n")
    assert keys(tmp_path / "ecg.csv") == ["ecg.csv"]


@pytest.mark.parametrize("source", ["nothing", "memory://nothing/here", "no-such-protocol://a"])
def test_what_is_not_there_is_refused(source: str) -> None:
    with pytest.raises(ConfigError):
        keys(source)


def test_addresses_are_listed_like_folders(tmp_path: Path, write_records, write_shard) -> None:
    memory = fsspec.filesystem("memory")
    for path in [*write_records(tmp_path / "r", ["1", "2"]).iterdir(), write_shard(tmp_path / "s.tar", ["x"])]:
        memory.pipe_file(f"/listed/{path.parent.name}/{path.name}", path.read_bytes())
    memory.pipe_file("/listed/t.csv", b"path\nr/1.hea\nmemory://listed/r/2.hea\n")
    top = tmp_path.name
    assert keys("memory://listed/r") == ["1.hea", "2.hea"]
    assert keys(f"memory://listed/{top}/s.tar") == ["s.tar/x"]
    assert sorted(keys("memory://listed/*/*")) == sorted(["r/1.hea", "r/2.hea", f"{top}/s.tar/x"])
    places = [item.place for item in list_items(["memory://listed/t.csv"])]
    assert places == ["memory://listed/r/1.hea", "memory://listed/r/2.hea"]


def test_members_of_a_shard_are_where_they_are_said_to_be(tmp_path: Path, write_shard) -> None:
    content = write_shard(tmp_path / "s.tar", ["a", "b"]).read_bytes()
    found = list(shard_items(io.BytesIO(content), name="s", place="p"))
    assert [item.key for item in found] == ["s/a", "s/b"]
    with tarfile.open(tmp_path / "s.tar") as shard:
        for member in (member for item in found for member in item.members):
            there = shard.extractfile(member.name)
            assert there is not None
            assert content[member.offset : member.offset + member.n_bytes] == there.read()


@pytest.mark.parametrize(("at", "whole"), [("data", ["a"]), ("header", ["a", "b"]), ("end", ["a", "b", "c"])])
def test_a_shard_that_was_cut_short_lists_what_is_whole_and_says_so(tmp_path: Path, write_shard, at: str, whole: list[str]) -> None:
    content = write_shard(tmp_path / "s.tar", ["a", "b", "c"]).read_bytes()
    items = list(shard_items(io.BytesIO(content), name="s", place="p"))
    last: Member = items[len(whole)].members[0] if at != "end" else items[-1].members[-1]
    cut = {"data": last.offset + 10, "header": last.offset - 300, "end": last.offset + -(-last.n_bytes // 512) * 512}[at]
    found = list(shard_items(io.BytesIO(content[:cut]), name="s", place="p"))
    assert [item.key for item in found] == [*(f"s/{name}" for name in whole), "s"]
    assert found[-1].problem is not None
    assert "cut short" in found[-1].problem


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08" + bytes(600), b"none", b""])
def test_what_is_no_shard_is_one_record_that_cannot_be_read(content: bytes) -> None:
    (item,) = shard_items(io.BytesIO(content), name="s.tar", place="p")
    assert item.problem is not None
    assert item.members == ()
