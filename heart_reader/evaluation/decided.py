"""What decisions reach: beside what the uncertain zones promise, and on the surest records alone.

In selective reading the surest records are read and the others are left to a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from heart_reader.decisions.decision import Thresholds, Uncertainty
from heart_reader.errors import DataError
from heart_reader.evaluation.bootstrap import Estimate, draw_metrics, draw_weights, estimate_of, macro_estimate
from heart_reader.metrics import macro_mean
from heart_reader.metrics.ranking import ratio
from heart_reader.predictions import Predictions

__all__ = [
    "COVERAGES",
    "MEASURES",
    "RECORDS_DECIDED",
    "SELECTIVE_METRICS",
    "Decided",
    "Selective",
    "SelectivePoint",
    "measure_decisions",
    "measure_selective",
    "sureness",
]

Array = NDArray[np.float64]

# Per-class name to what it is; the headline is the mean over the classes that have a value.
MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "not_missed": "positives not read as absent",
        "not_alarmed": "negatives not read as present",
        "sensitivity": "sensitivity of the decided",
        "specificity": "specificity of the decided",
        "coverage": "class readings decided",
    }
)
PROMISED = ("not_missed", "not_alarmed")
RECORDS_DECIDED = "records_decided"
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
SELECTIVE_METRICS = ("macro_auroc", "macro_accuracy")
SURENESS = (
    "mean over classes of the distance of the probability from its threshold, in parts of the room on that side "
    "(0 on the threshold, 1 at a probability of 0 or 1)"
)


@dataclass(frozen=True)
class Decided:
    """Decisions measured on one split.

    Parameters
    ----------
    metrics
        Headline name (``macro_`` and a key of :data:`MEASURES`, and ``records_decided``: records
        with every class decided) to estimate.
    classes
        Per-class name to n_classes estimates.
    reason
        Why nothing is stated; None where it is.
    """

    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    classes: Mapping[str, tuple[Estimate, ...]] = field(default_factory=dict)
    reason: str | None = None


def measure_decisions(predictions: Predictions, uncertainty: Uncertainty | None, *, draws: int, confidence: float, seed: int) -> Decided:
    """Measure decisions with percentile intervals; the zones stay fixed inside every draw.

    ``not_missed`` and ``not_alarmed`` are what the zones promise, at least 1 - alpha each for every
    class; they are undefined where a zone is open at that end, since nothing is promised there.
    Sensitivity TP / (TP + FN) and specificity TN / (TN + FP) count decided records alone; they are
    undefined where a zone is open at either end, since only one kind of decision is made there.

    Parameters
    ----------
    predictions
        Calibrated.
    uncertainty
        The classifier's own; without it, or on the split that chose it, nothing is stated and the
        reason is.
    draws, confidence, seed
        As in :func:`heart_reader.evaluation.bootstrap.bootstrap`.

    Raises
    ------
    ConfigError
        If the zones do not fit the classes.
    """
    if uncertainty is None:
        return Decided(reason="the model has no uncertain zones")
    if uncertainty.split == predictions.split:
        return Decided(reason="the uncertain zones were chosen on this split")
    outcomes = _Outcomes(predictions, uncertainty)
    point = outcomes.measure(np.ones((len(predictions), 1)))
    chunks = [outcomes.measure(weights) for weights in draw_weights(predictions.patient_ids, draws, seed)]
    metrics, classes = {}, {}
    for name, values in point.items():
        drawn = np.concatenate([chunk[name] for chunk in chunks], axis=1)
        if name in MEASURES:
            classes[name] = tuple(estimate_of(value, of_class, confidence) for value, of_class in zip(values[:, 0], drawn, strict=True))
        headline = estimate_of(float(macro_mean(values)[0]), macro_mean(drawn), confidence)
        undefined = tuple(np.array(predictions.class_names)[np.isnan(values[:, 0])].tolist()) if name in MEASURES else ()
        metrics[f"macro_{name}" if name in MEASURES else name] = replace(headline, undefined=undefined)
    return Decided(metrics, classes)


class _Outcomes:
    """Who was read as what, ready to be weighted."""

    def __init__(self, predictions: Predictions, uncertainty: Uncertainty) -> None:
        absent, present = uncertainty.decisions(predictions.y_prob)
        positive = predictions.y_true > 0.5
        self._masks = {
            "positive": positive,
            "negative": ~positive,
            "tp": positive & present,
            "fn": positive & absent,
            "tn": ~positive & absent,
            "fp": ~positive & present,
        }
        self._all_decided = (absent | present).all(axis=1).astype(np.float64)
        zones = uncertainty.zones
        self._open_low = np.array([zone is None or zone[0] <= 0 for zone in zones])[:, None]
        self._open_high = np.array([zone is None or zone[1] >= 1 for zone in zones])[:, None]

    def measure(self, weights: Array) -> dict[str, Array]:
        """Name to (n_classes, n_draws) under weights (n_records, n_draws); 1 row for records."""
        count = {name: mask.T.astype(np.float64) @ weights for name, mask in self._masks.items()}
        total = weights.sum(axis=0, keepdims=True)
        either = self._open_low | self._open_high
        decided = count["tp"] + count["fn"] + count["tn"] + count["fp"]
        return {
            "not_missed": np.where(self._open_low, np.nan, 1 - ratio(count["fn"], count["positive"])),
            "not_alarmed": np.where(self._open_high, np.nan, 1 - ratio(count["fp"], count["negative"])),
            "sensitivity": np.where(either, np.nan, ratio(count["tp"], count["tp"] + count["fn"])),
            "specificity": np.where(either, np.nan, ratio(count["tn"], count["tn"] + count["fp"])),
            "coverage": decided / total,
            RECORDS_DECIDED: (self._all_decided @ weights)[None] / total,
        }


@dataclass(frozen=True)
class SelectivePoint:
    """What is reached at one coverage.

    Parameters
    ----------
    coverage
        Share of the records that are read.
    n_records
        Their number.
    macro_auroc, macro_accuracy
        On these records; accuracy at the thresholds.
    """

    coverage: float
    n_records: int
    macro_auroc: Estimate
    macro_accuracy: Estimate


@dataclass(frozen=True)
class Selective:
    """The curve of selective reading.

    Parameters
    ----------
    points
        Points from full coverage down.
    measure
        The measure that ranks the records.
    reason
        Why nothing is stated; None where it is.
    """

    points: tuple[SelectivePoint, ...] = ()
    measure: str = SURENESS
    reason: str | None = None


def sureness(y_prob: NDArray[np.float64], thresholds: Thresholds) -> NDArray[np.float64]:
    """Return how sure each record is by :data:`SURENESS`; classes without threshold do not count.

    Parameters
    ----------
    y_prob
        (n_records, n_classes) calibrated.
    thresholds
        One per class.

    Returns
    -------
    ndarray
        (n_records,) in [0, 1].

    Raises
    ------
    DataError
        If no class has a threshold.

    Examples
    --------
    >>> thresholds = Thresholds("f1", "val", (0.2, 0.5))
    >>> sureness(np.array([[0.6, 0.1], [0.2, 0.5], [1.0, 0.0]]), thresholds).round(2).tolist()
    [0.65, 0.0, 1.0]
    """
    limit = thresholds.as_array()
    known = ~np.isnan(limit)
    if not known.any():
        raise DataError("selective reading: no class has a threshold to be sure of: evaluate a level that has some")
    prob, limit = y_prob[:, known], limit[known]
    room = np.where(prob >= limit, 1 - limit, limit)
    distance: NDArray[np.float64] = np.divide(np.abs(prob - limit), room, out=np.zeros_like(prob), where=room > 0)
    mean: Array = distance.mean(axis=1)
    return mean


def measure_selective(predictions: Predictions, thresholds: Thresholds | None, *, draws: int, confidence: float, seed: int) -> Selective:
    """Measure at falling coverage, leaving out the least sure records.

    The truth has no part in the choice of records. Intervals resample the patients of the records
    that are kept.

    Parameters
    ----------
    predictions
        Calibrated.
    thresholds
        The classifier's own; without any, or on the split that chose them, a reason is stated and
        nothing else.
    draws, confidence, seed
        As in :func:`heart_reader.evaluation.bootstrap.bootstrap`.

    References
    ----------
    Geifman Y., El-Yaniv R. Selective classification for deep neural networks. NeurIPS 30 (2017)
    4878-4887.
    """
    if thresholds is None or set(thresholds.values) == {None}:
        return Selective(reason="the model has no thresholds")
    if thresholds.split == predictions.split:
        return Selective(reason="the thresholds were chosen on this split")
    order = np.argsort(-sureness(predictions.y_prob, thresholds), kind="stable")
    points = []
    for coverage in COVERAGES:
        # Sorted, so that at full coverage the draws are those of the headline metrics.
        rows = np.sort(order[: max(1, round(coverage * len(order)))])
        kept = replace(
            predictions, **{name: getattr(predictions, name)[rows] for name in ("record_ids", "patient_ids", "y_true", "y_prob")}
        )
        point, drawn = draw_metrics(kept, thresholds, SELECTIVE_METRICS, draws=draws, seed=seed)
        estimates = {name: macro_estimate(point[name], drawn[name], confidence, kept.class_names) for name in SELECTIVE_METRICS}
        points.append(SelectivePoint(coverage, len(kept), **estimates))
    return Selective(tuple(points))
