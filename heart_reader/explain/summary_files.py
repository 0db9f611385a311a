"""Write what many explanations say together: tables, ``summary.json`` and figures."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from heart_reader.explain.cohort import plain_name
from heart_reader.explain.summary import Summary, curves_to_json, load_results
from heart_reader.folders import write_text, write_whole

__all__ = ["write_summary"]


def write_summary(out: Path, summary: Summary, formats: Sequence[str], further: Mapping[str, Any]) -> None:
    """Write tables, ``summary.json`` and figures beside the explanations.

    Parameters
    ----------
    formats
        Of the figures.
    further
        Settings and what failed, for ``summary.json``.
    """
    _write_records(out)
    leads = summary.leads
    rows = [
        [finding, lead, _number(share.point), _number(share.low), _number(share.high), _number(adds.point), leads.n_records[finding]]
        for finding in leads.shares
        for lead, share, adds in zip(leads.lead_names, leads.shares[finding], leads.contributions[finding], strict=True)
    ]
    _write_rows(out / "leads.csv", ["class", "lead", "share", "low", "high", "log_odds", "records"], rows)
    for finding, beats in summary.beats.items():
        times = (np.arange(beats.share.shape[1]) - beats.before) / beats.fs
        body = [[f"{time:.3f}", *(f"{value:.6g}" for value in row)] for time, row in zip(times, beats.share.T, strict=True)]
        _write_rows(out / f"beat-{plain_name(finding)}.csv", ["time_from_r_s", *leads.lead_names], body)
    for finding, measured in summary.measured.items():
        strength = np.abs(measured.contributions).mean(axis=1)
        ranked = [
            [name, f"{size:.6g}", f"{mean:.6g}"]
            for name, size, mean in zip(measured.names, strength, measured.contributions.mean(axis=1), strict=True)
        ]
        _write_rows(out / f"measurements-{plain_name(finding)}.csv", ["measurement", "mean_size", "mean"], ranked)
    faithfulness = {kind: curves_to_json(means) for kind, means in summary.curves.items()}
    values = {
        **further,
        "records": dict(leads.n_records),
        "completeness": summary.completeness,
        "randomised_weights": summary.randomised,
        "faithfulness": faithfulness or None,
    }
    write_text(out / "summary.json", json.dumps(values, indent=2, ensure_ascii=False))
    if formats:
        from heart_reader.explain.summary_plots import draw_summary

        for name, figure in draw_summary(summary).items():
            for kind in formats:
                write_whole(out / f"{plain_name(name)}.{kind}", partial(figure.savefig, dpi=200, format=kind))


def _write_records(out: Path) -> None:
    """Write a line for each explanation, the leads' shares last."""

    def write(path: Path) -> None:
        told = ("record_id", "patient", "level", "finding", "labelled", "probability", "log_odds", "baseline_log_odds")
        names = (*told, "signal_contribution", "measurement_contribution", "residual", "standard_error", "completeness_gap")
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            for number, result in enumerate(load_results(out)):
                if number == 0:
                    writer.writerow([*names, *(f"share_{lead}" for lead in result["lead_shares"])])
                writer.writerow([*(_number(result[name]) for name in names), *map(_number, result["lead_shares"].values())])

    write_whole(out / "explanations.csv", write)


def _write_rows(path: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    def write(new: Path) -> None:
        with new.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([head, *rows])

    write_whole(path, write)


def _number(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value
