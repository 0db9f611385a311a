"""The page, the figure and the numbers of the study of MIT-BIH windows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from heart_reader.diagnosis import NOTICE
from heart_reader.evaluation.bootstrap import Difference
from heart_reader.evaluation.figures import draw_point, dress_rows, new_figure, save_figure
from heart_reader.evaluation.markdown import interval, markdown_table, number, with_interval
from heart_reader.folders import write_text, write_whole
from heart_reader.studies.mitbih_windows import LevelResult

__all__ = ["PAGE", "write_study"]

PAGE = "mitbih_windows"
_CAVEAT = (
    "The networks know the training patients of one fold and nothing else. The measured rhythm was not trained here, but its limits for "
    "single beats were chosen with recordings of this database, so that its figures, of the dominant beat above all, are optimistic."
)
_TITLES = {"rhythm": "Rhythm", "dominant_beat": "Dominant beat"}


def write_study(results: Mapping[str, LevelResult], folder: Path, facts: Mapping[str, object]) -> str:
    """Write ``mitbih_windows.md``, ``.json`` and ``.png`` into a folder; return the page.

    Parameters
    ----------
    results
        By level.
    facts
        What was read and how: ``source``, ``n_windows``, ``n_patients``, ``n_folds``, ``left_out``,
        ``seed``, ``draws``.
    """
    page = _page(results, facts)
    values = {"facts": dict(facts), "levels": {level: asdict(result) for level, result in results.items()}}
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / f"{PAGE}.md", page)
    write_text(folder / f"{PAGE}.json", json.dumps(values, indent=1) + "\n")
    write_whole(folder / f"{PAGE}.png", lambda path: _draw(results, path))
    return page


def _page(results: Mapping[str, LevelResult], facts: Mapping[str, object]) -> str:
    parts = [
        "# Ten-second windows of MIT-BIH, patients apart",
        f"Made by `heart-reader study mitbih-windows`: {facts['n_windows']} windows of {facts['n_patients']} patients "
        f"({facts['source']}) in {facts['n_folds']} folds, each read by what was trained without its patients, seed {facts['seed']}. "
        f"An answer is the likeliest class before calibration; intervals are of {facts['draws']} draws of patients.",
        f"Left out: {facts['left_out']}.",
    ]
    for level, result in results.items():
        parts += [f"## {_TITLES[level]}", _summary(result), _by_class(result)]
        single = [name for name, count in result.patients.items() if count == 1]
        if single:
            parts.append(f"{', '.join(single)}: in one patient alone, so that no fold can learn it; it is not part of the macro-F1.")
    parts += [_CAVEAT, f"![Macro-F1 of each reader]({PAGE}.png)", NOTICE]
    return "\n\n".join(parts) + "\n"


def _summary(result: LevelResult) -> str:
    rows = []
    for title, reading in result.readings.items():
        difference = result.differences.get(title)
        rows.append((title, with_interval(reading.macro_f1, 3), number(reading.accuracy, 3), _difference(difference)))
    return markdown_table(("reader", "macro-F1", "accuracy", f"{next(iter(result.readings))} minus it"), rows)


def _difference(difference: Difference | None) -> str:
    return "" if difference is None else f"{number(difference.difference, 3, '+')} {interval(difference, 3, '+')}"


def _by_class(result: LevelResult) -> str:
    rows = [
        (name, result.windows[name], result.patients[name], *(number(reading.f1[name], 3) for reading in result.readings.values()))
        for name in result.counted
    ]
    return markdown_table(("class", "windows", "patients", *(f"F1, {title}" for title in result.readings)), rows)


def _draw(results: Mapping[str, LevelResult], path: Path) -> None:
    """Draw a panel per level with a row per reader."""
    figure = new_figure(9.0, 2.2, layout="constrained")
    panels = figure.subplots(1, len(results), sharey=True, squeeze=False)[0]
    for axes, (level, result) in zip(panels, results.items(), strict=True):
        for place, reading in enumerate(result.readings.values()):
            draw_point(axes, place, reading.macro_f1, filled=True, ink=place > 0)
        dress_rows(axes, f"{_TITLES[level]}: macro-F1 over {len(result.counted)} classes")
        axes.set_xlim(0, 1)
        axes.set_ylim(len(result.readings) - 0.5, -0.5)
        axes.set_yticks(range(len(result.readings)), list(result.readings))
    save_figure(figure, path)
