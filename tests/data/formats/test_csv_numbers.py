"""Whole tables decide what their marks mean: no number is read a thousandfold wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from heart_reader.data.formats.csv_table import CsvTable, parse_table
from heart_reader.errors import UnreadableRecord


def numbers(rows: list[str], sep: str = ";") -> np.ndarray:
    return parse_table("\n".join([sep.join(["I", "II"][: rows[0].count(sep) + 1]), *rows]), "a.csv").numbers(range(rows[0].count(sep) + 1))[
        0
    ]


def read_or_code(table: CsvTable) -> np.ndarray | str:
    try:
        return table.numbers(range(table.n_columns))[0]
    except UnreadableRecord as error:
        return error.args[0].code


@pytest.mark.parametrize("block", [0, 1, 2])
def test_a_block_of_rows_is_judged_by_the_whole_table(block):
    rows = ["1,234;2,345"] * 9000
    with pytest.raises(UnreadableRecord, match="line 2: '1,234' may be"):
        numbers(rows)
    rows[4500 * block - (block == 2)] = "0,5;2,345"
    assert numbers(rows)[1].max() == 2.345
    rows[-1 if block < 2 else 0] = "0.5;2"
    with pytest.raises(UnreadableRecord, match="commas and points"):
        numbers(rows)


def test_points_of_thousands_show_beside_small_integers():
    with pytest.raises(UnreadableRecord, match=r"line 3: '1\.234'"):
        numbers(["-45;12", "1.234;-999"])
    assert numbers(["1.234;2.345", "3.456;1.000"]).tolist() == [[1.234, 3.456], [2.345, 1.0]]
    assert numbers(["1;2", "1.125;0"])[0].tolist() == [1, 1.125]
    assert numbers(["1.125;4000", "20;0"])[1].tolist() == [4000, 0]


@given(
    hnp.arrays(np.int64, st.tuples(st.integers(1, 30), st.integers(2, 4)), elements=st.integers(-40_000, 40_000)),
    st.sampled_from(",.' "),
    st.sampled_from(";\t"),
)
def test_thousands_are_refused_or_as_written(values, mark, sep):
    rows = [sep.join(f"{value:,}".replace(",", mark) for value in row) for row in values.tolist()]
    table = parse_table("\n".join([sep.join("abcd"[: values.shape[1]]), *rows]), "a")
    small = (np.abs(values) < 1000).any() and (np.abs(values[np.abs(values) < 1000]) >= 10).any()
    read = read_or_code(table)
    if isinstance(read, str):
        assert read == "thousands"
    else:
        # Points in every number above nine are decimal points for all that the table says.
        assert (read == values.T).all() or (mark == "." and not small)


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(2, 4)), elements=st.floats(-5, 5)), st.sampled_from(",."))
def test_decimals_are_refused_or_as_written(values, mark):
    rows = [";".join(f"{value:.3f}".replace(".", mark) for value in row) for row in values.tolist()]
    table = parse_table("\n".join([";".join("abcd"[: values.shape[1]]), *rows]), "a")
    read = read_or_code(table)
    if isinstance(read, str):
        assert read == "thousands"
        assert mark == ","
        assert (np.abs(np.round(values, 3)) >= 1).all()
    else:
        np.testing.assert_array_equal(read, np.array([[float(f"{value:.3f}") for value in row] for row in values.tolist()]).T)
