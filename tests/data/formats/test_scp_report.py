"""SCP-ECG: who was recorded and when, what the recorder measured, and what it concluded."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from heart_reader.data.device_report import DeviceReport
from heart_reader.data.formats import read_record
from heart_reader.data.formats.scp_header import parse_header
from tests.hostile.write_scp import Scp, tag, write

NOT_FOUND = 29999
BEAT = struct.pack("<5H3h", 100, 210, 260, 356, 640, 45, -30, 60)


def measurements(beat: bytes = BEAT, *, rr_ms: int = 800, rest: bytes = b"", n_spikes: int = 0, spikes: bytes = b"") -> bytes:
    """Section 7."""
    return struct.pack("<BBHH", 1, n_spikes, rr_ms, rr_ms) + beat + spikes + rest


def rates(rate: int, qtc_ms: int, formula: int, kinds: bytes = b"\0\1") -> bytes:
    return struct.pack("<H", len(kinds)) + kinds + struct.pack("<3HB", rate, rate, qtc_ms, formula)


def statements(kind: int, *texts: bytes) -> bytes:
    """Section 8 or 11."""
    head = struct.pack("<BHBB3BB", kind, 2020, 5, 31, 12, 0, 0, len(texts))
    return head + b"".join(struct.pack("<BH", number, len(text)) + text for number, text in enumerate(texts, start=1))


def report(folder: Path, sections: dict[int, bytes], **changes: object) -> DeviceReport:
    record = read_record(write(folder, Scp(extra=sections, **changes)))  # type: ignore[arg-type]
    assert record.warnings == ()
    assert record.device_report is not None
    return record.device_report


def test_intervals_are_those_between_the_boundaries_of_the_reference_beat(tmp_path: Path) -> None:
    said = report(tmp_path, {7: measurements(rest=rates(75, 425, 1))})
    assert said.measurements == {
        "p_ms": 110, "pr_ms": 160, "qrs_ms": 96, "qt_ms": 380, "p_axis_deg": 45, "qrs_axis_deg": -30, "t_axis_deg": 60,
        "rr_mean_ms": 800, "heart_rate_bpm": 75, "qtc_bazett_ms": 425,
    }  # fmt: skip


def test_spikes_are_passed_over(tmp_path: Path) -> None:
    said = report(tmp_path, {7: measurements(n_spikes=2, spikes=bytes(20), rest=rates(75, 425, 1))})
    assert (said.measurements["heart_rate_bpm"], said.measurements["qt_ms"]) == (75, 380)


def test_what_was_not_found_is_not_said(tmp_path: Path) -> None:
    beat = struct.pack("<5H3h", NOT_FOUND, NOT_FOUND, 260, 356, 29998, 999, -30, NOT_FOUND)
    said = report(tmp_path, {7: measurements(beat, rr_ms=NOT_FOUND, rest=rates(0, 19999, 1))})
    assert said.measurements == {"qrs_ms": 96, "qrs_axis_deg": -30}


def test_a_qtc_of_another_formula_is_not_called_bazetts(tmp_path: Path) -> None:
    for formula in (0, 2, 128):
        said = report(tmp_path, {7: measurements(rest=rates(75, 425, formula))})
        assert "qtc_bazett_ms" not in said.measurements


def test_old_versions_end_behind_the_beats(tmp_path: Path) -> None:
    assert report(tmp_path, {7: measurements()}).measurements["qt_ms"] == 380


def test_lead_measurements_fill_what_is_missing(tmp_path: Path) -> None:
    rows = [(1, 100, 150, 90, 370), (2, 110, 160, 94, 380), (3, NOT_FOUND, NOT_FOUND, 98, 390)]
    section = struct.pack("<HH", len(rows), 0) + b"".join(struct.pack("<HH4H", lead, 8, *values) for lead, *values in rows)
    said = report(tmp_path, {10: section})
    assert said.measurements == {"p_ms": 105, "pr_ms": 155, "qrs_ms": 94, "qt_ms": 380}
    both = report(tmp_path, {7: measurements(), 10: section})
    assert (both.measurements["p_ms"], both.measurements["qrs_ms"]) == (110, 96)


@pytest.mark.parametrize(("kind", "confirmed"), [(0, False), (1, True), (2, False), (9, None)])
def test_statements_come_in_order(tmp_path: Path, kind: int, confirmed: bool | None) -> None:
    said = report(tmp_path, {8: statements(kind, b"Sinus rhythm\0", b"Left axis\ndeviation\0", b"\0", b"no end")})
    assert said.statements == ("Sinus rhythm", "Left axis deviation", "no end")
    assert said.confirmed is confirmed


def test_codes_stand_in_for_sentences(tmp_path: Path) -> None:
    codes = statements(0, b"\1NORMAL\0SR\0", b"\2Within limits\0")
    assert report(tmp_path, {11: codes}).statements == ("NORMAL", "SR", "Within limits")
    assert report(tmp_path, {8: statements(0, b"Normal ECG\0"), 11: codes}).statements == ("Normal ECG",)


def test_texts_are_in_the_language_of_the_machine(tmp_path: Path) -> None:
    def machine(code: int) -> bytes:
        return bytes(16) + bytes([code]) + bytes(20)

    for code, encoding in ((0b11001000, "iso8859_5"), (0b00010011, "iso8859_5"), (0b11100000, "utf-16-le"), (0b11101100, "utf-8")):
        said = report(tmp_path, {8: statements(0, "Ритм\0".encode(encoding))}, tags={14: machine(code)})
        assert said.statements == ("Ритм",)
    assert report(tmp_path, {8: statements(0, b"Blockbild f\xfcr V1\0")}).statements == ("Blockbild für V1",)


@pytest.mark.parametrize(
    ("tags", "age"),
    [
        ({4: struct.pack("<HB", 18, 2)}, 1.5),
        ({4: struct.pack("<HB", 400, 1)}, None),
        ({5: struct.pack("<HBB", 1960, 6, 1), 25: struct.pack("<HBB", 2020, 5, 31)}, 59.0),
        ({5: struct.pack("<HBB", 1960, 5, 31), 25: struct.pack("<HBB", 2020, 5, 31)}, 60.0),
        ({4: struct.pack("<HB", 0, 0), 5: struct.pack("<HBB", 1960, 5, 31), 25: struct.pack("<HBB", 2020, 5, 31)}, 60.0),
        ({5: struct.pack("<HBB", 2021, 5, 31), 25: struct.pack("<HBB", 2020, 5, 31)}, None),
        ({5: struct.pack("<HBB", 1960, 5, 31)}, None),
    ],
)
def test_age_is_as_stated_or_from_the_date_of_birth(tags: dict[int, bytes], age: float | None) -> None:
    header = parse_header(b"".join(tag(number, value) for number, value in tags.items()) + tag(255, b""), identity=False)
    assert header.age == age
    assert header.patient is None


def test_the_time_zone_is_told_where_the_file_has_one() -> None:
    when = tag(25, struct.pack("<HBB", 2020, 5, 31)) + tag(26, bytes([9, 5, 0]))
    assert parse_header(when, identity=False).acquired == "2020-05-31T09:05:00"
    assert parse_header(when + tag(34, struct.pack("<hH", -300, 0)), identity=False).acquired == "2020-05-31T09:05:00-05:00"
    assert parse_header(when + tag(34, struct.pack("<hH", 0x7FFF, 0)), identity=False).acquired == "2020-05-31T09:05:00"
