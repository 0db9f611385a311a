"""What the server answers of recordings of minutes to days, beside the reading of any other."""

from __future__ import annotations

from pydantic import Field

from heart_reader.frontend.answer import Answer

__all__ = ["LongReading"]


class RateAt(Answer):
    """A heart rate, and where it was reached."""

    bpm: float
    start_s: float


class HeartRate(Answer):
    """The heart rate over a long recording."""

    mean: float | None
    lowest: RateAt | None
    highest: RateAt | None


class LongBeats(Answer):
    """Every beat of a long recording."""

    times_s: list[float]
    classes: str = Field(description="One letter per beat: N, S, V, F or Q (AAMI)")
    counts: dict[str, int]


class Trend(Answer):
    """Rate, variability and rhythm by the step; null where nothing could be measured."""

    step_s: float
    mean_bpm: list[float | None]
    lowest_bpm: list[float | None]
    highest_bpm: list[float | None]
    rmssd_ms: list[float | None]
    rhythm: list[str | None]


class Envelope(Answer):
    """Lowest and highest value of each lead by the step, to draw hours of signal."""

    step_s: float
    leads: list[str]
    lowest_mv: list[list[float | None]] = Field(description="One list per lead")
    highest_mv: list[list[float | None]]


class ExcerptFacts(Answer):
    """Some seconds that show what matters, as they are printed."""

    kind: str = Field(description="quiet, or a kind of episode")
    start_s: float
    duration_s: float
    title: str


class Episode(Answer):
    """A stretch that stands out."""

    kind: str = Field(description="Such as atrial_fibrillation, pause, ventricular_run")
    start_s: float
    end_s: float
    n_beats: int | None = None
    bpm: float | None = None
    title: str


class Hour(Answer):
    """One row of the hourly table; further columns count beats by class, pauses and seconds."""

    start_s: float
    n_beats: int
    mean_bpm: float | None
    lowest_bpm: float | None
    highest_bpm: float | None


class LongReading(Answer):
    """What a long recording shows over time."""

    duration_s: float
    n_beats: int
    heart_rate: HeartRate
    beats: LongBeats
    trend: Trend
    envelope: Envelope
    episodes: list[Episode]
    longest: dict[str, int | None] = Field(description="Kind to a position among the episodes: the longest, or the fastest run")
    hours: list[Hour]
    summary: list[str]
    excerpts: list[ExcerptFacts] = Field(default=[], description="What is printed: a quiet stretch first, then the gravest episodes")
