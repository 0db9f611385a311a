"""Whether a P wave precedes each QRS complex, and the beats of the record as a whole.

Two logistic regressions, for the record and for each of its beats, on what ``p_wave_inputs``
compares. They were fitted to rhythms that cardiologists named
(``heart_reader.studies.p_wave_fit``), both sides counted alike however rare fibrillation is: a P
wave that is not there misleads more than one that is missing.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.beats import BEAT_FROM
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.delineation import Delineation
from heart_reader.features.p_wave_inputs import BEAT_INPUTS, RECORD_INPUTS, JudgedBeats, p_inputs, spread

__all__ = ["PWaves", "find_p_waves", "known_inputs", "no_p_waves", "ventricles_paced"]

Array = NDArray[np.floating]
Indices = NDArray[np.int64]

# A record has P waves from the upper probability on, has none up to the lower, and between them
# nobody can say.
_ABSENT, _PRESENT, _OF_BEAT = 0.2, 0.6, 0.5
# A spike this near to the onset of QRS, milliseconds, made that complex.
_SPIKE_BEFORE_MS, _SPIKE_AFTER_MS = 40.0, 40.0


@dataclass(frozen=True, eq=False)
class PWaves:
    """Which beats have a P wave before them.

    Parameters
    ----------
    probability
        (n_beats,) for every beat of the part, NaN where unknown.
    onset_ms
        (n_beats,) onset of P in milliseconds from R, negative; NaN for a beat without a P wave.
    present
        Whether P waves precede the beats of this record; None where unknown.
    record_probability
        Probability of that, NaN where unknown.
    likeness
        How alike the parts before QRS are from beat to beat, a correlation; NaN where there is
        no room for a P wave.
    share
        Share of the beats with a known answer that have a P wave; NaN without such beats.
    pr_sd_ms
        How much the PR interval varies from beat to beat; NaN with fewer than three P waves.
    """

    probability: Array
    onset_ms: Array
    present: bool | None
    record_probability: float
    likeness: float
    share: float
    pr_sd_ms: float


class _Weights(NamedTuple):
    means: Array
    record: Array
    record_constant: float
    beat: Array
    beat_constant: float


@cache
def _weights() -> _Weights:
    read = json.loads(files(__package__).joinpath("p_wave_weights.json").read_text(encoding="utf-8"))
    means, record = (np.array([read[key].get(name, 0.0) for name in RECORD_INPUTS]) for key in ("record_means", "record"))
    # By name, so that inputs can be added before they have weights.
    beat = np.array([read["beat"].get(name, 0.0) for name in BEAT_INPUTS])
    return _Weights(means, record, read["record"]["constant"], beat, read["beat"]["constant"])


def no_p_waves(n_beats: int) -> PWaves:
    """Return unknown P waves."""
    unknown = np.full(n_beats, math.nan)
    return PWaves(unknown, unknown.copy(), None, math.nan, math.nan, math.nan, math.nan)


def find_p_waves(beats: JudgedBeats, delineation: Delineation) -> PWaves:
    """Return which beats have a P wave.

    Parameters
    ----------
    delineation
        Of the median of the most frequent beats, which says where a P wave would be.
    """
    inputs = p_inputs(beats, delineation)
    if inputs is None:
        return no_p_waves(len(beats.at))
    fitted = _weights()
    log_odds = float(known_inputs(inputs.record) @ fitted.record) + fitted.record_constant
    record_probability = 1.0 / (1.0 + math.exp(-min(max(log_odds, -30.0), 30.0)))
    present = True if record_probability >= _PRESENT else False if record_probability <= _ABSENT else None
    probability = _probability(inputs.beats @ fitted.beat + fitted.beat_constant)
    if not present:
        # A wave of a fibrillating record may look like P by chance.
        probability *= record_probability
    has_p = probability >= _OF_BEAT
    # Single waves that look like P in a record that has none are chance.
    onset_ms = np.where(has_p, delineation.overall[0] + inputs.shift_ms, math.nan) if present else np.full(len(has_p), math.nan)
    n_known = np.count_nonzero(np.isfinite(probability))
    of_waves = [onset for onset in onset_ms.tolist() if math.isfinite(onset)]
    return PWaves(
        probability=probability,
        onset_ms=onset_ms,
        present=present,
        record_probability=record_probability,
        likeness=float(inputs.record[0]),
        share=np.count_nonzero(has_p) / n_known if n_known else math.nan,
        pr_sd_ms=spread(of_waves) if len(of_waves) > 2 else math.nan,
    )


def known_inputs(record: Array) -> Array:
    """Return inputs of a record, (..., n), the usual value in place of unknown ones."""
    return np.where(np.isfinite(record), record, _weights().means)


def ventricles_paced(spikes: Indices, r: Indices, delineation: Delineation) -> bool:
    """Return whether a pacemaker made at least every second QRS complex.

    Parameters
    ----------
    spikes
        (n_spikes,) indices at ``MEASURING_HZ``.
    r
        (n_beats,) indices of R.
    """
    if not len(spikes) or not len(r):
        return False
    from_onset_ms = (spikes[:, None] - r) * (1000.0 / MEASURING_HZ) - (delineation.waves["qrs"].onset - BEAT_FROM) * (1000.0 / MEASURING_HZ)
    made = ((from_onset_ms >= -_SPIKE_BEFORE_MS) & (from_onset_ms <= _SPIKE_AFTER_MS)).any(axis=0)
    return bool(2 * made.sum() >= len(r))


def _probability(log_odds: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-np.minimum(np.maximum(log_odds, -30.0), 30.0)))
