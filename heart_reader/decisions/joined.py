"""The decisions of several levels, applied to all of their classes at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from heart_reader.conclusion.reconcile import ClassReading
from heart_reader.data.labels import Level
from heart_reader.decisions.decision import Calibration, Decisions, decided, decision_limits

__all__ = ["JoinedDecisions"]


class JoinedDecisions:
    """Reads the classes of several levels, one level after the other.

    A reading has some two hundred classes in ten levels: level by level, calibrating them costs ten
    times as much.

    Parameters
    ----------
    levels
        In the order in which they are read.
    decisions
        By level.
    """

    def __init__(self, levels: Sequence[Level], decisions: Mapping[str, Decisions]) -> None:
        self._names = {level.name: level.class_names for level in levels}
        self._calibration = _join([(decisions[level.name].calibration, len(level.class_names)) for level in levels])
        limits = [decisions[level.name].limits(len(level.class_names)) for level in levels]
        self._thresholds = [threshold for thresholds, _ in limits for threshold in thresholds]
        self._zones = [zone for _, zones in limits for zone in zones]
        self._limits = list(map(decision_limits, self._thresholds, self._zones))

    def read(
        self, mean: Mapping[str, NDArray[np.float64]], highest: Mapping[str, NDArray[np.float64]] | None, *, poor: bool
    ) -> dict[str, dict[str, ClassReading]]:
        """Return level to class to what is read.

        Parameters
        ----------
        mean, highest
            Level to (n_classes,) probabilities, not calibrated: the mean over windows and the
            highest of them; None where the highest is not to be said.
        poor
            Whether the signal is too poor for any decision.
        """
        probabilities = self._calibrated(mean)
        tops = repeat(None) if highest is None else self._calibrated(highest)
        decisions = repeat("uncertain") if poor else map(decided, probabilities, self._limits)
        # Hundreds of tuples: their own constructor takes most of the time of this method.
        made = partial(tuple.__new__, ClassReading)
        read = map(made, zip(probabilities, self._thresholds, decisions, self._zones, tops, strict=False))
        # Each level takes as many as it has classes.
        return {level: dict(zip(names, read, strict=False)) for level, names in self._names.items()}

    def _calibrated(self, probabilities: Mapping[str, NDArray[np.float64]]) -> list[float]:
        given = np.concatenate([probabilities[level] for level in self._names])
        calibrated: list[float] = (given if self._calibration is None else self._calibration.apply(given)).tolist()
        return calibrated


def _join(parts: Sequence[tuple[Calibration | None, int]]) -> Calibration | None:
    """Return the calibration of the classes of all parts; None where there is nothing to apply."""
    given = [part for part, _ in parts if part is not None]
    if not given:
        return None
    # What has no calibration passes unchanged.
    every = [part or Calibration("none", given[0].split, (1.0,) * n, (0.0,) * n, (False,) * n) for part, n in parts]
    slope, intercept, fitted = (sum((getattr(part, name) for part in every), ()) for name in ("slope", "intercept", "fitted"))
    return Calibration(given[0].rule, given[0].split, slope, intercept, fitted)
