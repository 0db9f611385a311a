"""A stress report as a page, a CSV and JSON, written beside the evaluation report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from heart_reader.evaluation.bootstrap import Difference
from heart_reader.evaluation.figures import save_figure
from heart_reader.evaluation.markdown import interval, lines, markdown_table, number
from heart_reader.evaluation.report.write import write_csv
from heart_reader.evaluation.stress.figure import MAX_CLASSES, draw_stress
from heart_reader.evaluation.stress.stress import AUROC, StressReport
from heart_reader.folders import write_whole
from heart_reader.metrics import METRICS

__all__ = ["FILES", "remove_other_stress", "stress_csv_rows", "stress_markdown", "write_stress"]

FILES = ("stress.json", "stress.md", "stress.csv", "stress.png")


def stress_markdown(report: StressReport) -> str:
    """Return a page: what was done, the tables, the caveats.

    Of the readings without one lead it shows the mean and the worst.
    """
    parts = [f"# Stress test of {report.config_name} on {report.split}", lines(_provenance(report)), "## macro-AUROC", _aurocs(report)]
    if len(report.class_names) <= MAX_CLASSES:
        parts += ["## Change of every class's AUROC from the clean reading", _changes(report)]
    if len(report.rows[0].metrics) > 1:
        parts += ["## What the fixed thresholds decide, means over classes", _decisions(report)]
    if report.left_out:
        parts += ["## Conditions left out", lines(f"{name}: {reason}" for name, reason in report.left_out.items())]
    parts += ["## Caveats", lines((*report.caveats, *_own_caveats(report))), "Research use only. Not a medical device."]
    return "\n\n".join(parts) + "\n"


def stress_csv_rows(report: StressReport) -> list[dict[str, object]]:
    """Return a row per condition: metrics and classes with interval and difference, None if not stated."""
    rows = []
    for condition in report.rows:
        row: dict[str, object] = {"condition": condition.name, "group": condition.group, "title": condition.title}
        row["usable"] = condition.usable
        columns = [(name, estimate, condition.differences[name]) for name, estimate in condition.metrics.items()]
        of_class = zip(report.class_names, condition.classes, condition.class_differences, strict=True)
        columns += [(f"auroc_{name}", estimate, change) for name, estimate, change in of_class]
        for name, estimate, change in columns:
            row |= {name: estimate.point, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
            row |= {f"{name}_change": change.difference, f"{name}_change_low": change.low, f"{name}_change_high": change.high}
            row[f"{name}_p"] = change.p_value
        rows.append(row)
    return rows


def write_stress(report: StressReport, out: Path) -> tuple[Path, ...]:
    """Write ``stress.json stress.md stress.csv stress.png``, each file whole or not at all.

    Parameters
    ----------
    out
        Folder, made where it does not exist.

    Raises
    ------
    HeartReaderError
        If a file cannot be written.
    """
    text = json.dumps(asdict(report), indent=2, ensure_ascii=False, allow_nan=False)
    writers: tuple[Callable[[Path], object], ...] = (
        lambda path: path.write_text(text + "\n", encoding="utf-8"),
        lambda path: path.write_text(stress_markdown(report), encoding="utf-8"),
        partial(write_csv, stress_csv_rows(report)),
        lambda path: save_figure(draw_stress(report), path),
    )
    for name, write in zip(FILES, writers, strict=True):
        write_whole(out / name, write)
    return tuple(out / name for name in FILES)


def remove_other_stress(out: Path, *, checkpoint_sha256: str, split: str, level: str) -> None:
    """Remove a stress test of another checkpoint, split or level than the report beside it."""
    try:
        found = json.loads((out / "stress.json").read_text(encoding="utf-8"))
        same = all(found[key] == value for key, value in (("checkpoint_sha256", checkpoint_sha256), ("split", split), ("level", level)))
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        for name in FILES:
            (out / name).unlink(missing_ok=True)


def _provenance(report: StressReport) -> list[str]:
    noise = ", ".join(f"{ratio} dB is {mv:.3f} mV" for ratio, mv in report.noise_mv.items())
    return [
        f"Level: {report.level}, {len(report.class_names)} classes; label rule: {report.label_rule}",
        f"Split: {report.split}, {report.n_records} records, each read under {len(report.rows)} conditions",
        f"Checkpoint: `{report.checkpoint_sha256}`; calibration and thresholds as validation chose them",
        f"Intervals: {report.confidence:.0%}, {report.draws} bootstrap draws over patients (records where the patient is not known), "
        f"seed {report.seed}; differences are paired: the same draws, condition minus clean",
        "Noise: simulated at the electrodes; dB of the squared QRS height over 8 to the squared rms of the noise within seconds, both "
        f"averaged over the leads, at 500 Hz; rms for the median record: {noise}; noise seed {report.noise_seed}",
    ]


def _own_caveats(report: StressReport) -> list[str]:
    caveats = [
        "Conditions come on top of what the recordings already have. Noise is simulated: real noise comes in bursts and mixtures.",
        f"{len(report.rows) - 1} comparisons without correction: one in {1 / (1 - report.confidence):.0f} would differ by chance alone.",
        "The worst of the leads to miss was found on these records; its interval does not know that.",
        "Of 50 Hz mains a model that reads 100 Hz sees less than half: the rest is gone with the anti-aliasing filter.",
    ]
    undefined = report.rows[0].metrics[AUROC].undefined
    if undefined:
        caveats.append(f"Without positives or without negatives, so left out of the means: {', '.join(undefined)}.")
    if report.split == "val":
        caveats.append("The model was selected on this split: its AUROC is optimistic, and decisions are not measured here.")
    if any(row.usable < 1 for row in report.summary):
        caveats.append(
            "Where fewer than half of the leads carry a signal the reader makes no decision (column: usable), whatever its AUROC."
        )
    return caveats


def _aurocs(report: StressReport) -> str:
    rows = []
    for row in report.summary:
        estimate, change = row.metrics[AUROC], row.differences[AUROC]
        changed = ("", "") if row is report.summary[0] else (number(change.difference, 3, "+"), interval(change, 3, "+"))
        rows.append((row.group, row.title, number(estimate.point, 3), interval(estimate, 3), *changed, f"{row.usable:.0%}"))
    heading = f"{report.confidence:.0%} interval"
    return markdown_table(("", "condition", "macro-AUROC", heading, "change from clean", heading, "usable"), rows)


def _changes(report: StressReport) -> str:
    """Point and change per class; a change whose interval leaves out 0 is bold."""
    clean = report.summary[0]
    rows: list[tuple[object, ...]] = [(clean.group, "AUROC", *(number(value.point, 3) for value in clean.classes))]
    rows += [(row.group, row.title, *(_emphasised(change) for change in row.class_differences)) for row in report.summary[1:]]
    return markdown_table(("", "condition", *report.class_names), rows) + "\n\nBold: the paired interval leaves out 0, to three decimals."


def _decisions(report: StressReport) -> str:
    names = [name for name in report.rows[0].metrics if name != AUROC]
    rows = []
    for row in report.summary:
        measured = [f"{number(row.metrics[name].point, 3)} ({number(row.differences[name].difference, 3, '+')})" for name in names]
        rows.append((row.group, row.title, *(measured if row.usable else ["no decision"] * len(names))))
    return markdown_table(("", "condition", *(f"{METRICS[name].title} (change)" for name in names)), rows)


def _emphasised(change: Difference) -> str:
    text = number(change.difference, 3, "+")
    return f"**{text}**" if change.leaves_out_zero else text
