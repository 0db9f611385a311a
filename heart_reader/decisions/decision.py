"""From probability to decision: chosen on validation, applied with numpy alone.

How they are chosen is in :mod:`heart_reader.decisions.choose`. They travel in the checkpoint, so
that reading an ECG needs neither scipy nor scikit-learn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heart_reader.conclusion.contradictions import LEAST_PRESENT
from heart_reader.data.labels import sigmoid
from heart_reader.errors import ConfigError

__all__ = ["Calibration", "Decisions", "Thresholds", "Uncertainty", "decided", "decision_limits", "log_odds"]

# Nearer to 0 or 1 than this a probability says nothing more; log-odds stay within about 28.
_EDGE = 1e-12


def log_odds(y_prob: ArrayLike) -> NDArray[np.float64]:
    """Return ln(p / (1 - p)), finite also at 0 and 1.

    Examples
    --------
    >>> log_odds([0.5, 0.0]).round(2).tolist()
    [0.0, -27.63]
    """
    clipped = np.minimum(np.maximum(np.asarray(y_prob, dtype=np.float64), _EDGE), 1.0 - _EDGE)
    return np.log(clipped) - np.log1p(-clipped)


class _Part:
    """What was chosen of one level; in JSON its fields, tuples as lists."""

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return next(len(value) for value in vars(self).values() if isinstance(value, tuple))

    def to_json(self) -> dict[str, Any]:
        """Return plain values; :meth:`from_json` is the inverse."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Make it from :meth:`to_json`; raises ConfigError as the constructor does."""
        given = {}
        for one in fields(cls):  # type: ignore[arg-type]
            given[one.name] = value = values[one.name]
            if str(one.type).startswith("tuple"):
                if not isinstance(value, list):
                    raise ConfigError(f"{one.name}: {type(value).__name__}; a list is needed")
                given[one.name] = tuple(value)
        return cls(**given)


@dataclass(frozen=True)
class Thresholds(_Part):
    """The probability from which each class of one level counts as present.

    Parameters
    ----------
    rule
        How they were chosen, such as ``"youden"`` or ``"fbeta=2"``.
    values
        n_classes probabilities; None where the split had no case to choose from.

    Raises
    ------
    ConfigError
        If a value is not a probability.

    Examples
    --------
    >>> chosen = Thresholds("youden", "val", (0.3, None))
    >>> Thresholds.from_json(chosen.to_json()) == chosen
    True
    """

    rule: str
    split: str
    values: tuple[float | None, ...]

    def __post_init__(self) -> None:
        wrong = [value for value in self.values if value is not None and not 0.0 <= value <= 1.0]
        if wrong:
            raise ConfigError(f"thresholds: {wrong[0]} among the values; a probability in [0, 1] or null is needed")

    def as_array(self) -> NDArray[np.float64]:
        """Return (n_classes,) with NaN where no threshold could be chosen."""
        return np.array([np.nan if value is None else value for value in self.values], dtype=np.float64)


@dataclass(frozen=True)
class Calibration(_Part):
    """Per class ``p' = sigmoid(slope * log_odds(p) + intercept)``.

    Slopes are positive, so the order of the records, and with it every AUROC, stays as it was.

    Parameters
    ----------
    rule
        How it was fitted, ``"platt"``.
    slope, intercept
        n_classes numbers each, in the order of the class names.
    fitted
        n_classes flags; False where there were too few cases and probabilities pass unchanged.

    Raises
    ------
    ConfigError
        If the lengths differ, a number is not finite or a slope is not positive.

    Examples
    --------
    >>> flatten = Calibration("platt", "val", (0.5, 1.0), (0.0, 0.0), (True, False))
    >>> flatten.apply(np.array([[0.9, 0.9]])).round(2).tolist()
    [[0.75, 0.9]]
    """

    rule: str
    split: str
    slope: tuple[float, ...]
    intercept: tuple[float, ...]
    fitted: tuple[bool, ...]

    def __post_init__(self) -> None:
        if not len(self.slope) == len(self.intercept) == len(self.fitted):
            raise ConfigError(
                f"calibration: {len(self.slope)} slopes, {len(self.intercept)} intercepts and {len(self.fitted)} flags; "
                "one of each per class is needed"
            )
        if not np.isfinite([*self.slope, *self.intercept]).all() or any(slope <= 0 for slope in self.slope):
            raise ConfigError(
                f"calibration: slopes {self.slope} and intercepts {self.intercept}; finite numbers and positive slopes are needed"
            )

    def apply(self, y_prob: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrate (..., n_classes) probabilities.

        Raises
        ------
        ConfigError
            If the number of classes differs.
        """
        if y_prob.shape[-1] != self.n_classes:
            raise ConfigError(
                f"calibration: {y_prob.shape[-1]} classes to calibrate, {self.n_classes} were fitted: use the checkpoint's own"
            )
        slope, intercept, fitted = self._arrays
        return np.where(fitted, sigmoid(slope * log_odds(y_prob) + intercept), y_prob)

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        return np.array(self.slope, dtype=np.float64), np.array(self.intercept, dtype=np.float64), np.array(self.fitted, dtype=bool)


@dataclass(frozen=True)
class Uncertainty(_Part):
    """The uncertain zone of each class: absent below it, present above it.

    The zones keep two promises for every class, made on validation and holding for new records like
    those: of the records that have the class at most ``alpha`` are read as absent, and of those
    without it at most ``alpha`` as present. A zone always holds the threshold, so no decision
    contradicts it, and is no wider than the threshold itself where that alone keeps both promises.

    Parameters
    ----------
    rule
        How the zones were chosen, ``"class_conditional_conformal"``.
    alpha
        Allowed share of errors of each kind, in (0, 0.5).
    low, high
        n_classes probabilities each, ``low <= high``; None where the class has no threshold.
        ``low`` is 0 where validation has too few positives for the promise, so that the class is
        never read as absent, and ``high`` 1 where it has too few negatives.
    n_positive, n_negative
        n_classes counts each: the records that the promises rest on.

    Raises
    ------
    ConfigError
        If the lengths differ, ``alpha`` is out of range or a zone is no part of [0, 1].

    Examples
    --------
    >>> zones = Uncertainty("conformal", "val", 0.1, (0.2, None), (0.4, None), (50, 0), (150, 200))
    >>> zones.zones
    ((0.2, 0.4), None)
    >>> absent, present = zones.decisions(np.array([[0.1, 0.1], [0.2, 0.5], [0.5, 0.9]]))
    >>> absent[:, 0].tolist(), present[:, 0].tolist(), (absent | present)[:, 1].any().item()
    ([True, False, False], [False, False, True], False)
    """

    rule: str
    split: str
    alpha: float
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    n_positive: tuple[int, ...]
    n_negative: tuple[int, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.low), len(self.high), len(self.n_positive), len(self.n_negative)}
        if len(lengths) != 1:
            raise ConfigError(
                f"uncertainty: {len(self.low)} lower and {len(self.high)} upper limits, {len(self.n_positive)} and "
                f"{len(self.n_negative)} counts; one of each per class is needed"
            )
        if not 0 < self.alpha < 0.5:
            raise ConfigError(f"uncertainty: alpha {self.alpha}; a share in (0, 0.5) is needed")
        for low, high in zip(self.low, self.high, strict=True):
            none = low is None and high is None
            if not none and (low is None or high is None or not 0 <= low <= high <= 1):
                raise ConfigError(f"uncertainty: zone from {low} to {high}; two rising probabilities or two nulls are needed")

    @cached_property
    def zones(self) -> tuple[tuple[float, float] | None, ...]:
        """Per class its lower and upper limit, None where it has no zone."""
        return tuple(None if low is None or high is None else (low, high) for low, high in zip(self.low, self.high, strict=True))

    def decisions(self, y_prob: NDArray[np.floating]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which of (n_records, n_classes) calibrated probabilities are absent, and present.

        Raises
        ------
        ConfigError
            If the number of classes differs.
        """
        if y_prob.shape[-1] != len(self.low):
            raise ConfigError(f"uncertainty: {y_prob.shape[-1]} classes to decide, {len(self.low)} have zones: use the checkpoint's own")
        # None becomes NaN, which nothing lies below or above.
        return y_prob < np.array(self.low, dtype=np.float64), y_prob > np.array(self.high, dtype=np.float64)


def decision_limits(threshold: float | None, zone: tuple[float, float] | None) -> tuple[float, float]:
    """Return below which probability a class is absent, and from which on it is present.

    Nothing is present at less than five per cent, whatever its threshold.

    Parameters
    ----------
    threshold
        Decides where there is no zone; None decides nothing.
    zone
        Limits of the uncertain zone, which belong to it.

    Examples
    --------
    >>> decision_limits(0.5, None), decision_limits(0.01, None), decision_limits(None, None)
    ((0.5, 0.5), (0.01, 0.05), (-inf, inf))
    """
    if threshold is None:
        return -math.inf, math.inf
    low, high = (threshold, threshold) if zone is None else (zone[0], math.nextafter(zone[1], math.inf))
    # A threshold that maximises F1 of a rare class may lie below one per cent.
    return low, max(high, LEAST_PRESENT)


def decided(probability: float, limits: tuple[float, float]) -> str:
    """Return the decision for a calibrated probability within :func:`decision_limits`."""
    absent_below, present_from = limits
    return "absent" if probability < absent_below else "present" if probability >= present_from else "uncertain"


@dataclass(frozen=True)
class Decisions:
    """Everything between the probabilities of one level and its decisions.

    Parameters
    ----------
    calibration
        None where probabilities pass unchanged.
    thresholds
        None where nothing is ever read as present.
    uncertainty
        None where the thresholds alone decide.
    """

    calibration: Calibration | None = None
    thresholds: Thresholds | None = None
    uncertainty: Uncertainty | None = None

    def check(self, n_classes: int) -> None:
        """Refuse decisions of other classes.

        Raises
        ------
        ConfigError
            If a part holds more or fewer classes.
        """
        for name, part in vars(self).items():
            if part is not None and part.n_classes != n_classes:
                raise ConfigError(f"{name}: {part.n_classes} classes, {n_classes} are needed")

    def calibrate(self, y_prob: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrate (..., n_classes) probabilities."""
        return y_prob if self.calibration is None else self.calibration.apply(y_prob)

    def limits(self, n_classes: int) -> tuple[tuple[float | None, ...], tuple[tuple[float, float] | None, ...]]:
        """Return the threshold and the uncertain zone of every class, None where it has none."""
        nothing = (None,) * n_classes
        return (
            nothing if self.thresholds is None else self.thresholds.values,
            nothing if self.uncertainty is None else self.uncertainty.zones,
        )

    @classmethod
    def of_manifest(cls, manifest: Mapping[str, Any]) -> dict[str, Decisions]:
        """Return the decisions of every level that has any.

        Raises
        ------
        ConfigError
            If a value is not allowed.
        """
        # Null in checkpoints from before there were uncertain zones.
        calibration, thresholds, uncertainty = manifest["calibration"], manifest["thresholds"], manifest["uncertainty"] or {}
        return {
            level: cls(
                Calibration.from_json(calibration[level]) if level in calibration else None,
                Thresholds.from_json(thresholds[level]) if level in thresholds else None,
                Uncertainty.from_json(uncertainty[level]) if level in uncertainty else None,
            )
            for level in {**calibration, **thresholds, **uncertainty}
        }

    @staticmethod
    def to_manifest(levels: Mapping[str, Decisions]) -> dict[str, dict[str, Any]]:
        """Return the three parts of a manifest, each by level."""
        return {
            part: {level: value.to_json() for level, of in levels.items() if (value := getattr(of, part)) is not None}
            for part in ("calibration", "thresholds", "uncertainty")
        }
