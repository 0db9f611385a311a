"""The report over a result as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from heart_reader.bulk.report.cohort import Cohort, quantiles, wilson
from heart_reader.bulk.report.drift import LARGE, SMALL
from heart_reader.diagnosis import NOTICE
from heart_reader.evaluation.markdown import markdown_table

__all__ = ["report_page"]

_MOST_ROWS = 40
_VALUES = ("p2.5", "p25", "p50", "p75", "p97.5")


def report_page(cohort: Cohort, blocks: Mapping[str, Any] | None, compared: Mapping[str, Any] | None, figure: str | None) -> str:
    """Return the page."""
    n_read = cohort.n_read
    unfinished = f" The run is not at its end: {cohort.n_planned} records were planned." if cohort.n_records < cohort.n_planned else ""
    parts = [
        "# Report on a bulk run",
        f"{cohort.n_records} records, {n_read} of them read.{unfinished} Shares are of the records that were read, with Wilson's "
        "intervals of 95 %. What is stated is what the reader said, not what is true.",
        *([] if figure is None else [f"![Statements and drift]({figure})"]),
        "## Who was recorded",
        _numbers(cohort, ("age_years", "duration_s")),
        *(_category(cohort, name) for name in ("sex", "acquired_year", "source_format", "fs_hz", "n_leads")),
        "## Quality",
        _category(cohort, "quality"),
        _list(cohort, "quality_findings", "finding"),
        _list(cohort, "warnings", "warning"),
        "## Conclusions",
        _category(cohort, "conclusion"),
        _list(cohort, "statements", "statement"),
        "## Rhythm",
        _category(cohort, "rhythm"),
        _list(cohort, "rhythm_findings", "finding"),
        "## Measurements",
        _numbers(cohort, [name for name in cohort.units if name not in ("age_years", "duration_s")]),
        "## Not read",
        markdown_table(("error", "records"), cohort.errors.most_common()) if cohort.errors else "All records were read.",
        "## Drift along the records",
        _blocks(blocks),
        *_compared(compared),
        "## Who read",
        markdown_table(("", ""), cohort.versions.items()),
        NOTICE,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _with_interval(n: int, n_all: int) -> str:
    share, low, high = wilson(n, n_all)
    return f"{100 * share:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def _category(cohort: Cohort, name: str) -> str:
    of = cohort.categories[name]
    if set(of) <= {"unknown"}:
        return f"`{name}` is unknown in all."
    rows = [(word, n, _with_interval(n, cohort.n_read)) for word, n in of.most_common(_MOST_ROWS)]
    return markdown_table((f"`{name}`", "records", "share"), rows)


def _list(cohort: Cohort, name: str, title: str) -> str:
    of = cohort.lists[name].most_common(_MOST_ROWS)
    return markdown_table((title, "records", "share"), [(word, n, _with_interval(n, cohort.n_read)) for word, n in of]) if of else ""


def _numbers(cohort: Cohort, names: Iterable[str]) -> str:
    rows = []
    for name in names:
        found = quantiles(cohort.numbers[name])
        if found["n"]:
            rows.append((f"`{name}`", cohort.units[name], found["n"], *(f"{found[place]:.4g}" for place in _VALUES)))
    return markdown_table(("", "unit", "known in", "2.5 %", "25 %", "50 %", "75 %", "97.5 %"), rows) if rows else "Nothing was measured."


def _blocks(blocks: Mapping[str, Any] | None) -> str:
    if blocks is None:
        return "Too few records to compare parts of them."
    rows = sorted(
        ((f"`{name}`", max(values), values.index(max(values)) + 1) for name, values in blocks["psi"].items()), key=lambda row: -row[1]
    )
    said = (
        f"The records in their order in {blocks['blocks']} blocks of {blocks['records_per_block']}, each against all others. "
        f"{_rule(blocks['by_chance'])}"
    )
    return f"{said}\n\n" + markdown_table(("", "largest index", "in block"), [(name, f"{value:.3f}", block) for name, value, block in rows])


def _rule(by_chance: float) -> str:
    return (
        "Population stability index over ten bins by the deciles of the reference and one of unknown values: the sum of "
        f"(a - b) ln(a / b) with the shares a and b of both. Below {SMALL} is no change, above {LARGE} a large one; chance alone gives "
        f"about {by_chance:.4f}."
    )


def _compared(compared: Mapping[str, Any] | None) -> list[str]:
    if compared is None:
        return []
    numbers = sorted(compared["numbers"].items(), key=lambda item: -item[1]["psi"])
    rows = [(f"`{name}`", f"{of['psi']:.3f}", "" if of["ks"] is None else f"{of['ks']:.3f}") for name, of in numbers]
    rows += [(f"`{name}`", f"{psi:.3f}", "") for name, psi in compared["categories"].items()]
    by_size = sorted(compared["statements"].items(), key=lambda item: -abs(item[1]["difference"]))[:_MOST_ROWS]
    shares = [(code, *(f"{100 * of[name]:+.1f} %" for name in ("difference", "low", "high"))) for code, of in by_size]
    differ = ", ".join(compared["versions_that_differ"])
    return [
        f"## Against {compared['folder']}",
        f"{compared['read']} records there. {_rule(compared['by_chance'])} KS is the largest distance of the distributions."
        + (f" Not the same in both: {differ}." if differ else ""),
        markdown_table(("", "index", "KS"), rows),
        "Differences of shares with Newcombe's intervals of 95 %.",
        markdown_table(("statement", "difference", "low", "high"), shares),
    ]
