"""Which lead tells most: one network per lead, trained alike, ranked on the test split.

References
----------
Zhang D. et al. Interpretable deep learning for automatic diagnosis of 12-lead electrocardiogram.
iScience 24 (2021) 102373: the same study with CPSC2018.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.build import build_table
from heart_reader.diagnosis import NOTICE
from heart_reader.evaluation.bootstrap import Bootstrap, Estimate, bootstrap
from heart_reader.evaluation.figures import draw_band, draw_point, dress_rows, new_figure, save_figure, write_texts
from heart_reader.evaluation.markdown import markdown_table, number, with_interval
from heart_reader.folders import write_text, write_whole
from heart_reader.studies.trained import train_and_test

__all__ = ["LeadResult", "study_leads", "write_lead_study"]

METRICS = {"macro_auroc": "macro-AUROC", "macro_auprc": "macro-AUPRC", "macro_f1": "macro-F1"}
_ROW_IN, _WIDTH_IN = 0.28, 7.5


@dataclass(frozen=True)
class LeadResult:
    """What a network reaches with some leads, on ``n_records`` test records."""

    leads: tuple[str, ...]
    n_records: int
    class_names: tuple[str, ...]
    reached: Bootstrap

    @property
    def name(self) -> str:
        """The lead, or ``all``."""
        return self.leads[0] if len(self.leads) == 1 else "all"

    def metric(self, name: str) -> Estimate:
        """Return an estimate, empty where it is not stated."""
        return self.reached.metrics.get(name, Estimate(None, None, None))


def study_leads(config: ExperimentConfig, out: Path) -> list[LeadResult]:
    """Train with all leads of a configuration and with each alone; the best lead first.

    All leads together come before. Finished runs below ``out`` are taken as they are.

    Raises
    ------
    ConfigError
        If a run below ``out`` was trained by another configuration.
    DataError
        If the data cannot be used.
    """
    every = config.preprocessing.leads
    subsets = [every, *([lead] for lead in every)] if len(every) > 1 else [every]
    together, *alone = [_study_one(config, tuple(leads), out) for leads in subsets]
    return [together, *sorted(alone, key=lambda result: -(result.metric("macro_auroc").point or 0.0))]


def _study_one(config: ExperimentConfig, leads: tuple[str, ...], out: Path) -> LeadResult:
    name = leads[0] if len(leads) == 1 else "all"
    own = override_config(config, [f"name={config.name}-{name}", f"preprocessing.leads=[{', '.join(leads)}]"])
    predictions, thresholds = train_and_test(own, out / name)
    settings = config.evaluation
    reached = bootstrap(predictions, thresholds, draws=settings.draws, confidence=settings.confidence, seed=config.seed)
    return LeadResult(leads, len(predictions), predictions.class_names, reached)


def write_lead_study(results: Sequence[LeadResult], config: ExperimentConfig, out: Path) -> str:
    """Write ``leads.md``, ``leads.json`` and ``leads.png``; return the page."""
    source = build_table(config).source
    page = _page(results, config, source)
    write_text(out / "leads.md", page)
    values = {"config": config.name, "source": source, "seed": config.seed, "leads": [_plain(result) for result in results]}
    write_text(out / "leads.json", json.dumps(values, indent=1) + "\n")
    write_whole(out / "leads.png", lambda path: _draw(results, source, path))
    return page


def _page(results: Sequence[LeadResult], config: ExperimentConfig, source: str) -> str:
    names = results[0].class_names
    rows = [
        (
            "" if result is results[0] else place,
            result.name,
            *(with_interval(result.metric(metric), 3) for metric in METRICS),
            *(number(estimate.point, 3) for estimate in result.reached.classes["auroc"]),
        )
        for place, result in enumerate(results)
    ]
    return "\n\n".join((
        f"# Leads of {config.name}",
        f"Made by `heart-reader study leads`: {source}, {results[0].n_records} test records, one network per row, trained alike, seed "
        f"{config.seed}. Intervals at {config.evaluation.confidence:.0%} over records, of one training each; thresholds from validation.",
        markdown_table(("rank", "lead", *METRICS.values(), *(f"AUROC {name}" for name in names)), rows),
        NOTICE,
    )) + "\n"  # fmt: skip


def _plain(result: LeadResult) -> dict[str, object]:
    estimates = {name: result.metric(name) for name in METRICS}
    return {
        "leads": list(result.leads),
        "n_records": result.n_records,
        **{name: [estimate.point, estimate.low, estimate.high] for name, estimate in estimates.items()},
        "auroc": dict(zip(result.class_names, (estimate.point for estimate in result.reached.classes["auroc"]), strict=True)),
    }


def _draw(results: Sequence[LeadResult], source: str, path: Path) -> None:
    """Draw a row per lead with its interval, against a band for all leads together."""
    together, *alone = results
    shown = alone or [together]
    height = 1.3 + _ROW_IN * len(shown)
    figure = new_figure(_WIDTH_IN, height)
    for column, (metric, title) in enumerate(list(METRICS.items())[::2]):
        axes = figure.add_axes((0.1 + 0.46 * column, 0.6 / height, 0.4, _ROW_IN * len(shown) / height))
        draw_band(axes, together.metric(metric))
        for place, result in enumerate(shown):
            draw_point(axes, place, result.metric(metric), filled=True, ink=False)
        dress_rows(axes, title)
        axes.set_yticks(range(len(shown)), [result.name for result in shown] if column == 0 else [""] * len(shown))
        axes.set_ylim(len(shown) - 0.5, -0.5)
    write_texts(figure, "One lead alone", f"{source}. Band: all leads together. Research use only. Not a medical device.")
    save_figure(figure, path)
