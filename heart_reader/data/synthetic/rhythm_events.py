"""When atria and ventricles of a simulated rhythm are excited; waves are drawn from that.

Times are in seconds from the start of the record; a list begins before it and ends after it.

References
----------
Surawicz B., Knilans T. K. Chou's Electrocardiography in Clinical Practice, 6th ed. Saunders, 2008.
Issa Z. F., Miller J. M., Zipes D. P. Clinical Arrhythmology and Electrophysiology, 3rd ed.
Elsevier, 2018.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

__all__ = ["SCHEDULES", "Beat", "Events", "Schedule", "Timing"]

NORMAL, SUPRAVENTRICULAR, VENTRICULAR, PACED = "normal", "supraventricular", "ventricular", "paced"
# The shapes of the beats are those of ``rhythms.py``.
CONDUCTED, ECTOPIC, PREEXCITED = "conducted", "ectopic", "preexcited"
# From the spike to the first visible QRS wave.
_CAPTURE_S = 0.006
# A sinus P wave so soon after a QRS onset finds the conduction system refractory.
_REFRACTORY_S = 0.30


class Beat(NamedTuple):
    """One excitation of the ventricles: what the truth calls it, and how it is drawn.

    ``p_s`` is the onset of the P wave that led to it, or NaN.
    """

    onset_s: float
    p_s: float = math.nan
    kind: str = NORMAL
    shape: str = CONDUCTED


@dataclass
class Events:
    """What happens in one record.

    Parameters
    ----------
    beats
        Beats in rising order of time.
    sinus_p_s, ectopic_p_s
        Onsets of P waves from the sinus node and from elsewhere in the atria.
    spikes_s
        Onsets of a pacemaker's spikes.
    flutter_hz, fibrillation
        Rate of the atria in flutter (0: none), and whether they fibrillate.
    """

    beats: list[Beat] = field(default_factory=list)
    sinus_p_s: list[float] = field(default_factory=list)
    ectopic_p_s: list[float] = field(default_factory=list)
    spikes_s: list[float] = field(default_factory=list)
    flutter_hz: float = 0.0
    fibrillation: bool = False

    def conduct(self, p_s: float, pr_s: float, shape: str = CONDUCTED) -> None:
        """Add a sinus P wave and the beat it leads to."""
        self.sinus_p_s.append(p_s)
        self.beats.append(Beat(p_s + pr_s, p_s, shape=shape))


class Timing(NamedTuple):
    """What a schedule starts from: chance, and a person's intervals in sinus rhythm.

    ``variability`` is the standard deviation of RR intervals as a fraction of their mean.
    """

    rng: np.random.Generator
    duration_s: float
    pr_s: float
    qt_s: float
    variability: float

    def sinus_intervals(self, bpm: tuple[float, float]) -> Iterator[float]:
        """Yield the intervals of a sinus node, endlessly; breathing and chance change them."""
        mean = 60.0 / self.rng.uniform(*bpm)
        turn, phase = 2 * np.pi * self.rng.uniform(0.18, 0.30) * mean, self.rng.uniform(0.0, 2 * np.pi)
        while True:
            phase += turn
            wave = 0.8 * math.sqrt(2.0) * math.sin(phase) + 0.6 * float(np.clip(self.rng.standard_normal(), -2.0, 2.0))
            yield mean * (1.0 + min(self.variability, 0.05) * wave)

    def sinus(self, bpm: tuple[float, float]) -> Iterator[tuple[int, float, float]]:
        """Yield number, onset and following interval of each P wave up to the end of the record."""
        at = -self.rng.uniform(0.2, 1.0) * 60.0 / bpm[1] - self.pr_s
        for number, interval in enumerate(self.sinus_intervals(bpm)):
            if at > self.duration_s + 1.0:
                return
            yield number, at, interval
            at += interval

    def every(self, number: int, some: tuple[int, int]) -> Iterator[int]:
        """Yield ``number``, then one after some more, endlessly."""
        while True:
            yield number
            number += int(self.rng.integers(some[0], some[1] + 1))


Schedule = Callable[[Timing], Events]


def _conducting(bpm: tuple[float, float], pr_s: tuple[float, float] | None = None, shape: str = CONDUCTED) -> Schedule:
    """Every P wave leads to a beat; PR is the person's own, or drawn from a range."""

    def schedule(timing: Timing) -> Events:
        events, own_pr_s = Events(), timing.pr_s if pr_s is None else timing.rng.uniform(*pr_s)
        for _, p_s, _ in timing.sinus(bpm):
            events.conduct(p_s, own_pr_s, shape)
        return events

    return schedule


def _fibrillation(timing: Timing) -> Events:
    events = Events(fibrillation=True)
    mean, spread = 60.0 / timing.rng.uniform(70.0, 125.0), timing.rng.uniform(0.19, 0.27)
    at = -timing.rng.uniform(0.0, mean)
    while at < timing.duration_s + 1.0:
        events.beats.append(Beat(at))
        at += max(0.34, mean * timing.rng.lognormal(-0.5 * spread**2, spread))
    return events


def _flutter(ratio: int) -> Schedule:
    def schedule(timing: Timing) -> Events:
        events = Events(flutter_hz=timing.rng.uniform(255.0, 335.0) / 60.0)
        cycle = ratio / events.flutter_hz
        first = -timing.rng.uniform(0.0, cycle)
        count = math.ceil((timing.duration_s + 1.0 - first) / cycle)
        events.beats += [Beat(first + number * cycle + timing.rng.normal(0.0, 0.003)) for number in range(count)]
        return events

    return schedule


def _ventricular(lead_in: int, some: tuple[int, int]) -> Schedule:
    """Premature ventricular beats; the sinus node goes on, so that the pause compensates."""

    def schedule(timing: Timing) -> Events:
        events, coupling = Events(), timing.rng.uniform(0.55, 0.64)
        numbers = timing.every(lead_in, some)
        due = next(numbers)
        for number, p_s, interval in timing.sinus((58.0, 82.0)):
            if number == due:
                early_s = events.beats[-1].onset_s + max(coupling * interval, 0.40)
                events.beats.append(Beat(early_s, kind=VENTRICULAR, shape=ECTOPIC))
                events.sinus_p_s.append(p_s)
                due = next(numbers)
            else:
                events.conduct(p_s, timing.pr_s)
        return events

    return schedule


def _premature_atrial(timing: Timing) -> Events:
    """Early atrial beats reset the sinus node, so that the pause does not compensate."""
    events, numbers = Events(), timing.every(2, (4, 7))
    due, coupling = next(numbers), timing.rng.uniform(0.66, 0.74)
    at = -timing.rng.uniform(0.2, 0.8) - timing.pr_s
    for number, interval in enumerate(timing.sinus_intervals((58.0, 78.0))):
        if at > timing.duration_s + 1.0:
            return events
        if number == due:
            at -= (1.0 - coupling) * interval
            events.ectopic_p_s.append(at)
            events.beats.append(Beat(at + timing.pr_s + 0.01, at, SUPRAVENTRICULAR))
            at += 1.05 * interval
            due = next(numbers)
        else:
            events.conduct(at, timing.pr_s)
            at += interval
    return events


def _runs(timing: Timing) -> Events:
    """Three to six ventricular beats, then sinus beats when conduction has recovered."""
    events, numbers = Events(), timing.every(2, (12, 18))
    due, cycle = next(numbers), 60.0 / timing.rng.uniform(140.0, 175.0)
    for number, p_s, _ in timing.sinus((62.0, 84.0)):
        if number == due:
            first = events.beats[-1].onset_s + max(0.44, 1.1 * cycle)
            length = int(timing.rng.integers(3, 7))
            shifts = timing.rng.normal(0.0, 0.008, length)
            events.beats += [Beat(first + k * cycle + float(shifts[k]), kind=VENTRICULAR, shape=ECTOPIC) for k in range(length)]
            due = next(numbers)
        if p_s + timing.pr_s > events.beats[-1].onset_s + _REFRACTORY_S + 0.15 if events.beats else True:
            events.conduct(p_s, timing.pr_s)
        else:
            events.sinus_p_s.append(p_s)
    return events


def _regular(bpm: tuple[float, float], kind: str, shape: str, jitter: float, sinus_bpm: tuple[float, float] | None = None) -> Schedule:
    """Regular beats that no P wave leads to; the sinus node may go on for itself."""

    def schedule(timing: Timing) -> Events:
        events, mean = Events(), 60.0 / timing.rng.uniform(*bpm)
        at = -timing.rng.uniform(0.0, mean)
        while at < timing.duration_s + 1.0:
            events.beats.append(Beat(at, kind=kind, shape=shape))
            at += mean * (1.0 + jitter * float(np.clip(timing.rng.standard_normal(), -2.0, 2.0)))
        if sinus_bpm is not None:
            events.sinus_p_s += [p_s for _, p_s, _ in timing.sinus(sinus_bpm)]
        return events

    return schedule


def _paced(timing: Timing) -> Events:
    """A pacemaker that follows the atria or, where they fibrillate, has a fixed rate."""
    events = Events(fibrillation=bool(timing.rng.random() < 0.5))
    if events.fibrillation:
        cycle = 60.0 / float(timing.rng.choice([60.0, 65.0, 70.0]))
        first = -timing.rng.uniform(0.0, cycle)
        onsets = [(first + k * cycle, math.nan) for k in range(math.ceil((timing.duration_s + 1.0) / cycle) + 2)]
    else:
        onsets = [(p_s + 0.17, p_s) for _, p_s, _ in timing.sinus((60.0, 85.0))]
        events.sinus_p_s = [p_s for _, p_s in onsets]
    events.spikes_s = [spike_s for spike_s, _ in onsets]
    events.beats = [Beat(spike_s + _CAPTURE_S, p_s, PACED, PACED) for spike_s, p_s in onsets]
    return events


def _dropping(bpm: tuple[float, float], cycle: tuple[int, int], pr_growth_s: tuple[float, ...]) -> Schedule:
    """The last P wave of each cycle is not conducted; PR may grow on the way to it."""

    def schedule(timing: Timing) -> Events:
        events, length = Events(), int(timing.rng.integers(*cycle))
        begin = int(timing.rng.integers(0, length))
        for number, p_s, _ in timing.sinus(bpm):
            step = (number + begin) % length
            if step < length - 1:
                events.conduct(p_s, timing.pr_s + pr_growth_s[0] + pr_growth_s[1 + step])
            else:
                events.sinus_p_s.append(p_s)
        return events

    return schedule


def _pause(timing: Timing) -> Events:
    """The sinus node stands still for two to three and a half seconds, once in ten or so."""
    events, numbers = Events(), timing.every(3, (9, 13))
    due, late_s = next(numbers), 0.0
    for number, p_s, interval in timing.sinus((58.0, 80.0)):
        if number == due:
            late_s += timing.rng.uniform(2.3, 3.4) - interval
            due = next(numbers)
        if p_s + late_s < timing.duration_s + 1.0:
            events.conduct(p_s + late_s, timing.pr_s)
    return events


# Escape beats arise low in the ventricles; of a junctional rhythm nothing atrial is seen.
SCHEDULES: dict[str, Schedule] = {
    "sinus": _conducting((58.0, 88.0)),
    "atrial_fibrillation": _fibrillation,
    "atrial_flutter_2_1": _flutter(2),
    "atrial_flutter_3_1": _flutter(3),
    "atrial_flutter_4_1": _flutter(4),
    "premature_ventricular": _ventricular(2, (4, 7)),
    "premature_supraventricular": _premature_atrial,
    "bigeminy": _ventricular(1, (2, 2)),
    "trigeminy": _ventricular(2, (3, 3)),
    "ventricular_run": _runs,
    "supraventricular_tachycardia": _regular((152.0, 215.0), NORMAL, CONDUCTED, 0.006),
    "ventricular_tachycardia": _regular((142.0, 190.0), VENTRICULAR, ECTOPIC, 0.01, (70.0, 95.0)),
    "paced": _paced,
    "av_block_1": _conducting((55.0, 72.0), (0.23, 0.32)),
    "av_block_2_mobitz_1": _dropping((64.0, 80.0), (4, 6), (0.03, 0.0, *np.cumsum([0.10, 0.05, 0.03]).tolist())),
    "av_block_2_mobitz_2": _dropping((66.0, 84.0), (3, 5), (0.0,) * 4),
    "av_block_3": _regular((32.0, 44.0), VENTRICULAR, ECTOPIC, 0.006, (72.0, 95.0)),
    "preexcitation": _conducting((60.0, 86.0), (0.088, 0.110), PREEXCITED),
    "pause": _pause,
    "junctional": _regular((40.0, 58.0), NORMAL, CONDUCTED, 0.008),
}
