"""The seconds of a long recording that are printed: a quiet stretch, then what matters most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heart_reader.data.record import EcgRecord
from heart_reader.long.episodes import KINDS, Episode
from heart_reader.long.reading import LongReading
from heart_reader.messages import Message, clock, message

if TYPE_CHECKING:
    from heart_reader.features.measurement import Measurements

__all__ = ["EXCERPT_S", "Excerpt", "excerpt_leads", "excerpts", "excerpts_of"]

# As long as a sheet of paper shows.
EXCERPT_S = 10.0
# What is looked at first, and by what the one of its kind is chosen.
_CHOSEN_BY = {
    "no_beats": "duration_s",
    "ventricular_run": "bpm",
    "atrial_fibrillation": "duration_s",
    "pause": "duration_s",
    "idioventricular_rhythm": "duration_s",
    "supraventricular_run": "bpm",
}
# A stretch that is longer than an excerpt is shown from so much before its begin.
_BEFORE_S = 3.0
# Leads of an excerpt, those that show beats and atria first.
_MOST_LEADS = 3
_WANTED = ("II", "V1", "V5")


@dataclass(frozen=True)
class Excerpt:
    """Ten seconds.

    Parameters
    ----------
    kind
        ``"quiet"`` or a kind of episode.
    start_s
        Seconds from the start of the recording.
    title
        What it shows, and when.
    """

    kind: str
    start_s: float
    title: Message

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": self.kind, "start_s": round(self.start_s, 2), "duration_s": EXCERPT_S, "title": self.title}


def excerpts(whole: LongReading, quiet_s: float) -> Iterator[Excerpt]:
    """Yield a quiet stretch, then the longest or fastest episode of each kind that matters.

    Parameters
    ----------
    quiet_s
        Where the stretch begins whose waves were measured.
    """
    last_s = max(0.0, whole.duration_s - EXCERPT_S)
    start_s = min(quiet_s, last_s)
    yield Excerpt("quiet", start_s, message("excerpt_quiet", start=clock(start_s)))
    for kind, key in _CHOSEN_BY.items():
        of_kind = [one for one in whole.episodes if one.kind == kind]
        if of_kind:
            chosen = max(of_kind, key=lambda one: getattr(one, key) or 0.0)
            start_s = min(max(0.0, _start(chosen)), last_s)
            title = message("excerpt_episode", episode=KINDS[kind], begin=clock(chosen.start_s), seconds=chosen.duration_s)
            yield Excerpt(kind, start_s, title)


def excerpts_of(whole: LongReading | None, measurements: Measurements | None) -> tuple[Excerpt, ...]:
    """Return the excerpts of a recording that was read as a whole, none of any other."""
    quiet_s = 0.0 if measurements is None else measurements.fiducials.stretch_s[0]
    return () if whole is None else tuple(excerpts(whole, quiet_s))


def _start(episode: Episode) -> float:
    """Return where an excerpt begins: the episode is in its middle if it fits."""
    if episode.duration_s > EXCERPT_S - 2 * _BEFORE_S:
        return episode.start_s - _BEFORE_S
    return (episode.start_s + episode.end_s - EXCERPT_S) / 2


def excerpt_leads(record: EcgRecord) -> tuple[str, ...]:
    """Return the leads that an excerpt shows.

    Examples
    --------
    >>> import numpy as np
    >>> from heart_reader.data.record import build_record
    >>> excerpt_leads(build_record("a", np.zeros((4, 500)), 100.0, ("I", "II", "V1", "V2")))
    ('II', 'V1')
    """
    wanted = tuple(name for name in _WANTED if name in record.lead_names)
    return wanted if len(wanted) > 1 else record.lead_names[:_MOST_LEADS]
