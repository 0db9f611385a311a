"""What can be wrong with the leads of a recording, judged by the signal.

References
----------
Kligfield P. et al. Recommendations for the standardization and interpretation of the
electrocardiogram, part I. Circulation 115 (2007) 1306-1324. Batchvarov V. N., Malik M., Camm A. J.
Incorrect electrode cable connection during electrocardiographic recording. Europace 9 (2007)
1081-1090.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import FROM_I_AND_II, LIMB_LEADS
from heart_reader.data.limb_leads import limb_lead_warning
from heart_reader.data.record import FLAT_MV, EcgRecord
from heart_reader.features.measurement import Measurements
from heart_reader.features.ranks import median
from heart_reader.kernels.quality import longest_run, standing_still, stays_near
from heart_reader.messages import message

__all__ = ["broken_identities", "doubtful_unit", "duplicated_leads", "impossible_rate", "lead_states", "leg_electrode"]

Array = NDArray[np.floating]

# A lead stands still for this long, or stays at one of its two extremes for this long and this
# share of the time.
_STILL_S, _RAIL_S, _RAIL_SHARE, _RAIL_MV = 1.0, 0.012, 0.004, 1.5
# Fast noise: in mV, if it is also this share of the height of the QRS complexes; and in any case.
_NOISY_MV, _NOISY_SHARE, _TOO_NOISY_MV = 0.06, 0.20, 0.15
# The baseline wanders if its level moves by more than this between parts of a second, mV.
_WANDER_MV = 2.0
# Two leads are one if they differ by less than this share of their size; an identity holds up to
# this share.
_SAME_SHARE, _IDENTITY_SHARE, _IDENTITY_MV = 0.02, 0.25, 0.03
# A lead is what an identity says with other gains if no more than this share of it is left.
_SCALED_SHARE = 0.1
_POINTS = 2500
# Beats per minute that a heart can have.
_SLOWEST_BPM, _FASTEST_BPM = 20.0, 300.0
# Median height of the QRS complexes over the leads that is doubted, and that is not believed, mV.
# Among 3,000 PTB-XL records it is 0.2 to 3 mV, the highest one at least 0.7 mV; a tenth and ten
# times of these lie beyond.
_HIGH_MV, _LOW_MV, _LOW_HIGHEST_MV = (4.8, 6.0), (0.2, 0.17), (0.5, 0.45)
_MANY_LEADS = 8
# No heart makes a QRS complex so high in any lead.
_IMPOSSIBLE_MV = 15.0
# Time points looked at together: a recording of days has too many for lists of their places.
_AT_ONCE = 1 << 20

# What Einthoven and Goldberger make of I and II, as it is written.
_FORMULAS = {"III": "II - I", "aVR": "-(I + II)/2", "aVL": "I - II/2", "aVF": "II - I/2"}


def lead_states(record: EcgRecord, measurements: Measurements) -> dict[str, str]:
    """Return lead name to ``"good"`` or what is wrong: one of ``quality._STATES``."""
    highest, lowest = record.signal.max(axis=1), record.signal.min(axis=1)
    span = highest - lowest
    flat, wide = (span < FLAT_MV).tolist(), (span > _WANDER_MV).tolist()
    at_rails = ((highest, np.abs(highest) >= _RAIL_MV), (lowest, np.abs(lowest) >= _RAIL_MV))
    still = standing_still(np.ascontiguousarray(record.signal), math.ceil(_STILL_S * record.fs))
    noise, height = (measurements.leads.of(stem) for stem in ("Noise", "QRS_AmpPP"))
    states = {}
    for row, name in enumerate(record.lead_names):
        lead = record.signal[row]
        if name in record.masked_leads:
            states[name] = "masked"
        elif flat[row]:
            states[name] = "flat"
        elif still[row]:
            states[name] = "interrupted"
        elif any(far[row] and _stays_at(lead, rail[row], record.fs) for rail, far in at_rails):
            states[name] = "saturated"
        elif _is_noisy(noise[name], height[name]):
            states[name] = "noisy"
        elif wide[row] and _wanders(lead, record.fs):
            states[name] = "wandering"
        else:
            states[name] = "good"
    return states


def duplicated_leads(record: EcgRecord) -> list[tuple[str, str]]:
    """Return pairs of leads that hold the same signal."""
    thin = np.ascontiguousarray(record.signal[:, :: max(1, record.n_times // _POINTS)])
    centred = thin - thin.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T / thin.shape[1]
    variance = np.diagonal(covariance)
    of_difference = variance[:, None] + variance - 2 * covariance
    # The mean square about the median is at least the variance and at most twice the variance: with
    # as much again for rounding, few pairs are left to look at.
    alike = np.flatnonzero(of_difference < 4 * _SAME_SHARE**2 * variance[:, None])
    likely = [(first, second) for first, second in (divmod(at, len(thin)) for at in alike.tolist()) if first < second]
    return [(record.lead_names[first], record.lead_names[second]) for first, second in likely if _are_same(thin[first], thin[second])]


def broken_identities(record: EcgRecord, states: Mapping[str, str]) -> list[str]:
    """Return sentences on limb leads that violate Einthoven's or Goldberger's identities."""
    names, unusable = record.lead_names, [name for name, state in states.items() if state in ("masked", "flat")]
    if not {"I", "II"} <= set(names) - set(unusable):
        return []
    thin = record.signal[:, :: max(1, record.n_times // _POINTS)]
    if exchanged := limb_lead_warning(thin, names, unusable):
        return list(exchanged)
    derived = [name for name in _FORMULAS if name in names and name not in unusable]
    parts, leads = thin[[names.index("I"), names.index("II")]], thin[[names.index(name) for name in derived]]
    factors = FROM_I_AND_II[[LIMB_LEADS.index(name) for name in derived]]
    made = factors.astype(np.float32) @ parts
    errors = leads - made
    broken: list[str] = []
    scaled: list[str] = []
    # What never moves by so much does not do so on the root mean square; most leads are done here.
    for row in np.flatnonzero(errors.max(axis=1) - errors.min(axis=1) > _IDENTITY_MV):
        off = _rms(errors[row] - median(errors[row]))
        size = max(float(np.std(leads[row])), float(np.std(made[row])))
        if off > _IDENTITY_MV and off > _IDENTITY_SHARE * size:
            (scaled if _fits_with_other_gains(leads[row], parts, factors[row]) else broken).append(derived[row])
    if broken:
        return [message("identities_broken", formulas=[message("identity_broken", lead=name, formula=_FORMULAS[name]) for name in broken])]
    return [message("leads_scaled", leads=scaled)] if scaled else []


def _fits_with_other_gains(lead: Array, parts: Array, factors: Array) -> bool:
    """Return whether a lead is made of its parts once each may have its own positive gain."""
    centred = lead - lead.mean()
    of_parts = (parts - parts.mean(axis=1, keepdims=True)).T
    gains = np.linalg.lstsq(of_parts, centred, rcond=None)[0]
    left = float(np.std(centred - of_parts @ gains))
    return left < _SCALED_SHARE * float(np.std(centred)) and bool((gains * factors > 0).all())


def leg_electrode(record: EcgRecord, measurements: Measurements) -> list[str]:
    """Return a hint at a leg electrode on an arm: one of I, II and III is almost flat."""
    known = measurements.leads.of("QRS_AmpPP")
    heights = {name: known[name] for name in ("I", "II", "III") if not math.isnan(known.get(name, math.nan))}
    if len(heights) < 3:
        return []
    smallest = min(heights, key=heights.__getitem__)
    rest = [height for name, height in heights.items() if name != smallest]
    return [message("leg_electrode", lead=smallest)] if heights[smallest] < 0.08 and min(rest) > 0.4 else []


def impossible_rate(measurements: Measurements) -> list[str]:
    """Return a hint that the sampling rate of the file is wrong: no heart beats like this."""
    rate = measurements.values["heart_rate_bpm"].value
    return [] if rate is None or _SLOWEST_BPM <= rate <= _FASTEST_BPM else [message("rate_implausible", rate=rate)]


def doubtful_unit(measurements: Measurements) -> tuple[list[str], bool]:
    """Return hints that a unit is wrong, and whether that is likely enough to decide nothing."""
    heights = {lead: height for lead, height in measurements.leads.of("QRS_AmpPP").items() if not math.isnan(height)}
    if not heights:
        return [], False
    usual, highest = statistics.median(heights.values()), max(heights.values())
    if usual > _HIGH_MV[0]:
        return [message("voltage_high", height=usual)], usual > _HIGH_MV[1]
    outside = [lead for lead, height in heights.items() if height > _IMPOSSIBLE_MV]
    if outside:
        return [message("lead_unit_wrong", count=len(outside), leads=outside, height=highest)], True
    if usual < _LOW_MV[0] and highest < _LOW_HIGHEST_MV[0]:
        # With few leads, all may be small.
        grave = usual < _LOW_MV[1] and highest < _LOW_HIGHEST_MV[1] and len(heights) >= _MANY_LEADS
        return [message("voltage_low", height=highest)], grave
    return [], False


def _are_same(first: Array, second: Array) -> bool:
    """Return whether two leads hold one signal, apart from a constant."""
    first, second = first - median(first), second - median(second)
    size = _rms(first)
    return min(size, _rms(second)) > 2 * FLAT_MV and _rms(second - first) < _SAME_SHARE * size


def _rms(values: Array) -> float:
    return float(np.sqrt(np.square(values).mean()))


def _stays_at(lead: Array, rail: float, fs: float) -> bool:
    """Return whether a lead often stays at one of its extremes for several time points."""
    least = max(3, round(_RAIL_S * fs))
    there = lead == rail
    return int(np.count_nonzero(there)) >= max(least, _RAIL_SHARE * len(lead)) and longest_run(there) >= least


def _is_noisy(noise: float, height: float) -> bool:
    # A comparison with NaN is false.
    return noise > _NOISY_MV and (noise > _TOO_NOISY_MV or not noise <= _NOISY_SHARE * height)


def _wanders(lead: Array, fs: float) -> bool:
    """Return whether the medians of half seconds differ by more than those of a lead may."""
    length = max(1, round(0.5 * fs))
    n_parts = len(lead) // length
    if n_parts < 2:
        return False
    # Where more than half of every part lies close to one level, so do all medians: most leads are
    # done here. A little less than half the range leaves room for rounding.
    if stays_near(lead, length, 0.49 * _WANDER_MV):
        return False
    parts, at_once = lead[: n_parts * length].reshape(n_parts, length), max(1, _AT_ONCE // length)
    return float(np.ptp(np.concatenate([median(parts[start : start + at_once]) for start in range(0, n_parts, at_once)]))) > _WANDER_MV
