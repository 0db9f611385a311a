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
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heart_reader.decisions.decision import Thresholds
from heart_reader.errors import ConfigError, DataError
from heart_reader.metrics import METRICS, Sample, WeightedSample, macro_mean
from heart_reader.metrics.ranking import ratio
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
    "estimate_ratios",
    "estimate_shares",
    "paired_bootstrap",
]

# Weights of so many draws and the work on them stay within a core's second-level cache for a few
# thousand records.
_CHUNK = 64

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
        Of one split.
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
        metric, of_class = METRICS[name], point[name]
        defined = ~np.isnan(of_class)
        undefined = tuple(np.array(predictions.class_names)[~defined].tolist()) if metric.class_name else ()
        incomplete = int(np.isnan(drawn[name][defined]).any(axis=0).sum())
        low, high = _interval(macro_mean(drawn[name]), confidence)
        metrics[name] = Estimate(_number(macro_mean(of_class)), low, high, undefined, incomplete)
        if metric.class_name:
            classes[metric.class_name] = tuple(estimate_of(*pair, confidence) for pair in zip(of_class, drawn[name], strict=True))
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
    samples = (_sample(first, first_thresholds), _sample(second, second_thresholds))
    decided = first_thresholds is not None and second_thresholds is not None
    names = [name for name, metric in METRICS.items() if decided or not metric.needs_thresholds]
    points = [_macro(_evaluate(sample, names, None)) for sample in samples]
    drawn: dict[str, list[Array]] = {name: [] for name in names}
    for weights in draw_weights(first.patient_ids, draws, seed):
        ours, theirs = (_macro(_evaluate(sample, names, weights)) for sample in samples)
        for name in names:
            drawn[name].append(ours[name] - theirs[name])
    return {name: difference_of(points[0][name][0], points[1][name][0], np.concatenate(drawn[name]), confidence) for name in names}


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
    sample = _sample(predictions, thresholds)
    point = {name: values[:, 0] for name, values in _evaluate(sample, names, None).items()}
    chunks = [_evaluate(sample, names, weights) for weights in draw_weights(predictions.patient_ids, draws, seed)]
    return point, {name: np.concatenate([chunk[name] for chunk in chunks], axis=1) for name in names}


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
        Number of draws in all; fewer draws of the same seed are the first ones.
    seed
        Of the generator.

    Yields
    ------
    ndarray
        (n_records, n_draws) whole numbers.
    """
    units = bootstrap_units(patient_ids)
    n_units = int(units.max()) + 1
    generator = np.random.default_rng(seed)
    for start in range(0, draws, _CHUNK):
        n_draws = min(_CHUNK, draws - start)
        chosen = generator.integers(0, n_units, size=(n_draws, n_units))
        chosen += np.arange(n_draws)[:, None] * n_units
        counts = np.bincount(chosen.ravel(), minlength=n_draws * n_units).reshape(n_draws, n_units)
        yield np.ascontiguousarray(counts.T)[units].astype(np.float64)


def estimate_of(point: float, drawn: Array, confidence: float) -> Estimate:
    """Return a value with the percentile interval of its draws, (n_draws,); NaN where undefined."""
    if np.isnan(point):
        return Estimate(None, None, None)
    return Estimate(float(point), *_interval(drawn, confidence), incomplete_draws=int(np.isnan(drawn).sum()))


def difference_of(first: float, second: float, drawn: Array, confidence: float) -> Difference:
    """Return two values with interval and p-value of their difference from its draws, (n_draws,)."""
    drawn = drawn[~np.isnan(drawn)]
    p_value = None
    if len(drawn):
        # The sample itself counts as one draw on either side, so that no finite number of draws
        # claims certainty.
        p_value = min(1.0, 2.0 * (min(int((drawn <= 0).sum()), int((drawn >= 0).sum())) + 1) / (len(drawn) + 1))
    return Difference(_number(first), _number(second), _number(first - second), *_interval(drawn, confidence), p_value)


def estimate_ratios(
    numerators: ArrayLike, denominators: ArrayLike, patient_ids: NDArray[np.str_], *, draws: int, confidence: float, seed: int
) -> tuple[Estimate, ...]:
    """Estimate sums over records divided by other sums, with percentile intervals over patients.

    Parameters
    ----------
    numerators, denominators
        (n_ratios, n_records) each: what every record adds.
    patient_ids
        (n_records,), empty where unknown.
    draws, confidence, seed
        As in :func:`bootstrap`; equal seeds draw equal patients.

    Returns
    -------
    tuple
        n_ratios estimates, empty where the denominator is 0.

    Examples
    --------
    >>> patients = np.array(["a", "b", "c", "d"])
    >>> estimate_ratios([[1, 0, 0, 1]], [[1, 1, 1, 1]], patients, draws=100, confidence=0.9, seed=0)[0].point
    0.5
    """
    upper, lower = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if upper.size == 0:
        return (Estimate(None, None, None),) * len(upper)
    point = ratio(upper.sum(axis=1), lower.sum(axis=1))
    drawn = np.concatenate([ratio(upper @ weights, lower @ weights) for weights in draw_weights(patient_ids, draws, seed)], axis=1)
    return tuple(estimate_of(float(value), of_draws, confidence) for value, of_draws in zip(point, drawn, strict=True))


def estimate_shares(
    parts: ArrayLike, wholes: ArrayLike, patient_ids: NDArray[np.str_], *, draws: int, confidence: float, seed: int
) -> tuple[Estimate, ...]:
    """Like :func:`estimate_ratios` for how many of some records have a property.

    Where none or all of them have it no draw differs from the records, so the interval is the exact
    binomial one over patients.

    Parameters
    ----------
    parts, wholes
        (n_shares, n_records) bool each: which records have the property, and of which.
    patient_ids, draws, confidence, seed
        As in :func:`estimate_ratios`.

    Examples
    --------
    >>> patients = np.array([f"p{row}" for row in range(50)])
    >>> none = estimate_shares([np.zeros(50)], [np.ones(50)], patients, draws=10, confidence=0.95, seed=0)[0]
    >>> none.point, none.low, round(none.high, 3)
    (0.0, 0.0, 0.071)

    References
    ----------
    Clopper C. J., Pearson E. S. The use of confidence or fiducial limits. Biometrika 26 (1934)
    404-413.
    """
    estimates = estimate_ratios(parts, wholes, patient_ids, draws=draws, confidence=confidence, seed=seed)
    units = bootstrap_units(patient_ids)

    def exact(estimate: Estimate, whole: NDArray[np.bool_]) -> Estimate:
        if estimate.point not in (0.0, 1.0):
            return estimate
        certain = ((1 - confidence) / 2) ** (1 / len(np.unique(units[whole])))
        return replace(estimate, low=0.0, high=1 - certain) if estimate.point == 0.0 else replace(estimate, low=certain, high=1.0)

    return tuple(exact(*pair) for pair in zip(estimates, np.asarray(wholes, dtype=bool), strict=True))


def _evaluate(sample: Sample, names: Sequence[str], weights: Array | None) -> dict[str, Array]:
    weighted = WeightedSample(sample, weights)
    return {name: METRICS[name].compute(weighted) for name in names}


def _macro(values: Mapping[str, Array]) -> dict[str, Array]:
    return {name: macro_mean(of_class) for name, of_class in values.items()}


def _sample(predictions: Predictions, thresholds: Thresholds | None) -> Sample:
    if len(predictions) == 0:
        raise DataError(f"split {predictions.split} has no records to evaluate: choose another split")
    if thresholds is not None and thresholds.split == predictions.split:
        raise DataError(
            f"thresholds were chosen on split {thresholds.split!r}, which is the one being evaluated; "
            "decisions can only be measured on another split: evaluate 'test', or pass no thresholds"
        )
    return Sample(predictions.y_true, predictions.y_prob, None if thresholds is None else thresholds.as_array())


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
