"""How far the readings of all runs agree with themselves.

Made from the reports that ``heart-reader evaluate`` wrote (``RUN/report-SPLIT/report.json``); those
without whole readings are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from heart_reader.diagnosis import NOTICE
from heart_reader.errors import DataError
from heart_reader.evaluation.markdown import markdown_table, with_interval
from heart_reader.evaluation.whole.consistency import ANY, READINGS, Consistency, ReadingShare

__all__ = ["PAGE", "consistency_page"]

PAGE = "consistency.md"
HEAD = """# Do readings agree with themselves?

Made by `heart-reader study consistency` from the reports of `heart-reader evaluate`. Every record is read as a person would be
shown it. *Alone*: what thresholds and uncertain zones say of every class for itself; *finished*: after the parts of the reading were made
to agree. On val, where thresholds were chosen, the figures are optimistic. In brackets: intervals over patients."""
NORMALS = ("abnormal rhythm", "abnormal superclass", "NORM alone, no abnormal rhythm")


def consistency_page(root: Path) -> str:
    """Return the page of all runs below a folder.

    Raises
    ------
    DataError
        If no report there has whole readings.
    """
    reports = list(_reports(root))
    if not reports:
        raise DataError(f"{root}: no report with whole readings: run heart-reader evaluate RUN/checkpoint first")
    read = [(run, report, TypeAdapter(Consistency).validate_python(report["consistency"])) for run, report in reports]
    runs = []
    for run, report, consistency in read:
        found, normals = {of.name: of for of in consistency.contradictions}, {of.name: of for of in consistency.normals}
        estimates = (estimate for name in (ANY, READINGS) for estimate in (found[name].finished, found[name].alone))
        called = (_share(normals[name]) if name in normals else "–" for name in NORMALS)
        runs.append((run, report["split"], consistency.n_readings, *(with_interval(of, 2) for of in estimates), *called))
    header = ("run", "split", "readings", "contradictions per 100, finished", "alone", "readings with one, of 100, finished", "alone")
    normal = tuple(f"called normal: {name}" for name in NORMALS)
    parts = [HEAD, markdown_table((*header, *normal), runs), "## By kind, per 100 finished readings (alone)"]
    names = list(
        dict.fromkeys(rate.name for _, _, consistency in read for rate in consistency.contradictions if rate.name not in (ANY, READINGS))
    )
    by_kind = []
    for name in names:
        rates = [{rate.name: rate for rate in consistency.contradictions}.get(name) for _, _, consistency in read]
        by_kind.append((name, *("0" if rate is None else f"{rate.finished.point:.2f} ({rate.alone.point:.2f})" for rate in rates)))
    parts.append(markdown_table(("contradiction", *(f"{run}, {report['split']}" for run, report, _ in read)), by_kind))
    return "\n\n".join([*parts, NOTICE]) + "\n"


def _reports(root: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Run and report, in the order of their folders."""
    for path in sorted(root.rglob("report-*/report.json")):
        run = path.parent.parent.relative_to(root)
        if any(part.startswith(".") for part in run.parts):
            continue
        report = json.loads(path.read_text(encoding="utf-8"))
        if report.get("consistency") is not None:
            yield run.as_posix(), report


def _share(of: ReadingShare) -> str:
    value = of.share
    limits = "" if value.low is None or value.high is None else f" [{100 * value.low:.1f}, {100 * value.high:.1f}]"
    return f"{of.count} of {of.n_records}" + ("" if value.point is None else f", {100 * value.point:.1f} %{limits}")
