"""Explain many records: files, folders or a split of a data set, each into files of its own.

Every explanation is written whole as soon as it is made, and found again when the same work is
asked for once more: what was interrupted goes on. No more than one record is in memory.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from heart_reader.data.formats import find_records, read_record
from heart_reader.data.one_record import one_record
from heart_reader.data.preprocessor import from_microvolts
from heart_reader.data.record import EcgRecord
from heart_reader.data.record_table import RecordTable
from heart_reader.decisions.decision import Thresholds
from heart_reader.errors import ConfigError, HeartReaderError
from heart_reader.explain.beats import beats_by_kind
from heart_reader.explain.explainer import OCCLUSION, Explainer, Method, View
from heart_reader.explain.explanation import Explanation
from heart_reader.explain.faithfulness import measured_curves, random_orders, signal_curves
from heart_reader.explain.sanity import likeness_to_random, randomise
from heart_reader.folders import run_folder, write_text, write_whole

__all__ = ["RECORDS", "Case", "Plan", "background_cases", "cases_of_files", "cases_of_table", "explain_cases", "open_case", "plain_name"]

RECORDS, SETTINGS = "records", "settings.json"
# Around an R wave, in s: from before the P wave to behind the T wave.
BEAT_S = (0.3, 0.5)
# Records that are explained with random weights too, to see that weights matter.
RANDOMISED = 3


@dataclass(frozen=True)
class Case:
    """A record and the classes that are explained in it.

    Parameters
    ----------
    path
        What ``read_record`` takes.
    findings
        Names of classes; empty for those that the reading finds present, or the likeliest one.
    patient
        Empty where not known.
    labelled
        Whether the findings are what the data set says of the record.
    stretch_s
        The part of the recording that is meant, None for all of it.
    """

    path: str
    findings: tuple[str, ...] = ()
    record_id: str = ""
    patient: str = ""
    labelled: bool = False
    stretch_s: tuple[float, float] | None = None

    @property
    def folder(self) -> str:
        """Name of the folder of its explanations."""
        known = self.record_id or Path(self.path).stem
        return known if plain_name(known) == known else f"{plain_name(known)}-{crc32(known.encode()):08x}"


@dataclass(frozen=True, eq=False)
class Plan:
    """How records are explained.

    Parameters
    ----------
    level
        Level of the classes.
    method
        How relevance is computed.
    faithfulness
        Whether deletion and insertion curves are made.
    formats
        Of the figures: ``png``, ``svg`` or both; empty for none.
    facts
        What files may not say themselves, see :func:`heart_reader.data.formats.read_record`.
    start_s, duration_s
        The stretch of every record.
    """

    level: str
    method: Method
    faithfulness: bool = False
    formats: tuple[str, ...] = ("png",)
    facts: Mapping[str, Any] = field(default_factory=dict)
    start_s: float = 0.0
    duration_s: float = 10.0

    def to_json(self, checkpoint_sha256: str) -> dict[str, Any]:
        """Return what explanations depend on; equal plans can go on with each other's work."""
        background = self.method.background
        return {
            "checkpoint_sha256": checkpoint_sha256,
            "level": self.level,
            "method": self.method.name,
            "steps": self.method.steps,
            "background": None if background is None else background.fingerprint,
            "seed": self.method.seed,
            "faithfulness": self.faithfulness,
            "start_s": self.start_s,
            "duration_s": self.duration_s,
        }


def cases_of_files(paths: Sequence[Path], findings: tuple[str, ...]) -> list[Case]:
    """List the records of files and folders; equally named ones are told apart by their place."""
    found = list(dict.fromkeys(path for given in paths for path in find_records(given)))
    stems = [path.stem for path in found]
    common = Path(os.path.commonpath([path.resolve().parent for path in found])) if found else Path()
    names = [
        path.stem if stems.count(path.stem) == 1 else (path.resolve().parent.relative_to(common) / path.name).as_posix() for path in found
    ]
    return [Case(str(path), findings, name) for path, name in zip(found, names, strict=True)]


def cases_of_table(table: RecordTable, level: str, findings: Sequence[str], count: int | None, seed: int) -> list[Case]:
    """Draw records that carry some of the classes, each class in turn.

    Parameters
    ----------
    table
        Records of one split.
    findings
        Names of classes of the level.
    count
        How many records; None for all.
    seed
        Of the draw.
    """
    names = table.space.levels[level].class_names
    columns = [names.index(finding) for finding in findings]
    carries = table.y_true(level)[:, columns] == 1
    order = np.random.default_rng(seed).permutation(len(table))
    turns = [iter(order[carries[order, column]].tolist()) for column in range(len(columns))]
    drawn: dict[int, None] = {}
    while turns and (count is None or len(drawn) < count):
        for turn in list(turns):
            row = next((row for row in turn if row not in drawn), None)
            if row is None:
                turns.remove(turn)
            elif count is None or len(drawn) < count:
                drawn[row] = None
    return [_case(table, row, tuple(finding for finding, there in zip(findings, carries[row], strict=True) if there)) for row in drawn]


def background_cases(table: RecordTable, count: int, seed: int) -> list[Case]:
    """Draw records to compare others with."""
    return [_case(table, int(row), ()) for row in np.random.default_rng(seed).permutation(len(table))[:count]]


def _case(table: RecordTable, row: int, findings: tuple[str, ...]) -> Case:
    names = (str(table.record_ids[row]), str(table.patient_ids[row]))
    return Case(str(table.paths[row]), findings, *names, labelled=True, stretch_s=_stretch(table, row))


def _stretch(table: RecordTable, row: int) -> tuple[float, float] | None:
    """Return the part of a recording that a row stands for, None for all of it."""
    start_s, stop_s = table.parts[row].tolist()
    return (start_s, stop_s) if table.are_parts[row] else None


def open_case(case: Case, facts: Mapping[str, Any]) -> EcgRecord:
    """Read the record of a case, or the part of it that is meant.

    Raises
    ------
    RecordError
        If it cannot be read.
    """
    record = read_record(Path(case.path), **facts)
    if case.stretch_s is not None:
        record = record.part(*case.stretch_s)
    return replace(record, record_id=case.record_id) if case.record_id else record


def explain_cases(explainer: Explainer, cases: Sequence[Case], plan: Plan, out: Path) -> dict[str, HeartReaderError]:
    """Explain records into ``out/records/RECORD/FINDING.json``, ``.csv`` and figures.

    Returns
    -------
    dict
        Records that failed, each with the reason.

    Raises
    ------
    ConfigError
        If the folder holds explanations of another kind, or another process works there.
    """
    failed: dict[str, HeartReaderError] = {}
    with run_folder(out):
        _claim(out, plan.to_json(explainer.classifier.checkpoint.sha256))
        random = _Randomised(explainer, plan)
        for place, case in enumerate(tqdm(cases, "explaining", unit="record", disable=not sys.stderr.isatty())):
            folder = out / RECORDS / case.folder
            if case.findings and all((folder / f"{plain_name(finding)}.json").exists() for finding in case.findings):
                continue
            try:
                with one_record(case.path):
                    work = _Work(explainer, case, plan, folder, random if place < RANDOMISED else None)
                    for finding in case.findings or work.found():
                        work.explain(finding)
            except HeartReaderError as error:
                failed[case.record_id or case.path] = error
    return failed


def _claim(out: Path, settings: dict[str, Any]) -> None:
    """Note what explanations in a folder depend on; refuse one of another kind."""
    path = out / SETTINGS
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        changed = [name for name in settings if found.get(name) != settings[name]]
        if changed:
            raise ConfigError(
                f"{out} holds explanations made with {', '.join(f'{name} {found.get(name)}' for name in changed)}: name another folder "
                "with --out, or remove this one"
            )
        return
    write_text(path, json.dumps(settings, indent=2))


class _Randomised:
    """An explainer with random weights, made when it is first needed."""

    def __init__(self, explainer: Explainer, plan: Plan) -> None:
        self._explainer, self._plan = explainer, plan
        self._other: Explainer | None = None

    def likeness(self, explained: Explanation, view: View) -> dict[str, float] | None:
        """Compare, if gradients made the explanation."""
        if self._plan.method.name == OCCLUSION:
            return None
        if self._other is None:
            self._other = Explainer(self._explainer.classifier)
            randomise(self._other, self._plan.method.seed)
        return likeness_to_random(explained, self._other, view, self._plan.method)


class _Work:
    """The explanations of one record."""

    def __init__(self, explainer: Explainer, case: Case, plan: Plan, folder: Path, random: _Randomised | None) -> None:
        self._explainer, self._case, self._plan, self._folder, self._random = explainer, case, plan, folder, random
        self._record = open_case(case, plan.facts)
        self._view = explainer.view(self._record, start_s=plan.start_s, duration_s=plan.duration_s)

    def found(self) -> tuple[str, ...]:
        """Return the classes that the reading finds present, or the likeliest one."""
        means = next(self._explainer.classifier.mean_probabilities([(self._view.windows, self._view.features)], calibrated=True))
        values, level = means[self._plan.level], self._plan.level
        thresholds: Thresholds | None = self._explainer.classifier.decisions[level].thresholds
        limits = np.full(len(values), 0.5) if thresholds is None else np.nan_to_num(thresholds.as_array(), nan=np.inf)
        names = self._explainer.space.levels[level].class_names
        present = tuple(name for name, value, limit in zip(names, values, limits, strict=True) if value >= limit)
        return present or (names[int(values.argmax())],)

    def explain(self, finding: str) -> None:
        """Explain one class, unless that was done."""
        home = self._folder / plain_name(finding)
        result = home.with_name(f"{home.name}.json")
        if result.exists():
            return
        explanation = self._explainer.explain_view(self._view, finding, self._plan.level, self._plan.method)
        write_whole(home.with_name(f"{home.name}.csv"), lambda new: _write_relevance(explanation, new))
        if self._plan.formats:
            from heart_reader.explain.plot import explanation_page

            page = explanation_page(explanation, self._record)
            for name in self._plan.formats:
                write_whole(home.with_name(f"{home.name}.{name}"), partial(page.savefig, dpi=200, format=name))
        values = self._to_json(explanation)
        write_text(result, json.dumps(values, ensure_ascii=False, allow_nan=False))

    def _to_json(self, explanation: Explanation) -> dict[str, Any]:
        sums = explanation.relevance.sum(axis=1, dtype=np.float64)
        return {
            "record_id": explanation.record_id,
            "patient": self._case.patient,
            "level": explanation.level,
            "finding": explanation.finding,
            "labelled": self._case.labelled,
            "probability": explanation.probability,
            "log_odds": explanation.log_odds,
            "baseline_log_odds": explanation.baseline_log_odds,
            "signal_contribution": explanation.signal_contribution,
            "measurement_contribution": explanation.measurement_contribution,
            "residual": explanation.missed,
            "standard_error": explanation.standard_error,
            "completeness_gap": explanation.completeness_gap,
            "method": explanation.method,
            "baseline": explanation.baseline,
            "lead_shares": explanation.lead_shares,
            "lead_contributions": dict(zip(explanation.lead_names, sums.tolist(), strict=True)),
            "measurements": [share.to_json() for share in explanation.measurements],
            "beat": _beat(explanation, self._view, self._explainer),
            "faithfulness": self._curves(explanation) if self._plan.faithfulness else None,
            "randomised": None if self._random is None else self._random.likeness(explanation, self._view),
            "notes": list(explanation.notes),
        }

    def _curves(self, explanation: Explanation) -> dict[str, Any]:
        altered = self._explainer.altered(self._view, explanation.finding, explanation.level)
        seed = crc32(f"{self._plan.method.seed} {explanation.record_id}".encode())
        curves = {}
        if explanation.relevance.any():
            curves["signal"] = signal_curves(altered, explanation, random_orders(altered, seed)).to_json()
        background = self._plan.method.background
        usual = None if background is None else background.usual_features()
        if usual is not None and self._view.features is not None and self._explainer.classifier.features is not None:
            by_feature = _by_feature(explanation, self._explainer)
            measured = measured_curves(altered, self._view.features, usual, by_feature, seed)
            if measured is not None:
                curves["measurements"] = measured.to_json()
        return curves


def _by_feature(explanation: Explanation, explainer: Explainer) -> NDArray[np.float64]:
    """Return contributions in the order of the network's features."""
    from heart_reader.explain.explanation import feature_keys

    assert explainer.classifier.features is not None
    given = {(share.name, share.lead): share.contribution for share in explanation.measurements}
    return np.array([given.get(key, 0.0) for key in feature_keys(explainer.classifier.features)])


def _beat(explanation: Explanation, view: View, explainer: Explainer) -> dict[str, Any] | None:
    """Return the usual beat and its share of the relevance; None where no beat is whole."""
    kinds = beats_by_kind(view.prepared, explainer.preprocessor)
    first, last = view.stretch
    before, after = (round(part_s * explanation.fs) for part_s in BEAT_S)
    at = kinds[0] - first if kinds else np.zeros(0, dtype=np.int64)
    at = at[(at >= before) & (at + after <= last - first)]
    if not at.size:
        return None
    moments = at[:, None] + np.arange(-before, after)
    total = float(np.abs(explanation.relevance, dtype=np.float64).sum()) or 1.0
    shape = from_microvolts(view.prepared.microvolts[:, first:last])[:, moments].mean(axis=1)
    shape -= np.median(from_microvolts(view.prepared.microvolts), axis=1, keepdims=True)
    share = explanation.relevance.astype(np.float64)[:, moments].sum(axis=1) / total
    return {"fs": explanation.fs, "before": before, "n_beats": len(at), "share": share.round(6).tolist(), "mv": shape.round(3).tolist()}


def _write_relevance(explanation: Explanation, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["time_s", *explanation.lead_names])
        times = explanation.start_s + np.arange(explanation.relevance.shape[1]) / explanation.fs
        writer.writerows(
            [f"{time:.4f}", *(f"{value:.6g}" for value in row)] for time, row in zip(times, explanation.relevance.T, strict=True)
        )


def plain_name(name: str) -> str:
    """Return a name that every file system takes.

    Examples
    --------
    >>> plain_name("ward 3/night:2")
    'ward_3_night_2'
    """
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", name).lstrip(".") or "_"
