"""Contec's files and tables of them, and tables that only look like one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case
from tests.hostile.write_contec import Contec, Digital, write_file, write_table

__all__ = ["CASES"]

# The reference is read at its own rate.
RATE: dict[str, Any] = {"arguments": {"fs": 250.0}}
Rows = list[list[str]]


def file(name: str, spec: Contec, **expected: Any) -> Case:
    return Case(f"a file, {name}", lambda folder: write_file(folder, spec), **{**RATE, **expected})


def table(name: str, change: Callable[[Rows], Rows] | None = None, spec: Contec | None = None, end: str = "\n", **expected: Any) -> Case:
    return Case(f"a table, {name}", lambda folder: write_table(folder, spec or Contec(), change, end), **{**RATE, **expected})


def put(row: int, column: int, text: str) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        rows[row][column] = text
        return rows

    return change


def zeroed(start: int, end: int) -> Callable[[Digital], Digital]:
    def change(steps: Digital) -> Digital:
        steps = steps.copy()
        steps[:, start:end] = -2048
        return steps

    return change


def files() -> Iterator[Case]:
    yield file("as the device writes it", Contec(), warned=("contec_assumed",))
    for clock in ("0000-00-00 00:00:00", "2099-12-31 23:59:59", "1970-01-01 00:00:00", "2020-13-45 99:99:99"):
        yield file(f"recorded at {clock}", Contec(start=b"0000050\0\0\0" + clock.encode() + b"\0\0\0" + bytes(8)))
    for case_number in (b"0000000", b"9999999", b"1234567"):
        yield file(f"case {case_number!r}", Contec(start=case_number + b"\0\0\0" + b"2020-11-16 21:44:39\0" + bytes(10)))
    for tail in (*range(1, 16), -1, -2, -15, -17, -100):
        yield file(f"{tail} bytes more", Contec(tail=tail), refused="samples_truncated")
    yield file("cut in the footer and the samples", Contec(tail=-16_000 - 37), refused="samples_truncated")
    for age in (0, 62, 131, 200, 255):
        yield file(f"age {age}", Contec(person=(0, age, 0)))
    for sex in (0, 255):
        yield file(f"sex {sex}", Contec(person=(sex, 62, 0)))
    for sex in (2, 77):
        yield file(f"sex {sex}", Contec(person=(sex, 62, 0)), refused="not_an_ecg_file")
    for row, lead in enumerate(STANDARD_LEADS[6:], start=2):
        yield file(f"electrode {lead} off", Contec(off=(row,)), warned=("lead_left_out",), exact=False)
    yield file("chest electrodes off", Contec(off=range(2, 8)), warned=("lead_left_out",), exact=False)
    yield file("all electrodes off", Contec(off=range(8)), refused="all_leads_missing")
    for start, end in ((0, 3), (500, 520), (990, 1000), (200, 400)):
        yield file(
            f"nothing stored from {start} to {end}", Contec(changed=zeroed(start, end)), warned=("missing_values_bridged",), exact=False
        )
    for start in (
        b"000005\0\0\0\0" + b"2020-11-16 21:44:39\0" + bytes(10), b"0000050\0\0\0" + b"16.11.2020 21:44:39\0" + bytes(10),
        b"0000050 \0\0" + b"2020-11-16 21:44:39\0" + bytes(10), bytes(40),
    ):  # fmt: skip
        yield file(f"begun by {start!r}", Contec(start=start), refused="not_an_ecg_file")
    for name in (b"\xe4\xf6\xfc\0\xff\xff\xff\xff", bytes(8), b"        ", b"12345678"):
        yield file(f"name {name!r}", Contec(start=b"0000050\0\0\0" + b"2020-11-16 21:44:39\0" + b"\0\0" + name))
    for fs in (0.0, 5.0, 1e6):
        yield file(f"{fs} Hz asked for", Contec(), arguments={"fs": fs}, refused="rate_impossible")
    yield file("microvolts asked for", Contec(), arguments={"fs": 250.0, "unit": "uV"}, exact=False, warned=("contec_assumed",))
    yield file("volts asked for", Contec(), arguments={"fs": 250.0, "unit": "V"}, refused="implausible_amplitude")
    yield file("eight names", Contec(), arguments={"fs": 250.0, "leads": STANDARD_LEADS[:8]}, refused="names_for_signals")
    yield file("other names", Contec(), arguments={"fs": 250.0, "leads": STANDARD_LEADS[::-1]}, refused="names_contradict")


def tables() -> Iterator[Case]:
    for end in ("\n", "\r\n"):
        yield table(f"lines ending in {end!r}", end=end, warned=("contec_assumed",), exact=False)
        yield table(
            f"chest electrodes off, lines ending in {end!r}", spec=Contec(off=range(2, 8)), end=end, warned=("lead_left_out",), exact=False
        )
    for row, lead in enumerate(STANDARD_LEADS[6:], start=2):
        yield table(f"electrode {lead} off", spec=Contec(off=(row,)), warned=("lead_left_out",), exact=False)
        yield table(f"a cell of {lead} empty", put(700, row + 4, ""), warned=("missing_values_bridged",), exact=False)
    for column, lead in enumerate(STANDARD_LEADS[:6]):
        for row in (600, 999):
            yield table(f"another value of {lead} in row {row}", put(row, column, "77"), refused="damaged_file")
        # At the top such a table could be from anywhere.
        yield table(f"another value of {lead} in row 3", put(3, column, "77"), refused="no_lead_names")
        yield table(
            f"{lead} in microvolts",
            lambda rows, at=column: [put_in(row, at, str(5 * int(row[at]))) for row in rows],
            refused="no_lead_names",
        )
        yield table(
            f"{lead} with its sign changed",
            lambda rows, at=column: [put_in(row, at, str(-int(row[at]))) for row in rows],
            refused="no_lead_names",
        )
        for other in range(column + 1, 6):
            yield table(
                f"{lead} and {STANDARD_LEADS[other]} exchanged", lambda rows, a=column, b=other: [exchanged(row, a, b) for row in rows],
                refused="no_lead_names",
            )  # fmt: skip
        yield table(f"a text for {lead} in row 800", put(800, column, "x"), refused="not_a_number")
    for text in ("1.5", "x", "", "1e3", " 1"):
        yield table(f"{text!r} in the first row", put(0, 2, text), refused="no_lead_names" if text != "x" else "no_lead_column")
    for column in range(6, 12):
        yield table(f"a text in column {column + 1}", put(900, column, "off"), refused="not_a_number")
    for kept in (1, 10, 50):
        # Too few rows show nothing.
        yield table(f"{kept} rows", lambda rows, n=kept: rows[:n], refused="no_lead_names")
    yield table("a column more", lambda rows: [[*row, "0"] for row in rows], refused="no_lead_names")
    yield table("a column less", lambda rows: [row[:-1] for row in rows], refused="no_lead_names")
    yield table("a cell more in row 801", lambda rows: [*rows[:800], [*rows[800], "5"], *rows[801:]], refused="ragged_line")
    yield table("halves rounded down", lambda rows: [down(row) for row in rows], refused="no_lead_names")
    yield table("halves rounded to even", lambda rows: [even(row) for row in rows], refused="no_lead_names")
    yield table("microvolts asked for", arguments={"fs": 250.0, "unit": "uV"}, exact=False, warned=("contec_assumed",))


def put_in(row: list[str], at: int, text: str) -> list[str]:
    return [*row[:at], text, *row[at + 1 :]]


def exchanged(row: list[str], a: int, b: int) -> list[str]:
    row = list(row)
    row[a], row[b] = row[b], row[a]
    return row


def down(row: list[str]) -> list[str]:
    ii, iii = int(row[1]), int(row[2])
    return [*row[:3], str(iii // 2 - ii), str(ii // 2 - iii), str((ii + iii) // 2), *row[6:]]


def even(row: list[str]) -> list[str]:
    ii, iii = int(row[1]), int(row[2])
    return [*row[:3], *(str(int(np.rint(value))) for value in (iii / 2 - ii, ii / 2 - iii, (ii + iii) / 2)), *row[6:]]


CASES = (*files(), *tables())
