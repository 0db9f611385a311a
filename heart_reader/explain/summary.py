"""What many explanations say together, with intervals over patients: numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.errors import DataError
from heart_reader.evaluation.bootstrap import Estimate, draw_weights, estimate_of
from heart_reader.explain.cohort import RECORDS
from heart_reader.explain.explanation import MeasurementShare

__all__ = [
    "CURVES",
    "Beats",
    "CurveMeans",
    "LeadImportance",
    "Measured",
    "Summary",
    "curves_to_json",
    "load_results",
    "mean_estimates",
    "summarise",
]

DRAWS, CONFIDENCE = 1000, 0.95
# Measurements of a summary plot.
SHOWN = 12
CURVES = ("deletion", "insertion", "random_deletion", "random_insertion")

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LeadImportance:
    """How relevance is shared among leads, by class.

    ``shares`` and ``contributions`` hold n_leads estimates for each class: the share of the
    absolute relevance, and the log-odds that a lead adds.
    """

    lead_names: tuple[str, ...]
    n_records: Mapping[str, int]
    shares: Mapping[str, tuple[Estimate, ...]]
    contributions: Mapping[str, tuple[Estimate, ...]]


@dataclass(frozen=True, eq=False)
class Beats:
    """The mean beat of a class: (n_leads, n_times) share of the relevance, and mV."""

    fs: float
    before: int
    n_records: int
    share: Array
    mv: Array


@dataclass(frozen=True, eq=False)
class Measured:
    """The measurements of a class that add most, (n_shown, n_records) each, NaN where not known."""

    names: tuple[str, ...]
    contributions: Array
    values: Array


@dataclass(frozen=True, eq=False)
class CurveMeans:
    """Mean curves over explanations: name to mean, low and high; areas with intervals."""

    share: Array
    curves: Mapping[str, tuple[Array, Array, Array]]
    areas: Mapping[str, Estimate]
    n: int


@dataclass(frozen=True, eq=False)
class Summary:
    """All of it; by class, and curves by what was taken away: ``signal`` or ``measurements``."""

    leads: LeadImportance
    beats: Mapping[str, Beats]
    measured: Mapping[str, Measured]
    curves: Mapping[str, CurveMeans]
    completeness: Mapping[str, Any]
    randomised: Mapping[str, float] | None


def load_results(out: Path) -> Iterator[dict[str, Any]]:
    """Yield the explanations of a folder, one at a time, sorted by class and record."""
    paths = sorted((out / RECORDS).glob("*/*.json"), key=lambda path: (path.stem, path.parent.name))
    for path in paths:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        yield result


def mean_estimates(values: Array, patients: Sequence[str], seed: int) -> tuple[tuple[Estimate, ...], Array]:
    """Return the means of (n, n_columns) values with intervals over patients, and their draws.

    Returns
    -------
    tuple
        n_columns estimates, and (n_draws, n_columns) means of the draws.
    """
    drawn = np.concatenate(
        [(weights.T @ values) / weights.sum(axis=0)[:, None] for weights in draw_weights(np.array(patients), DRAWS, seed)]
    )
    mean = values.mean(axis=0)
    return tuple(estimate_of(point, column, CONFIDENCE) for point, column in zip(mean, drawn.T, strict=True)), drawn


def summarise(out: Path, seed: int = 0) -> Summary:
    """Summarise the explanations of a folder.

    Raises
    ------
    DataError
        If there is none.
    """
    by_finding: dict[str, _Collected] = {}
    everything = _Collected()
    for result in load_results(out):
        by_finding.setdefault(result["finding"], _Collected()).add(result)
        everything.add_numbers(result)
    if not by_finding:
        raise DataError(f"{out}: no record was explained: the reasons stand above")
    names = tuple(next(iter(by_finding.values())).lead_names)
    shares, contributions = (
        {finding: mean_estimates(np.array(getattr(one, kind)), one.patients, seed)[0] for finding, one in by_finding.items()}
        for kind in ("shares", "sums")
    )
    leads = LeadImportance(names, {finding: len(one.patients) for finding, one in by_finding.items()}, shares, contributions)
    return Summary(
        leads,
        {finding: beats for finding, one in by_finding.items() if (beats := one.beats()) is not None},
        {finding: _measured(out, finding, one) for finding, one in by_finding.items() if one.strength},
        {kind: everything.curve_means(kind, seed) for kind in everything.curves},
        everything.completeness(),
        everything.randomised(),
    )


class _Collected:
    """Sums and rows of the explanations of a class; no relevance, and no beat, is kept."""

    def __init__(self) -> None:
        self.lead_names: list[str] = []
        self.patients: list[str] = []
        self.shares: list[list[float]] = []
        self.sums: list[list[float]] = []
        self.numbers: list[dict[str, float]] = []
        self.likeness: list[dict[str, float]] = []
        self.curves: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.strength: dict[tuple[str, str | None], float] = {}
        self._beats: list[Any] = []

    def add(self, result: Mapping[str, Any]) -> None:
        self.lead_names = list(result["lead_shares"])
        self.patients.append(result["patient"])
        self.shares.append(list(result["lead_shares"].values()))
        self.sums.append(list(result["lead_contributions"].values()))
        for share in result["measurements"]:
            key = (share["name"], share["lead"])
            self.strength[key] = self.strength.get(key, 0.0) + abs(share["contribution"])
        if (beat := result["beat"]) is not None:
            parts = [np.array(beat["share"]), np.array(beat["mv"])]
            count = self._beats[0] + 1 if self._beats else 1
            sums = [old + new for old, new in zip(self._beats[1], parts, strict=True)] if self._beats else parts
            self._beats = [count, sums, beat["fs"], beat["before"]]

    def add_numbers(self, result: Mapping[str, Any]) -> None:
        names = ("log_odds", "baseline_log_odds", "residual", "standard_error", "completeness_gap")
        self.numbers.append({name: result[name] for name in names})
        if result["randomised"] is not None:
            self.likeness.append(result["randomised"])
        for kind, curves in (result["faithfulness"] or {}).items():
            self.curves.setdefault(kind, []).append((result["patient"] or result["record_id"], curves))

    def beats(self) -> Beats | None:
        if not self._beats:
            return None
        count, (share, mv), fs, before = self._beats
        return Beats(fs, before, count, share / count, mv / count)

    def curve_means(self, kind: str, seed: int) -> CurveMeans:
        patients, curves = zip(*self.curves[kind], strict=True)
        means = {}
        for name in CURVES:
            estimates, drawn = mean_estimates(np.array([one[name] for one in curves]), patients, seed)
            low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
            means[name] = (np.array([one.point for one in estimates], dtype=np.float64), low, high)
        names = list(curves[0]["areas"])
        areas, _ = mean_estimates(np.array([[one["areas"][name] for name in names] for one in curves]), patients, seed)
        return CurveMeans(np.array(curves[0]["share"]), means, dict(zip(names, areas, strict=True)), len(curves))

    def completeness(self) -> dict[str, Any]:
        columns = {name: np.array([row[name] for row in self.numbers]) for name in self.numbers[0]}
        change = np.abs(columns["log_odds"] - columns["baseline_log_odds"])
        return {
            "explanations": len(change),
            "median_change": float(np.median(change)),
            "median_residual": float(np.median(columns["residual"])),
            "highest_residual": float(columns["residual"].max()),
            "median_standard_error": float(np.median(columns["standard_error"])),
            "highest_completeness_gap": float(columns["completeness_gap"].max()),
        }

    def randomised(self) -> dict[str, float] | None:
        if not self.likeness:
            return None
        means = {name: float(np.mean([one[name] for one in self.likeness])) for name in self.likeness[0]}
        return {"explanations": len(self.likeness), **means}


def _measured(out: Path, finding: str, collected: _Collected) -> Measured:
    """Read the measurements of a class that add most once more: all would not fit in memory."""
    keys = sorted(collected.strength, key=lambda key: -collected.strength[key])[:SHOWN]
    contributions, values = [], []
    for result in load_results(out):
        if result["finding"] == finding:
            given = {(share["name"], share["lead"]): share for share in result["measurements"]}
            contributions.append([given[key]["contribution"] if key in given else 0.0 for key in keys])
            known = [given[key]["value"] if key in given else None for key in keys]
            values.append([np.nan if value is None else value for value in known])
    names = tuple(MeasurementShare(name, lead, None, "1", 0.0).title for name, lead in keys)
    return Measured(names, np.array(contributions, dtype=np.float64).T, np.array(values, dtype=np.float64).T)


def curves_to_json(means: CurveMeans) -> dict[str, Any]:
    """Return plain values of mean curves and their areas."""
    curves = {
        name: {"mean": mean.round(4).tolist(), "low": low.round(4).tolist(), "high": high.round(4).tolist()}
        for name, (mean, low, high) in means.curves.items()
    }
    areas = {name: {"mean": of.point, "low": of.low, "high": of.high} for name, of in means.areas.items()}
    return {"explanations": means.n, "share": means.share.tolist(), "curves": curves, "areas": areas}
