"""Selective reading: the surest records are read, the others are left to a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.decisions.decision import Thresholds
from heart_reader.errors import DataError
from heart_reader.evaluation.bootstrap import Estimate, draw_metrics, estimate_of
from heart_reader.metrics import macro_mean
from heart_reader.predictions import Predictions

__all__ = ["COVERAGES", "MEASURE", "SELECTIVE_METRICS", "Selective", "SelectivePoint", "measure_selective", "sureness"]

COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
SELECTIVE_METRICS = ("macro_auroc", "macro_accuracy")
MEASURE = (
    "mean over classes of the distance of the probability from its threshold, in parts of the room on that side "
    "(0 on the threshold, 1 at a probability of 0 or 1)"
)


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
        From full coverage down.
    measure
        By what the records are ranked.
    reason
        Why nothing is stated; None where it is.
    """

    points: tuple[SelectivePoint, ...] = ()
    measure: str = MEASURE
    reason: str | None = None


def sureness(y_prob: NDArray[np.float64], thresholds: Thresholds) -> NDArray[np.float64]:
    """Return how sure each record is by :data:`MEASURE`; classes without threshold do not count.

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
    >>> sureness(np.array([[0.6, 0.1], [0.2, 0.5], [1.0, 0.0]]), Thresholds("f1", "val", (0.2, 0.5))).round(2).tolist()
    [0.65, 0.0, 1.0]
    """
    limit = thresholds.as_array()
    known = ~np.isnan(limit)
    if not known.any():
        raise DataError("selective reading: no class has a threshold to be sure of: evaluate a level that has some")
    prob, limit = y_prob[:, known], limit[known]
    room = np.where(prob >= limit, 1 - limit, limit)
    distance: NDArray[np.float64] = np.divide(np.abs(prob - limit), room, out=np.zeros_like(prob), where=room > 0)
    return distance.mean(axis=1)


def measure_selective(predictions: Predictions, thresholds: Thresholds | None, *, draws: int, confidence: float, seed: int) -> Selective:
    """Measure at falling coverage, leaving out the least sure records.

    The truth has no part in the choice of records. Intervals resample the patients of the records
    that are kept.

    Parameters
    ----------
    predictions
        Calibrated.
    thresholds
        The reader's own; without any, or on the split that chose them, nothing is stated and the
        reason is.
    draws, confidence, seed
        As in :func:`heart_reader.evaluation.bootstrap.bootstrap`.

    References
    ----------
    Geifman Y., El-Yaniv R. Selective classification for deep neural networks. NeurIPS 30 (2017)
    4878-4887.
    """
    if thresholds is None or set(thresholds.values) == {None}:
        return Selective(reason="the reader has no thresholds")
    if thresholds.split == predictions.split:
        return Selective(reason="the thresholds were chosen on this split")
    order = np.argsort(-sureness(predictions.y_prob, thresholds), kind="stable")
    points = []
    for coverage in COVERAGES:
        # Sorted, so that at full coverage the draws are those of the headline metrics.
        kept = _rows(predictions, np.sort(order[: max(1, round(coverage * len(order)))]))
        point, drawn = draw_metrics(kept, thresholds, SELECTIVE_METRICS, draws=draws, seed=seed)
        estimates: dict[str, Any] = {}
        for name in SELECTIVE_METRICS:
            undefined = np.isnan(point[name])
            estimates[name] = replace(
                estimate_of(float(macro_mean(point[name][:, None])[0]), macro_mean(drawn[name]), confidence),
                undefined=tuple(np.array(kept.class_names)[undefined].tolist()),
                incomplete_draws=int(np.isnan(drawn[name][~undefined]).any(axis=0).sum()),
            )
        points.append(SelectivePoint(coverage, len(kept), **estimates))
    return Selective(tuple(points))


def _rows(predictions: Predictions, rows: NDArray[np.intp]) -> Predictions:
    """Some of the records."""
    parts = {name: getattr(predictions, name)[rows] for name in ("record_ids", "patient_ids", "y_true", "y_prob")}
    return replace(predictions, **parts)
