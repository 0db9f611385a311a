"""The reading of a long recording in sentences, and as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from heart_reader.long.episodes import KINDS
from heart_reader.long.reading import LongReading
from heart_reader.messages import Message, clock, message

__all__ = ["summarise", "to_lines"]

# Episodes of a kind that are printed; the rest is counted.
_PRINTED = 5
_COLUMNS = ("start", "beats", "mean", "lowest", "highest", "N", "S", "V", "F", "Q", "pauses", "AF s", "noise s")


def summarise(reading: LongReading, fibrillating: float) -> Iterator[Message]:
    """Yield sentences.

    Parameters
    ----------
    reading
        Without its sentences.
    fibrillating
        Share of the time in atrial fibrillation.
    """
    lowest, highest = reading.extreme("lowest"), reading.extreme("highest")
    if lowest is None or highest is None:
        yield message("long_no_rate")
    else:
        at = {"lowest_at": clock(lowest[1]), "highest_at": clock(highest[1])}
        yield message("long_rate", mean=reading.mean_bpm, step=reading.trend.step_s, lowest=lowest[0], highest=highest[0], **at)
    yield _beats(reading)
    if count := reading.n_episodes.get("no_beats", 0):
        yield message("long_no_beats", count=count, seconds=sum(one.duration_s for one in reading.episodes if one.kind == "no_beats"))
    longest, episodes = reading.longest, reading.episodes
    if longest["atrial_fibrillation"] is None:
        yield message("long_no_fibrillation")
    else:
        most = clock(episodes[longest["atrial_fibrillation"]].duration_s)
        yield message("long_fibrillation", count=reading.n_episodes["atrial_fibrillation"], percent=100 * fibrillating, longest=most)
    if longest["pause"] is None:
        yield message("long_no_pause")
    else:
        yield message("long_pauses", count=reading.n_episodes["pause"], longest=episodes[longest["pause"]].duration_s)
    if longest["fastest_run"] is not None:
        fastest = episodes[longest["fastest_run"]]
        counts = {name: reading.n_episodes.get(f"{name}_run", 0) for name in ("ventricular", "supraventricular")}
        yield message("long_runs", **counts, bpm=fastest.bpm or 0.0, beats=fastest.n_beats)
    if slow := [one.duration_s for one in episodes if one.kind == "idioventricular_rhythm"]:
        yield message("long_idioventricular", count=reading.n_episodes["idioventricular_rhythm"], longest=max(slow))
    if reading.trend.noisy.any():
        yield message("long_noise", percent=100 * float(np.mean(reading.trend.noisy)))


def _beats(reading: LongReading) -> Message:
    n_beats, counts = len(reading.beats.times_s), reading.beats.counts
    shares = {"ventricular": counts["V"], "supraventricular": counts["S"]}
    percents = {f"{name}_percent": 100.0 * count / max(n_beats, 1) for name, count in shares.items()}
    return message("long_beats", beats=n_beats, **shares, **percents)


def to_lines(reading: LongReading) -> list[str]:
    """Return summary, hourly table and the first episodes for a terminal."""
    lines = [f"  Whole recording, {clock(reading.duration_s)}:", *(f"    {sentence}" for sentence in reading.summary)]
    lines.append("    " + "".join(f"{name:>8}" for name in _COLUMNS))
    for hour in reading.hours:
        rates = (hour.mean_bpm, hour.lowest_bpm, hour.highest_bpm)
        cells = [clock(hour.start_s), hour.n_beats, *("-" if np.isnan(rate) else f"{rate:.0f}" for rate in rates), *hour.counts.values()]
        cells += [hour.pauses, f"{hour.atrial_fibrillation_s:.0f}", f"{hour.noise_s:.0f}"]
        lines.append("    " + "".join(f"{cell:>8}" for cell in cells))
    for kind in KINDS:
        of_kind = [one for one in reading.episodes if one.kind == kind]
        longest = sorted(sorted(of_kind, key=lambda one: -one.duration_s)[:_PRINTED], key=lambda one: one.start_s)
        for one in longest:
            rate = "" if one.bpm is None else f", {one.n_beats} beats at {one.bpm:.0f}/min"
            lines.append(f"    {clock(one.start_s):>8}  {one.title}, {one.duration_s:.1f} s{rate}")
        if (more := reading.n_episodes.get(kind, 0) - len(longest)) > 0:
            lines.append(f"              and {more} more")
    return lines
