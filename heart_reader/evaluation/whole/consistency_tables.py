"""The parts of a report about statements, about whole readings and about groups of people, as
Markdown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from heart_reader.evaluation.markdown import interval, lines, markdown_table, number, with_interval

if TYPE_CHECKING:
    from heart_reader.evaluation.bootstrap import Difference, Estimate
    from heart_reader.evaluation.report.report import EvaluationReport
    from heart_reader.evaluation.subgroups import SubgroupRow
    from heart_reader.evaluation.whole.consistency import Consistency, ReadingShare
    from heart_reader.evaluation.whole.decided_statements import DecidedStatement

__all__ = ["consistency_parts", "statement_parts", "subgroup_parts"]

_SUBGROUP_TITLES = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "f1": "F1",
    "ece": "ECE",
    "brier": "Brier",
}


def statement_parts(report: EvaluationReport) -> list[str]:
    """How statements are ranked, by group and one by one; nothing in a report without them."""
    statements = report.statements
    if statements is None:
        return []
    head = "## Statements"
    if statements.reason is not None:
        return [head, f"Not stated: {statements.reason}."]
    text = (
        f"AUROC of the statements (level all) that at least {statements.min_positives} of {statements.n_records} records carry and as "
        "many do not; of a group, the mean. A statement may be in two groups."
    )
    groups = [
        (group.name, f"{len(group.statements)} of {group.n_statements}", number(group.auroc.point), interval(group.auroc))
        for group in statements.groups
    ]
    singles = [(name, statements.n_positive[name], with_interval(auroc)) for name, auroc in statements.auroc.items()]
    return [
        head,
        text,
        markdown_table(("statements", "measured", "macro-AUROC", f"{report.confidence:.0%} interval"), groups),
        markdown_table(("statement", "positives", "AUROC"), singles),
    ]


def consistency_parts(report: EvaluationReport) -> list[str]:
    """What whole readings contradict, call normal and decide; nothing in a report without them."""
    consistency = report.consistency
    if consistency is None:
        return []
    parts = [
        "## Whole readings",
        f"{consistency.n_readings} records read as a person would be shown them, with measurements and conclusion.",
    ]
    if consistency.failed:
        parts.append(lines(f"{name} could not be read: {reason}" for name, reason in consistency.failed.items()))
    parts += [
        "### Contradictions per 100 readings",
        "*Classes alone*: what thresholds and uncertain zones say of every class for itself. *Finished*: after the reading's parts were "
        "made to agree, its conclusion included. Finished readings are made by the rules that are checked here: a zero says that the rules "
        "are kept, not that the reading is right. Where none was found, the upper limit is the exact binomial one.",
        _contradiction_table(consistency),
        "### What readings conclude",
        _share_table("conclusion", consistency.kinds, "readings", "share"),
        "### Called normal",
        "Records that carry a statement or superclass, and how many of them are concluded to be normal. The last row is what a reader "
        "should call normal.",
        _share_table("record has", consistency.normals, "called normal", "share", with_records=True),
        "### Decided in the finished reading",
    ]
    if consistency.decided_reason is not None:
        return [*parts, f"Not stated: {consistency.decided_reason}."]
    return [
        *parts,
        "Uncertain counts as not stated and is listed beside (in brackets: of records that have it). *F1 alone*: by the class's own "
        "threshold and zone.",
        _decided_table(consistency.decided),
    ]


def subgroup_parts(report: EvaluationReport) -> list[str]:
    """Means over classes by group; nothing in a report without them."""
    if not report.subgroups:
        return []
    parts = [
        "## Groups of people",
        "Mean over the classes with enough cases in the group. *Against the others*: AUROC minus that of the other records of the same "
        "grouping, same classes, bold where its interval leaves out 0; so many comparisons find some by chance. Single classes: "
        "`subgroups.csv`, `subgroups.png`.",
    ]
    for level in dict.fromkeys(row.level for row in report.subgroups):
        rows = [row for row in report.subgroups if row.level == level]
        parts += [f"### Level {level}", _subgroup_table(rows)]
    return parts


def _contradiction_table(consistency: Consistency) -> str:
    rows = [(rate.name, rate.count, with_interval(rate.finished), with_interval(rate.alone)) for rate in consistency.contradictions]
    return markdown_table(("contradiction", "found", "finished", "classes alone"), rows)


def _share_table(name: str, shares: Iterable[ReadingShare], counted: str, share: str, *, with_records: bool = False) -> str:
    rows = [(of.name, *((of.n_records,) if with_records else ()), of.count, number(of.share.point), interval(of.share)) for of in shares]
    return markdown_table((name, *(("records",) if with_records else ()), counted, share, "interval"), rows)


def _decided_table(decided: Iterable[DecidedStatement]) -> str:
    rows = [
        (
            of.name,
            of.level,
            f"{of.n_positive} of {of.n_records}",
            of.n_present,
            f"{of.n_uncertain} ({of.n_positive_uncertain})",
            *map(with_interval, (of.sensitivity, of.ppv, of.f1)),
            number(of.f1_alone.point),
            *map(with_interval, (of.not_missed, of.not_alarmed)),
        )
        for of in decided
    ]
    header = ("class", "level", "positives", "stated", "uncertain", "sensitivity", "PPV", "F1", "F1 alone")
    return markdown_table((*header, "positives not read as absent", "negatives not read as present"), rows)


def _subgroup_table(rows: list[SubgroupRow]) -> str:
    shown = [name for name in _SUBGROUP_TITLES if any(name in row.metrics for row in rows)]
    cells = []
    for row in rows:
        left_out = row.metrics["auroc"].undefined if row.metrics else ()
        note = row.reason or (f"without {', '.join(left_out)}" if left_out else "")
        values = [_metric(row.metrics.get(name)) for name in shown]
        cells.append((row.grouping, row.group, row.n_records, *values, _difference(row.difference), note))
    return markdown_table(("", "group", "records", *(_SUBGROUP_TITLES[name] for name in shown), "against the others", ""), cells)


def _metric(estimate: Estimate | None) -> str:
    if estimate is None or estimate.point is None:
        return "–"
    limits = "" if estimate.low is None or estimate.high is None else f" [{estimate.low:.3f}, {estimate.high:.3f}]"
    return f"{estimate.point:.3f}{limits}"


def _difference(difference: Difference | None) -> str:
    if difference is None or difference.difference is None or difference.low is None:
        return "–"
    # Nothing reads as -0.000.
    middle, low, high = (round(value or 0.0, 3) + 0.0 for value in (difference.difference, difference.low, difference.high))
    text = f"{middle:+.3f} [{low:+.3f}, {high:+.3f}]"
    return f"**{text}**" if difference.leaves_out_zero else text
