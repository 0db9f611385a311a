"""What the reading of a long recording holds, and how it is said in JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.annotations import AAMI_CLASSES
from heart_reader.long.episodes import Episode
from heart_reader.messages import Message

__all__ = ["BeatList", "Envelope", "Hour", "LongReading", "Trend"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BeatList:
    """All beats.

    Parameters
    ----------
    times_s
        (n_beats,) seconds, rising.
    classes
        (n_beats,) one letter of :data:`~heart_reader.data.annotations.AAMI_CLASSES` each.
    """

    times_s: Array
    classes: NDArray[np.str_]

    def of(self, letters: str) -> NDArray[np.bool_]:
        """Return (n_beats,) which beats are of some classes."""
        return np.isin(self.classes, list(letters))

    @property
    def counts(self) -> dict[str, int]:
        """Class to number of beats."""
        return {letter: int((self.classes == letter).sum()) for letter in AAMI_CLASSES}

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        times = np.round(self.times_s, 3).tolist()
        return {"times_s": times, "classes": "".join(self.classes.tolist()), "counts": self.counts}


@dataclass(frozen=True, eq=False)
class Trend:
    """Rate and rhythm over time.

    Parameters
    ----------
    step_s
        Length of a step in seconds.
    mean_bpm
        (n_steps,) mean rate; NaN where it is not known, also in the following.
    lowest_bpm, highest_bpm
        Rate over four intervals, slowest and fastest.
    rmssd_ms
        Root mean square of the differences of neighbouring intervals between normal beats.
    rhythm
        Name of the rhythm in each step; None where nothing can be said.
    noisy
        Which steps are noise.
    """

    step_s: float
    mean_bpm: Array
    lowest_bpm: Array
    highest_bpm: Array
    rmssd_ms: Array
    rhythm: tuple[str | None, ...]
    noisy: NDArray[np.bool_]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        numbers = {name: _numbers(getattr(self, name), 1) for name in ("mean_bpm", "lowest_bpm", "highest_bpm", "rmssd_ms")}
        return {"step_s": self.step_s, **numbers, "rhythm": list(self.rhythm), "noisy": self.noisy.tolist()}


@dataclass(frozen=True, eq=False)
class Envelope:
    """What the signal looks like from afar.

    Parameters
    ----------
    step_s
        Length of a step in seconds.
    leads
        n_leads names.
    lowest_mv, highest_mv
        (n_leads, n_steps).
    """

    step_s: float
    leads: tuple[str, ...]
    lowest_mv: Array
    highest_mv: Array

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        rows = {name: [_numbers(row, 3) for row in getattr(self, name)] for name in ("lowest_mv", "highest_mv")}
        return {"step_s": round(self.step_s, 6), "leads": list(self.leads), **rows}


@dataclass(frozen=True)
class Hour:
    """One hour, the last one perhaps shorter.

    Parameters
    ----------
    start_s
        Where it begins.
    n_beats, counts
        Beats, and how many of each class.
    mean_bpm, lowest_bpm, highest_bpm
        Of the steps of the trend; NaN where none is known.
    pauses
        Pauses that begin in it.
    atrial_fibrillation_s, noise_s
        Seconds of either.
    """

    start_s: float
    n_beats: int
    counts: Mapping[str, int]
    mean_bpm: float
    lowest_bpm: float
    highest_bpm: float
    pauses: int
    atrial_fibrillation_s: float
    noise_s: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        rates = {name: _number(getattr(self, name), 1) for name in ("mean_bpm", "lowest_bpm", "highest_bpm")}
        seconds = {name: round(getattr(self, name), 1) for name in ("atrial_fibrillation_s", "noise_s")}
        return {"start_s": self.start_s, "n_beats": self.n_beats, **rates, **self.counts, "pauses": self.pauses, **seconds}


@dataclass(frozen=True, eq=False)
class LongReading:
    """A recording of more than a minute as a whole.

    Parameters
    ----------
    duration_s
        Length in seconds.
    beats, trend, envelope
        What happened when.
    episodes
        By begin; of each kind at most a thousand, the longest.
    n_episodes
        Kind to number of all of its episodes.
    hours
        One per hour.
    summary
        What it all comes to, in sentences.
    """

    duration_s: float
    beats: BeatList
    trend: Trend
    envelope: Envelope
    episodes: tuple[Episode, ...]
    n_episodes: Mapping[str, int]
    hours: tuple[Hour, ...]
    summary: tuple[Message, ...]

    @property
    def mean_bpm(self) -> float:
        """Mean rate over all steps without noise; NaN where none is known."""
        known = self.trend.mean_bpm[np.isfinite(self.trend.mean_bpm)]
        return float(known.mean()) if len(known) else math.nan

    def extreme(self, pick: str) -> tuple[float, float] | None:
        """Return the ``"lowest"`` or ``"highest"`` mean rate of a step and where that begins."""
        known = np.flatnonzero(np.isfinite(self.trend.mean_bpm))
        if not len(known):
            return None
        values = self.trend.mean_bpm[known]
        step = int(known[values.argmin() if pick == "lowest" else values.argmax()])
        return float(self.trend.mean_bpm[step]), step * self.trend.step_s

    @property
    def longest(self) -> dict[str, int | None]:
        """Index into ``episodes`` of the longest fibrillation and pause, and of the fastest run."""

        def best(kinds: tuple[str, ...], key: str) -> int | None:
            of_kind = [place for place, one in enumerate(self.episodes) if one.kind in kinds]
            return max(of_kind, key=lambda place: getattr(self.episodes[place], key) or 0.0, default=None)

        return {
            "atrial_fibrillation": best(("atrial_fibrillation",), "duration_s"),
            "pause": best(("pause",), "duration_s"),
            "fastest_run": best(("ventricular_run", "supraventricular_run"), "bpm"),
        }

    def sentences(self) -> Iterator[str]:
        """Every sentence that has a code."""
        yield from self.summary
        yield from {one.title for one in self.episodes}

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        extremes = {pick: self.extreme(pick) for pick in ("lowest", "highest")}
        rates = {pick: None if of is None else {"bpm": round(of[0], 1), "start_s": of[1]} for pick, of in extremes.items()}
        return {
            "duration_s": round(self.duration_s, 3),
            "n_beats": len(self.beats.times_s),
            "heart_rate": {"mean": _number(self.mean_bpm, 1), **rates},
            "beats": self.beats.to_json(),
            "trend": self.trend.to_json(),
            "envelope": self.envelope.to_json(),
            "episodes": [one.to_json() for one in self.episodes],
            "n_episodes": dict(self.n_episodes),
            "longest": self.longest,
            "hours": [one.to_json() for one in self.hours],
            "summary": list(self.summary),
        }


def _number(value: float, digits: int) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None


def _numbers(values: Array, digits: int) -> list[float | None]:
    return [_number(value, digits) for value in values.tolist()]
