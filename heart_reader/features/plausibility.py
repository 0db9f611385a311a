"""Check a file's sampling rate and leads against what hearts look like.

Two softmax regressions on what was measured of the commonest beat, fitted by
``heart_reader.studies.plausibility_fit`` to records of PTB-XL as they are and with a false rate,
leads exchanged or upside down.

References
----------
Hedén B. et al. Detection of frequently overlooked electrocardiographic lead reversals using
artificial neural networks. American Journal of Cardiology 78 (1996) 600-604. Batchvarov V. N.,
Malik M., Camm A. J. Incorrect electrode cable connection during electrocardiographic recording.
Europace 9 (2007) 1081-1090.
"""

from __future__ import annotations

import json
import math
import statistics
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.features.measurement import Measurements
from heart_reader.kernels.quality import arrangement_sums, energies
from heart_reader.messages import Message, message

__all__ = [
    "AS_STATED",
    "INDEPENDENT_LEADS",
    "NOTED",
    "WITHHELD",
    "Doubt",
    "arrangement_inputs",
    "find_doubt",
    "rate_inputs",
    "standardised",
]

Array = NDArray[np.floating]

# The other four limb leads are made of the first two.
INDEPENDENT_LEADS = ("I", "II", *STANDARD_LEADS[6:])
# The class of files that are as they say.
AS_STATED = "as_stated"
# A doubt is stated from the first probability on; from the second on nothing is decided.
NOTED, WITHHELD = 0.95, 0.995
# Neighbours that change places cost a reading little: that is noted only.
_SLIGHT = frozenset({"leads_exchanged:V1:V2"})
# Whatever the weights say: what is quick has no wide QRS complex and no long QT interval, and what
# is slow no short one, ms.
_QUICK_QRS_MS, _QUICK_QT_MS, _SLOW_QT_MS = 110.0, 335.0, 480.0
# A small child's beats are as quick as an adult's at a rate stated too high.
_GROWN_UP_YEARS = 16.0
# Inputs are not followed further than this beyond the usual, in standard deviations.
_FAR = 6.0
# Times around R that hold any QRS complex, and where ST and T follow, ms.
_ABOUT_R_MS, _AFTER_R_MS = 150.0, 100.0
# Where the inputs on the arrangement are sizes of QRS and of ST-T over the usual; their logarithms
# are taken, with this added.
_SIZES, _LEAST_SIZE = slice(96, 112), 0.05
# With so little R in V6 the heart may lie on the right side.
_LITTLE_R_MV = 0.3

_RATE_VALUES = ("heart_rate_bpm", "qrs_ms", "qt_ms", "pr_ms", "p_ms", "rr_mean_ms")
_RATE_STEMS = ("QT_Int", "QRS_Dur", "R_Dur", "S_Dur", "QRS_IntDefl")
_RATE_RHYTHM = ("p_probability", "rr_cv", "fibrillation_share", "flutter_score", "pacing_score")


class Doubt(NamedTuple):
    """One thing that a file seems to say wrongly.

    Parameters
    ----------
    text
        Words for people.
    is_grave
        Whether it is likely enough, and matters enough, to decide nothing.
    """

    text: Message
    is_grave: bool


def find_doubt(measurements: Measurements, age: float | None = None) -> Doubt | None:
    """Return what seems wrong about the sampling rate or else the leads, if anything.

    Parameters
    ----------
    measurements
        Its place in the record.
    age
        Of the patient in years; children are quicker than any grown-up.
    """
    rate, arrangement = rate_inputs(measurements), arrangement_inputs(measurements)
    if rate is not None:
        name, wrong, grave = _likeliest("rate", rate)
        if wrong >= NOTED and _is_possible(name, measurements, age):
            # Where the rate is wrong, so are the waves that leads would be compared in.
            return Doubt(_of_rate(name, measurements), grave >= WITHHELD)
    if arrangement is not None:
        name, wrong, grave = _likeliest("arrangement", arrangement)
        if wrong >= NOTED:
            return Doubt(_of_leads(name, measurements), grave >= WITHHELD)
    return None


def rate_inputs(measurements: Measurements) -> Array | None:
    """Return (n_inputs,) durations, steepness and rhythm, NaN if unknown; None without a beat."""
    values = measurements.values
    if not measurements.median_beat_mv or values["qrs_ms"].value is None:
        return None
    durations = [_log(values[name].value) for name in _RATE_VALUES]
    typical = [_log(_median(list(measurements.leads.of(stem).values()))) for stem in _RATE_STEMS]
    rhythm = [measurements.rhythm.values[name].value for name in _RATE_RHYTHM]
    return np.array([*durations, *typical, *_steepness(measurements), *(math.nan if value is None else value for value in rhythm)])


def arrangement_inputs(measurements: Measurements) -> Array | None:
    """Return (n_inputs,) measures of order and signs; None without 8 leads and a QRS.

    Likeness of every two leads in QRS and in ST-T, which way each points in QRS, ST-T and P, and
    its share of the whole.
    """
    beats, marks = measurements.median_beat_mv, measurements.fiducials.global_ms
    if not all(name in beats for name in INDEPENDENT_LEADS) or marks["qrs_on"] is None or marks["qrs_off"] is None:
        return None
    beat = np.array([beats[name] for name in INDEPENDENT_LEADS])
    first, last = _place(measurements, marks["qrs_on"]), _place(measurements, marks["qrs_off"])
    last = max(last, first + 5)
    t_off, p_on, p_off = marks["t_off"], marks["p_on"], marks["p_off"]
    end = last + 150 if t_off is None else max(_place(measurements, t_off), last + 10)
    p = (0, 0) if p_on is None or p_off is None else (_place(measurements, p_on), _place(measurements, p_off))
    inputs = arrangement_sums(beat, (first, last), end, p)
    inputs[_SIZES] = np.log(inputs[_SIZES] + _LEAST_SIZE)
    return inputs


def standardised(inputs: Array, mean: Array, spread: Array, *, squares: bool) -> Array:
    """Return (..., n_terms) z-scores, zero if unknown; ``squares`` adds all products."""
    z = (inputs - mean) / spread
    z[np.isnan(z)] = 0.0
    # Clipping so is far quicker than ``np.clip`` on arrays as short as these.
    z = np.minimum(np.maximum(z, -_FAR), _FAR)
    if not squares:
        return z
    first, second = _pairs(z.shape[-1])
    return np.concatenate((z, z[..., first] * z[..., second]), axis=-1)


@cache
def _weights_of() -> dict[str, dict[str, Any]]:
    """Return the fitted numbers of ``"rate"`` and ``"arrangement"`` by name."""
    read = json.loads(files(__package__).joinpath("plausibility_weights.json").read_text(encoding="utf-8"))
    return {
        name: {key: value if key == "classes" else np.array(value) for key, value in of.items()} for name, of in read["weights"].items()
    }


# Made anew they would take as long as the products.
_pairs = cache(np.triu_indices)


def _likeliest(name: str, inputs: Array) -> tuple[str, float, float]:
    """Return the likeliest error and the probabilities of any error and of a grave one."""
    of = _weights_of()[name]
    terms = standardised(inputs, of["mean"], of["spread"], squares=name == "rate")
    log_odds = of["weights"] @ terms + of["constant"]
    shares = np.exp(log_odds - log_odds.max())
    chances = dict(zip(of["classes"], (shares / shares.sum()).tolist(), strict=True))
    del chances[AS_STATED]
    grave = sum(chance for label, chance in chances.items() if label not in _SLIGHT)
    return max(chances, key=chances.__getitem__), sum(chances.values()), grave


def _is_possible(name: str, measurements: Measurements, age: float | None) -> bool:
    """Keep ventricular tachycardia, paced rhythm and children from counting as wrong rates."""
    qrs, qt = measurements.values["qrs_ms"].value, measurements.values["qt_ms"].value
    if name == "too_slow":
        return qt is None or qt > _SLOW_QT_MS
    is_child = age is not None and age < _GROWN_UP_YEARS
    return not is_child and (qrs is None or qrs < _QUICK_QRS_MS) and (qt is None or qt < _QUICK_QT_MS)


def _of_rate(name: str, measurements: Measurements) -> Message:
    rate, qrs, qt = (measurements.values[key].value or 0.0 for key in ("heart_rate_bpm", "qrs_ms", "qt_ms"))
    return message("too_quick" if name == "too_quick" else "too_slow", rate=rate, qrs=qrs, qt=qt)


def _of_leads(name: str, measurements: Measurements) -> Message:
    kind, *leads = name.split(":")
    # Where lead III is there and fits I and II, one of these alone cannot be upside down; else
    # another check says so.
    if kind == "arm_leads_swapped" or (leads == ["I"] and "III" in measurements.leads):
        r_v6 = measurements.leads["V6"]["R_Amp"].value or 0.0
        return message("arm_leads_or_dextrocardia" if r_v6 < _LITTLE_R_MV else "arm_leads_swapped")
    if kind == "right_arm_and_leg_swapped" or (leads == ["II"] and "III" in measurements.leads):
        return message("right_arm_and_leg_swapped")
    if kind == "lead_upside_down":
        return message("lead_upside_down", lead=leads[0])
    if kind == "leads_exchanged":
        return message("leads_exchanged", first=leads[0], second=leads[1])
    return message("chest_leads_reversed" if kind == "chest_leads_reversed" else "all_leads_upside_down")


def _steepness(measurements: Measurements) -> list[float]:
    """Return logarithms of slope and curvature of QRS, the slope after it, and width."""
    beat, step = np.array([*measurements.median_beat_mv.values()]), measurements.fs / 1000.0
    qrs, slope, bend, after, after_slope, width = energies(
        beat, measurements.r_index, round(_ABOUT_R_MS * step), round(_AFTER_R_MS * step)
    ).tolist()
    return [_log_ratio(slope, qrs), _log_ratio(bend, slope), _log_ratio(after_slope, after), math.log(width + 1)]


def _log_ratio(above: float, below: float) -> float:
    return 0.5 * math.log(above / below) if above > 0 and below > 0 else math.nan


def _place(measurements: Measurements, ms: float) -> int:
    """Time point of the median beat, from milliseconds after R."""
    n_times = len(next(iter(measurements.median_beat_mv.values())))
    return min(max(measurements.r_index + round(ms * measurements.fs / 1000.0), 0), n_times - 1)


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None and value > 0]
    return statistics.median(known) if known else None


def _log(value: float | None) -> float:
    return math.log(value) if value is not None and value > 0 else math.nan
