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
from heart_reader.kernels.p_waves import LEAST_MV, activity_of_parts, compared_parts, diastole_medians, levelled_parts, weighed_steps

__all__ = ["BEAT_INPUTS", "RECORD_INPUTS", "JudgedBeats", "PInputs", "p_inputs", "spread"]

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
_LEAST_SIZE = 0.05


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
    length = max(_SHORTEST, round((end - begin) / _STEP))
    n_parts = beats.signal.shape[1] // _STEP - length + 1
    places = np.rint((beats.at + begin) / _STEP)
    inside = _inside(places, n_parts)
    main = beats.members[inside[beats.members]]
    if len(main) < 2:
        return None
    signal = weighed_steps(np.ascontiguousarray(beats.signal, dtype=np.float32), beats.weights.astype(np.float64), _STEP)
    main_at = places[main].astype(np.int64)
    cuts = levelled_parts(signal, main_at, _ramp(length))
    template = cuts.sum(axis=0) / len(cuts)
    if decoys is None:
        judged, inside[main] = places, False
        others = inside.nonzero()[0]
    else:
        judged = np.rint((decoys + begin) / _STEP)
        others = _inside(judged, n_parts).nonzero()[0]
    activity = activity_of_parts(signal, length)
    all_at = np.concatenate([main_at, judged[others].astype(np.int64)])
    rows = compared_parts(signal, activity, all_at, _REACH, template, cuts)
    late_ms = _STEP_MS * rows[:, 4]
    # Logarithms are taken here, for those of NumPy and of C may differ in their last bit.
    rows[:, 3], rows[:, 4] = np.log(rows[:, 3]), np.abs(late_ms)
    size = math.sqrt(float(template @ template))
    quiet, elsewhere = diastole_medians(signal, activity, main_at, template, beats.at / _STEP, main, _AFTER_R, _LATE)
    record = np.array([
        *_likeness_and_size(rows[: len(main)], late_ms[: len(main)], size / math.sqrt(max(float(beats.weights.sum()), 1e-3) * length)),
        math.log((size + LEAST_MV) / (quiet + LEAST_MV)),
        math.log(elsewhere / max(size * size, 1e-9) + _LEAST_SIZE),
        math.log(float(median(steps(beats.at[np.isfinite(beats.at)]))) / MEASURING_HZ),
        _upright_in_ii(template, size, beats.names),
        math.log(len(beats.names)),
    ])  # fmt: skip
    of_all, shift_ms = np.full((len(judged), len(BEAT_INPUTS)), np.nan), np.full(len(judged), np.nan)
    if decoys is None:
        of_all[main], shift_ms[main] = rows[: len(main)], late_ms[: len(main)]
    of_all[others], shift_ms[others] = rows[len(main) :], late_ms[len(main) :]
    return PInputs(record, of_all, shift_ms)


@lru_cache(maxsize=64)
def _ramp(length: int) -> Array:
    ramp = np.arange(length) - 0.5 * (length - 1)
    return ramp / math.sqrt(float(ramp @ ramp))


@lru_cache(maxsize=64)
def _bump(length: int) -> Array:
    """Return (length,) an upright wave of mean zero and length one."""
    bump = np.sin(np.linspace(0.0, math.pi, length))
    bump -= bump.mean()
    return bump / math.sqrt(float(bump @ bump))


def _inside(places: Array, n_parts: int) -> NDArray[np.bool_]:
    """Return which places can be moved either way; NaN cannot."""
    answer: NDArray[np.bool_] = (places >= _REACH) & (places < n_parts - _REACH)
    return answer


def _likeness_and_size(rows: Array, late_ms: Array, rms_mv: float) -> tuple[float, ...]:
    # NumPy takes longer to be called than Python to sort and add a few numbers.
    likeness, other_size = sorted(rows[:, 0].tolist()), rows[:, 2].tolist()
    return (
        math.fsum(likeness) / len(likeness),
        likeness[int(0.1 * (len(likeness) - 1))],
        float(median(rows[:, 1])),
        math.log(rms_mv + 0.5 * LEAST_MV),
        math.fsum(other_size) / len(likeness),
        math.log(spread(late_ms.tolist()) + 2.0),
    )


def _upright_in_ii(template: Array, size: float, names: tuple[str, ...]) -> float:
    """Return how much of the template is an upright wave in lead II; NaN without that lead."""
    if "II" not in names:
        return math.nan
    part = template.reshape(len(names), -1)[names.index("II")]
    return float(part @ _bump(len(part))) / max(size, 1e-9)


def spread(values: list[float]) -> float:
    """Return the standard deviation of one value or more."""
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum([(value - mean) ** 2 for value in values]) / len(values))
