"""Cross-validation over the folds of a source: each is the test fold once, and all are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heart_reader.config import ExperimentConfig
from heart_reader.data.sources.challenge import SnomedFolder
from heart_reader.decisions.decision import Thresholds
from heart_reader.diagnosis import NOTICE
from heart_reader.errors import ConfigError
from heart_reader.evaluation.bootstrap import bootstrap
from heart_reader.evaluation.markdown import markdown_table, number, with_interval
from heart_reader.metrics import metric_value
from heart_reader.predictions import Predictions
from heart_reader.studies.trained import train_and_test

__all__ = ["FoldResult", "folds_page", "study_folds"]

RANKING = {"macro_auroc": "macro-AUROC", "macro_auprc": "macro-AUPRC"}


@dataclass(frozen=True)
class FoldResult:
    """One fold, read by what was trained without it, and thresholds from its validation fold."""

    number: int
    predictions: Predictions
    thresholds: Thresholds | None

    @property
    def f1(self) -> float:
        """Macro-F1 over the classes with a threshold and a record; NaN without any."""
        if self.thresholds is None:
            return float("nan")
        limits = np.array([np.nan if value is None else value for value in self.thresholds.values], dtype=float)
        return metric_value("macro_f1", self.predictions.y_true, self.predictions.y_prob, limits)


def study_folds(config: ExperimentConfig, out: Path) -> list[FoldResult]:
    """Train and test with every fold in turn; finished runs below ``out`` are taken as they are.

    Raises
    ------
    ConfigError
        If the first source has no folds, or a run was trained by another configuration.
    DataError
        If the data cannot be used.
    """
    source, *others = config.data.sources
    if not isinstance(source, SnomedFolder):
        raise ConfigError(f"data.sources: {source.kind} has no test_fold: name cpsc2018 or challenge first")
    results = []
    for number_ in range(1, source.n_folds + 1):
        sources = (source.model_copy(update={"test_fold": number_}), *others)
        own = config.model_copy(update={"data": config.data.model_copy(update={"sources": sources})})
        results.append(FoldResult(number_, *train_and_test(own, out / f"fold-{number_}")))
    return results


def folds_page(results: Sequence[FoldResult], config: ExperimentConfig) -> str:
    """Return Markdown: each fold, their mean and spread, and all records together."""
    table = [[metric_value(name, one.predictions.y_true, one.predictions.y_prob) for name in RANKING] + [one.f1] for one in results]
    values = np.array(table)
    rows: list[tuple[object, ...]] = [
        (one.number, len(one.predictions), *(number(value, 3) if np.isfinite(value) else "–" for value in row))
        for one, row in zip(results, table, strict=True)
    ]
    known = [column[np.isfinite(column)] for column in values.T]
    spread = [f"{column.mean():.3f} ± {column.std(ddof=1):.3f}" if len(column) > 1 else "–" for column in known]
    rows.append(("mean ± SD", sum(len(one.predictions) for one in results), *spread))
    together = _together(results)
    settings = config.evaluation
    reached = bootstrap(together, None, draws=settings.draws, confidence=settings.confidence, seed=config.seed).metrics
    return "\n\n".join((
        f"# {config.name}, every fold in turn",
        f"Made by `heart-reader study folds`: each fold was read by what was trained on the others, seed {config.seed}; macro-F1 at "
        "thresholds from the validation fold.",
        markdown_table(("fold", "records", *RANKING.values(), "macro-F1"), rows),
        "All records together: " + ", ".join(f"{title} {with_interval(reached[name], 3)}" for name, title in RANKING.items()) + ".",
        NOTICE,
    )) + "\n"  # fmt: skip


def _together(results: Sequence[FoldResult]) -> Predictions:
    parts = [one.predictions for one in results]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ("record_ids", "patient_ids", "y_true", "y_prob")}
    return Predictions(parts[0].split, parts[0].level, parts[0].class_names, **columns)
