"""Intervals by resampling patients, for one model and for the difference between two.

Whole patients are drawn with replacement, since two ECGs of one patient are not two independent
cases; a record whose patient is not known stands for itself. Thresholds were chosen on validation
and stay fixed inside every draw. A draw is a count per record, so all draws of a chunk are
evaluated together (see :mod:`heart_reader.metrics.ranking`).

References
----------
Efron B., Tibshirani R. J. An Introduction to the Bootstrap. Chapman and Hall (1993), chapters 13
and 16.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.decisions.decision import Thresholds
from heart_reader.errors import ConfigError, DataError
from heart_reader.metrics import METRICS, Sample, WeightedSample, macro_mean
from heart_reader.predictions import Predictions

__all__ = [
    "Bootstrap",
    "Difference",
    "Estimate",
    "bootstrap",
    "bootstrap_units",
    "difference_of",
    "draw_metrics",
    "draw_weights",
    "estimate_of",
    "macro_estimate",
    "paired_bootstrap",
]

# So many draws are measured together, as long as their weights stay below 16 MB; then fewer, so
# that memory grows with neither draws nor, beyond what is sorted once, records.
_CHUNK, _CHUNK_CELLS = 64, 2**21

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Parameters
    ----------
    point
        On the records as they are; None if undefined.
    low, high
        Percentile interval; None if undefined.
    undefined
        Names of the classes without a value, left out of the mean.
    incomplete_draws
        Draws in which a class that has a value had none (it drew no positives, say) and was left
        out of that draw.
    """

    point: float | None
    low: float | None
    high: float | None
    undefined: tuple[str, ...] = ()
    incomplete_draws: int = 0


@dataclass(frozen=True)
class Difference:
    """A metric of two models on the same records, first minus second.

    Parameters
    ----------
    first, second, difference
        On the records as they are; None if undefined.
    low, high
        Percentile interval of the difference.
    p_value
        Two-sided: twice the smaller share of draws on either side of 0, never below 2 / (draws +
        1).
    """

    first: float | None
    second: float | None
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None

    @property
    def leaves_out_zero(self) -> bool:
        """Whether the interval lies on one side of 0, to three decimals."""
        return self.low is not None and self.high is not None and not round(self.low, 3) <= 0 <= round(self.high, 3)


@dataclass(frozen=True)
class Bootstrap:
    """Every metric with its interval.

    Parameters
    ----------
    metrics
        Headline name to estimate.
    classes
        Per-class name to n_classes estimates, in the order of the class names.
    """

    metrics: Mapping[str, Estimate]
    classes: Mapping[str, tuple[Estimate, ...]]


def bootstrap(predictions: Predictions, thresholds: Thresholds | None, *, draws: int, confidence: float, seed: int) -> Bootstrap:
    """Estimate all metrics with percentile intervals.

    Parameters
    ----------
    predictions
        Predictions of one split.
    thresholds
        Chosen on another split; without them the metrics that need decisions are left out.
    draws
        Number of resamplings.
    confidence
        Such as 0.95.
    seed
        The same seed draws the same patients.

    Raises
    ------
    DataError
        If the thresholds were chosen on these very records' split, or do not fit the classes.
    ConfigError
        If ``draws`` or ``confidence`` is out of range.
    """
    _check_settings(draws, confidence)
    names = [name for name, metric in METRICS.items() if thresholds is not None or not metric.needs_thresholds]
    point, drawn = draw_metrics(predictions, thresholds, names, draws=draws, seed=seed)
    metrics, classes = {}, {}
    for name in names:
        class_name = METRICS[name].class_name
        metrics[name] = macro_estimate(point[name], drawn[name], confidence, predictions.class_names if class_name else ())
        if class_name:
            classes[class_name] = tuple(estimate_of(*pair, confidence) for pair in zip(point[name], drawn[name], strict=True))
    return Bootstrap(metrics, classes)


def paired_bootstrap(
    first: Predictions,
    second: Predictions,
    first_thresholds: Thresholds | None,
    second_thresholds: Thresholds | None,
    *,
    draws: int,
    confidence: float,
    seed: int,
) -> dict[str, Difference]:
    """Compare two models on the same records, drawing the same patients for both.

    Metrics that need decisions are compared where both models bring thresholds.

    Parameters
    ----------
    first, second
        The same records in the same order, at the same level.
    first_thresholds, second_thresholds
        Each model's own, chosen on another split.
    draws, confidence, seed
        As in :func:`bootstrap`.

    Returns
    -------
    dict
        Headline name to difference.

    Raises
    ------
    DataError
        If records, truth, classes or patients differ, or thresholds were chosen on this split.
    ConfigError
        If ``draws`` or ``confidence`` is out of range.
    """
    _check_settings(draws, confidence)
    _require_same_records(first, second)
    decided = first_thresholds is not None and second_thresholds is not None
    names = [name for name, metric in METRICS.items() if decided or not metric.needs_thresholds]
    points, drawn = draw_metrics(first, first_thresholds, names, draws=draws, seed=seed)
    other_points, other_drawn = draw_metrics(second, second_thresholds, names, draws=draws, seed=seed)
    return {
        name: difference_of(
            float(macro_mean(points[name])),
            float(macro_mean(other_points[name])),
            macro_mean(drawn[name]) - macro_mean(other_drawn[name]),
            confidence,
        )
        for name in names
    }


def draw_metrics(
    predictions: Predictions, thresholds: Thresholds | None, names: Sequence[str], *, draws: int, seed: int
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Evaluate some metrics on the records as they are and on every draw.

    Equal seeds draw equal patients, so draws of two models can be subtracted.

    Parameters
    ----------
    predictions, thresholds, draws, seed
        As in :func:`bootstrap`.
    names
        Headline names of the metrics.

    Returns
    -------
    tuple
        Headline name to (n_classes,) values, and to (n_classes, n_draws) values; one row for a
        metric of whole records.

    Raises
    ------
    DataError
        If the thresholds were chosen on these very records' split, or do not fit the classes.
    """
    if len(predictions) == 0:
        raise DataError(f"split {predictions.split} has no records to evaluate: choose another split")
    if thresholds is not None and thresholds.split == predictions.split:
        raise DataError(
            f"thresholds were chosen on split {thresholds.split!r}, which is the one being evaluated; "
            "decisions can only be measured on another split: evaluate 'test', or pass no thresholds"
        )
    sample = Sample(predictions.y_true, predictions.y_prob, None if thresholds is None else thresholds.as_array())
    once = WeightedSample(sample)
    point = {name: METRICS[name].compute(once)[:, 0] for name in names}
    chunks: dict[str, list[Array]] = {name: [] for name in names}
    for weights in draw_weights(predictions.patient_ids, draws, seed):
        weighted = WeightedSample(sample, weights)
        for name, drawn in chunks.items():
            drawn.append(METRICS[name].compute(weighted))
    return point, {name: np.concatenate(drawn, axis=1) for name, drawn in chunks.items()}


def bootstrap_units(patient_ids: NDArray[np.str_]) -> NDArray[np.intp]:
    """Number what is drawn as a whole: a patient, or a record whose patient is not known.

    Parameters
    ----------
    patient_ids
        (n_records,), empty where unknown.

    Returns
    -------
    ndarray
        (n_records,) numbers from 0, in order of first appearance.

    Examples
    --------
    >>> bootstrap_units(np.array(["p7", "", "p7", ""])).tolist()
    [0, 1, 0, 2]
    """
    numbers: dict[str | int, int] = {}
    return np.array([numbers.setdefault(name or row, len(numbers)) for row, name in enumerate(patient_ids.tolist())], dtype=np.intp)


def draw_weights(patient_ids: NDArray[np.str_], draws: int, seed: int) -> Iterator[Array]:
    """Yield how often each record is drawn, some draws at a time.

    Parameters
    ----------
    patient_ids
        (n_records,), empty where unknown.
    draws
        Number of draws in all; fewer draws of the same seed are the first ones, and however many
        are yielded together, they are the same.
    seed
        Seed of the generator.

    Yields
    ------
    ndarray
        (n_records, n_draws) whole numbers.
    """
    units = bootstrap_units(patient_ids)
    n_units = int(units.max()) + 1
    generator = np.random.default_rng(seed)
    at_once = max(1, min(_CHUNK, _CHUNK_CELLS // len(patient_ids)))
    for start in range(0, draws, at_once):
        n_draws = min(at_once, draws - start)
        chosen = generator.integers(0, n_units, size=(n_draws, n_units))
        chosen += np.arange(n_draws)[:, None] * n_units
        counts = np.bincount(chosen.ravel(), minlength=n_draws * n_units).reshape(n_draws, n_units)
        yield np.ascontiguousarray(counts.T)[units].astype(np.float64)


def estimate_of(point: float, drawn: Array, confidence: float) -> Estimate:
    """Return a value with the percentile interval of its draws, (n_draws,); NaN where undefined."""
    if np.isnan(point):
        return Estimate(None, None, None)
    return Estimate(float(point), *_interval(drawn, confidence), incomplete_draws=int(np.isnan(drawn).sum()))


def macro_estimate(of_class: Array, drawn: Array, confidence: float, class_names: Sequence[str] = ()) -> Estimate:
    """Return the mean over the classes that have a value, with its interval.

    Parameters
    ----------
    of_class, drawn
        (n_classes,) values, and (n_classes, n_draws) values in the draws; NaN where undefined.
    class_names
        Those without a value are named; empty for a metric of whole records.
    """
    defined = ~np.isnan(of_class)
    undefined = tuple(np.array(class_names)[~defined].tolist()) if class_names else ()
    incomplete = int(np.isnan(drawn[defined]).any(axis=0).sum())
    return Estimate(_number(macro_mean(of_class)), *_interval(macro_mean(drawn), confidence), undefined, incomplete)


def difference_of(first: float, second: float, drawn: Array, confidence: float) -> Difference:
    """Return two values and their difference, whose interval and p-value come from (n_draws,)."""
    drawn = drawn[~np.isnan(drawn)]
    p_value = None
    if len(drawn):
        # The sample itself counts as one draw on either side, so that no finite number of draws
        # claims certainty.
        p_value = min(1.0, 2.0 * (min(int((drawn <= 0).sum()), int((drawn >= 0).sum())) + 1) / (len(drawn) + 1))
    return Difference(_number(first), _number(second), _number(first - second), *_interval(drawn, confidence), p_value)


def _require_same_records(first: Predictions, second: Predictions) -> None:
    for what in ("split", "level", "class_names"):
        if getattr(first, what) != getattr(second, what):
            raise DataError(f"comparison: {what} {getattr(first, what)} and {getattr(second, what)}; both models must answer the same")
    for what in ("record_ids", "patient_ids", "y_true"):
        if not np.array_equal(getattr(first, what), getattr(second, what)):
            raise DataError(
                f"comparison: {what} of the two models differ ({len(first)} and {len(second)} records); "
                "a paired comparison needs the same records in the same order: evaluate both on the same data"
            )


def _check_settings(draws: int, confidence: float) -> None:
    if draws < 1 or not 0 < confidence < 1:
        raise ConfigError(f"bootstrap of {draws} draws at confidence {confidence}; at least 1 draw and a confidence in (0, 1) are needed")


def _interval(drawn: Array, confidence: float) -> tuple[float | None, float | None]:
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) == 0:
        return None, None
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _number(value: float | Array) -> float | None:
    return None if np.isnan(value) else float(value)
