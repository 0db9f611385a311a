"""What explanations of many records come to, in words, and which of several methods is truer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from heart_reader.evaluation.bootstrap import Estimate
from heart_reader.explain.summary import Summary, curves_to_json, load_results, mean_estimates, summarise
from heart_reader.folders import write_text, write_whole

__all__ = ["compare_methods", "describe"]

# Leads of a class that are named.
NAMED = 5


def describe(summary: Summary) -> str:
    """Return a few lines: leads by class, completeness, weights, curves."""
    lines = []
    for finding, shares in summary.leads.shares.items():
        ranked = sorted(zip(summary.leads.lead_names, shares, strict=True), key=lambda pair: -(pair[1].point or 0.0))[:NAMED]
        named = ", ".join(f"{name} {of.point:.0%} ({of.low:.0%} to {of.high:.0%})" for name, of in ranked)
        lines.append(f"  {finding}, {summary.leads.n_records[finding]} records, share of leads: {named}")
    of = summary.completeness
    lines.append(
        f"  completeness: of a change of {of['median_change']:.2f} log-odds (median of {of['explanations']}) {of['median_residual']:.3f} "
        f"were missed, at most {of['highest_residual']:.3f}; standard error of random draws {of['median_standard_error']:.3f}"
    )
    if summary.randomised is not None:
        lines.append(
            f"  random weights: correlation {summary.randomised['signed']:+.2f} with the explanation, {summary.randomised['size']:+.2f} "
            f"in size ({summary.randomised['explanations']:.0f} explanations); near 0 is right, in size the signal's own shape counts"
        )
    for kind, means in summary.curves.items():
        areas = means.areas
        lines.append(
            f"  faithfulness, {kind} ({means.n} explanations): area of deletion {_said(areas['deletion'])} "
            f"(random {_said(areas['random_deletion'])}), of insertion {_said(areas['insertion'])} "
            f"(random {_said(areas['random_insertion'])}); gain over random {_said(areas['gain'])}"
        )
    return "\n".join(lines)


def compare_methods(out: Path, methods: Sequence[str], formats: Sequence[str], seed: int) -> str:
    """Compare the curves of methods on the same explanations, paired, and write the figure.

    Parameters
    ----------
    out
        Folder with one folder for each method.

    Returns
    -------
    str
        A line for each method.
    """
    curves = {method: summarise(out / method, seed).curves for method in methods}
    gains = {method: _gains(out / method) for method in methods}
    first = methods[0]
    lines, values = [], {}
    for method in methods:
        here = curves[method].get("signal")
        if here is None:
            continue
        values[method] = curves_to_json(here)
        line = f"{method}: gain over random order {_said(here.areas['gain'])} log-odds"
        shared = sorted(gains[method].keys() & gains[first].keys())
        if method != first and shared:
            difference = np.array([[gains[method][key][1] - gains[first][key][1]] for key in shared])
            (estimate,), _ = mean_estimates(difference, [gains[first][key][0] for key in shared], seed)
            values[method]["gain_against"] = {"method": first, "mean": estimate.point, "low": estimate.low, "high": estimate.high}
            line += f"; against {first} {_said(estimate)}, paired"
        lines.append(line)
    write_text(out / "faithfulness.json", json.dumps(values, indent=2))
    shown = {method: curves[method]["signal"] for method in values}
    if formats and shown:
        from heart_reader.explain.summary_plots import compare_curves

        figure = compare_curves(shown, "signal")
        for kind in formats:
            write_whole(out / f"faithfulness.{kind}", partial(figure.savefig, dpi=200, format=kind))
    return "\n".join(lines)


def _gains(folder: Path) -> dict[tuple[str, str], tuple[str, float]]:
    """Return patient and gain by record and class."""
    found: dict[tuple[str, str], tuple[str, float]] = {}
    for result in load_results(folder):
        signal: dict[str, Any] | None = (result["faithfulness"] or {}).get("signal")
        if signal is not None:
            found[result["record_id"], result["finding"]] = (result["patient"] or result["record_id"], signal["areas"]["gain"])
    return found


def _said(of: Estimate) -> str:
    return f"{of.point:+.2f} ({of.low:+.2f} to {of.high:+.2f})"
