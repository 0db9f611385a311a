"""Global measurements of a record: rhythm, intervals, axes and criteria, with doubts."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.beat_analysis import BeatAnalysis, Kind
from heart_reader.features.feature_names import GLOBAL_UNITS
from heart_reader.features.formulas import (
    cornell_mv,
    frontal_angle_deg,
    frontal_axis_deg,
    qtc_bazett_ms,
    qtc_fridericia_ms,
    rr_intervals,
    sokolow_lyon_mv,
)
from heart_reader.features.measurement import Measurement
from heart_reader.messages import Message, message

__all__ = ["combined_values", "is_paced", "rhythm_values", "usable_kind", "wave_values"]

Array = NDArray[np.floating]
Values = dict[str, Measurement]

NO_BEAT = message("no_beat")
ALL_DIFFERENT = message("beats_all_differ")
ONE_BEAT = message("one_beat")
NO_P = message("no_p_rhythm")
PACED = message("pacemaker_spikes")
NO_T = message("no_t_after_qrs")
NO_DIRECTION = message("no_direction")
SOKOLOW_LEADS, CORNELL_LEADS, P_IN_V1 = message("needs_sokolow_leads"), message("needs_cornell_leads"), message("needs_p_in_v1")

# What of the leads is taken together.
_COMBINED = ("P_Area", "QRS_Area", "T_Area", "ST_Amp", "R_Amp", "QRS_Lowest", "P_Terminal", "R_Notch")

# Waves with a smaller area in the frontal plane (mV*ms; ST: mV) have no axis that can be trusted.
_LEAST_VECTOR = {"P_Area": 0.6, "QRS_Area": 2.0, "T_Area": 2.0, "ST_Amp": 0.05}
# Fewer beats than this, or beats or P waves less alike, give values with a reservation.
_FEW_BEATS, _ALIKE_ENOUGH, _P_ALIKE_ENOUGH = 3, 0.93, 0.65
# Leads whose T wave is smaller do not enter the dispersion of QT, mV.
_VISIBLE_T_MV = 0.08
# A lead counts as fragmented from this many notches on.
_FRAGMENTED = 1
_RR_NAMES = ("rr_mean_ms", "rr_sd_ms", "rr_rmssd_ms", "rr_min_ms", "rr_max_ms")


def usable_kind(analysis: BeatAnalysis) -> tuple[Kind | None, str]:
    """Return the beats that can be measured, or None and why there are none."""
    if analysis.main is None:
        return None, NO_BEAT
    n_whole = len(analysis.main.beats.members) + sum(len(kind.members) for kind in analysis.others)
    if n_whole >= _FEW_BEATS and len(analysis.main.beats.members) < 2:
        return None, ALL_DIFFERENT
    return analysis.main, ""


def is_paced(analysis: BeatAnalysis) -> bool:
    """Return whether at least every second beat of the part may have a spike of its own."""
    return analysis.n_spikes > 0 and 2 * analysis.n_spikes >= len(analysis.in_stretch)


def rhythm_values(analysis: BeatAnalysis, failure: str) -> Values:
    """Measure rate and RR intervals over the whole record."""
    intervals = None if failure else rr_intervals(analysis.r_peaks_s)
    n_beats = len(analysis.r_peaks_s)
    values = {"n_beats": _given("n_beats", float(n_beats)) if not failure else _missing("n_beats", failure)}
    if intervals is None:
        reason = failure or ONE_BEAT
        return values | {name: _missing(name, reason) for name in ("heart_rate_bpm", "other_beats_share", *_RR_NAMES)}
    doubts = (message("two_beats"),) if n_beats == 2 else ()
    values["heart_rate_bpm"] = _given("heart_rate_bpm", 60_000.0 / intervals.mean_ms, doubts)
    for name, number in zip(_RR_NAMES, (getattr(intervals, name.removeprefix("rr_")) for name in _RR_NAMES), strict=True):
        values[name] = _missing(name, message("needs_three_beats")) if math.isnan(number) else _given(name, number, doubts)
    others = sum(len(kind.members) for kind in analysis.others)
    whole = others + (len(analysis.main.beats.members) if analysis.main else 0)
    values["other_beats_share"] = _given("other_beats_share", others / max(whole, 1))
    return values


def wave_values(analysis: BeatAnalysis, kind: Kind | None, failure: str, rr_mean_ms: float | None) -> Values:
    """Measure durations and intervals of the median beat."""
    if kind is None:
        return {
            name: _missing(name, failure) for name in ("p_ms", "pr_ms", "qrs_ms", "qt_ms", "qtc_fridericia_ms", "qtc_bazett_ms", "p_found")
        }
    doubts = reservation(analysis, kind)
    paced = is_paced(analysis)
    values = {
        "qrs_ms": _given("qrs_ms", kind.delineation.interval("qrs_on", "qrs_off"), (*doubts, *((message("beats_paced"),) if paced else ())))
    }
    p_ms, pr_ms = kind.delineation.interval("p_on", "p_off"), kind.delineation.interval("p_on", "qrs_on")
    no_p = PACED if paced else NO_P if math.isnan(pr_ms) else None
    p_doubts = (*doubts, *((message("p_waves_differ"),) if analysis.p_waves.likeness < _P_ALIKE_ENOUGH else ()))
    values["p_ms"] = _missing("p_ms", no_p) if no_p else _given("p_ms", p_ms, p_doubts)
    values["pr_ms"] = _missing("pr_ms", no_p) if no_p else _given("pr_ms", pr_ms, p_doubts)
    values["p_found"] = _missing("p_found", PACED) if paced else _given("p_found", 0.0 if math.isnan(pr_ms) else 1.0)
    qt_ms = kind.delineation.interval("qrs_on", "t_off")
    if math.isnan(qt_ms):
        return values | {name: _missing(name, NO_T) for name in ("qt_ms", "qtc_fridericia_ms", "qtc_bazett_ms")}
    values["qt_ms"] = _given("qt_ms", qt_ms, doubts)
    for name, correct in (("qtc_fridericia_ms", qtc_fridericia_ms), ("qtc_bazett_ms", qtc_bazett_ms)):
        values[name] = _missing(name, ONE_BEAT) if rr_mean_ms is None else _given(name, correct(qt_ms, rr_mean_ms / 1000.0), doubts)
    return values


def combined_values(kind: Kind | None, failure: str, names: tuple[str, ...], leads: Mapping[str, Array], paced: bool) -> Values:
    """Measure what several leads make together: axes, angles, dispersion, voltage criteria.

    Parameters
    ----------
    names
        n_leads names.
    leads
        Stem to (n_leads,) values, as :func:`heart_reader.features.amplitudes.lead_values` gives
        them.
    """
    wanted = (
        "p_axis_deg", "qrs_axis_deg", "t_axis_deg", "st_axis_deg", "qrs_t_angle_deg", "qt_dispersion_ms", "sokolow_lyon_mv", "cornell_mv",
        "cornell_product_mvms", "p_terminal_force_v1_mvms", "fragmented_leads",
    )  # fmt: skip
    if kind is None:
        return {name: _missing(name, failure) for name in wanted}
    by_lead = {stem: dict(zip(names, leads[stem].tolist(), strict=True)) for stem in _COMBINED}
    axes = {
        "p_axis_deg": _axis("p_axis_deg", by_lead["P_Area"], "P_Area", PACED if paced else NO_P),
        "qrs_axis_deg": _axis("qrs_axis_deg", by_lead["QRS_Area"], "QRS_Area", ""),
        "t_axis_deg": _axis("t_axis_deg", by_lead["T_Area"], "T_Area", NO_T),
        "st_axis_deg": _axis("st_axis_deg", by_lead["ST_Amp"], "ST_Amp", ""),
    }
    qrs, t = axes["qrs_axis_deg"].value, axes["t_axis_deg"].value
    angle = _missing("qrs_t_angle_deg", message("needs_axes")) if qrs is None or t is None else None
    if qrs is not None and t is not None:
        angle = _given("qrs_t_angle_deg", frontal_angle_deg(qrs, t))
    assert angle is not None
    return axes | {"qrs_t_angle_deg": angle, "qt_dispersion_ms": _dispersion(kind, leads["T_Amp"])} | _criteria(kind, by_lead)


def reservation(analysis: BeatAnalysis, kind: Kind) -> tuple[Message, ...]:
    """Return why values from these beats deserve little trust; nothing where they deserve it."""
    n_beats = len(kind.beats.members)
    few = (message("few_beats", count=n_beats),) if n_beats < _FEW_BEATS else ()
    unlike = (message("beats_differ"),) if kind.beats.likeness < _ALIKE_ENOUGH else ()
    rare = (message("beats_rare"),) if n_beats < 0.5 * len(analysis.in_stretch) - 1 else ()
    return (*few, *unlike, *rare)


def _criteria(kind: Kind, by_lead: Mapping[str, Mapping[str, float]]) -> Values:
    r, lowest = by_lead["R_Amp"], by_lead["QRS_Lowest"]
    sokolow, cornell = sokolow_lyon_mv(r, lowest), cornell_mv(r, lowest)
    product = None if cornell is None else cornell * kind.delineation.interval("qrs_on", "qrs_off")
    terminal = by_lead["P_Terminal"].get("V1", math.nan)
    return {
        "sokolow_lyon_mv": _or_missing("sokolow_lyon_mv", sokolow, SOKOLOW_LEADS),
        "cornell_mv": _or_missing("cornell_mv", cornell, CORNELL_LEADS),
        "cornell_product_mvms": _or_missing("cornell_product_mvms", product, CORNELL_LEADS),
        "p_terminal_force_v1_mvms": _or_missing("p_terminal_force_v1_mvms", None if math.isnan(terminal) else terminal, P_IN_V1),
        "fragmented_leads": _given("fragmented_leads", float(sum(notches >= _FRAGMENTED for notches in by_lead["R_Notch"].values()))),
    }


def _axis(name: str, of: Mapping[str, float], stem: str, no_wave: str) -> Measurement:
    if no_wave and all(math.isnan(value) for value in of.values()):
        return _missing(name, no_wave)
    if "I" not in of or not {"II", "III", "aVF"} & set(of):
        return _missing(name, message("needs_limb_leads"))
    return _or_missing(name, frontal_axis_deg(of, _LEAST_VECTOR[stem]), NO_DIRECTION)


def _dispersion(kind: Kind, t_mv: Array) -> Measurement:
    seen = np.abs(t_mv) >= _VISIBLE_T_MV
    if seen.sum() < 3:
        return _missing("qt_dispersion_ms", message("needs_three_t_waves"))
    qt = kind.delineation.leads[seen, 5] - kind.delineation.leads[seen, 2]
    return _given("qt_dispersion_ms", float(np.ptp(qt)))


def _given(name: str, value: float, doubts: tuple[Message, ...] = ()) -> Measurement:
    return Measurement(float(value), GLOBAL_UNITS[name], message("low_confidence", doubts=doubts) if doubts else None)


def _missing(name: str, reason: str) -> Measurement:
    return Measurement(None, GLOBAL_UNITS[name], reason)


def _or_missing(name: str, value: float | None, reason: str) -> Measurement:
    return _missing(name, reason) if value is None else _given(name, value)
