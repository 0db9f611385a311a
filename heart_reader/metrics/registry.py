"""Metrics by name, each registered with its title beside its formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heart_reader.metrics.sample import Sample, WeightedSample, macro_mean
from heart_reader.registry import Registry

__all__ = ["METRICS", "Metric", "class_values", "metric_value", "register_metric"]

Array = NDArray[np.float64]
Formula = Callable[[WeightedSample], Array]


@dataclass(frozen=True)
class Metric:
    """A metric and what it needs.

    Parameters
    ----------
    name
        Headline name, ``macro_`` for an unweighted mean over classes.
    title
        Title in tables of headline values.
    class_name, class_title
        Name and title of the per-class value; the name is None for a metric of whole records.
    compute
        Gives (n_classes, n_draws), or (1, n_draws) for a metric of whole records; NaN where
        undefined.
    needs_thresholds
        Whether it depends on decisions.
    needs_calibration
        Whether it depends on the probabilities themselves, not on their order.
    higher_is_better
        False for errors.
    """

    name: str
    title: str
    class_name: str | None
    class_title: str
    compute: Formula
    needs_thresholds: bool = False
    needs_calibration: bool = False
    higher_is_better: bool = True


METRICS: Registry[Metric] = Registry("metric", "heart_reader.metrics")


def register_metric(
    name: str,
    *,
    title: str,
    class_title: str | None = None,
    needs_thresholds: bool = False,
    needs_calibration: bool = False,
    higher_is_better: bool = True,
) -> Callable[[Formula], Formula]:
    """Register the decorated formula; a report states it from then on.

    Parameters
    ----------
    name
        ``macro_NAME`` for a mean over classes, whose per-class value is then ``NAME``.
    title
        Title in tables.
    class_title
        Title in tables of classes; ``title`` if not given.
    needs_thresholds, needs_calibration, higher_is_better
        As in :class:`Metric`.
    """
    class_name = name.removeprefix("macro_") if name.startswith("macro_") else None

    def register(formula: Formula) -> Formula:
        METRICS.add(
            name, Metric(name, title, class_name, class_title or title, formula, needs_thresholds, needs_calibration, higher_is_better)
        )
        return formula

    return register


def class_values(name: str, y_true: ArrayLike, y_prob: ArrayLike, thresholds: ArrayLike | None = None) -> Array:
    """Return a metric of every class.

    Parameters
    ----------
    name
        A key of :data:`METRICS`.
    y_true, y_prob
        (n_records, n_classes).
    thresholds
        (n_classes,), for the metrics that need decisions.

    Returns
    -------
    ndarray
        (n_classes,), NaN where undefined; (1,) for a metric of whole records.

    Raises
    ------
    ConfigError
        If the metric is not known.
    DataError
        If the shapes do not fit or thresholds are missing.

    Examples
    --------
    >>> y_prob = [[0.9, 0.1], [0.4, 0.2], [0.3, 0.3]]
    >>> class_values("macro_auroc", [[1, 0], [0, 0], [1, 0]], y_prob).tolist()
    [0.5, nan]
    """
    return METRICS[name].compute(WeightedSample(Sample(y_true, y_prob, thresholds)))[:, 0]


def metric_value(name: str, y_true: ArrayLike, y_prob: ArrayLike, thresholds: ArrayLike | None = None) -> float:
    """Return the mean of :func:`class_values` over the classes that have a value, else NaN.

    Raises
    ------
    ConfigError
        If the metric is not known.
    DataError
        If the shapes do not fit or thresholds are missing.

    Examples
    --------
    >>> f1 = metric_value("macro_f1", [[1, 0], [0, 1]], [[0.9, 0.8], [0.4, 0.7]], [0.5, 0.5])
    >>> round(f1, 3)
    0.833
    """
    return float(macro_mean(class_values(name, y_true, y_prob, thresholds)[:, None])[0])
