"""Detect, sort, average and delineate the beats of a record, the basis of all measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.record import FLAT_MV, EcgRecord
from heart_reader.features.beats import BeatClass, beat_classes, median_beat
from heart_reader.features.conditioning import MEASURING_HZ, condition, level_baseline
from heart_reader.features.delineation import Delineation, delineate
from heart_reader.features.noise import lead_noise_mv, lead_weights
from heart_reader.features.p_wave import PWaves, find_p_waves, no_p_waves, ventricles_paced
from heart_reader.features.p_wave_inputs import JudgedBeats
from heart_reader.features.pacing import find_spikes, without_spikes
from heart_reader.features.qrs_detection import detect_qrs
from heart_reader.features.ranks import median, steps

__all__ = ["BeatAnalysis", "Kind", "all_kinds", "analyse", "judged_beats", "mark_beats"]

Array = NDArray[np.floating]

# Waves are measured in one part of a longer recording: a median beat gains nothing from more.
STRETCH_S = 60.0
# Used where there is no second beat to measure an interval to.
_LONE_RR_S = 1.0


@dataclass(frozen=True, eq=False)
class Kind:
    """Beats that look alike, their median and its boundaries.

    Parameters
    ----------
    beats
        Which beats, and where.
    median
        (n_leads, n_times) in mV at ``MEASURING_HZ``.
    delineation
        Boundaries of the median; those of P are NaN where there is no P wave.
    """

    beats: BeatClass
    median: Array
    delineation: Delineation


@dataclass(frozen=True, eq=False)
class BeatAnalysis:
    """The beats of one record.

    Parameters
    ----------
    lead_names
        The leads with a signal, n_leads of them.
    r_peaks_s
        (n_beats,) times of all beats of the record, seconds.
    stretch_s
        Begin and end of the part whose waves are measured, seconds.
    signal
        (n_leads, n_times) of that part, mV at ``MEASURING_HZ``, baseline levelled.
    in_stretch
        Indices of its beats among all beats.
    rr
        Usual RR interval in the part, in time points.
    noise_mv
        (n_leads,) fast noise in mV.
    main
        The most frequent kind of beat; None if there is no whole beat.
    others
        The other kinds.
    n_spikes
        Pacemaker spikes in the part.
    spikes_s
        (n_spikes,) their times, seconds from the start of the record.
    p_waves
        Which of the beats ``in_stretch`` have a P wave.
    """

    lead_names: tuple[str, ...]
    r_peaks_s: Array
    stretch_s: tuple[float, float]
    signal: Array
    in_stretch: NDArray[np.int64]
    rr: float
    noise_mv: Array
    main: Kind | None
    others: tuple[BeatClass, ...]
    n_spikes: int
    spikes_s: Array
    p_waves: PWaves


def analyse(record: EcgRecord) -> BeatAnalysis:
    """Find the beats of a record and delineate the median of the most frequent kind.

    Parameters
    ----------
    record
        Of any length, rate and number of leads.
    """
    alive = np.flatnonzero(record.signal.max(axis=1, initial=-np.inf) - record.signal.min(axis=1, initial=np.inf) >= FLAT_MV)
    names = tuple(record.lead_names[row] for row in alive)
    signal = record.signal if len(alive) == len(record.lead_names) else record.signal[alive]
    first, last = _quietest_stretch(signal, record.fs)
    spikes = find_spikes(signal[:, first:last], record.fs) if len(alive) else np.zeros(0, np.int64)
    if len(spikes):
        signal = signal.copy()
        signal[:, first:last] = without_spikes(signal[:, first:last], record.fs, spikes)
    found = detect_qrs(signal, record.fs) if len(alive) else np.zeros(0, np.int64)
    cut = condition(signal, record.fs, found, first, last)
    levelled = level_baseline(cut.signal, cut.beats) if len(alive) else cut.signal
    in_stretch = np.flatnonzero((found >= first) & (found < last))
    rr = float(median(steps(cut.beats.astype(np.float64)))) if len(cut.beats) > 1 else _LONE_RR_S * MEASURING_HZ
    noise_mv = lead_noise_mv(levelled)
    weights = lead_weights(noise_mv)
    kinds = beat_classes(levelled if weights.min(initial=1.0) == 1.0 else levelled * weights[:, None], cut.beats)
    main = _describe(levelled, kinds[0], names, rr, weights) if kinds else None
    judged = judged_beats(levelled, names, weights, kinds, len(in_stretch))
    p_waves = _p_waves(judged, main, np.rint(spikes * (MEASURING_HZ / record.fs)).astype(np.int64))
    return BeatAnalysis(
        lead_names=names,
        r_peaks_s=_peak_times(found, record.fs, in_stretch, kinds, cut.start_s),
        stretch_s=(first / record.fs, last / record.fs),
        signal=levelled,
        in_stretch=in_stretch,
        rr=rr,
        noise_mv=noise_mv,
        main=main,
        others=tuple(kinds[1:]),
        n_spikes=len(spikes),
        spikes_s=(first + spikes) / record.fs,
        p_waves=p_waves,
    )


def all_kinds(analysis: BeatAnalysis) -> tuple[Kind, ...]:
    """Return every kind of beat, delineated, the most frequent first."""
    if analysis.main is None:
        return ()
    weights = lead_weights(analysis.noise_mv)
    others = [_describe(analysis.signal, kind, analysis.lead_names, analysis.rr, weights) for kind in analysis.others]
    for kind in others:
        if 2 * np.isfinite(analysis.p_waves.onset_ms[kind.beats.members]).sum() < len(kind.beats.members):
            _without_p(kind.delineation)
    return (analysis.main, *others)


def mark_beats(analysis: BeatAnalysis, kinds: Sequence[Kind]) -> tuple[Array, Array]:
    """Mark every beat of the part with the boundaries of the median of its kind.

    Parameters
    ----------
    kinds
        Kinds of beat from :func:`all_kinds`.

    Returns
    -------
    tuple
        (n_beats,) times of R in seconds from the start of the record, and (n_beats, n_leads, 6)
        boundaries in the same, NaN where there is none, in the order of ``BOUNDARIES``. Beats at
        the edge of the part, which are not whole, are left out.
    """
    if not kinds:
        return np.zeros(0), np.zeros((0, len(analysis.lead_names), 6))
    times = [analysis.stretch_s[0] + kind.beats.at / MEASURING_HZ for kind in kinds]
    marks = [at[:, None, None] + kind.delineation.leads[None] / 1000.0 for at, kind in zip(times, kinds, strict=True)]
    for mark, kind in zip(marks, kinds, strict=True):
        mark[np.isnan(analysis.p_waves.onset_ms[kind.beats.members]), :, :2] = np.nan
    order = np.argsort(np.concatenate(times))
    return np.concatenate(times)[order], np.concatenate(marks)[order]


def _describe(signal: Array, beats: BeatClass, names: tuple[str, ...], rr: float, weights: Array) -> Kind:
    beat = median_beat(signal, beats.at)
    delineation = delineate(beat, names, rr, weights)
    return Kind(beats, beat, delineation)


def judged_beats(signal: Array, names: tuple[str, ...], weights: Array, kinds: Sequence[BeatClass], n_beats: int) -> JudgedBeats:
    """Return the beats of all kinds, the most frequent first, in the order of their times."""
    at = np.full(n_beats, np.nan)
    for kind in kinds:
        at[kind.members] = kind.at
    return JudgedBeats(signal, names, weights, at, kinds[0].members if kinds else np.zeros(0, np.int64))


def _p_waves(beats: JudgedBeats, main: Kind | None, spikes: NDArray[np.int64]) -> PWaves:
    """Decide which beats have a P wave; without any, drop its boundaries from the median beat."""
    if main is None:
        return no_p_waves(len(beats.at))
    paced = ventricles_paced(spikes, main.beats.at, main.delineation)
    p_waves = no_p_waves(len(beats.at)) if paced else find_p_waves(beats, main.delineation)
    if not p_waves.present:
        _without_p(main.delineation)
    return p_waves


def _without_p(delineation: Delineation) -> None:
    delineation.leads[:, :2] = np.nan
    delineation.overall[:2] = np.nan


def _quietest_stretch(signal: Array, fs: float) -> tuple[int, int]:
    """Return begin and end of the least rough part; a short recording is one whole part."""
    n_times, length = signal.shape[1], round(STRETCH_S * fs)
    if n_times <= length or not len(signal):
        return 0, n_times
    starts = range(0, n_times - length + 1, length)
    # The median size of a step is noise: QRS complexes fill too little of the time to matter. A
    # part that stands still has no ECG.
    roughness = [median(np.abs(np.diff(signal[:, start : start + length], axis=1))).mean() for start in starts]
    spans = [float(np.ptp(signal[:, start : start + length], axis=1).mean()) for start in starts]
    usual = np.median(spans)
    best = min(range(len(roughness)), key=lambda n: (not 0.5 * usual <= spans[n] <= 2.0 * usual, roughness[n]))
    return starts[best], starts[best] + length


def _peak_times(found: NDArray[np.int64], fs: float, in_stretch: NDArray[np.int64], kinds: list[BeatClass], start_s: float) -> Array:
    """Times of all beats, finer where the beat was aligned with others."""
    times = found / fs
    for kind in kinds:
        times[in_stretch[kind.members]] = start_s + kind.at / MEASURING_HZ
    return times
