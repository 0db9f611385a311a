"""One rhythm for a long recording: that of the whole, in place of the minute that was measured.

The quietest minute has extrasystoles that the whole has hardly any of, or none where the whole has
a thousand. What beats, episodes and windows of the whole say therefore stands in place of the name,
the findings and the kinds of beats of that minute, and is what the diagnosis states. Only what
needs the waves themselves, blocks and spikes of a pacemaker, is left of the minute.

References
----------
Binici Z. et al. Excessive supraventricular ectopic activity and increased risk of atrial
fibrillation and stroke. Circulation 121 (2010) 1904-1911: 30 an hour are excessive. Bigger J. T. et
al. The relationships among ventricular arrhythmias, left ventricular dysfunction, and mortality in
the 2 years after myocardial infarction. Circulation 69 (1984) 250-258: so of ventricular ones more
than ten an hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from heart_reader.conclusion.table import class_name
from heart_reader.conclusion.whole import Line, RhythmLines, WholeRhythm
from heart_reader.features.measurement import Measurements
from heart_reader.features.rhythm import RHYTHM_FINDINGS, Rhythm
from heart_reader.long.episodes import Episode, spans
from heart_reader.long.reading import LongReading
from heart_reader.messages import Message, clock, message

__all__ = ["state", "with_whole_rhythm"]

FIBRILLATION = "atrial_fibrillation"
# Fibrillation for more of the time than this is the rhythm, for less an episode of it.
_ALL_THE_TIME = 0.95
# Ectopic beats an hour from which they are more than a healthy heart has.
_FREQUENT = {"V": 10.0, "S": 30.0}
_FAST_BPM, _SLOW_BPM = 100.5, 49.5
# Fusion beats are few, and come where there are ventricular ones.
_FUSION_SHARE = 0.01
_KINDS = {"N": "normal", "S": "supraventricular", "V": "ventricular", "F": "unknown", "Q": "unknown"}
# What only the waves of the measured minute tell.
_OF_WAVES = {"pacing_spikes", "av_block_1", "av_block_2", "av_block_3"}
_SAME_BEAT_S = 0.15


def with_whole_rhythm(measurements: Measurements, whole: LongReading, minute_s: float | None) -> Measurements:
    """Return measurements whose rhythm is that of the whole recording.

    Parameters
    ----------
    measurements
        Of the recording, or of its quietest minute with the times of the recording.
    minute_s
        Where that minute begins; None where all of it was measured.
    """
    rhythm, length = measurements.rhythm, clock(whole.duration_s)
    reason = message("rhythm_whole", duration=length)
    if minute_s is not None:
        reason = message("rhythm_whole_minute", duration=length, start=clock(minute_s))
    name = _name(whole) or rhythm.name
    beats = _kinds_at(np.array(measurements.fiducials.r_peaks_s), whole, rhythm.beats)
    return replace(measurements, rhythm=Rhythm(name, reason if name else rhythm.reason, _findings(whole, rhythm), rhythm.values, beats))


def state(whole: LongReading, rhythm: Rhythm) -> WholeRhythm:
    """Write the lines of the rhythm of a long recording.

    Parameters
    ----------
    rhythm
        Of the whole, from :func:`with_whole_rhythm`.
    """
    basic = _basic(whole, rhythm)
    lines = (basic, *chain(_fibrillation(whole), _lost(whole), _ectopic(whole), _runs(whole), _patterns(whole), _pauses(whole)))
    return WholeRhythm(RhythmLines(lines, not any(line.abnormal for line in lines) and rhythm.name == "sinus"))


def _name(whole: LongReading) -> str | None:
    """Return the rhythm that most of the time with a name has; fibrillation only for nearly all."""
    if _fibrillating(whole) > _ALL_THE_TIME:
        return FIBRILLATION
    named = [name for name in whole.trend.rhythm if name not in (None, FIBRILLATION)]
    if not named:
        return FIBRILLATION if FIBRILLATION in whole.trend.rhythm else None
    most = max(sorted(set(map(str, named))), key=named.count)
    return "sinus" if most == "sinus_rhythm" else most


def _fibrillating(whole: LongReading) -> float:
    """Return the share of the time that can be judged that fibrillates."""
    clean = [name for name, noisy in zip(whole.trend.rhythm, whole.trend.noisy.tolist(), strict=True) if not noisy]
    return clean.count(FIBRILLATION) / len(clean) if clean else 0.0


def _kinds_at(peaks_s: NDArray[np.float64], whole: LongReading, measured: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the beats of the minute are by the whole recording; a paced one stays so."""
    times = whole.beats.times_s
    if not len(times) or len(measured) != len(peaks_s) or "paced" in measured:
        return measured
    after = np.clip(np.searchsorted(times, peaks_s), 1, max(1, len(times) - 1))
    nearest = np.where(peaks_s - times[after - 1] < times[np.minimum(after, len(times) - 1)] - peaks_s, after - 1, after)
    nearest = np.minimum(nearest, len(times) - 1)
    same = np.abs(times[nearest] - peaks_s) < _SAME_BEAT_S
    letters = whole.beats.classes[nearest].tolist()
    return tuple(_KINDS[letter] if there else "unknown" for letter, there in zip(letters, same.tolist(), strict=True))


def _findings(whole: LongReading, minute: Rhythm) -> tuple[str, ...]:
    counts, there = whole.beats.counts, set(whole.n_episodes)
    couplets = any(end - first == 2 for first, end in spans(whole.beats.of("V")))
    found = {
        "irregular": "irregular" in minute.findings or FIBRILLATION in there,
        "premature_supraventricular": counts["S"] > 0,
        "premature_ventricular": counts["V"] > 0,
        "couplet": couplets,
        **{name: name in there for name in ("ventricular_run", "bigeminy", "trigeminy", "pause")},
    }
    return tuple(name for name in RHYTHM_FINDINGS if (name in minute.findings if name in _OF_WAVES else found[name]))


def _basic(whole: LongReading, rhythm: Rhythm) -> Line:
    if rhythm.name is None:
        return Line("rhythm", message("rhythm_not_decided", reason=rhythm.reason), abnormal=False)
    code, words = _words(rhythm.name, whole.mean_bpm)
    lowest, highest = whole.extreme("lowest"), whole.extreme("highest")
    if lowest is None or highest is None:
        return Line("rhythm", words, code, abnormal=code != ("SR",))
    text = message("whole_rhythm", rhythm=words, mean=whole.mean_bpm, lowest=lowest[0], highest=highest[0])
    return Line("rhythm", text, code, abnormal=code != ("SR",))


def _words(name: str, mean_bpm: float) -> tuple[tuple[str, ...], Message]:
    """Return the statement that names a rhythm, if there is one, and its words."""
    sinus = "STACH" if mean_bpm > _FAST_BPM else "SBRAD" if mean_bpm < _SLOW_BPM else "SR"
    codes = {"sinus": sinus, FIBRILLATION: "AFIB", "atrial_flutter": "AFLT", "supraventricular_tachycardia": "SVTAC", "paced": "PACE"}
    if name in codes:
        return (codes[name],), class_name(codes[name])
    return (), message("ventricular_tachycardia") if name == "ventricular_tachycardia" else message("junctional_rhythm")


def _of(whole: LongReading, kind: str) -> list[Episode]:
    return [one for one in whole.episodes if one.kind == kind]


def _fibrillation(whole: LongReading) -> Iterator[Line]:
    """Yield fibrillation that comes and goes."""
    found, share = _of(whole, FIBRILLATION), _fibrillating(whole)
    if found and _name(whole) != FIBRILLATION:
        longest = clock(max(one.duration_s for one in found))
        yield Line("rhythm", message("whole_fibrillation", percent=100.0 * share, count=len(found), longest=longest), ("AFIB",))


def _lost(whole: LongReading) -> Iterator[Line]:
    if lost := _of(whole, "no_beats"):
        yield Line("rhythm", message("whole_no_beats", seconds=sum(one.duration_s for one in lost)))


def _ectopic(whole: LongReading) -> Iterator[Line]:
    counts, n_beats = whole.beats.counts, max(1, len(whole.beats.times_s))
    an_hour = max(whole.duration_s, 1800.0) / 3600.0
    for letter in ("V", "S"):
        if counts[letter]:
            code = {"V": "PVC", "S": "PAC"}[letter]
            yield Line(
                "rhythm",
                _counted(class_name(code), counts[letter], n_beats),
                (code,),
                abnormal=counts[letter] / an_hour > _FREQUENT[letter],
            )
    if counts["V"] >= counts["F"] > _FUSION_SHARE * n_beats:
        yield Line("rhythm", _counted(message("fusion_beats"), counts["F"], n_beats))


def _counted(finding: Message, count: int, n_beats: int) -> Message:
    percent = 100.0 * count / n_beats
    share = message("percent", share=percent) if percent >= 1.0 else message("percent_below", share=1)
    return message("whole_beats", finding=finding, count=count, share=share)


def _runs(whole: LongReading) -> Iterator[Line]:
    if found := _of(whole, "ventricular_run"):
        yield Line("rhythm", message("whole_ventricular_runs", count=whole.n_episodes["ventricular_run"], **_most(found)))
    if found := _of(whole, "supraventricular_run"):
        yield Line("rhythm", message("whole_supraventricular_runs", count=whole.n_episodes["supraventricular_run"], **_most(found)))
    if slow := _of(whole, "idioventricular_rhythm"):
        longest = max(one.duration_s for one in slow)
        yield Line("rhythm", message("whole_idioventricular", count=whole.n_episodes["idioventricular_rhythm"], longest=longest))


def _most(found: list[Episode]) -> dict[str, float]:
    return {"beats": max(one.n_beats for one in found), "bpm": max(one.bpm or 0.0 for one in found)}


def _patterns(whole: LongReading) -> Iterator[Line]:
    for kind, code in (("bigeminy", "BIGU"), ("trigeminy", "TRIGU")):
        if count := whole.n_episodes.get(kind, 0):
            yield Line("rhythm", message("whole_pattern", finding=class_name(code), count=count), (code,))


def _pauses(whole: LongReading) -> Iterator[Line]:
    if found := _of(whole, "pause"):
        yield Line("rhythm", message("whole_pauses", count=whole.n_episodes["pause"], longest=max(one.duration_s for one in found)))
