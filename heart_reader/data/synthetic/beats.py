"""From parameters to a record: place the beats, move the heart vector, project it, add noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS, derive_limb_leads
from heart_reader.data.record import EcgRecord
from heart_reader.data.signal import resample
from heart_reader.data.synthetic.heart import (
    LIMB_VECTORS,
    MIN_ST_T_MS,
    EcgParameters,
    EcgTruth,
    Morphology,
    SimulatedEcg,
    Vector,
    Wave,
    axis_of,
    turn_to_axis,
)
from heart_reader.data.synthetic.noise import lead_noise

__all__ = [
    "SHARP",
    "Segment",
    "add_beats",
    "add_wave",
    "peak_leads_mv",
    "qrs_loop",
    "record_heart",
    "simulate",
    "simulate_with_truth",
]

# Slower rates are resampled from this one, so that they are band-limited as a recorder's signal is.
_MIN_INTERNAL_HZ = 500.0
# Exponents of the cosine that draws a wave: 1.5 starts visibly but without a corner, 2.5 gives T
# its slow rise.
SHARP, _SLOW = 1.5, 2.5
# The ST level is reached from the last part of QRS and is exact at the J point.
_ST_RAMP = 0.4
_BREATHS_HZ = (0.18, 0.30)


@dataclass(frozen=True, eq=False)
class Segment:
    """Begin, length (seconds) and relative amplitude of P, QRS, ST-T or QT in each beat."""

    onset_s: NDArray[np.float64]
    length_s: NDArray[np.float64]
    gain: NDArray[np.float64]


def simulate(
    parameters: EcgParameters, *, rng: np.random.Generator, fs: float, duration_s: float, record_id: str = "simulated"
) -> EcgRecord:
    """Simulate a 12-lead ECG; :func:`simulate_with_truth` also says where its waves are.

    Examples
    --------
    >>> record = simulate(EcgParameters(), rng=np.random.default_rng(0), fs=100.0, duration_s=10.0)
    >>> record.signal.shape, record.lead_names[:3]
    ((12, 1000), ('I', 'II', 'III'))
    """
    return simulate_with_truth(parameters, rng=rng, fs=fs, duration_s=duration_s, record_id=record_id).record


def simulate_with_truth(
    parameters: EcgParameters, *, rng: np.random.Generator, fs: float, duration_s: float, record_id: str = "simulated"
) -> SimulatedEcg:
    """Simulate a 12-lead ECG and keep the times of its waves.

    Parameters
    ----------
    parameters
        The heart, its rhythm and the noise.
    rng
        Source of all chance: irregularity, breathing, noise.
    fs
        Hz.

    Raises
    ------
    ConfigError
        If the axis of the parameters cannot be reached.

    Examples
    --------
    >>> person, rng = EcgParameters(pr_ms=180.0), np.random.default_rng(0)
    >>> round(simulate_with_truth(person, rng=rng, fs=500.0, duration_s=10.0).truth.pr_ms, 6)
    180.0
    """
    internal_hz = max(fs, _MIN_INTERNAL_HZ)
    vector = np.zeros((math.ceil(duration_s * internal_hz) + 1, 3))
    heart = turn_to_axis(parameters.morphology, parameters.axis_deg)
    beats = _place_beats(parameters, rng, duration_s)
    alike = np.ones_like(beats.gain)
    p = Segment(beats.onset_s - parameters.pr_ms / 1000.0, parameters.p_ms / 1000.0 * alike, alike)
    for wave in heart.p:
        add_wave(vector, internal_hz, wave, p, SHARP)
    qrs_s = parameters.qrs_ms / 1000.0
    add_beats(vector, internal_hz, heart, Segment(beats.onset_s, qrs_s * alike, beats.gain), beats.length_s - qrs_s)
    record = record_heart(vector.T, parameters, rng=rng, internal_hz=internal_hz, fs=fs, duration_s=duration_s, record_id=record_id)
    return SimulatedEcg(record, _truth(parameters, heart, beats, duration_s), parameters)


def record_heart(
    vector: NDArray[np.float64],
    parameters: EcgParameters,
    *,
    rng: np.random.Generator,
    internal_hz: float,
    fs: float,
    duration_s: float,
    record_id: str,
) -> EcgRecord:
    """Project a heart vector, (3, n_times) in mV, on leads, add noise, and sample at ``fs``."""
    clean = seen_by_leads(vector, parameters.chest_leads)
    noise = lead_noise(parameters.noise, rng=rng, fs=internal_hz, n_times=vector.shape[1])
    seen = resample(clean + noise, internal_hz, fs)[:, : round(duration_s * fs)]
    limb = derive_limb_leads(seen[0], seen[1])
    return EcgRecord(
        record_id=record_id,
        signal=np.stack([seen[0], seen[1], *limb.values(), *seen[2:]]).astype(np.float32),
        fs=float(fs),
        lead_names=STANDARD_LEADS,
        age=parameters.age,
        sex=parameters.sex,
        source_format="simulated",
    )


def peak_leads_mv(parameters: EcgParameters) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the largest and the smallest QRS value in I, II, V1 to V6, each (8,) in mV."""
    qrs = qrs_loop(turn_to_axis(parameters.morphology, parameters.axis_deg))
    seen = seen_by_leads(qrs, parameters.chest_leads)
    return seen.max(axis=1), seen.min(axis=1)


def seen_by_leads(vector: NDArray[np.float64], chest_leads: tuple[Vector, ...]) -> NDArray[np.float64]:
    """Project (3, n_times) on I, II, V1 to V6."""
    return np.array([*LIMB_VECTORS, *chest_leads]) @ vector


def _place_beats(parameters: EcgParameters, rng: np.random.Generator, duration_s: float) -> Segment:
    """Draw RR intervals that breathing speeds up and slows down, and what follows from them."""
    mean_rr = 60.0 / parameters.heart_rate_bpm
    n_beats = math.ceil(1.3 * duration_s / mean_rr) + 4
    breath = 2 * np.pi * rng.uniform(*_BREATHS_HZ) * mean_rr * np.arange(n_beats) + rng.uniform(0, 2 * np.pi)
    # Breathing carries four fifths of the deviation, chance the rest: 0.8^2 + 0.6^2 = 1.
    wave = 0.8 * math.sqrt(2.0) * np.sin(breath) + 0.6 * rng.standard_normal(n_beats)
    rr = mean_rr * (1.0 + parameters.rr_variability * np.clip(wave, -2.0, 2.0))
    shortest = (parameters.pr_ms + parameters.qrs_ms + MIN_ST_T_MS) / 1000.0
    rr = np.maximum(rr, shortest)
    # T must be over before the next P begins.
    qt = np.minimum(parameters.qt_ms / 1000.0 * np.cbrt(rr / mean_rr), rr - parameters.pr_ms / 1000.0)
    onset = np.concatenate([[0.0], np.cumsum(rr[:-1])]) - rng.uniform(0.0, 1.0) * mean_rr
    gain = 1.0 + 0.03 * np.sin(breath + 1.0) + 0.012 * rng.standard_normal(n_beats)
    keep = onset < duration_s + mean_rr
    return Segment(onset[keep], qt[keep], gain[keep])


def add_beats(vector: NDArray[np.float64], fs: float, heart: Morphology, qrs: Segment, st_t_s: NDArray[np.float64]) -> None:
    """Add QRS, ST and T of beats that look alike, T ending ``st_t_s`` after QRS."""
    st_t = Segment(qrs.onset_s + qrs.length_s, st_t_s, qrs.gain)
    for waves, segment, rise in ((heart.qrs, qrs, SHARP), (heart.t, st_t, _SLOW)):
        for wave in waves:
            add_wave(vector, fs, wave, segment, rise)
    # The ST level is there at the J point, and gone when T is.
    ramp_s = _ST_RAMP * qrs.length_s
    begin, fall, end = st_t.onset_s - ramp_s, st_t.onset_s + heart.t[0].start * st_t_s, st_t.onset_s + st_t_s
    index, times = _support(begin, end, fs)
    up = _smooth_step((times - begin[:, None]) / ramp_s[:, None])
    down = _smooth_step((times - fall[:, None]) / (end - fall)[:, None])
    _add(vector, index, up * (1.0 - down) * qrs.gain[:, None], heart.st)


def add_wave(vector: NDArray[np.float64], fs: float, wave: Wave, segment: Segment, rise: float) -> None:
    """Add one wave of every beat; waves of neighbouring beats never overlap."""
    start, peak, end = (segment.onset_s + fraction * segment.length_s for fraction in (wave.start, wave.peak, wave.end))
    index, times = _support(start, end, fs)
    before = times < peak[:, None]
    far = np.where(before, peak[:, None] - times, times - peak[:, None])
    far /= np.where(before, (peak - start)[:, None], (end - peak)[:, None])
    shape = np.where(far < 1.0, np.cos(0.5 * np.pi * np.minimum(far, 1.0)) ** np.where(before, rise, SHARP), 0.0)
    _add(vector, index, shape * segment.gain[:, None], wave.vector)


def _support(start: NDArray[np.float64], end: NDArray[np.float64], fs: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the (n_beats, n) time points, and seconds, from each start on."""
    first = np.ceil(start * fs).astype(np.int64)
    index = first[:, None] + np.arange(max(1, math.ceil(float((end - start).max()) * fs)))
    return index, index / fs


def _smooth_step(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _add(vector: NDArray[np.float64], index: NDArray[np.int64], amount: NDArray[np.float64], direction: Vector) -> None:
    inside = (index >= 0) & (index < len(vector)) & (amount != 0.0)
    vector[index[inside]] += amount[inside, None] * np.asarray(direction)


def qrs_loop(heart: Morphology) -> NDArray[np.float64]:
    """Return the heart vector over one QRS, (3, 401)."""
    n_times = 401
    loop = np.zeros((n_times, 3))
    segment = Segment(np.zeros(1), np.ones(1), np.ones(1))
    for wave in heart.qrs:
        add_wave(loop, n_times - 1.0, wave, segment, SHARP)
    return loop.T


def _truth(parameters: EcgParameters, heart: Morphology, beats: Segment, duration_s: float) -> EcgTruth:
    qrs_s, pr_s = parameters.qrs_ms / 1000.0, parameters.pr_ms / 1000.0
    keep = (beats.onset_s >= 0.0) & (beats.onset_s + qrs_s <= duration_s)
    onset, qt = beats.onset_s[keep], beats.length_s[keep]
    p_onset = beats.onset_s - pr_s
    largest = np.argmax(np.linalg.norm(qrs_loop(heart), axis=0)) / 400.0
    return EcgTruth(
        beat_s=onset + largest * qrs_s,
        p_onset_s=onset - pr_s,
        p_offset_s=onset - pr_s + parameters.p_ms / 1000.0,
        qrs_onset_s=onset,
        qrs_offset_s=onset + qrs_s,
        t_onset_s=onset + qrs_s + heart.t[0].start * (qt - qrs_s),
        t_offset_s=onset + qt,
        axis_deg=axis_of(heart),
        beat_kinds=("normal",) * len(onset),
        visible_p_s=p_onset[(p_onset >= 0.0) & (p_onset + parameters.p_ms / 1000.0 <= duration_s)],
    )
