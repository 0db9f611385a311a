"""SCP-ECG: tables of Huffman codes, reference beats and decimation, each against plain loops."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heart_reader.data.formats import read_record
from heart_reader.data.formats.scp_beats import expansion
from heart_reader.data.formats.scp_huffman import DamagedCodes, default_tables, huffman_decode, parse_tables
from heart_reader.errors import UnreadableRecord
from tests.hostile.scp_cases import LONG, PLAIN, THREE
from tests.hostile.write_scp import DEFAULT, SWITCHING, Code, Scp, encode, scp_bytes, table_bytes, write

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TABLES: dict[str, tuple[tuple[Code, ...], ...]] = {"default": (DEFAULT,), "plain": PLAIN, "two": SWITCHING, "three": THREE, "long": LONG}


def section_2(tables: Sequence[Sequence[Code]]) -> bytes:
    return struct.pack("<H", len(tables)) + b"".join(table_bytes(table) for table in tables)


@pytest.mark.parametrize("name", TABLES)
@QUICK
@given(numbers=st.lists(st.one_of(st.integers(-9, 9), st.integers(-32760, 32760)), min_size=1, max_size=200))
def test_codes_give_their_numbers_back(name: str, numbers: list[int]) -> None:
    decoded = huffman_decode(encode(numbers, TABLES[name]), len(numbers), parse_tables(section_2(TABLES[name])))
    assert decoded.tolist() == numbers


def test_the_table_of_the_standard_is_the_one_of_its_annex() -> None:
    assert parse_tables(struct.pack("<H", 19999)) is default_tables()
    stored = parse_tables(section_2((DEFAULT,)))
    assert stored.tables == default_tables().tables
    # As many ones as the number is large, a 0 and its sign; nine ones and ten are before 8 and 16
    # bits.
    codes = ("0", "100", "101", "1100", "1101", "1111111100", "111111111010000000", "11111111111000000000000001", "0")
    bits = "".join(codes)
    data = int(bits.ljust(len(bits) + -len(bits) % 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    assert huffman_decode(data, len(codes), default_tables()).tolist() == [0, 1, -1, 2, -2, 8, -128, -32767, 0]


@QUICK
@given(data=st.binary(max_size=60), count=st.integers(0, 600), name=st.sampled_from(sorted(TABLES)))
def test_any_bits_are_decoded_or_refused(data: bytes, count: int, name: str) -> None:
    try:
        numbers = huffman_decode(data, count, parse_tables(section_2(TABLES[name])))
    except DamagedCodes:
        return
    assert len(numbers) == count


@QUICK
@given(data=st.binary(max_size=80), n_tables=st.integers(0, 4))
def test_any_tables_are_parsed_or_refused(data: bytes, n_tables: int) -> None:
    try:
        tables = parse_tables(struct.pack("<H", n_tables) + data)
    except DamagedCodes:
        return
    assert len(tables.tables) == n_tables


@QUICK
@given(
    values=st.lists(st.integers(-4000, 4000), min_size=600, max_size=700),
    beats=st.lists(st.integers(0, 2), min_size=1, max_size=3),
    tables=st.sampled_from([None, "default", PLAIN, SWITCHING]),
    differences=st.integers(0, 2),
    steps=st.sampled_from([(1000, 1000), (1000, 250), (2500, 500), (4880, 2440)]),
    start=st.sampled_from([1, 2, 5000]),
)
def test_what_was_subtracted_is_added_again(
    tmp_path: Path, values: list[int], beats: list[int], tables: object, differences: int, steps: tuple[int, int], start: int
) -> None:
    digital = np.array([values, values[::-1]])
    fiducials = tuple(100 + 165 * place + shift for place, shift in enumerate(beats))
    spec = Scp(
        digital,
        ("V1", "V2"),
        500.0,
        steps[0],
        steps[1],
        differences,
        tables,
        True,
        beats=fiducials,
        start=start,  # type: ignore[arg-type]
    )
    record = read_record(write(tmp_path, spec))
    np.testing.assert_allclose(record.signal, digital * (steps[0] * 1e-6), atol=1e-6, rtol=1e-6)


def expanded(stored: Sequence[int], zones: Sequence[tuple[int, int]], n_times: int, factor: int) -> list[float]:
    """Fill in between samples by the words of the standard; the end of a zone is no part of it."""
    left, samples, at = list(stored), [], 0
    for start, end in [*zones, (n_times, n_times)]:
        blocks, rest = divmod(start - at, factor)
        means = [left.pop(0) for _ in range(blocks)]
        if means:
            samples += [float(means[0])] * (factor // 2)
            for before, after in itertools.pairwise(means):
                samples += [before + place * (after - before) / factor for place in range(factor)]
            samples += [float(means[-1])] * (factor - factor // 2)
        samples += [float(left.pop(0)) for _ in range(rest + end - start)]
        at = end
    assert not left
    return samples


@QUICK
@given(data=st.data(), factor=st.integers(2, 8), n_times=st.integers(1, 300), first=st.sampled_from([1, 2, 1000]))
def test_what_was_left_out_is_filled_in(data: st.DataObject, factor: int, n_times: int, first: int) -> None:
    edges = sorted(data.draw(st.sets(st.integers(0, n_times), max_size=8)))
    zones = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    numbered = np.array([(a + first, b + first - 1) for a, b in zones], np.int64).reshape(-1, 2)
    plan = expansion("a.scp", numbered, (first, first + n_times - 1), factor)
    numbers = data.draw(st.lists(st.integers(-32768, 32767), min_size=plan.n_stored, max_size=plan.n_stored))
    np.testing.assert_allclose(plan(np.array(numbers)), expanded(numbers, zones, n_times, factor), atol=1e-9)


def test_a_decimated_rhythm_keeps_its_qrs_complexes_and_says_what_is_lost(tmp_path: Path) -> None:
    spec = Scp(factor=4, tables="default", differences=2)
    record, whole = read_record(write(tmp_path, spec)), read_record(write(tmp_path, Scp()))
    assert [text.code for text in record.warnings] == ["scp_decimated"]  # type: ignore[attr-defined]
    assert (record.fs, record.n_times) == (whole.fs, whole.n_times)
    for fiducial in spec.beats:
        around = slice(fiducial - 21, fiducial + 19)
        np.testing.assert_array_equal(record.signal[:, around], whole.signal[:, around])
    assert np.abs(record.signal - whole.signal).max() < 0.05


def test_second_differences_wrap_as_numbers_of_16_bits_do(tmp_path: Path) -> None:
    digital = np.tile([30_000, -30_000, 0, 12_345], 100)[None]
    for differences in (1, 2):
        record = read_record(write(tmp_path, Scp(digital, ("V1",), 500.0, 100, differences=differences, beats=(150,))))
        np.testing.assert_allclose(record.signal, digital * 1e-4, atol=1e-6)


def test_memory_is_not_taken_for_samples_that_cannot_be_there(tmp_path: Path) -> None:
    def declare(sections: dict[int, bytes]) -> None:
        data = bytearray(sections[3])
        struct.pack_into("<I", data, 6, 4_000_000)
        sections[3] = bytes(data)

    path = tmp_path / "a.scp"
    for spec in (Scp(tables="default", edit=declare), Scp(factor=4, edit=declare)):
        path.write_bytes(scp_bytes(spec))
        with pytest.raises(UnreadableRecord):
            read_record(path)
