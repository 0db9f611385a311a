"""The reference ECG as a table, written in every way that the hostile ones are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case, reference

__all__ = ["HEAD", "RATE", "case", "decimals", "microvolts", "renamed", "signal_mv", "table", "without"]

RATE = "# fs=250"
HEAD = (RATE, "# unit=mV")


def signal_mv(changed: Mapping[str, float] | None = None) -> NDArray[np.float64]:
    """(n_times, 12): the reference, leads multiplied by what is asked for."""
    factors = [(changed or {}).get(name, 1.0) for name in STANDARD_LEADS]
    return np.round(reference().signal.T.astype(np.float64) * factors, 3)


def decimals(value: float) -> str:
    return f"{value:.3f}"


def microvolts(value: float) -> str:
    return str(round(1000 * value))


def table(
    names: Sequence[str] | None = STANDARD_LEADS,
    head: Iterable[str] = HEAD,
    *,
    sep: str = ",",
    cell: Callable[[float], str] = decimals,
    leads: Sequence[str] = STANDARD_LEADS,
    changed: Mapping[str, float] | None = None,
    scale: float = 1.0,
    first: tuple[str, Sequence[str]] | None = None,
) -> list[str]:
    """Return a table's lines: comments, names, rows; ``first`` is one more column in front."""
    values = scale * signal_mv(changed)[:, [STANDARD_LEADS.index(lead) for lead in leads]]
    rows = [[cell(value) for value in row] for row in values.tolist()]
    if first is not None:
        rows = [[extra, *row] for extra, row in zip(first[1], rows, strict=True)]
    top = [] if names is None else [[*([first[0]] if first else []), *names]]
    return [*head, *(sep.join(row) for row in [*top, *rows])]


def case(name: str, lines: Callable[[], Sequence[str] | bytes], *, end: str = "\n", **expected: Any) -> Case:
    def write(folder: Path) -> Path:
        content = lines()
        path = folder / "ecg.csv"
        path.write_bytes(content if isinstance(content, bytes) else (end.join(content) + end).encode())
        return path

    return Case(f"csv: {name}", write, **expected)


def without(*leads: str) -> tuple[str, ...]:
    return tuple(lead for lead in STANDARD_LEADS if lead not in leads)


def renamed(**new: str) -> list[str]:
    return [new.get(lead, lead) for lead in STANDARD_LEADS]
