"""What turns a network's probability into a calibrated probability and a decision: chosen on validation, applied with numpy alone.

The choosing is in :mod:`heart_reader.evaluation`; these carriers travel in the checkpoint, so that reading an ECG needs neither
scipy nor scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heart_reader.data.labels import sigmoid
from heart_reader.errors import ConfigError

__all__ = ["Calibration", "Thresholds", "log_odds"]

# Nearer to 0 or 1 than this a probability says nothing more; log-odds stay within about 28.
_EDGE = 1e-12


def log_odds(y_prob: ArrayLike) -> NDArray[np.float64]:
    """Return ln(p / (1 - p)), finite also at 0 and 1.

    Examples
    --------
    >>> log_odds([0.5, 0.0]).round(2).tolist()
    [0.0, -27.63]
    """
    clipped = np.clip(np.asarray(y_prob, dtype=np.float64), _EDGE, 1.0 - _EDGE)
    return np.log(clipped) - np.log1p(-clipped)


@dataclass(frozen=True)
class Thresholds:
    """The probability from which each class of one level counts as present.

    Parameters
    ----------
    rule
        How they were chosen, such as ``"youden"`` or ``"fbeta=2"``.
    split
        The split they were chosen on.
    values
        n_classes probabilities in the order of the class names; None where the split had no case to choose from.

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

    def to_json(self) -> dict[str, Any]:
        """Return plain values; :meth:`from_json` is the inverse."""
        return {"rule": self.rule, "split": self.split, "values": list(self.values)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Thresholds:
        """Make thresholds from :meth:`to_json`.

        Raises
        ------
        ConfigError
            If a value is not a probability.
        """
        return cls(values["rule"], values["split"], tuple(values["values"]))


@dataclass(frozen=True)
class Calibration:
    """One straight line per class on the log-odds: ``p' = sigmoid(slope * log_odds(p) + intercept)``.

    Slopes are positive, so the order of the records, and with it every AUROC, stays as it was.

    Parameters
    ----------
    rule
        How it was fitted, ``"platt"``.
    split
        The split it was fitted on.
    slope, intercept
        n_classes numbers each, in the order of the class names.
    fitted
        n_classes flags; False where there were too few cases and probabilities pass unchanged.

    Raises
    ------
    ConfigError
        If the lengths differ, a number is not finite or a slope is not positive.

    References
    ----------
    Platt J. Probabilistic outputs for support vector machines and comparisons to regularized likelihood methods. In: Advances
    in Large Margin Classifiers, MIT Press (1999) 61-74.

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
        """Calibrate probabilities.

        Parameters
        ----------
        y_prob
            (..., n_classes) in [0, 1].

        Returns
        -------
        ndarray
            (..., n_classes) in [0, 1].

        Raises
        ------
        ConfigError
            If the number of classes differs.
        """
        if y_prob.shape[-1] != len(self.slope):
            raise ConfigError(
                f"calibration: {y_prob.shape[-1]} classes to calibrate, {len(self.slope)} were fitted: use the checkpoint's own"
            )
        moved = sigmoid(np.asarray(self.slope) * log_odds(y_prob) + np.asarray(self.intercept))
        return np.where(self.fitted, moved, y_prob).astype(np.float64)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; :meth:`from_json` is the inverse."""
        return {
            "rule": self.rule,
            "split": self.split,
            "slope": list(self.slope),
            "intercept": list(self.intercept),
            "fitted": list(self.fitted),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibration:
        """Make a calibration from :meth:`to_json`.

        Raises
        ------
        ConfigError
            If the lengths differ, a number is not finite or a slope is not positive.
        """
        return cls(values["rule"], values["split"], tuple(values["slope"]), tuple(values["intercept"]), tuple(values["fitted"]))
