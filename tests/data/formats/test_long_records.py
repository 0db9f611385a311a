"""Long recordings are decoded in parts to the same numbers, and refused before memory is taken."""

from __future__ import annotations

import numpy as np
import pytest

from heart_reader.data import gaps as gaps_module
from heart_reader.data import signal as signal_module
from heart_reader.data.formats import csv_table, read_record
from heart_reader.data.formats.csv_table import parse_table
from heart_reader.data.record import build_record
from heart_reader.errors import UnreadableRecord
from tests.data.formats.long_files import WRITERS, tiled

NAMES = ("I", "II", "V1")


@pytest.fixture(params=sorted(WRITERS))
def path(request, tmp_path):
    return WRITERS[request.param](tmp_path / "a", tiled(3, 500.0, 60.0), 500.0, NAMES)


def test_parts_give_the_same_numbers_as_the_whole(path, monkeypatch):
    whole = read_record(path)
    monkeypatch.setattr(signal_module, "PART_VALUES", 1001)
    parts = read_record(path)
    np.testing.assert_array_equal(parts.signal, whole.signal)
    assert (parts.lead_names, parts.fs, parts.warnings) == (whole.lead_names, whole.fs, whole.warnings)
    assert parts.waveform() == whole.waveform()


@pytest.mark.parametrize(("fmt", "n_leads"), [("212", 3), ("80", 2), ("24", 3), ("32", 1)])
def test_parts_of_every_wfdb_format(tmp_path, monkeypatch, fmt, n_leads):
    raw = np.random.default_rng(0).integers(1, 250, 3 * 4 * 999, dtype=np.uint8)
    n_times = len(raw) * 8 // {"212": 12, "80": 8, "24": 24, "32": 32}[fmt] // n_leads - 1
    (tmp_path / "a.dat").write_bytes(raw.tobytes())
    lines = [f"a.dat {fmt} {200 if fmt in ('212', '80') else 1e9}/mV 12 {lead}" for lead in range(n_leads)]
    (tmp_path / "a.hea").write_text("\n".join([f"a {n_leads} 500 {n_times}", *lines]))
    whole = read_record(tmp_path / "a.hea", leads=NAMES[:n_leads])
    monkeypatch.setattr(signal_module, "PART_VALUES", 100)
    np.testing.assert_array_equal(read_record(tmp_path / "a.hea", leads=NAMES[:n_leads]).signal, whole.signal)


@pytest.mark.parametrize("missing", [[0, 1, 2], [50], [7, 8, 9, 10, 11, 30, 31, 59, 60, 61], list(range(50, 80)), [98, 99]])
def test_missing_values_are_bridged_across_parts(monkeypatch, missing):
    signal = np.random.default_rng(1).integers(-500, 500, (2, 100)) / 1000.0
    signal[0, missing] = np.nan
    whole = build_record("a", signal, 500.0, ["I", "II"])
    monkeypatch.setattr(gaps_module, "_BRIDGED_AT_ONCE", 10)
    monkeypatch.setattr(signal_module, "PART_VALUES", 30)
    parts = build_record("a", signal, 500.0, ["I", "II"])
    np.testing.assert_allclose(parts.signal, whole.signal, atol=1e-6)
    assert parts.warnings == whole.warnings


def test_a_record_longer_than_allowed_is_refused(path):
    assert read_record(path, max_values=90_000).n_times == 30_000
    with pytest.raises(UnreadableRecord) as caught:
        read_record(path, max_values=89_999)
    said = caught.value.args[0]
    assert (said.code, said.values["got"], said.values["allowed"]) == ("record_too_long", 90_000, 89_999)
    assert "cut the recording into parts" in said


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_no_second_counts_for_less_than_what_it_is_read_as(tmp_path, name):
    path = WRITERS[name](tmp_path / "a", tiled(1, 50.0, 60.0), 50.0, ("I",))
    assert read_record(path, max_values=72_000).n_times == 3000
    with pytest.raises(UnreadableRecord, match="72000 values"):
        read_record(path, max_values=71_999)


def test_a_long_table_is_refused_before_numbers_are_made_of_it(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("# fs=50\n# unit=mV\nI\n" + "0\n" * 2999 + "no number\n")
    with pytest.raises(UnreadableRecord, match="72000 values"):
        read_record(path, max_values=71_999)
    with pytest.raises(UnreadableRecord, match="no number"):
        read_record(path, max_values=72_000)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_of_many_blocks_is_the_same_table(tmp_path, monkeypatch, end):
    rows = [f"{row % 7},{row % 11 / 10}" for row in range(500)]
    rows[3:3] = ["", "# a comment", "  "]
    text = end.join(["# fs=250", "# unit=mV", "I,II", *rows, ",", ","]) + end
    whole = parse_table(text, "a.csv")
    monkeypatch.setattr(csv_table, "BLOCK_LENGTH", 50)
    blocks = parse_table(text, "a.csv")
    assert len(blocks.blocks) > 20
    assert "\n".join(blocks.blocks).split("\n") == whole.blocks[0].split("\n") == [row for row in rows if row.strip() and row[0] != "#"]
    lines = text.splitlines()
    assert [lines[number - 1] for number in blocks.line_numbers] == whole.blocks[0].split("\n")
    np.testing.assert_array_equal(blocks.numbers([0, 1])[0], whole.numbers([0, 1])[0])
    with pytest.raises(UnreadableRecord, match="line 300"):
        parse_table(_with(text, end, 300, "1,x"), "a.csv").numbers([0, 1])


def _with(text: str, end: str, line: int, content: str) -> str:
    lines = text.split(end)
    lines[line - 1] = content
    return end.join(lines)
