"""Write the report over a result: a page, its numbers as JSON, and a figure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heart_reader.bulk.report.cohort import Cohort
from heart_reader.bulk.report.drift import against, between_blocks
from heart_reader.bulk.report.figure import draw
from heart_reader.bulk.report.page import report_page
from heart_reader.folders import write_text, write_whole

__all__ = ["write_report"]

PAGE, NUMBERS, FIGURE = "report.md", "report.json", "report.png"


def write_report(folder: Path, out: Path, *, other: Path | None = None) -> list[Path]:
    """Write the report over a result of :func:`heart_reader.bulk.bulk_read`.

    Parameters
    ----------
    folder
        The result, which may be unfinished.
    out
        Where the report goes.
    other
        A result to compare it with, the reference of all comparisons.

    Returns
    -------
    list of Path
        What was written; without a figure where matplotlib is not installed.

    Raises
    ------
    ConfigError
        If a folder is no result of bulk reading.
    HeartReaderError
        If nothing can be written.
    """
    cohort = Cohort.of(folder)
    blocks = between_blocks(cohort)
    compared = None if other is None else against(cohort, Cohort.of(other))
    try:
        write_whole(out / FIGURE, lambda new: draw(new, cohort, _indices(blocks, compared)))
        figure: str | None = FIGURE
    except ImportError:
        figure = None
    write_text(out / PAGE, report_page(cohort, blocks, compared, figure))
    numbers = {**cohort.to_json(), "settings": cohort.settings, "drift_along_the_records": blocks, "against": compared}
    write_text(out / NUMBERS, json.dumps(numbers, indent=1, allow_nan=False) + "\n")
    return [out / PAGE, out / NUMBERS, *([] if figure is None else [out / FIGURE])]


def _indices(blocks: Mapping[str, Any] | None, compared: Mapping[str, Any] | None) -> dict[str, float]:
    """Return the stability indices that are drawn: against the other result if there is one."""
    if compared is not None:
        return {name: of["psi"] for name, of in compared["numbers"].items()} | dict(compared["categories"])
    return {} if blocks is None else {name: max(values) for name, values in blocks["psi"].items()}
