"""Inputs for judging P waves: the signal before each QRS against other beats and diastole.

P waves are alike, lie at one distance from QRS and stand out of what lies between T and P. Atrial
fibrillation has waves everywhere and none of them twice in the same place; in flutter what precedes
QRS is found again elsewhere in diastole. How regular the heart beats is left out, for a rhythm is
named by that *and* by P waves; so is the PR interval, lest a long one speak against P waves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.beats import BEAT_FROM
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.delineation import Delineation
from heart_reader.features.ranks import median, steps
from heart_reader.kernels.p_waves import activity_of_parts, between_beats, diagonal_sums, levelled_parts, likenesses
from heart_reader.kernels.rhythm import step_means

__all__ = ["BEAT_INPUTS", "RECORD_INPUTS", "JudgedBeats", "PInputs", "p_inputs"]

Array = NDArray[np.floating]
Indices = NDArray[np.int64]

BEAT_INPUTS = ("likeness", "shifted_likeness", "other_size", "log_activity", "abs_shift")
RECORD_INPUTS = (
    "likeness", "least_likeness", "shifted_likeness", "log_size", "other_size", "log_shift_spread", "log_over_quiet", "log_elsewhere",
    "log_rr", "upright_in_ii", "log_leads",
)  # fmt: skip

# Time points are taken together by fours: P waves are slow.
_STEP = 4
_STEP_MS = _STEP * 1000.0 / MEASURING_HZ
# The compared part reaches a little beyond the P wave, and is moved by up to 40 ms to where it
# fits best.
_MARGIN, _REACH = round(0.02 * MEASURING_HZ), 5
_SHORTEST = 8
# Quiet is looked for from 0.1 s after the last R on, waves like P from this share of the RR
# interval on.
_AFTER_R, _LATE = 12, 0.45
_LEAST_MV, _LEAST_SIZE = 0.001, 0.05


@dataclass(frozen=True, eq=False)
class JudgedBeats:
    """The beats of a record, and what they are judged from.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV at ``MEASURING_HZ``.
    names
        n_leads names.
    weights
        (n_leads,) how much each lead counts, 0 to 1.
    at
        (n_beats,) index of R for every beat of the part, rising, NaN where a beat is not whole.
    members
        Which of them are of the most frequent kind: these are compared with each other, the others
        with their mean.
    """

    signal: Array
    names: tuple[str, ...]
    weights: Array
    at: Array
    members: Indices


@dataclass(frozen=True, eq=False)
class PInputs:
    """Inputs of one record.

    Parameters
    ----------
    record
        (len(RECORD_INPUTS),), NaN where unknown.
    beats
        (n_beats, len(BEAT_INPUTS)), NaN for beats that cannot be judged.
    shift_ms
        (n_beats,) by how much the P wave of a beat lies later than that of the median beat.
    """

    record: Array
    beats: Array
    shift_ms: Array


@dataclass(frozen=True, eq=False)
class _Stretches:
    """All parts of the length of a P wave in a record.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV, one time point for four.
    length
        Of a part, in such time points.
    activity
        (n_stretches,) root of the sum of squares over all leads without their means and slopes.
    """

    signal: Array
    length: int
    activity: Array

    def cut(self, places: Indices) -> Array:
        """Return (n_places, n_leads * length), each lead without mean and slope."""
        return levelled_parts(self.signal, places, _ramp(self.length))

    def onto(self, template: Array) -> Array:
        """Return (n_stretches,) products with a template, (n_leads * length,), levelled."""
        return diagonal_sums(self.signal.T @ template.reshape(len(self.signal), -1))


def p_inputs(beats: JudgedBeats, delineation: Delineation, decoys: Array | None = None) -> PInputs | None:
    """Compare what precedes QRS.

    Parameters
    ----------
    delineation
        Values of the median of the most frequent beats.
    decoys
        (n_decoys,) times that are taken for beats of other kinds, and are judged in place of the
        beats.

    Returns
    -------
    PInputs or None
        None with fewer than two beats, or without room for a P wave.
    """
    wave, qrs = delineation.waves.get("p"), delineation.waves["qrs"]
    if wave is None:
        return None
    begin, end = wave.onset - _MARGIN - BEAT_FROM, min(wave.offset + _MARGIN, qrs.onset) - BEAT_FROM
    stretches = _stretches(beats.signal, beats.weights, max(_SHORTEST, round((end - begin) / _STEP)))
    places = np.rint((beats.at + begin) / _STEP)
    main = beats.members[_inside(places[beats.members], stretches)]
    if len(main) < 2:
        return None
    of_main_at = places[main].astype(np.int64)
    cuts = stretches.cut(of_main_at)
    template = cuts.mean(axis=0)
    product = stretches.onto(template)
    of_main, shift_main = _compared(stretches, of_main_at, template, product, cuts)
    record = np.array([
        *_likeness_and_size(stretches, template, of_main, shift_main, float(beats.weights.sum())),
        *_diastole(stretches, template, product, places, r=beats.at / _STEP, main=main),
        math.log(float(median(steps(beats.at[np.isfinite(beats.at)]))) / MEASURING_HZ),
        _upright_in_ii(template, beats.names),
        math.log(len(beats.names)),
    ])  # fmt: skip
    judged = places if decoys is None else np.rint((decoys + begin) / _STEP)
    of_all, shift_ms = np.full((len(judged), len(BEAT_INPUTS)), np.nan), np.full(len(judged), np.nan)
    inside = _inside(judged, stretches)
    if decoys is None:
        inside[main] = False
    others = np.flatnonzero(inside)
    if len(others):
        of_all[others], shift_ms[others] = _compared(stretches, judged[others].astype(np.int64), template, product, cuts[:0])
    if decoys is None:
        of_all[main], shift_ms[main] = of_main, shift_main
    return PInputs(record, of_all, shift_ms)


def _stretches(signal: Array, weights: Array, length: int) -> _Stretches:
    """Take time points together and find the activity of all parts from running sums."""
    coarse = step_means(np.ascontiguousarray(signal, dtype=np.float32), _STEP) * np.sqrt(weights, dtype=np.float64)[:, None]
    fits = coarse.shape[1] >= length
    return _Stretches(coarse, length, activity_of_parts(coarse, length) if fits else np.zeros(0))


@lru_cache(maxsize=64)
def _ramp(length: int) -> Array:
    ramp = np.arange(length) - 0.5 * (length - 1)
    return ramp / math.sqrt(float(ramp @ ramp))


def _inside(places: Array, stretches: _Stretches) -> NDArray[np.bool_]:
    """Return which places can be moved either way; NaN cannot."""
    answer: NDArray[np.bool_] = (places >= _REACH) & (places < len(stretches.activity) - _REACH)
    return answer


def _compared(stretches: _Stretches, places: Indices, template: Array, product: Array, cuts: Array) -> tuple[Array, Array]:
    """Return (n_places, len(BEAT_INPUTS)) inputs, and the P wave's delay in ms.

    Parameters
    ----------
    product
        (n_stretches,) of the template with every part.
    cuts
        What lies at the places, if the template is their mean: each is compared with the mean of
        the others. None of them otherwise.
    """
    inputs = likenesses(stretches.signal, stretches.activity, product, template, places, _REACH, cuts)
    shift_ms = _STEP_MS * inputs[:, 4]
    inputs[:, 3] = np.log((stretches.activity[places] + _LEAST_MV) / (inputs[:, 3] + _LEAST_MV))
    inputs[:, 4] = np.abs(shift_ms)
    return inputs, shift_ms


def _likeness_and_size(stretches: _Stretches, template: Array, rows: Array, shift_ms: Array, n_leads: float) -> tuple[float, ...]:
    likeness = np.sort(rows[:, 0])
    rms_mv = _length(template) / math.sqrt(max(n_leads, 1e-3) * stretches.length)
    return (
        float(likeness.mean()),
        float(likeness[int(0.1 * (len(likeness) - 1))]),
        float(median(rows[:, 1])),
        math.log(rms_mv + 0.5 * _LEAST_MV),
        float(rows[:, 2].mean()),
        math.log(float(shift_ms.std()) + 2.0),
    )


def _diastole(stretches: _Stretches, template: Array, product: Array, places: Array, *, r: Array, main: Indices) -> tuple[float, float]:
    """Return logarithms: P wave over the quietest part between beats; its share elsewhere.

    Parameters
    ----------
    places, r
        (n_beats,) where the P wave and R of each beat of the record are.
    """
    length = _length(template)
    main = main[main > 0]
    main = main[np.isfinite(r[main - 1])]
    last = places[main].astype(np.int64) - stretches.length // 2
    first = (r[main - 1] + _AFTER_R).astype(np.int64)
    late = (r[main - 1] + _LATE * (r[main] - r[main - 1])).astype(np.int64)
    quiet, elsewhere = (of[np.isfinite(of)] for of in between_beats(stretches.activity, product, first, late, last))
    return (
        math.log((length + _LEAST_MV) / (float(median(quiet)) + _LEAST_MV)) if len(quiet) else math.nan,
        math.log(float(median(elsewhere)) / max(length * length, 1e-9) + _LEAST_SIZE) if len(elsewhere) else math.nan,
    )


def _length(vector: Array) -> float:
    return math.sqrt(float(vector @ vector))


def _upright_in_ii(template: Array, names: tuple[str, ...]) -> float:
    """Return how much of the template is an upright wave in lead II; NaN without that lead."""
    if "II" not in names:
        return math.nan
    part = template.reshape(len(names), -1)[names.index("II")]
    return float(part @ _bump(len(part))) / max(_length(template), 1e-9)


@lru_cache(maxsize=64)
def _bump(n_points: int) -> Array:
    """Return half a sine wave of mean zero and length one."""
    bump = np.sin(np.linspace(0.0, math.pi, n_points))
    bump -= bump.mean()
    return bump / _length(bump)
