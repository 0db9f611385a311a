"""Read a recording of more than a minute as a whole, from beats that are found once.

Beats are found over the whole recording and everything else follows from them: classes, trend,
episodes, hours. Only some windows are measured in full: those that name the rhythm, spread over the
recording, and those that tell fibrillation from an irregular sinus node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from heart_reader.beats import classify_beats
from heart_reader.data.annotations import AAMI_CLASSES
from heart_reader.data.record import EcgRecord
from heart_reader.features.beat_analysis import analyse
from heart_reader.features.measured import measure
from heart_reader.long.episodes import (
    PAUSE_S,
    Episode,
    flagged,
    lost_beats,
    patterns,
    pauses,
    rate_episodes,
    spans,
    supraventricular_runs,
    ventricular_runs,
)
from heart_reader.long.fibrillation import ENTER, STEP_S, fibrillating_steps, irregularity
from heart_reader.long.reading import BeatList, Hour, LongReading, Trend
from heart_reader.long.scan import Scan, scan, still_moving
from heart_reader.long.summary import summarise
from heart_reader.long.usable import ClassifyBeats, classify_usable, find_beats

__all__ = ["ClassifyBeats", "read_long"]

# Beats are classified in parts of about this length, as long as the recordings of MIT-BIH: a beat
# is compared with those of its own part, and memory stays bounded.
_PART_S = 1800.0
# Windows whose rhythm is measured in full, and how often P waves are looked for at most.
_RHYTHMS_MEASURED, _P_WAVES_ASKED = 32, 250
_MOST_EPISODES = 1000
_HOUR_S = 3600.0
# Stretches without beats that are closer than this are one.
_BETWEEN_LOST_S = 10.0

Times = NDArray[np.float64]
Flags = NDArray[np.bool_]
Progress = Callable[[float], None]


def read_long(record: EcgRecord, classify: ClassifyBeats = classify_beats, *, progress: Progress | None = None) -> LongReading:
    """Read a long recording as a whole.

    Parameters
    ----------
    record
        Of any rate and number of leads; its signal is looked at part by part.
    classify
        Tells the class of each beat that is given in samples.
    progress
        Called with the share that is done, 0 to 1.

    Examples
    --------
    >>> from heart_reader.data.synthetic import simulate_rhythm
    >>> rng = np.random.default_rng(0)
    >>> ecg = simulate_rhythm("sinus", rng=rng, fs=250.0, duration_s=90.0)
    >>> reading = read_long(ecg.record)
    >>> len(reading.trend.rhythm), [one.kind for one in reading.episodes]
    (9, [])
    """
    say = progress or (lambda share: None)
    scanned = scan(record, STEP_S)
    say(0.2)
    peaks = find_beats(record, scanned.disturbed)
    say(0.6)
    beats = _classified(record, peaks, classify, scanned, lambda share: say(0.6 + 0.2 * share))
    known, beats = _known_intervals(record, beats, scanned)
    plain = known & ~(beats.of("VF")[1:] | beats.of("VF")[:-1])
    values = irregularity(beats.times_s, plain, len(scanned.noisy))
    fibrillating = fibrillating_steps(values, scanned.noisy, _p_wave_oracle(record))
    beats = _none_early_in(fibrillating, beats)
    say(0.9)
    rhythms = _rhythms(fibrillating, scanned.noisy, _measured_rhythms(record, scanned), values)
    trend = _trend(beats, known, scanned.noisy, _seconds(record.duration_s, len(scanned.noisy)), rhythms)
    episodes = sorted(_episodes(record.duration_s, beats, known, trend, fibrillating), key=lambda one: one.start_s)
    reading = LongReading(
        duration_s=record.duration_s,
        beats=beats,
        trend=trend,
        envelope=scanned.envelope,
        episodes=_bounded(episodes),
        n_episodes=Counter(one.kind for one in episodes),
        hours=tuple(_hours(record.duration_s, beats, trend, fibrillating, episodes)),
        summary=(),
    )
    say(1.0)
    return replace(reading, summary=tuple(summarise(reading, float(fibrillating.mean()))))


def _step(record: EcgRecord, number: int) -> EcgRecord:
    """Return one step of a record as a record of its own."""
    start = round(number * STEP_S * record.fs)
    return record.cut(start, start + round(STEP_S * record.fs))


def _classified(record: EcgRecord, peaks: NDArray[np.int64], classify: ClassifyBeats, scanned: Scan, say: Progress) -> BeatList:
    """Classify beats part by part; beats in noise are unknown."""
    n_parts = max(1, round(record.duration_s / _PART_S))
    edges = np.linspace(0, record.n_times, n_parts + 1).astype(np.int64).tolist()
    classes = []
    for number, (start, stop) in enumerate(pairwise(edges)):
        here = peaks[(peaks >= start) & (peaks < stop)] - start
        classes.append(classify_usable(record.cut(start, stop), start, here, classify, scanned.disturbed))
        say((number + 1) / n_parts)
    times_s, noisy = peaks / record.fs, scanned.noisy
    return BeatList(times_s, np.where(noisy[_steps(times_s, len(noisy))], "Q", np.concatenate(classes)))


def _steps(times_s: Times, n_steps: int) -> NDArray[np.int64]:
    """Return the step in which each time lies."""
    return np.minimum((times_s / STEP_S).astype(np.int64), n_steps - 1)


def _p_wave_oracle(record: EcgRecord) -> Callable[[int], bool | None]:
    """Return what tells of a step whether P waves precede its beats; it tires after a while."""
    left = _P_WAVES_ASKED

    def has_p_waves(step: int) -> bool | None:
        nonlocal left
        left -= 1
        return analyse(_step(record, step)).p_waves.present if left >= 0 else None

    return has_p_waves


def _measured_rhythms(record: EcgRecord, scanned: Scan) -> dict[int, str | None]:
    """Measure the rhythm of some whole steps, spread evenly."""
    whole = np.flatnonzero(~scanned.noisy[: int(record.duration_s / STEP_S)])
    if not len(whole):
        return {}
    chosen = np.unique(whole[np.linspace(0, len(whole) - 1, _RHYTHMS_MEASURED).astype(int)])
    return {step: measure(_step(record, step)).rhythm.name for step in chosen.tolist()}


def _none_early_in(fibrillating: Flags, beats: BeatList) -> BeatList:
    """Return beats of which none is supraventricular and early in fibrillation: all come anyhow."""
    early = beats.of("S") & fibrillating[_steps(beats.times_s, len(fibrillating))]
    return replace(beats, classes=np.where(early, "N", beats.classes))


def _known_intervals(record: EcgRecord, beats: BeatList, scanned: Scan) -> tuple[Flags, BeatList]:
    """Return which intervals are between neighbours, and the beats, those among lost ones unknown.

    An interval is not where there is noise or beats are not seen. What is found for a moment
    between two such stretches is no rhythm.
    """
    step = _steps(beats.times_s, len(scanned.noisy))
    clean = ~_touches(scanned.noisy, step[:-1], step[1:])
    lost = np.zeros(len(clean), bool)
    for n in np.flatnonzero(clean & (np.diff(beats.times_s) > PAUSE_S)).tolist():
        lost[n] = still_moving(record, scanned, *beats.times_s[n : n + 2].tolist())
    for (_, first), (end, _) in pairwise(spans(lost)):
        if clean[first:end].all() and beats.times_s[end] - beats.times_s[first] < _BETWEEN_LOST_S:
            lost[first:end] = True
    among = np.concatenate([[False], lost[1:] & lost[:-1], [False]])[: len(beats.times_s)]
    return clean & ~lost, replace(beats, classes=np.where(among, "Q", beats.classes))


def _trend(beats: BeatList, known: Flags, noisy: Flags, seconds: Times, rhythm: Iterable[str | None]) -> Trend:
    n_steps, times_s = len(noisy), beats.times_s
    rr, step = np.diff(times_s), _steps(times_s, n_steps)
    # A few intervals among many that are not known say nothing of a step.
    told = np.bincount(step[1:][known], rr[known], n_steps) >= 0.5 * seconds
    mean = np.where(told, 60.0 / _mean(rr[known], step[1:][known], n_steps), np.nan)
    normal = beats.of("N")
    plain = known[1:] & known[:-1] & normal[2:] & normal[1:-1] & normal[:-2]
    rmssd = np.sqrt(_mean(np.square(1000.0 * np.diff(rr))[plain], step[2:][plain], n_steps))
    four = known[3:] & known[2:-1] & known[1:-2] & known[:-3]
    bpm, at = 240.0 / (times_s[4:] - times_s[:-4])[four], step[4:][four]
    lowest, highest = np.full(n_steps, np.inf), np.full(n_steps, -np.inf)
    np.minimum.at(lowest, at, bpm)
    np.maximum.at(highest, at, bpm)
    lowest, highest = (np.where(np.isfinite(of), of, np.nan) for of in (lowest, highest))
    return Trend(STEP_S, mean, lowest, highest, rmssd, tuple(rhythm), noisy)


def _touches(noisy: Flags, first: NDArray[np.int64], last: NDArray[np.int64]) -> Flags:
    """Return which of the spans from a step to another hold noise."""
    before = np.concatenate([[0], np.cumsum(noisy)])
    answer: Flags = before[last + 1] > before[first]
    return answer


def _mean(values: Times, step: NDArray[np.int64], n_steps: int) -> Times:
    with np.errstate(invalid="ignore"):
        answer: Times = np.bincount(step, values, n_steps) / np.bincount(step, minlength=n_steps)
    return answer


def _rhythms(fibrillating: Flags, noisy: Flags, measured: dict[int, str | None], values: Times) -> Iterator[str | None]:
    """Name each step: fibrillation, or what the measured windows before and after it agree on."""
    at = np.array(list(measured), dtype=np.int64)
    names = [("sinus_rhythm" if name == "sinus" else name) for name in measured.values()]
    for step in range(len(noisy)):
        if fibrillating[step] or noisy[step] or not names:
            yield "atrial_fibrillation" if fibrillating[step] else None
            continue
        before, after = np.searchsorted(at, step, side="right") - 1, np.searchsorted(at, step)
        near = {names[max(int(before), 0)], names[min(int(after), len(names) - 1)]}
        agreed = near.pop() if len(near) == 1 else None
        # A window too short for an episode, or irregular between regular ones, says nothing.
        yield None if agreed == "atrial_fibrillation" or not values[step] < ENTER else agreed


def _episodes(duration_s: float, beats: BeatList, known: Flags, trend: Trend, fibrillating: Flags) -> Iterator[Episode]:
    times_s, step = beats.times_s, _steps(beats.times_s, len(fibrillating))
    yield from flagged("atrial_fibrillation", fibrillating, STEP_S, duration_s, times_s)
    yield from pauses(times_s, fibrillating[step[:-1]], known)
    yield from lost_beats(times_s, ~known & ~_touches(trend.noisy, step[:-1], step[1:]))
    yield from rate_episodes(trend.mean_bpm, STEP_S, duration_s, times_s)
    yield from flagged("noise", trend.noisy, STEP_S, duration_s, times_s)
    yield from ventricular_runs(times_s, beats.of("V"), known)
    yield from supraventricular_runs(times_s, beats.of("S"), known)
    yield from patterns(times_s, beats.of("SV"))


def _bounded(episodes: list[Episode]) -> tuple[Episode, ...]:
    """Keep the longest of each kind where there are very many."""
    kept = list(episodes)
    for kind, count in Counter(one.kind for one in episodes).items():
        if count > _MOST_EPISODES:
            longest = sorted((one for one in kept if one.kind == kind), key=lambda one: -one.duration_s)[:_MOST_EPISODES]
            chosen = set(map(id, longest))
            kept = [one for one in kept if one.kind != kind or id(one) in chosen]
    return tuple(kept)


def _seconds(duration_s: float, n_steps: int) -> Times:
    """Return (n_steps,) lengths of the steps, of which the last may be shorter."""
    seconds = np.full(n_steps, STEP_S)
    seconds[-1] = duration_s - STEP_S * (n_steps - 1)
    return seconds


def _hours(duration_s: float, beats: BeatList, trend: Trend, fibrillating: Flags, episodes: list[Episode]) -> Iterator[Hour]:
    seconds = _seconds(duration_s, len(trend.noisy))
    pause_s = np.array([one.start_s for one in episodes if one.kind == "pause"])
    for start_s in np.arange(0.0, duration_s, _HOUR_S).tolist():
        steps = slice(round(start_s / STEP_S), round((start_s + _HOUR_S) / STEP_S))
        here = (beats.times_s >= start_s) & (beats.times_s < start_s + _HOUR_S)
        of_rate = partial(_known, trend.mean_bpm[steps])
        yield Hour(
            start_s=start_s,
            n_beats=int(here.sum()),
            counts={letter: int((beats.classes[here] == letter).sum()) for letter in AAMI_CLASSES},
            mean_bpm=of_rate(np.mean),
            lowest_bpm=of_rate(np.min),
            highest_bpm=of_rate(np.max),
            pauses=int(((pause_s >= start_s) & (pause_s < start_s + _HOUR_S)).sum()),
            atrial_fibrillation_s=float(seconds[steps][fibrillating[steps]].sum()),
            noise_s=float(seconds[steps][trend.noisy[steps]].sum()),
        )


def _known(values: Times, pick: Callable[[Times], float]) -> float:
    known = values[np.isfinite(values)]
    return float(pick(known)) if len(known) else float("nan")
