"""Whether the difference of two recipes, several seeds each, is more than chance.

The draws of the bootstrap are the same for all checkpoints, and each draw's difference is the mean
over seeds; so the interval holds the chance of the records, and the seeds are shown one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heart_reader.checkpoint import load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.diagnosis import NOTICE
from heart_reader.errors import ConfigError
from heart_reader.evaluation.bootstrap import Difference, difference_of, draw_metrics
from heart_reader.evaluation.markdown import interval, lines, markdown_table, number
from heart_reader.evaluation.request import checkpoint_config
from heart_reader.evaluation.run import predict_split
from heart_reader.metrics import METRICS, macro_mean

__all__ = ["RecipeComparison", "compare_recipes", "describe_comparisons", "signed"]

COMPARED = ("macro_auroc", "macro_auprc")


@dataclass(frozen=True)
class RecipeComparison:
    """Two recipes on one split.

    Parameters
    ----------
    split, n_records, caveats
        What was read, and what belongs beside the figures.
    names
        Names of the two recipes.
    per_seed
        Metric name to the (n_seeds,) values of the first and of the second recipe.
    differences
        Metric name to the difference of the means over seeds.
    per_class
        Class name to the difference in AUROC.
    """

    split: str
    n_records: int
    caveats: tuple[str, ...]
    names: tuple[str, str]
    per_seed: dict[str, tuple[tuple[float, ...], tuple[float, ...]]]
    differences: dict[str, Difference]
    per_class: dict[str, Difference]


def compare_recipes(first: Sequence[Path], second: Sequence[Path], *, split: str, overrides: Sequence[str] = ()) -> RecipeComparison:
    """Compare checkpoints of two recipes on the same records.

    Parameters
    ----------
    first, second
        Checkpoints, one per seed.
    split
        ``val`` or ``test``.
    overrides
        Of ``data``, ``evaluation`` and ``seed``, as of ``heart-reader evaluate``.

    Raises
    ------
    CheckpointError
        If a checkpoint cannot be used.
    ConfigError
        If a recipe has no checkpoint.
    DataError
        If the records cannot be used.
    """
    if not first or not second:
        raise ConfigError("a recipe without a checkpoint: name at least one for --first and for --second")
    settings = checkpoint_config(load_checkpoint(first[0]), overrides)
    points, drawn = [], []
    for directory in (*first, *second):
        classifier = EcgClassifier.load(directory)
        config = checkpoint_config(classifier.checkpoint, overrides)
        predictions, caveats = predict_split(classifier, config, split)
        # One seed for all: only then are the draws the same, and can be subtracted.
        point, draws = draw_metrics(predictions, None, COMPARED, draws=settings.evaluation.draws, seed=settings.seed)
        points.append(point)
        drawn.append(draws)
    confidence, n = settings.evaluation.confidence, len(first)

    def difference(of_point: Sequence[np.ndarray], of_draws: Sequence[np.ndarray]) -> Difference:
        draws = np.mean(of_draws[:n], axis=0) - np.mean(of_draws[n:], axis=0)
        return difference_of(float(np.mean(of_point[:n])), float(np.mean(of_point[n:])), draws, confidence)

    macro = {name: ([macro_mean(point[name]) for point in points], [macro_mean(draws[name]) for draws in drawn]) for name in COMPARED}
    return RecipeComparison(
        split=split,
        n_records=len(predictions),
        caveats=caveats,
        names=(_recipe(first[0]), _recipe(second[0])),
        per_seed={name: (tuple(map(float, values[:n])), tuple(map(float, values[n:]))) for name, (values, _) in macro.items()},
        differences={name: difference(values, draws) for name, (values, draws) in macro.items()},
        per_class={
            label: difference([point["macro_auroc"][row] for point in points], [draws["macro_auroc"][row] for draws in drawn])
            for row, label in enumerate(predictions.class_names)
        },
    )


def describe_comparisons(comparisons: Sequence[RecipeComparison]) -> str:
    """Return a page of Markdown with the figures of every split."""
    first, second = comparisons[0].names
    parts = [f"# {first} against {second}", "Difference: mean over seeds of the first recipe minus that of the second; paired bootstrap."]
    for comparison in comparisons:
        rows: list[tuple[object, ...]] = []
        for name, (own, other) in comparison.per_seed.items():
            difference = comparison.differences[name]
            seeds = (" ".join(map(number, values)) for values in (own, other))
            rows.append((METRICS[name].title, *seeds, signed(difference), _p_value(difference)))
        for label, difference in comparison.per_class.items():
            means = (number(difference.first), number(difference.second))
            rows.append((f"AUROC {label}, mean", *means, signed(difference), _p_value(difference)))
        parts += [
            f"## {comparison.split}, {comparison.n_records} records",
            markdown_table(("metric", f"{first}, by seed", f"{second}, by seed", "difference [interval]", "p"), rows),
            lines(comparison.caveats),
        ]
    return "\n\n".join([*parts, NOTICE]) + "\n"


def _recipe(directory: Path) -> str:
    return str(load_checkpoint(directory).manifest["config"]["name"])


def signed(difference: Difference) -> str:
    """Return a difference with its sign and interval."""
    return f"{number(difference.difference, sign='+')} {interval(difference, sign='+')}".strip()


def _p_value(difference: Difference) -> str:
    return "" if difference.p_value is None else f"{difference.p_value:.3f}"
