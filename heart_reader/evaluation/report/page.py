"""A report as a Markdown page, and its classes as rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from heart_reader.evaluation.bootstrap import Difference, Estimate
from heart_reader.evaluation.decided import MEASURES, PROMISED, RECORDS_DECIDED
from heart_reader.evaluation.markdown import cell, interval, lines, markdown_table, number, with_interval
from heart_reader.evaluation.report.report import EvaluationReport
from heart_reader.evaluation.subgroups import SUBGROUP_METRICS, SubgroupRow
from heart_reader.evaluation.whole.consistency import DecidedStatement, ReadingShare
from heart_reader.metrics import METRICS

__all__ = ["per_class_rows", "report_page"]

# Per-class values on the page; the others are in the CSV.
_SHOWN = ("auprc", "f1", "sensitivity", "specificity", "ppv", "ece")


def report_page(report: EvaluationReport) -> str:
    """Return a page: what was measured, the numbers, the classes, the caveats."""
    parts = [
        f"# Evaluation of {cell(report.config_name)} on {report.split}",
        lines(_provenance(report)),
        "## Metrics",
        _headline_table(report),
        "## Classes",
        _class_table(report),
        "## Decisions and uncertain zones",
        *_decided_parts(report),
        "## Selective reading",
        *_selective_parts(report),
        *_statement_parts(report),
        *_consistency_parts(report),
        *_subgroup_parts(report),
    ]
    if report.comparison is not None:
        parts += [f"## Against {cell(report.comparison.against)}", _comparison_table(report)]
    parts += ["## Caveats", lines(report.caveats), "Research use only. Not a medical device."]
    return "\n\n".join(parts) + "\n"


def per_class_rows(report: EvaluationReport) -> list[dict[str, object]]:
    """Return a row per class: cases, threshold, zone, metrics with intervals; None: not stated."""
    thresholds = report.thresholds.values if report.thresholds is not None else (None,) * len(report.class_names)
    zones = report.uncertainty.zones if report.uncertainty is not None else (None,) * len(report.class_names)
    # A measure of decided records alone has another name than that of all records.
    decided = {name if name in (*PROMISED, "coverage") else f"decided_{name}": values for name, values in report.decided.classes.items()}
    rows = []
    for position, name in enumerate(report.class_names):
        row: dict[str, object] = {"class": name, "n_positive": report.n_positive[position], "n_records": report.n_records}
        row["threshold"] = thresholds[position]
        row["zone_low"], row["zone_high"] = zones[position] or (None, None)
        for metric, values in (dict(report.classes) | decided).items():
            estimate = values[position]
            row |= {metric: estimate.point, f"{metric}_low": estimate.low, f"{metric}_high": estimate.high}
        rows.append(row)
    return rows


def _provenance(report: EvaluationReport) -> list[str]:
    thresholds, calibration = report.thresholds, report.calibration
    patients = f"{report.n_patients} known patients" if report.n_patients else "patients not known"
    if report.n_patients and report.n_without_patient:
        patients += f" and {report.n_without_patient} records whose patient is not known"
    return [
        f"Level: {report.level}, {len(report.class_names)} classes; label rule: {report.label_rule}",
        f"Split: {report.split}, {report.n_records} records, {patients}",
        f"Checkpoint: `{report.checkpoint_sha256}`",
        "Thresholds: " + ("none" if thresholds is None else f"{thresholds.rule}, chosen on {thresholds.split}"),
        "Calibration: " + ("none" if calibration is None else f"{calibration.rule}, fitted on {calibration.split}"),
        f"Intervals: {report.confidence:.0%}, {report.draws} bootstrap draws over {_unit(report)}, thresholds fixed, seed {report.seed}",
    ]


def _unit(report: EvaluationReport) -> str:
    if report.n_without_patient == 0:
        return "patients"
    return "records" if report.n_patients == 0 else "patients, where not known over records"


def _headline_table(report: EvaluationReport) -> str:
    rows = []
    for name, estimate in report.metrics.items():
        value = f"not stated: {report.reasons[name]}" if name in report.reasons else number(estimate.point)
        note = f"without {', '.join(map(cell, estimate.undefined))}" if estimate.undefined and name not in report.reasons else ""
        better = "higher" if METRICS[name].higher_is_better else "lower"
        rows.append((METRICS[name].title, value, interval(estimate), better, note))
    return markdown_table(("metric", "value", f"{report.confidence:.0%} interval", "better", ""), rows)


def _class_table(report: EvaluationReport) -> str:
    shown = [name for name in _SHOWN if any(value.point is not None for value in report.classes[name])]
    rows = []
    for row, auroc in zip(per_class_rows(report), report.classes["auroc"], strict=True):
        rows.append(
            (row["class"], row["n_positive"], number(row["threshold"]), with_interval(auroc), *(number(row[name]) for name in shown))
        )
    return markdown_table(("class", "positives", "threshold", "AUROC", *map(_class_title, shown)), rows)


def _class_title(class_name: str) -> str:
    return METRICS[f"macro_{class_name}"].class_title


def _decided_parts(report: EvaluationReport) -> list[str]:
    """What the zones promise and what they reach, over classes and class by class."""
    decided, uncertainty = report.decided, report.uncertainty
    if uncertainty is None or decided.reason is not None:
        return [f"Not stated: {decided.reason}."]
    promise = f"{100 * (1 - uncertainty.alpha):g}%"
    text = (
        f"Absent below the uncertain zone, present above it; zones: {uncertainty.rule}, chosen on {uncertainty.split} so that in every "
        f"class at least {promise} of the positives are not read as absent and at least {promise} of the negatives not as present. "
        "Nothing is promised where a zone reaches 0 or 1: there were too few cases."
    )
    headline = [
        (
            f"{MEASURES[name]}, mean over classes",
            number(decided.metrics[f"macro_{name}"].point),
            interval(decided.metrics[f"macro_{name}"]),
            promise if name in PROMISED else "",
        )
        for name in MEASURES
    ]
    records = decided.metrics[RECORDS_DECIDED]
    headline.append(("records with every class decided", number(records.point), interval(records), ""))
    rows = []
    for position, (name, zone) in enumerate(zip(report.class_names, uncertainty.zones, strict=True)):
        values = [decided.classes[measure][position] for measure in MEASURES]
        kept = [_kept(decided.classes[measure][position], 1 - uncertainty.alpha) for measure in PROMISED]
        limits = "none" if zone is None else f"{zone[0]:.4f} to {zone[1]:.4f}"
        rows.append((name, limits, *map(with_interval, values), " / ".join(kept)))
    return [
        text,
        markdown_table(("measure", "value", f"{report.confidence:.0%} interval", "promised at least"), headline),
        markdown_table(("class", "uncertain zone", *MEASURES.values(), f"{promise} kept for positives / negatives"), rows),
    ]


def _kept(share: Estimate, promised: float) -> str:
    """Whether a promise was kept on these records, and if not, whether by chance alone."""
    if share.point is None or share.high is None:
        return "not promised"
    if share.point >= promised:
        return "kept"
    return "not kept, within chance" if share.high >= promised else "broken"


def _selective_parts(report: EvaluationReport) -> list[str]:
    """What is reached on the surest records."""
    selective = report.selective
    if selective.reason is not None:
        return [f"Not stated: {selective.reason}."]
    rows = []
    for point in selective.points:
        auroc, accuracy = point.macro_auroc, point.macro_accuracy
        without = f"without {', '.join(auroc.undefined)}" if auroc.undefined else ""
        values = (number(auroc.point), interval(auroc), number(accuracy.point), interval(accuracy))
        rows.append((f"{point.coverage:.0%}", point.n_records, *values, without))
    heading = f"{report.confidence:.0%} interval"
    return [
        f"The records that the model is most sure of, the others left to a person. Sureness: {selective.measure}.",
        markdown_table(("coverage", "records", "macro-AUROC", heading, "accuracy", heading, ""), rows),
    ]


def _comparison_table(report: EvaluationReport) -> str:
    assert report.comparison is not None
    rows = [
        (METRICS[name].title, number(d.first), number(d.second), f"{d.difference:+.4f}", interval(d, sign="+"), f"{d.p_value:.3f}")
        for name, d in report.comparison.differences.items()
        if d.difference is not None and d.p_value is not None
    ]
    return markdown_table(("metric", "this", "other", "difference", f"{report.confidence:.0%} interval", "p"), rows)


def _statement_parts(report: EvaluationReport) -> list[str]:
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


def _consistency_parts(report: EvaluationReport) -> list[str]:
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
        markdown_table(
            ("contradiction", "found", "finished", "classes alone"),
            [(rate.name, rate.count, with_interval(rate.finished), with_interval(rate.alone)) for rate in consistency.contradictions],
        ),
        "### What readings conclude",
        _share_table("conclusion", consistency.kinds, "readings", "share"),
        "### Called normal",
        "Records that carry a statement or superclass, and how many of them are concluded to be normal. The last row is what a model "
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


def _subgroup_parts(report: EvaluationReport) -> list[str]:
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


def _subgroup_table(rows: Sequence[SubgroupRow]) -> str:
    shown = [name for name in SUBGROUP_METRICS if any(name in row.metrics for row in rows)]
    cells = []
    for row in rows:
        left_out = row.metrics["auroc"].undefined if row.metrics else ()
        note = row.reason or (f"without {', '.join(left_out)}" if left_out else "")
        values = [with_interval(row.metrics.get(name), 3) for name in shown]
        cells.append((row.grouping, row.group, row.n_records, *values, _difference(row.difference), note))
    return markdown_table(("", "group", "records", *map(_class_title, shown), "against the others", ""), cells)


def _difference(difference: Difference | None) -> str:
    if difference is None or difference.difference is None or difference.low is None:
        return "–"
    text = f"{number(difference.difference, 3, '+')} {interval(difference, 3, '+')}"
    return f"**{text}**" if difference.leaves_out_zero else text
