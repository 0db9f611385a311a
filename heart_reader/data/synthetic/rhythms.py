"""Simulate a rhythm: draw the waves of its events, and keep the truth about each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.synthetic.beats import SHARP, Segment, add_beats, add_wave, qrs_loop, record_heart
from heart_reader.data.synthetic.heart import (
    HEART_DATA,
    HEARTS,
    EcgParameters,
    EcgTruth,
    Morphology,
    NoiseLevels,
    SimulatedEcg,
    Wave,
    as_tuples,
    axis_of,
    scaled,
    turn_to_axis,
)
from heart_reader.data.synthetic.population import draw_parameters
from heart_reader.data.synthetic.rhythm_events import CONDUCTED, ECTOPIC, PACED, PREEXCITED, SCHEDULES, Events, Timing
from heart_reader.errors import ConfigError

__all__ = ["SIMULATED_RHYTHMS", "simulate_rhythm"]

Array = NDArray[np.float64]

# Slower rates are resampled from this one.
_LEAST_INTERNAL_HZ = 500.0
_SPIKE_S, _SPIKE_MV = 0.001, (2.6, 1.6, -1.8)
# T is over so long before the next QRS complex, but lasts at least so long after its own.
_BEFORE_QRS_S, _LEAST_ST_T_S = 0.01, 0.11
_SHORT_P_MS = 84.0
# QT as a share of RR at most.
_QT_SHARE = 0.85


@dataclass(frozen=True)
class _Shape:
    """How a kind of beat is drawn: waves, and seconds of QRS and of J point to T offset."""

    heart: Morphology
    qrs_s: float
    st_t_s: float


@dataclass(frozen=True)
class _Named:
    """A schedule's rhythm, findings beside it, statements, and what else the heart has."""

    rhythm: str = "sinus"
    findings: tuple[str, ...] = ()
    scp_codes: tuple[str, ...] = ()
    heart: str = "normal"


_RHYTHMS = {name: _Named(**as_tuples(values)) for name, values in HEART_DATA["rhythms"].items()}
SIMULATED_RHYTHMS: tuple[str, ...] = tuple(SCHEDULES)

# First forces over an accessory pathway on the left side: slow, to the front and downwards, hence
# positive in V1 and II.
_DELTA = Wave(0.0, 0.36, 0.62, (0.16, 0.20, -0.34))
_DELTA_SHARE = 0.28


def simulate_rhythm(
    name: str,
    *,
    rng: np.random.Generator,
    fs: float,
    duration_s: float,
    noise: NoiseLevels | None = None,
    record_id: str = "simulated",
) -> SimulatedEcg:
    """Simulate a person in a given rhythm.

    Parameters
    ----------
    name
        One of ``SIMULATED_RHYTHMS``.
    rng
        Source of all chance: the person, the rhythm, and the noise.
    fs
        Hz.
    noise
        Levels at the electrodes; None draws them.

    Returns
    -------
    SimulatedEcg
        Ten seconds and longer hold what the name says at least once. The parameters are those of
        the person; rate and intervals of the rhythm are in the truth.

    Raises
    ------
    ConfigError
        If there is no such rhythm.

    Examples
    --------
    >>> ecg = simulate_rhythm("paced", rng=np.random.default_rng(0), fs=100.0, duration_s=10.0)
    >>> ecg.record.signal.shape, ecg.truth.rhythm
    ((12, 1000), 'paced')
    """
    if name not in SCHEDULES:
        raise ConfigError(f"simulated rhythm {name!r}: choose among {', '.join(SIMULATED_RHYTHMS)}")
    named = _RHYTHMS[name]
    person = draw_parameters([named.heart], rng)
    # P is over before an early delta wave begins.
    p_ms = min(person.p_ms, _SHORT_P_MS) if name == "preexcitation" else person.p_ms
    person = replace(person, p_ms=p_ms, scp_codes=dict.fromkeys(named.scp_codes, 100.0), noise=person.noise if noise is None else noise)
    qt_s = person.qt_ms / 1000.0 * math.cbrt(person.heart_rate_bpm / 70.0)
    events = SCHEDULES[name](Timing(rng, duration_s, person.pr_ms / 1000.0, qt_s, person.rr_variability))
    shapes = _shapes(person, qt_s, rng)
    onset_s, st_t_s = _st_t(events, shapes)
    internal_hz = max(fs, _LEAST_INTERNAL_HZ)
    vector = np.zeros((math.ceil(duration_s * internal_hz) + 1, 3))
    _draw_beats(vector, internal_hz, events, shapes, onset_s=onset_s, st_t_s=st_t_s, rng=rng)
    _draw_atria(vector, internal_hz, events, person, rng)
    for spike_s in events.spikes_s:
        _add_spike(vector, internal_hz, spike_s)
    record = record_heart(vector.T, person, rng=rng, internal_hz=internal_hz, fs=fs, duration_s=duration_s, record_id=record_id)
    return SimulatedEcg(record, _truth(named, events, shapes, st_t_s=st_t_s, p_s=person.p_ms / 1000.0, duration_s=duration_s), person)


def _shapes(person: EcgParameters, qt_s: float, rng: np.random.Generator) -> dict[str, _Shape]:
    """Draw how the beats of this person look, from wherever they arise."""
    heart = turn_to_axis(person.morphology, person.axis_deg)
    qrs_s = person.qrs_ms / 1000.0
    st_t_s = qt_s - qrs_s
    # Normal spread, without the first forces of its own, follows those of the pathway.
    rest = []
    for wave in heart.qrs[1:]:
        start, peak, end = (_DELTA_SHARE + (1.0 - _DELTA_SHARE) * share for share in wave[:3])
        rest.append(Wave(start, peak, end, wave.vector))
    t = tuple(wave._replace(vector=scaled(wave.vector, 0.45)) for wave in heart.t)
    preexcited = replace(heart, qrs=(_DELTA, *rest), st=(-0.04, -0.05, 0.03), t=t)
    ectopic = _varied(HEARTS[("outflow", "left_apex")[int(rng.integers(2))]], rng)
    return {
        CONDUCTED: _Shape(heart, qrs_s, st_t_s),
        ECTOPIC: _Shape(ectopic, rng.uniform(0.142, 0.166), st_t_s + 0.02),
        PACED: _Shape(_varied(HEARTS["right_apex"], rng), rng.uniform(0.150, 0.175), st_t_s + 0.01),
        PREEXCITED: _Shape(preexcited, rng.uniform(0.124, 0.142), st_t_s),
    }


def _varied(heart: Morphology, rng: np.random.Generator) -> Morphology:
    """Make a heart louder or softer, and each wave a little different."""
    gain = rng.lognormal(0.0, 0.15)

    def vary(waves: tuple[Wave, ...]) -> tuple[Wave, ...]:
        return tuple(wave._replace(vector=scaled(wave.vector, gain * rng.lognormal(0.0, 0.08))) for wave in waves)

    return replace(heart, qrs=vary(heart.qrs), st=scaled(heart.st, gain), t=vary(heart.t))


def _st_t(events: Events, shapes: dict[str, _Shape]) -> tuple[Array, Array]:
    """Return QRS onsets, and J point to T offset: set by the RR before, over by the next QRS."""
    onset_s = np.array([beat.onset_s for beat in events.beats])
    qrs_s = np.array([shapes[beat.shape].qrs_s for beat in events.beats])
    full_s = np.array([shapes[beat.shape].st_t_s for beat in events.beats])
    rr_s = np.diff(onset_s)
    typical_s = float(np.median(rr_s))
    before_s, after_s = np.concatenate([[typical_s], rr_s]), np.concatenate([rr_s, [typical_s]])
    # Half of the change comes with the last interval, half with the usual one.
    qt_s = (qrs_s + full_s) * np.cbrt(np.sqrt(np.clip(before_s, 0.4, 1.4) * min(max(typical_s, 0.3), 1.4)) * 70.0 / 60.0)
    st_t_s = np.minimum(qt_s, _QT_SHARE * np.maximum(before_s, typical_s)) - qrs_s
    return onset_s, np.minimum(np.maximum(st_t_s, _LEAST_ST_T_S), after_s - qrs_s - _BEFORE_QRS_S)


def _draw_beats(
    vector: Array, fs: float, events: Events, shapes: dict[str, _Shape], *, onset_s: Array, st_t_s: Array, rng: np.random.Generator
) -> None:
    """Add QRS, ST and T of every beat."""
    breath = 2 * np.pi * rng.uniform(0.18, 0.30) * onset_s + rng.uniform(0.0, 2 * np.pi)
    gain = 1.0 + 0.03 * np.sin(breath) + 0.012 * rng.standard_normal(len(onset_s))
    names = np.array([beat.shape for beat in events.beats])
    for name, shape in shapes.items():
        these = names == name
        if these.any():
            qrs = Segment(onset_s[these], np.full(int(these.sum()), shape.qrs_s), gain[these])
            add_beats(vector, fs, shape.heart, qrs, st_t_s[these])


def _draw_atria(vector: Array, fs: float, events: Events, person: EcgParameters, rng: np.random.Generator) -> None:
    """Add P waves, or the waves of flutter or fibrillation."""
    sinus = person.morphology.p
    # From low in the left atrium: upwards, so that P is inverted in II, III and aVF.
    ectopic = tuple(wave._replace(vector=(0.4 * wave.vector[0], -1.1 * wave.vector[1], wave.vector[2])) for wave in sinus)
    for waves, onsets in ((sinus, events.sinus_p_s), (ectopic, events.ectopic_p_s)):
        if onsets:
            segment = Segment(np.array(onsets), np.full(len(onsets), person.p_ms / 1000.0), np.ones(len(onsets)))
            for wave in waves:
                add_wave(vector, fs, wave, segment, SHARP)
    if events.flutter_hz:
        vector += _flutter_waves(len(vector), fs, events.flutter_hz, rng)
    if events.fibrillation:
        vector += _fibrillation_waves(len(vector), fs, rng)


def _add_spike(vector: Array, fs: float, spike_s: float) -> None:
    """Add a spike as a recorder takes it: each sample is a mean over its share of time."""
    index = np.arange(math.floor(spike_s * fs), math.ceil((spike_s + _SPIKE_S) * fs) + 1)
    begin, end = (index - 0.5) / fs, (index + 0.5) / fs
    share = np.maximum(np.minimum(end, spike_s + _SPIKE_S) - np.maximum(begin, spike_s), 0.0) * fs
    inside = (index >= 0) & (index < len(vector))
    vector[index[inside]] += np.outer(share[inside], _SPIKE_MV)


def _flutter_waves(n_times: int, fs: float, hz: float, rng: np.random.Generator) -> Array:
    """Draw a saw-tooth, (n_times, 3) in mV: down, quickly up in II, III, aVF; upright in V1."""
    at, height = (0.0, 0.42, 0.66, 0.86, 1.0), (0.45, 0.05, -1.0, 0.62, 0.45)
    phase = np.arange(n_times) / fs * hz + rng.uniform(0.0, 1.0)
    grid = np.linspace(0.0, 1.0, 200, endpoint=False)
    # A corner of the heart's own has no infinitely sharp edge.
    window = np.hanning(19) / np.hanning(19).sum()
    tooth = np.convolve(np.tile(np.interp(grid, at, height), 3), window, mode="same")[200:400]
    wave = np.interp(phase % 1.0, grid, tooth - tooth.mean(), period=1.0)
    later = np.interp((phase - 0.12) % 1.0, grid, tooth - tooth.mean(), period=1.0)
    size = rng.uniform(1.0, 1.5)
    return size * (np.outer(wave, (0.01, 0.095, -0.02)) + np.outer(later, (0.0, 0.0, 0.085)))


def _fibrillation_waves(n_times: int, fs: float, rng: np.random.Generator) -> Array:
    """Draw wavelets of wandering rate and height, (n_times, 3) in mV, largest in V1."""
    times = np.arange(n_times) / fs
    knots = np.arange(0.0, times[-1] + 0.8, 0.4)
    waves = np.zeros((n_times, 3))
    base = rng.uniform(370.0, 470.0) / 60.0
    for share, direction in ((1.0, (0.018, 0.026, -0.060)), (0.6, (-0.015, 0.030, -0.030)), (0.4, (0.030, -0.01, -0.030))):
        hz = np.clip(base + rng.normal(0.0, 0.5, len(knots)), 350.0 / 60.0, 500.0 / 60.0)
        phase = 2 * np.pi * (np.cumsum(np.interp(times, knots, hz)) / fs + rng.uniform())
        height = share * np.interp(times, knots, rng.uniform(0.45, 1.15, len(knots)))
        # The second harmonic makes the waves pointed.
        waves += np.outer(height * (np.sin(phase) + 0.25 * np.sin(2 * phase + 0.6)), direction)
    return waves * rng.uniform(0.75, 1.2)


def _truth(named: _Named, events: Events, shapes: dict[str, _Shape], *, st_t_s: Array, p_s: float, duration_s: float) -> EcgTruth:
    """Collect the beats that lie within the record, the P waves to be seen, and the spikes."""
    largest = {name: float(np.argmax(np.linalg.norm(qrs_loop(shape.heart), axis=0))) / 400.0 for name, shape in shapes.items()}
    qrs_s = np.array([shapes[beat.shape].qrs_s for beat in events.beats])
    onset_s = np.array([beat.onset_s for beat in events.beats])
    keep = (onset_s >= 0.0) & (onset_s + qrs_s <= duration_s)
    peak_s = onset_s + qrs_s * [largest[beat.shape] for beat in events.beats]
    p_onset_s = np.array([beat.p_s for beat in events.beats])
    t_start = np.array([shapes[beat.shape].heart.t[0].start for beat in events.beats])
    p_all = np.sort(np.array([*events.sinus_p_s, *events.ectopic_p_s]))
    covered = (
        ((p_all[:, None] < onset_s + qrs_s) & (p_all[:, None] + p_s > onset_s + 1e-9)).any(axis=1) if len(p_all) else np.zeros(0, bool)
    )
    visible = p_all[~covered & (p_all >= 0.0) & (p_all + p_s <= duration_s)]
    spikes_s = np.array(events.spikes_s)
    # The shape of the rhythm itself: ectopic only where there is no other.
    others = [beat.shape for beat in events.beats if beat.shape != ECTOPIC]
    usual = max(set(others), key=others.count) if others else ECTOPIC
    return EcgTruth(
        beat_s=peak_s[keep],
        p_onset_s=p_onset_s[keep],
        p_offset_s=p_onset_s[keep] + p_s,
        qrs_onset_s=onset_s[keep],
        qrs_offset_s=(onset_s + qrs_s)[keep],
        t_onset_s=(onset_s + qrs_s + t_start * st_t_s)[keep],
        t_offset_s=(onset_s + qrs_s + st_t_s)[keep],
        axis_deg=axis_of(shapes[usual].heart),
        rhythm=named.rhythm,
        rhythm_findings=named.findings,
        beat_kinds=tuple(beat.kind for beat, kept in zip(events.beats, keep, strict=True) if kept),
        visible_p_s=visible,
        spike_s=spikes_s[(spikes_s >= 0.0) & (spikes_s + _SPIKE_S <= duration_s)],
    )
