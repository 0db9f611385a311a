"""What can be wrong with the leads of a recording, told from the signal: each check returns what it found and judges nothing else.

References
----------
Kligfield P. et al. Recommendations for the standardization and interpretation of the electrocardiogram, part I.
Circulation 115 (2007) 1306-1324.
Batchvarov V. N., Malik M., Camm A. J. Incorrect electrode cable connection during electrocardiographic recording.
Europace 9 (2007) 1081-1090.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.record import FLAT_MV, EcgRecord
from heart_reader.features.measurement import Measurements

__all__ = ["broken_identities", "duplicated_leads", "lead_states", "limb_reversal", "rate_and_unit"]

Array = NDArray[np.floating]

# A lead stands still for this long, or stays at one of its two extremes for this long and this share of the time.
_STILL_S, _RAIL_S, _RAIL_SHARE, _RAIL_MV = 1.0, 0.012, 0.004, 1.5
# Fast noise: in mV, if it is also this share of the height of the QRS complexes; and in any case.
_NOISY_MV, _NOISY_SHARE, _TOO_NOISY_MV = 0.06, 0.20, 0.15
# The baseline wanders if its level moves by more than this between parts of a second, mV.
_WANDER_MV = 2.0
# Two leads are one if they differ by less than this share of their size; an identity holds up to this share.
_SAME_SHARE, _IDENTITY_SHARE, _IDENTITY_MV = 0.02, 0.25, 0.03
_POINTS = 2500

# Lead: what it is made of, by Einthoven and Goldberger, in factors and as it is written.
_IDENTITIES: dict[str, dict[str, float]] = {
    "III": {"II": 1.0, "I": -1.0},
    "aVR": {"I": -0.5, "II": -0.5},
    "aVL": {"I": 1.0, "II": -0.5},
    "aVF": {"II": 1.0, "I": -0.5},
}
_FORMULAS = {"III": "II - I", "aVR": "-(I + II)/2", "aVL": "I - II/2", "aVF": "II - I/2"}


def lead_states(record: EcgRecord, measurements: Measurements) -> dict[str, str]:
    """Return lead name to ``"good"``, ``"masked"``, ``"flat"``, ``"interrupted"``, ``"saturated"``, ``"noisy"`` or ``"wandering"``."""
    span = np.ptp(record.signal, axis=1)
    states = {}
    for row, name in enumerate(record.lead_names):
        lead = record.signal[row]
        if name in record.masked_leads:
            states[name] = "masked"
        elif span[row] < FLAT_MV:
            states[name] = "flat"
        elif _longest_still_s(lead, record.fs) >= _STILL_S:
            states[name] = "interrupted"
        elif _at_rails(lead, record.fs):
            states[name] = "saturated"
        elif _is_noisy(measurements, name):
            states[name] = "noisy"
        elif _wander_mv(lead, record.fs) > _WANDER_MV:
            states[name] = "wandering"
        else:
            states[name] = "good"
    return states


def duplicated_leads(record: EcgRecord) -> list[tuple[str, str]]:
    """Return pairs of leads that hold the same signal."""
    stride = max(1, record.n_times // _POINTS)
    thin = record.signal[:, ::stride] - np.median(record.signal[:, ::stride], axis=1, keepdims=True)
    size = np.sqrt(np.square(thin).mean(axis=1))
    rows = np.flatnonzero(size > 2 * FLAT_MV)
    pairs = []
    for place, first in enumerate(rows):
        difference = np.sqrt(np.square(thin[rows[place + 1 :]] - thin[first]).mean(axis=1))
        same = rows[place + 1 :][difference < _SAME_SHARE * size[first]]
        pairs += [(record.lead_names[first], record.lead_names[second]) for second in same]
    return pairs


def broken_identities(record: EcgRecord, states: Mapping[str, str]) -> list[str]:
    """Return sentences on limb leads that are not what Einthoven's law and Goldberger's definitions make of I and II."""
    usable = {name: record.lead(name) for name in record.lead_names if states[name] not in ("masked", "flat")}
    if "I" not in usable or "II" not in usable:
        return []
    broken = []
    stride = max(1, record.n_times // _POINTS)
    for name, parts in _IDENTITIES.items():
        if name in usable:
            made = sum(factor * usable[part][::stride] for part, factor in parts.items())
            error = usable[name][::stride] - made
            error = error - np.median(error)
            off = float(np.sqrt(np.square(error).mean()))
            size = max(float(np.std(usable[name][::stride])), float(np.std(made)))
            if off > _IDENTITY_MV and off > _IDENTITY_SHARE * size:
                broken.append(name)
    if not broken:
        return []
    formulas = ", ".join(f"{name} is not {_FORMULAS[name]}" for name in broken)
    return [f"Limb leads contradict each other ({formulas}): leads are mislabelled, or were not recorded at the same time."]


def limb_reversal(record: EcgRecord, measurements: Measurements) -> list[str]:
    """Return hints that limb electrodes were interchanged."""
    found = []
    leads = measurements.leads

    def area(lead: str, stem: str) -> float:
        value = leads[lead][stem].value if lead in leads else None
        return 0.0 if value is None else value

    inverted = area("I", "P_Area") < -0.8 and area("I", "QRS_Area") < -2.0
    if inverted and (area("I", "T_Area") < -2.0 or (area("aVR", "P_Area") > 0.4 and area("aVR", "QRS_Area") > 2.0)):
        r_v6 = (leads["V6"]["R_Amp"].value or 0.0) if "V6" in leads else 1.0
        other = " or the heart lies on the right side" if r_v6 < 0.3 else ""
        found.append(f"The waves of lead I point down, P included: arm electrodes interchanged{other}.")
    spans = {name: float(np.ptp(record.lead(name))) for name in ("I", "II", "III") if name in record.lead_names}
    heights = {name: leads[name]["QRS_AmpPP"].value for name in spans}
    if len(spans) == 3 and all(value is not None for value in heights.values()):
        smallest = min(heights, key=lambda name: heights[name] or 0.0)
        rest = [value or 0.0 for name, value in heights.items() if name != smallest]
        if (heights[smallest] or 0.0) < 0.08 and min(rest) > 0.4:
            found.append(f"Lead {smallest} hardly shows the heart while the other limb leads do: a leg electrode may sit on an arm.")
    return found


def rate_and_unit(measurements: Measurements) -> list[str]:
    """Return hints that the sampling rate or the unit of the file is wrong."""
    found = []
    names = ("heart_rate_bpm", "qrs_ms", "qt_ms", "qtc_fridericia_ms")
    rate, qrs, qt, qtc = (measurements.values[name].value for name in names)
    if rate is not None and qrs is not None and qt is not None and qtc is not None:
        together = f"({rate:.0f} bpm, QRS {qrs:.0f} ms, QT {qt:.0f} ms)"
        if rate > 90 and qrs < 55 and qtc < 280:
            found.append(f"Everything is quick {together}: the stated sampling rate may be too high.")
        elif rate < 40 and qrs > 170 and qt > 650:
            found.append(f"Everything is slow {together}: the stated sampling rate may be too low.")
    if rate is not None and not 20 <= rate <= 300:
        found.append(f"A heart rate of {rate:.0f} bpm: the stated sampling rate may be wrong.")
    heights = [of["QRS_AmpPP"].value for of in measurements.leads.values()]
    known = [height for height in heights if height is not None]
    if known and max(known) < 0.15:
        found.append(f"QRS complexes of at most {max(known):.2f} mV: the unit may be wrong, or the voltage is very low.")
    elif known and float(np.median(known)) > 8.0:
        found.append(f"QRS complexes of {float(np.median(known)):.0f} mV: the unit may be wrong.")
    return found


def _longest_still_s(lead: Array, fs: float) -> float:
    moves = np.flatnonzero(np.diff(lead) != 0)
    edges = np.concatenate([[-1], moves, [len(lead) - 1]])
    return float(np.diff(edges).max()) / fs


def _at_rails(lead: Array, fs: float) -> bool:
    """Tell whether a lead often stays at its highest or lowest value for several time points in a row."""
    least = max(3, round(_RAIL_S * fs))
    for rail in (lead.max(), lead.min()):
        if abs(rail) < _RAIL_MV:
            continue
        there = np.flatnonzero(lead == rail)
        if len(there) >= max(least, _RAIL_SHARE * len(lead)) and _longest_run(there) >= least:
            return True
    return False


def _longest_run(there: NDArray[np.int64]) -> int:
    breaks = np.flatnonzero(np.diff(there) > 1)
    return int(np.diff(np.concatenate([[-1], breaks, [len(there) - 1]])).max())


def _is_noisy(measurements: Measurements, name: str) -> bool:
    noise, height = measurements.leads[name]["Noise"].value, measurements.leads[name]["QRS_AmpPP"].value
    if noise is None or noise <= _NOISY_MV:
        return False
    return noise > _TOO_NOISY_MV or height is None or noise > _NOISY_SHARE * height


def _wander_mv(lead: Array, fs: float) -> float:
    """Range of the medians of half seconds."""
    length = max(1, round(0.5 * fs))
    n_parts = len(lead) // length
    if n_parts < 2:
        return 0.0
    return float(np.ptp(np.median(lead[: n_parts * length].reshape(n_parts, length), axis=1)))
