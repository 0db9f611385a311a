"""Rows of tables: their order, their encoding, and what is above, between and below them."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case, reference
from tests.hostile.csv_tables import HEAD, RATE, case, decimals, microvolts, renamed, signal_mv, table, without

__all__ = ["order_cases", "structure_cases"]


def order_cases() -> Iterable[Case]:
    n = reference().n_times

    def numbered(name: str, order: Sequence[int], numbers: Sequence[str]) -> list[str]:
        lines = table()
        rows = lines[3:]
        return [*lines[:2], f"{name},{lines[2]}", *(f"{number},{rows[row]}" for row, number in zip(order, numbers, strict=True))]

    straight = list(range(n))
    orders = {
        "reversed": straight[::-1], "shuffled": np.random.default_rng(3).permutation(n).tolist(),
        "with a gap": straight[:400] + straight[450:],
        "with a row twice": [*straight[:500], 499, *straight[500:]], "with two rows exchanged": [*straight[:500], 501, 500,
        *straight[502:]],
        "in two halves exchanged": straight[500:] + straight[:500], "thinned by two": straight[::2],
    }  # fmt: skip
    for column, (words, order) in itertools.product(("sample", "index", "", "Sample #", "n"), orders.items()):
        yield case(
            f"rows {words}, numbered by {column!r}",
            lambda column=column, order=order: numbered(column, order, [str(row) for row in order]),
            refused="row_numbers",
        )
    for words, order in orders.items():
        refused = "rates_differ" if words == "thinned by two" else "times_uneven"
        yield case(
            f"rows {words}, with times", lambda order=order: numbered("time", order, [f"{row / 250:.3f}" for row in order]), refused=refused
        )
    for column in ("sample", "index", "", "Unnamed: 0", "Sample Number"):
        yield case(
            f"rows in order, numbered by {column!r} from 0",
            lambda column=column: numbered(column, straight, [str(row) for row in straight]),
        )
        yield case(
            f"rows in order, numbered by {column!r} from 1",
            lambda column=column: numbered(column, straight, [f"{row + 1}.0" for row in straight]),
        )
    yield case("an unnamed column of seconds", lambda: numbered("", straight, [f"{row / 250:.3f}" for row in straight]))
    yield case("an unnamed column of milliseconds", lambda: numbered("", straight, [str(4 * row) for row in straight]))
    yield case(
        "an unnamed column of another rate", lambda: numbered("", straight, [str(2 * row) for row in straight]), refused="row_numbers"
    )
    for column in ("timestamp", "Elapsed", "epoch", "Row", "Frame", "Nr.", "t_ms"):
        first = "time" if column == "t_ms" else "tick"

        def stamped(order: Sequence[int], column: str = column, first: str = first) -> list[str]:
            lines = numbered(
                column, order, [str(1_600_000_000_000 + 4 * row if column in ("timestamp", "epoch") else 4 * row) for row in order]
            )
            rows = [f"{row / 250 if first == 'time' else row},{line}" for row, line in enumerate(lines[3:])]
            return [*lines[:2], f"{first},{lines[2]}", *rows]

        yield case(f"rows in order, stamped by {column!r}", lambda stamped=stamped: stamped(straight))
        yield case(
            f"rows with a gap, stamped by {column!r}",
            lambda stamped=stamped: stamped([*straight[:400], *straight[450:]]),
            refused="row_numbers",
        )
    yield case(
        "a column of times of the day", lambda: numbered("timestamp", straight, ["10:00"] * len(straight)), warned=("columns_not_read",)
    )
    yield case("an unnamed column of dates", lambda: numbered("", straight, [f"2020-01-01 00:00:00.{row:04d}" for row in straight]))
    yield case("an empty column at the end", lambda: [line + ("" if line[0] == "#" else ",") for line in table()])
    yield case(
        "an empty number of a row",
        lambda: numbered("sample", straight, ["" if row == 77 else str(row) for row in straight]),
        refused="row_numbers",
    )
    for name, unit_s in (
        ("time", 1),
        ("Time (s)", 1),
        ("time_ms", 1e-3),
        ("t (us)", 1e-6),
        ("Time (min)", 60),
        ("seconds", 1),
        ("ms", 1e-3),
    ):
        yield case(
            f"times in a column {name!r}",
            lambda name=name, unit_s=unit_s: table(head=("# unit=mV",), first=(name, [f"{row / 250 / unit_s:.9g}" for row in straight])),
        )
    yield case(
        "milliseconds called time",
        lambda: table(head=("# unit=mV",), first=("time", [str(4 * row) for row in straight])),
        refused="rate_impossible",
    )
    yield case(
        "row numbers called time", lambda: table(head=("# unit=mV",), first=("time", list(map(str, straight)))), refused="rate_impossible"
    )
    for words, clock in (
        ("hours", "00:00:{:06.3f}"),
        ("minutes", "00:{:06.3f}"),
        ("brackets", "[00:00:{:06.3f}]"),
        ("dates", "2020-01-01 10:00:{:06.3f}"),
    ):
        yield case(
            f"clock times with {words}",
            lambda clock=clock: table(first=("time", [clock.format(row / 250) for row in straight])),
            refused="clock_times",
        )


def structure_cases() -> Iterable[Case]:
    def bare(head: Sequence[str]) -> list[str]:
        return [*HEAD, *head, *table(names=None, head=())]

    for start, columns in itertools.product((0, 1), (",", ";")):
        numbers = columns.join(str(start + column) for column in range(12))
        yield case(
            f"columns numbered from {start} ({columns})",
            lambda numbers=numbers, columns=columns: [*HEAD, numbers, *table(names=None, head=(), sep=columns)],
            refused="no_lead_column",
        )
        yield case(
            f"columns numbered from {start} ({columns}), names given",
            lambda numbers=numbers, columns=columns: [*HEAD, numbers, *table(names=None, head=(), sep=columns)],
            arguments={"leads": STANDARD_LEADS},
        )
    yield case("columns numbered behind row numbers", _pandas_header, arguments={"leads": STANDARD_LEADS})
    yield case(
        "two columns numbered",
        lambda: [*HEAD, "0,1", *table(None, (), leads=("I", "II"))],
        arguments={"leads": ("I", "II")},
        leads=("I", "II"),
    )
    yield case("no names", lambda: bare([]), refused="no_lead_names")
    yield case("no names, given ones", lambda: bare([]), arguments={"leads": STANDARD_LEADS})
    yield case("names in a comment, as NumPy writes them", lambda: bare([f"# {','.join(STANDARD_LEADS)}"]))
    yield case(
        "names in a comment, others given",
        lambda: bare([f"# {','.join(STANDARD_LEADS)}"]),
        refused="names_contradict",
        arguments={"leads": STANDARD_LEADS[::-1]},
    )
    yield case("names in a comment further up", lambda: [f"# {','.join(STANDARD_LEADS)}", *bare([])], refused="no_lead_names")
    yield case("lines above the names", lambda: ["Sampling rate:,250" + "," * 10, *table()], refused="names_below")
    yield case("comments that begin otherwise", lambda: ["% fs=250", *table(head=())], refused="names_below")
    yield case("the separator in the first line, as Excel has it", lambda: ["sep=;", *table(sep=";")], refused="names_below")
    yield case("a second row of units", lambda: [*table()[:3], ",".join(["mV"] * 12), *table()[3:]], refused="not_a_number")
    yield case("names repeated midway", lambda: [*table()[:500], ",".join(STANDARD_LEADS), *table()[500:]], refused="not_a_number")
    for words, row in (("mean", "mean" + ",0.1" * 11), ("sum behind", "0.1," * 11 + "sum"), ("a sentence", "end of recording")):
        yield case(f"a last row of {words}", lambda row=row: [*table(), row], refused="ragged_line" if "," not in row else "not_a_number")
    yield case(
        "a row of means under row numbers",
        lambda: [*table(first=("", [str(row) for row in range(1000)])), "mean" + ",0.1" * 12],
        refused="not_a_number",
    )
    yield case("leads in rows", lambda: _transposed(header=False), refused="leads_in_rows")
    yield case("leads in rows under times", lambda: _transposed(header=True), refused="leads_in_rows")
    yield case(
        "a row per lead and sample", lambda: [*HEAD, "lead,sample,mV", *(f"I,{n},0.{n:03d}" for n in range(1000))], refused="leads_in_rows"
    )
    for line in (300, 900):
        yield case(
            f"row {line} in a comment",
            lambda line=line: [f"#{text}" if n == line else text for n, text in enumerate(table())],
            refused="row_in_comment",
        )
        yield case(f"a sentence in a comment after row {line}", lambda line=line: [*table()[:line], "# moved, then still", *table()[line:]])
        yield case(
            f"row {line} cut", lambda line=line: [text[:20] if n == line else text for n, text in enumerate(table())], refused="ragged_line"
        )
        yield case(
            f"row {line} with a cell more",
            lambda line=line: [f"{text},0" if n == line else text for n, text in enumerate(table())],
            refused="ragged_line",
        )
        yield case(f"a blank row after row {line}", lambda line=line: [*table()[:line], "", *table()[line:]])
    for words, encode in (
        ("UTF-8 with a mark", lambda text: codecs.BOM_UTF8 + text),
        ("UTF-16", lambda text: text.decode().encode("utf-16")),
    ):
        for end in ("\n", "\r\n", "\r"):
            yield case(f"{words}, lines ended by {end!r}", lambda encode=encode, end=end: encode((end.join(table()) + end).encode()))
    yield case("Latin-1 with a micro sign", lambda: "\n".join(table(head=(RATE, "# unit=\u00b5V"), cell=microvolts)).encode("latin-1"))
    for head, body in itertools.permutations((",", ";", "\t"), 2):
        yield case(
            f"names separated by {head!r}, numbers by {body!r}",
            lambda head=head, body=body: [*HEAD, head.join(STANDARD_LEADS), *table(None, (), sep=body)],
            refused="ragged_line",
        )
    yield case(
        "the separator changes midway",
        lambda: [line.replace(",", ";") if n > 600 else line for n, line in enumerate(table())],
        refused="ragged_line",
    )
    for sep in (" ", "|", ":"):
        yield case(f"separated by {sep!r}", lambda sep=sep: table(sep=sep), refused="no_lead_column")
    yield case("quotes around everything", lambda: table([f'"{lead}"' for lead in STANDARD_LEADS], cell=lambda value: f'"{value:.3f}"'))
    yield case("rows of separators at the end", lambda: [*table(), "," * 11, "," * 11])
    yield case("a lead twice", lambda: table(renamed(V2="V1")), refused="lead_in_columns")
    yield case("a lead twice, as pandas names it", lambda: table(renamed(V2="V1.1")), leads=without("V2"), warned=("columns_not_read",))
    yield case("names without rows", lambda: table()[:3], refused="no_names_below")
    yield case("a comment and nothing else", lambda: [RATE], refused="no_row")


def _pandas_header() -> list[str]:
    lines = table(None, first=("", [str(row) for row in range(1000)]))
    return [*lines[:2], "," + ",".join(str(column) for column in range(12)), *lines[2:]]


def _transposed(*, header: bool) -> list[str]:
    rows = [",".join([lead, *map(decimals, values)]) for lead, values in zip(STANDARD_LEADS, signal_mv().T.tolist(), strict=True)]
    return [*HEAD, *(["lead," + ",".join(f"{n / 250:.3f}" for n in range(reference().n_times))] if header else []), *rows]
