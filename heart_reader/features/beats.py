"""Which beats look alike, how they lie upon each other, and the median of the most frequent kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.conditioning import MEASURING_HZ

__all__ = ["BEAT_FROM", "BEAT_TO", "BeatClass", "beat_classes", "median_beat"]

Array = NDArray[np.floating]
Indices = NDArray[np.int64]

# A beat as it is cut out, in time points from R: from before the longest PR interval to after the longest QT interval.
BEAT_FROM, BEAT_TO = round(0.5 * MEASURING_HZ), round(0.8 * MEASURING_HZ)
# What of a beat decides its kind and its place: the QRS complex; and how far it may be moved.
_QRS_FROM, _QRS_TO, _SHIFT = round(0.08 * MEASURING_HZ), round(0.10 * MEASURING_HZ), round(0.05 * MEASURING_HZ)
# A beat is moved by coarse steps first, its shape told by every fourth time point, then by single ones, its shape told by every second.
_COARSE, _FINE = 4, 2
# Beats are of one kind if all their leads together correlate by this much.
_ALIKE = 0.85
# More kinds than this are not told apart: such a recording is noise or a fibrillating ventricle.
_MOST_KINDS = 8
# The median of this many beats is as quiet as it gets, and its memory stays bounded.
_MOST_BEATS = 60


@dataclass(frozen=True, eq=False)
class BeatClass:
    """Beats of one kind.

    Parameters
    ----------
    members
        Indices into the beats of the stretch.
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
    at = _onto_largest(signal, beats[whole])
    classes: list[BeatClass] = []
    while len(whole) and len(classes) < _MOST_KINDS:
        moved, likeness = _align(signal, at)
        same = likeness > _ALIKE
        same[np.argmax(likeness)] = True
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
    chosen = at[np.unique(np.linspace(0, len(at) - 1, min(len(at), _MOST_BEATS)).astype(int))]
    window = np.clip(chosen[:, None] + np.arange(-BEAT_FROM, BEAT_TO), 0, signal.shape[1] - 1)
    # Sorting along the first axis takes a third of the time of a median along it.
    ranked = np.sort(np.ascontiguousarray(signal[:, window].transpose(1, 0, 2)), axis=0)
    half = len(chosen) // 2
    return ranked[half] if len(chosen) % 2 else 0.5 * (ranked[half - 1] + ranked[half])


def _onto_largest(signal: Array, beats: Indices) -> Indices:
    """Move each beat to where all leads together are farthest from the level before it."""
    window = beats[:, None] + np.arange(-_SHIFT, _SHIFT + 1)
    size = np.square(signal[:, window]).sum(axis=0)
    return beats - _SHIFT + np.argmax(size, axis=1)


def _align(signal: Array, at: Indices) -> tuple[Indices, Array]:
    """Move beats onto the one that most resemble; return where they are then, and how alike each is to the median of all such."""
    still = np.zeros(1, np.int64)
    segments = _cut(signal, at, still, _COARSE)[..., 0]
    alike = segments @ segments.T
    first = int(np.argmax((alike > _ALIKE).sum(axis=1) + alike.mean(axis=1)))
    moved, likeness = _onto_template(signal, at, segments[first], np.arange(-_SHIFT, _SHIFT + 1, _COARSE), _COARSE)
    same = likeness > _ALIKE
    if same.sum() < 3:
        same = np.arange(len(at)) == first
    template = np.median(_cut(signal, moved[same], still, _FINE)[..., 0], axis=0)
    template /= max(float(np.linalg.norm(template)), 1e-9)
    return _onto_template(signal, moved, template, np.arange(-_COARSE, _COARSE + 1), _FINE)


def _onto_template(signal: Array, at: Indices, template: Array, shifts: Indices, every: int) -> tuple[Indices, Array]:
    """Return where each beat correlates best with a template, and how well."""
    correlation = np.matmul(template, _cut(signal, at, shifts, every))
    best = np.argmax(correlation, axis=1)
    return at + shifts[best], correlation[np.arange(len(at)), best]


def _cut(signal: Array, at: Indices, shifts: Indices, every: int) -> Array:
    """Return QRS complexes at every shift, (n_beats, n_leads * n_times, n_shifts), each lead without its mean, together of length one."""
    times = np.arange(-_QRS_FROM, _QRS_TO, every)
    window = at[:, None, None] + times[None, :, None] + shifts[None, None, :]
    cut = np.ascontiguousarray(signal[:, np.clip(window, 0, signal.shape[1] - 1)].transpose(1, 0, 2, 3), dtype=np.float32)
    cut -= cut.mean(axis=2, keepdims=True)
    cut = cut.reshape(len(at), -1, len(shifts))
    return cut / np.maximum(np.sqrt(np.einsum("bks,bks->bs", cut, cut))[:, None, :], 1e-9)
