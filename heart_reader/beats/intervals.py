"""Intervals between beats, each against the patient's own rhythm.

References
----------
de Chazal P., O'Dwyer M., Reilly R. B. Automatic classification of heartbeats using ECG morphology
and heartbeat interval features. IEEE Transactions on Biomedical Engineering 51 (2004) 1196-1206.
Llamedo M., Martinez J. P. Heartbeat classification using feature selection driven by database
generalization criteria. IEEE Transactions on Biomedical Engineering 58 (2011) 616-625.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = ["PREMATURITY", "interval_features"]

Values = NDArray[np.float64]

# Shorter and longer intervals are missed or invented beats.
SHORTEST_S, LONGEST_S = 0.1, 5.0
# A pause counts as no longer in a mean, which one of them would spoil.
PAUSE_S = 2.5
# Natural logarithm: an eighth shorter than usual.
EARLY = -0.12
# The feature that says how early a beat comes, which other features are averages of.
PREMATURITY = "before_to_quartile_20"
# Places in a neighbourhood whose mean, median or upper part an interval is compared with.
NEAR, WIDE, FAR = 5, 20, 60


def interval_features(times_s: Values) -> dict[str, Values]:
    """Return features of every beat by name, each (n_beats,).

    Ratios are natural logarithms, so that halving and doubling are alike.

    Parameters
    ----------
    times_s
        (n_beats,) rising, two beats or more.

    Examples
    --------
    >>> features = interval_features(np.array([0.0, 0.8, 1.6, 2.0, 3.2, 4.0]))
    >>> (features["before_to_median"].round(2) + 0).tolist()
    [0.0, 0.0, 0.0, -0.69, 0.41, 0.0]
    """
    gaps = np.clip(np.diff(times_s), SHORTEST_S, LONGEST_S)
    before = np.concatenate([gaps[:1], gaps])
    log_before, log_after = np.log(before), np.log(np.concatenate([gaps, gaps[-1:]]))
    capped = np.minimum(before, PAUSE_S)
    p10, p25, p50, p75, p90 = np.log(np.percentile(before, [10, 25, 50, 75, 90]))
    usual = np.log(capped.mean())
    features = {
        "before_to_mean": log_before - usual,
        "before_to_p25": log_before - p25,
        "before_to_median": log_before - p50,
        "before_to_p75": log_before - p75,
        "before_to_p90": log_before - p90,
        "after_to_mean": log_after - usual,
        "after_to_median": log_after - p50,
    }
    for half in (NEAR, WIDE):
        median = np.log(_around(before, half, _quantile(0.5)))
        features[f"before_to_median_{half}"] = log_before - median
        features[f"after_to_median_{half}"] = log_after - median
        features[f"before_to_quartile_{half}"] = log_before - np.log(_around(before, half, _quantile(0.75)))
        features[f"before_to_longest_{half}"] = log_before - np.log(_around(capped, half, _quantile(0.9)))
    for half in (NEAR, WIDE, FAR):
        mean = np.log(_around(capped, half, _mean))
        features[f"before_to_mean_{half}"] = log_before - mean
        features[f"after_to_mean_{half}"] = log_after - mean
    change = np.abs(np.diff(log_before, prepend=log_before[:1]))
    for half in (NEAR, WIDE, FAR):
        features[f"irregularity_{half}"] = _around(change, half, _quantile(0.5))
    early = features[PREMATURITY]
    features |= {
        "before_to_after": log_before - log_after,
        "before_to_earlier": np.diff(log_before, prepend=log_before[:1]),
        "after_to_later": log_after - np.concatenate([log_after[1:], log_after[-1:]]),
        "changes": _around(change, WIDE, _mean),
        "quartiles": np.full_like(before, p75 - p25),
        "spread": np.full_like(before, p90 - p10),
        "usual_change": np.full_like(before, np.median(change)),
        "usual_interval": np.full_like(before, p50),
        "early_nearby": _around((early < EARLY).astype(float), NEAR, _mean),
        "beat_before_early": np.concatenate([[0.0], early[:-1]]),
        "beat_after_early": np.concatenate([early[1:], [0.0]]),
        # An extrasystole whose pause makes up for it leaves two intervals as long as usual.
        "compensation": np.log(before + np.exp(log_after)) - np.log(2) - (log_before - early),
    }
    return features


def _around(values: Values, half: int, reduce: Callable[[Values], Values]) -> Values:
    """Reduce each value with ``half`` neighbours on either side; the ends are mirrored."""
    padded = np.pad(values, half, mode="reflect" if len(values) > 2 * half else "edge")
    return reduce(sliding_window_view(padded, 2 * half + 1))


def _mean(windows: Values) -> Values:
    answer: Values = windows.mean(axis=1)
    return answer


def _quantile(share: float) -> Callable[[Values], Values]:
    """Return a quantile of each row without interpolation."""

    def reduce(windows: Values) -> Values:
        place = int(share * windows.shape[1])
        answer: Values = np.partition(windows, place, axis=1)[:, place]
        return answer

    return reduce
