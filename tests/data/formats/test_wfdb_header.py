"""The header parser by itself: every field of the format, and every way a line can be wrong."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heart_reader.data.formats.comments import age_and_sex
from heart_reader.data.formats.wfdb_header import looks_like_header, parse_header
from heart_reader.errors import UnreadableRecord

SIGNAL = "a.dat 16 1000.0(0)/mV 16 0 -119 1508 0 II"


def one(signal: str = SIGNAL, record: str = "a 1 500 5000"):
    return parse_header(f"{record}\n{signal}\n", "a.hea")


@pytest.mark.parametrize(
    ("record", "fs", "n_times"),
    [
        ("a 1 500 5000", 500.0, 5000),
        ("E07500.mat 1 500 5000 05-May-2020 09:49:17", 500.0, 5000),
        ("100 1 360/360(0) 650000", 360.0, 650000),
        ("a 1 256.41/1 10 09:00:00 01/02/2003", 256.41, 10),
        ("a 1 500", 500.0, None),
        ("a 1 500 0", 500.0, None),
        ("a 1", None, None),
    ],
)
def test_record_line(record, fs, n_times):
    header = one(record=record)
    assert (header.fs, header.n_times) == (fs, n_times)


@pytest.mark.parametrize(
    ("signal", "fmt", "offset", "gain", "baseline", "unit", "name"),
    [
        (SIGNAL, 16, 0, 1000.0, 0, "mV", "II"),
        ("a.mat 16+24 1000/mv 16 0 -119 1508 0 V1", 16, 24, 1000.0, 0, "mv", "V1"),
        ("a.dat 212x1:0+0 200 11 1024 995 -22131 0 MLII", 212, 0, 200.0, 1024, "mV", "MLII"),
        ("a.dat 16 1229(-5)/mV 0 7 145 -20936 0 iii", 16, 0, 1229.0, -5, "mV", "iii"),
        ("a.dat 16 -1e3/uV 0 7 0 0 0 chest lead 1", 16, 0, -1000.0, 7, "uV", "chest lead 1"),
        ("a.dat 16", 16, 0, 200.0, 0, "mV", "signal 1"),
    ],
)
def test_signal_line(signal, fmt, offset, gain, baseline, unit, name):
    line = one(signal).signals[0]
    assert (line.fmt, line.byte_offset, line.gain, line.baseline, line.unit, line.name) == (fmt, offset, gain, baseline, unit, name)


@pytest.mark.parametrize(
    ("signal", "initial", "checksum", "usual"),
    [
        (SIGNAL, 0, 1508, True),
        ("a.dat 16 1000 16 0 7 0 0 II", 7, 0, True),
        ("a.dat 16 1000/mV 16 0", 0, 0, True),
        ("a.dat 16 1/uV 16 0 7 -5 0 II", 0, -5, True),
        ("a.dat 16 -1000/mV", 0, 0, False),
        ("a.dat 16 20/mV", 0, 0, False),
        ("a.dat 16 1000/mmHg", 0, 0, False),
        ("a.dat 16 1000(900000)/mV", 0, 0, False),
        ("a.dat 16 1000 16 900000", 0, 0, False),
        ("a.dat 24 1000/mV", 0, 0, False),
        ("a.dat 16 0", 0, 0, False),
    ],
)
def test_what_is_to_be_checked(signal, initial, checksum, usual):
    line = one(signal).signals[0]
    assert (line.initial, line.checksum, line.usual) == (initial, checksum, usual)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "without a record line"),
        ("# only a comment", "without a record line"),
        ("a", "no record line"),
        ("a x 500 10\n" + SIGNAL, "number of signals 'x'"),
        ("a 0 500 10", "0 signals"),
        ("a 100000 500 10\n" + SIGNAL, "1 to 256"),
        ("a 2 500 10\n" + SIGNAL, "2 signals declared but 1"),
        ("a 1 500 10\n" + SIGNAL + "\n" + SIGNAL, "1 signals declared but 2"),
        ("a 1 fast 10\n" + SIGNAL, "sampling rate 'fast'"),
        ("a 1 nan 10\n" + SIGNAL, "sampling rate 'nan'"),
        ("a 1 500 -10\n" + SIGNAL, "number of samples -10, which no record can have"),
        ("a 1 500 " + "9" * 5000 + "\n" + SIGNAL, "number of samples"),
        ("a/3 12 500 200\nb 100\nc 100", "3 signals declared but 2 signal lines found"),
        ("a/2 12 500 200\nb 100\n../c 100", "outside the header's folder"),
        ("a/2 12 500 200\nb 100\nc many", "number of samples 'many'"),
        ("a/2 12 500 200\nb 100\nc", "no segment line"),
        ("a 1 500 10\na.dat", "no signal line"),
        ("a 1 500 10\na.dat sixteen 200", "no signal format"),
        ("a 1 500 10\na.dat 16x4 200", "4 samples per frame"),
        ("a 1 500 10\na.dat 16:3 200", "skew of 3"),
        ("a 1 500 10\na.dat 16 abc", "no gain"),
        ("a 1 500 10\na.dat 16 1.2.3/mV", "gain '1.2.3'"),
        ("a 1 500 10\na.dat 16 1e-300/mV", "which no converter has"),
        ("a 1 500 10\na.dat 16 200 11 zero", "ADC zero 'zero'"),
        ("a 1 500 10\na.dat 16 200 11 9999999999", "which no record can have"),
        ("a 1 500 10\na.dat 16 200 11 0 first 0", "initial value 'first'"),
        ("a 1 500 10\na.dat 16 200 11 0 5 sum", "checksum 'sum'"),
        ("a 1 500 10\n../secret 16 200", "outside the header's folder"),
        ("a 1 500 10\n/etc/passwd 16 200", "outside the header's folder"),
        ("a 1 500 10\n..\\secret 16 200", "outside the header's folder"),
        ("a 1 500 10\n.. 16 200", "outside the header's folder"),
    ],
)
def test_wrong_headers_are_refused_with_the_reason(text, complaint):
    with pytest.raises(UnreadableRecord) as caught:
        parse_header(text, "a.hea")
    assert complaint in caught.value.message
    assert caught.value.message.startswith("a.hea: ")


def test_complaint_names_the_line():
    with pytest.raises(UnreadableRecord, match=r"a\.hea: line 4: "):
        parse_header(f"# c\na 2 500 10\n{SIGNAL}\na.dat 16x2 200", "a.hea")


@pytest.mark.parametrize(
    ("comments", "age", "sex"),
    [
        (["Age: 56", "Sex: Female"], 56.0, "female"),
        (["<age>: 51", "<sex>: F"], 51.0, "female"),
        (["69 M 1085 1629 x1", "Aldomet, Inderal"], 69.0, "male"),
        (["-1 M 742 654 x1"], None, "male"),
        (["Age: NaN", "Sex: Unknown"], None, None),
        (["Age: 300"], None, None),
        (["Dx: 426783006"], None, None),
        ([], None, None),
    ],
)
def test_age_and_sex(comments, age, sex):
    assert age_and_sex(comments) == (age, sex)


@pytest.mark.parametrize(
    ("text", "is_header"),
    [
        (f"a 1 500 5000\n{SIGNAL}", True),
        ("# note\n\na/2 12 500 5000\nb 100\nc 100", True),
        ("I,II,III\n0,0,0", False),
        ("12\t5\t7\n11\t6\t8", False),
        ("hello", False),
        ("", False),
    ],
)
def test_header_is_recognised_by_its_content(text, is_header):
    assert looks_like_header(text) is is_header


@given(st.text(max_size=200))
def test_any_text_parses_or_is_refused(text):
    looks_like_header(text)
    with contextlib.suppress(UnreadableRecord):
        parse_header(text, "a.hea")
