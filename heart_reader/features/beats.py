"""Which beats look alike, how they lie upon each other, and the median of the most frequent kind.

References
----------
Batcher K. E. Sorting networks and their applications. AFIPS Spring Joint Computer Conference 32
(1968) 307-314.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.ranks import median
from heart_reader.kernels.beats import complexes, correlations, largest_near, middle_of_beats

__all__ = ["BEAT_FROM", "BEAT_TO", "BeatClass", "beat_classes", "median_around", "median_beat"]

Array = NDArray[np.floating]
Indices = NDArray[np.int64]

# A beat as it is cut out, in time points from R: from before the longest PR interval to after the
# longest QT interval.
BEAT_FROM, BEAT_TO = round(0.5 * MEASURING_HZ), round(0.8 * MEASURING_HZ)
# What of a beat decides its kind and its place: the QRS complex; and how far it may be moved.
_QRS_FROM, _QRS_TO, _SHIFT = round(0.08 * MEASURING_HZ), round(0.10 * MEASURING_HZ), round(0.05 * MEASURING_HZ)
# A beat is moved by coarse steps first, compared at every fourth time point, then by single ones,
# compared at every second.
_COARSE, _FINE = 4, 2
_COARSE_WINDOW, _FINE_WINDOW = (np.arange(-_QRS_FROM, _QRS_TO, every) for every in (_COARSE, _FINE))
_COARSE_SHIFTS, _FINE_SHIFTS = np.arange(-_SHIFT, _SHIFT + 1, _COARSE), np.arange(-_COARSE, _COARSE + 1)
# Beats are of one kind if all their leads together correlate by this much.
_ALIKE = 0.85
# More kinds than this are not distinguished: such a recording is noise or a fibrillating ventricle.
_MOST_KINDS = 8
# The median of this many beats is as quiet as it gets, and its memory stays bounded.
_MOST_BEATS = 60


@dataclass(frozen=True, eq=False)
class BeatClass:
    """Beats of one kind.

    Parameters
    ----------
    members
        Indices into the beats of the part.
    at
        (n_members,) indices of their R into the signal, aligned with each other.
    likeness
        Mean correlation of the members with their median, all leads together.
    """

    members: Indices
    at: Indices
    likeness: float


def beat_classes(signal: Array, beats: Indices) -> list[BeatClass]:
    """Sort beats by their QRS complexes, the most frequent kind first.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV at ``MEASURING_HZ``, baseline levelled.
    beats
        (n_beats,) indices to about 30 ms.
    """
    edge = _SHIFT + max(_QRS_FROM, _QRS_TO)
    whole = np.flatnonzero((beats >= edge) & (beats < signal.shape[1] - edge))
    signal = np.ascontiguousarray(signal, dtype=np.float32)
    at = largest_near(signal, beats[whole], _SHIFT)
    classes: list[BeatClass] = []
    while len(whole) and len(classes) < _MOST_KINDS:
        moved, likeness = _align(signal, at)
        same = likeness > _ALIKE
        same[likeness.argmax()] = True
        classes.append(BeatClass(whole[same], moved[same], float(likeness[same].mean())))
        whole, at = whole[~same], at[~same]
    return sorted(classes, key=lambda kind: -len(kind.members))


def median_beat(signal: Array, at: Indices) -> Array:
    """Return the median over beats, (n_leads, BEAT_FROM + BEAT_TO) in mV, R at ``BEAT_FROM``.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV; beyond its ends it is taken to stay as it is there.
    at
        (n_beats,) indices of R.
    """
    chosen = at if len(at) <= _MOST_BEATS else at[np.linspace(0, len(at) - 1, _MOST_BEATS).astype(int)]
    return median_around(signal, chosen, BEAT_FROM, BEAT_TO)


def median_around(signal: Array, at: Indices, before: int, after: int) -> Array:
    """Return the median over beats of what lies around R, (n_leads, before + after).

    Parameters
    ----------
    signal
        (n_leads, n_times); beyond its ends it is taken to stay as it is there.
    at
        (n_beats,) indices of R.
    before, after
        Time points before R, and from R on.
    """
    if len(at) > _MOST_BEATS:
        return median(signal.take(at[:, None] + np.arange(-before, after), axis=1, mode="clip").transpose(0, 2, 1))
    return middle_of_beats(np.ascontiguousarray(signal, dtype=np.float32), at, _comparisons(len(at)), before, after)


@lru_cache(maxsize=_MOST_BEATS)
def _comparisons(n: int) -> Indices:
    """Return (n_pairs, 2) to compare that put ``n`` values in order: Batcher's odd-even merge."""
    pairs = []
    block = 1
    while block < n:
        step = block
        while step:
            for start in range(step % block, n - step, 2 * step):
                lows = range(start, min(start + step, n - step))
                pairs += [(low, low + step) for low in lows if low // (2 * block) == (low + step) // (2 * block)]
            step //= 2
        block *= 2
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _align(signal: Array, at: Indices) -> tuple[Indices, Array]:
    """Return where the beats lie best on their most typical one, and how alike each is to it."""
    segments = complexes(signal, at, _COARSE_WINDOW)
    alike = segments @ segments.T
    first = int(((alike > _ALIKE).sum(axis=1) + alike.mean(axis=1)).argmax())
    moved, likeness = _onto_template(signal, at, segments[first], _COARSE_WINDOW, _COARSE_SHIFTS)
    same = likeness > _ALIKE
    if same.sum() < 3:
        same = np.arange(len(at)) == first
    template = _middle_row(complexes(signal, moved[same], _FINE_WINDOW))
    template /= max(float(template @ template) ** 0.5, 1e-9)
    return _onto_template(signal, moved, template, _FINE_WINDOW, _FINE_SHIFTS)


def _middle_row(rows: Array) -> Array:
    """Return the median over (n_rows, n_points), as of beats that follow each other in one lead."""
    n_rows, n_points = rows.shape
    answer: Array = median_around(rows.reshape(1, -1), np.arange(n_rows) * n_points, 0, n_points)[0]
    return answer


def _onto_template(signal: Array, at: Indices, template: Array, window: Indices, shifts: Indices) -> tuple[Indices, Array]:
    """Return where each beat correlates best with a template, and how well."""
    correlation = correlations(signal, at, window, shifts, template)
    return at + shifts[correlation.argmax(axis=0)], correlation.max(axis=0)
