"""Stretches of a long recording that a person should look at, from beats alone.

The rules:

- A **pause** is an interval between beats above 2.0 s, above 2.5 s in atrial fibrillation, where
  long intervals are common, and in either case at least 1.5 times the usual interval around it:
  a slow heart alone makes no pause.
- Where no beat is found for that long although the signal moves as much as ever, it is **no
  pause**, but noise, or a ventricle that flutters or fibrillates.
- A **run** is three beats or more of one ectopic kind in a row. Ventricular ones of at most 100 per
  minute are an **idioventricular rhythm**.
- **Bradycardia** and **tachycardia** are 30 s or more whose mean rate stays below 50 or above 100
  per minute.
- **Bigeminy** and **trigeminy** are three or more premature beats with exactly one, or two, other
  beats between them.

References
----------
Kusumoto F. M. et al. 2018 ACC/AHA/HRS guideline on the evaluation and management of patients with
bradycardia and cardiac conduction delay. Circulation 140 (2019) e382-e482: bradycardia below 50 per
minute, pauses. Page R. L. et al. 2015 ACC/AHA/HRS guideline for the management of adult patients
with supraventricular tachycardia. Circulation 133 (2016) e506-e574: tachycardia above 100 per
minute. Al-Khatib S. M. et al. 2017 AHA/ACC/HRS guideline for management of patients with
ventricular arrhythmias. Circulation 138 (2018) e272-e391: three consecutive beats are a run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.ranks import running_median
from heart_reader.messages import Message, message

__all__ = [
    "KINDS",
    "Episode",
    "flagged",
    "lost_beats",
    "patterns",
    "pauses",
    "rate_episodes",
    "runs",
    "spans",
    "supraventricular_runs",
    "ventricular_runs",
]

Times = NDArray[np.float64]
Flags = NDArray[np.bool_]

PAUSE_S, PAUSE_IN_FIBRILLATION_S, PAUSE_RATIO = 2.0, 2.5, 1.5
RUN_BEATS = 3
SLOW_BPM, FAST_BPM, RATE_FOR_S = 50.0, 100.0, 30.0
PATTERN_BEATS = 3
_USUAL_BEATS = 9

# The gravest first.
KINDS = {
    "no_beats": message("episode_no_beats"),
    "ventricular_run": message("episode_ventricular_run"),
    "atrial_fibrillation": message("episode_fibrillation"),
    "pause": message("episode_pause"),
    "idioventricular_rhythm": message("episode_idioventricular"),
    "supraventricular_run": message("episode_supraventricular_run"),
    "bradycardia": message("episode_bradycardia"),
    "tachycardia": message("episode_tachycardia"),
    "bigeminy": message("episode_bigeminy"),
    "trigeminy": message("episode_trigeminy"),
    "noise": message("episode_noise"),
}


@dataclass(frozen=True)
class Episode:
    """One stretch.

    Parameters
    ----------
    kind
        One of :data:`KINDS`.
    start_s, end_s
        Seconds from the start of the recording; of a run or pattern, its first and last beat.
    n_beats
        Beats from begin to end, both included.
    bpm
        Mean rate of these beats; None with fewer than two.
    """

    kind: str
    start_s: float
    end_s: float
    n_beats: int
    bpm: float | None

    @property
    def title(self) -> Message:
        """What it is called."""
        return KINDS[self.kind]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "kind": self.kind,
            "start_s": round(self.start_s, 2),
            "end_s": round(self.end_s, 2),
            "n_beats": self.n_beats,
            "bpm": None if self.bpm is None else round(self.bpm, 1),
            "title": self.title,
        }


def spans(flags: Flags) -> list[tuple[int, int]]:
    """Return first and end of each unbroken row of True.

    Examples
    --------
    >>> spans(np.array([True, False, True, True]))
    [(0, 1), (2, 4)]
    """
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def flagged(kind: str, steps: Flags, step_s: float, duration_s: float, beat_s: Times, *, at_least_s: float = 0.0) -> list[Episode]:
    """Return the rows of flagged steps that last long enough as episodes.

    Parameters
    ----------
    steps
        (n_steps,), each ``step_s`` long.
    beat_s
        (n_beats,) times of all beats, rising.
    """
    found = []
    for first, end in spans(steps):
        start_s, end_s = first * step_s, min(end * step_s, duration_s)
        if end_s - start_s >= at_least_s:
            low, high = np.searchsorted(beat_s, (start_s, end_s)).tolist()
            found.append(_episode(kind, start_s, end_s, beat_s[low:high]))
    return found


def pauses(beat_s: Times, fibrillating: Flags, known: Flags) -> list[Episode]:
    """Return the intervals that are pauses.

    Parameters
    ----------
    beat_s
        (n_beats,) times of all beats.
    fibrillating, known
        (n_beats - 1,) whether an interval lies in atrial fibrillation, and whether it is one
        between neighbouring beats at all.

    Examples
    --------
    >>> beats, yes = np.array([0.0, 1.0, 2.0, 4.4, 5.4]), np.ones(4, bool)
    >>> [(one.start_s, one.end_s) for one in pauses(beats, ~yes, yes)]
    [(2.0, 4.4)]
    >>> pauses(beats, yes, yes)
    []
    """
    rr = np.diff(beat_s)
    if not len(rr):
        return []
    usual = running_median(rr, _USUAL_BEATS)
    long = (rr > np.where(fibrillating, PAUSE_IN_FIBRILLATION_S, PAUSE_S)) & (rr > PAUSE_RATIO * usual) & known
    return [_episode("pause", beat_s[n], beat_s[n + 1], beat_s[n : n + 2]) for n in np.flatnonzero(long).tolist()]


def lost_beats(beat_s: Times, lost: Flags) -> list[Episode]:
    """Return neighbouring intervals without beats although the signal moves.

    Parameters
    ----------
    beat_s, lost
        (n_beats,) times of all beats, and (n_beats - 1,) which intervals are no pauses.
    """
    return [_episode("no_beats", beat_s[first], beat_s[end], beat_s[first : end + 1]) for first, end in spans(lost)]


def runs(kind: str, beat_s: Times, ectopic: Flags, known: Flags | None = None) -> list[Episode]:
    """Return three ectopic beats or more in a row.

    Parameters
    ----------
    beat_s, ectopic
        (n_beats,) times, and whether a beat is of the kind.
    known
        (n_beats - 1,) which intervals are between neighbours, None for all: beats on either side of
        noise follow each other in no run.

    Examples
    --------
    >>> beats = np.arange(6) * 0.5
    >>> [one.n_beats for one in runs("ventricular_run", beats, np.array([0, 1, 1, 1, 0, 1], bool))]
    [3]
    """
    follows = ectopic[1:] & ectopic[:-1] & (True if known is None else known)
    found = [(first, end + 1) for first, end in spans(follows) if end + 1 - first >= RUN_BEATS]
    return [_episode(kind, beat_s[first], beat_s[end - 1], beat_s[first:end]) for first, end in found]


def ventricular_runs(beat_s: Times, ventricular: Flags, known: Flags | None = None) -> list[Episode]:
    """Return runs of ventricular beats, the slow ones as idioventricular rhythm.

    Parameters
    ----------
    beat_s, ventricular, known
        As of :func:`runs`.

    Examples
    --------
    >>> yes = np.ones(4, bool)
    >>> [ventricular_runs(np.arange(4) * rr, yes)[0].kind for rr in (0.5, 0.9)]
    ['ventricular_run', 'idioventricular_rhythm']
    """
    found = runs("ventricular_run", beat_s, ventricular, known)
    return [one if one.bpm is None or one.bpm > FAST_BPM else replace(one, kind="idioventricular_rhythm") for one in found]


def supraventricular_runs(beat_s: Times, supraventricular: Flags, known: Flags | None = None) -> list[Episode]:
    """Return runs of supraventricular beats that are fast; slow ones are early by nobody's measure.

    Parameters
    ----------
    beat_s, supraventricular, known
        As of :func:`runs`.

    Examples
    --------
    >>> yes = np.ones(4, bool)
    >>> [len(supraventricular_runs(np.arange(4) * rr, yes)) for rr in (0.5, 0.7)]
    [1, 0]
    """
    return [one for one in runs("supraventricular_run", beat_s, supraventricular, known) if one.bpm is not None and one.bpm > FAST_BPM]


def patterns(beat_s: Times, premature: Flags) -> list[Episode]:
    """Return bigeminy and trigeminy.

    Parameters
    ----------
    beat_s, premature
        (n_beats,) times, and whether a beat is premature.

    Examples
    --------
    >>> beats = np.arange(7) * 1.0
    >>> [one.kind for one in patterns(beats, np.array([0, 1, 0, 1, 0, 1, 0], bool))]
    ['bigeminy']
    """
    at = np.flatnonzero(premature)
    found = []
    for kind, distance in (("bigeminy", 2), ("trigeminy", 3)):
        for first, end in spans(np.diff(at) == distance):
            if end - first + 1 >= PATTERN_BEATS:
                low, high = int(at[first]), int(at[end])
                found.append(_episode(kind, beat_s[low], beat_s[high], beat_s[low : high + 1]))
    return found


def rate_episodes(mean_bpm: Times, step_s: float, duration_s: float, beat_s: Times) -> list[Episode]:
    """Return bradycardia and tachycardia, each with the mean of the rates of its steps.

    Parameters
    ----------
    mean_bpm
        (n_steps,) mean rate in each step, NaN where unknown.
    """
    found = []
    for kind, flags in (("bradycardia", mean_bpm < SLOW_BPM), ("tachycardia", mean_bpm > FAST_BPM)):
        for one in flagged(kind, flags, step_s, duration_s, beat_s, at_least_s=RATE_FOR_S):
            steps = mean_bpm[round(one.start_s / step_s) : round(np.ceil(one.end_s / step_s))]
            found.append(replace(one, bpm=float(steps.mean())))
    return found


def _episode(kind: str, start_s: float, end_s: float, beats: Times) -> Episode:
    span = float(beats[-1] - beats[0]) if len(beats) > 1 else 0.0
    return Episode(kind, float(start_s), float(end_s), len(beats), 60.0 * (len(beats) - 1) / span if span > 0 else None)
