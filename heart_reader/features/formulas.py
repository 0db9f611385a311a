"""Textbook formulas: RR intervals and corrected QT, frontal axes, voltage criteria of hypertrophy.

References
----------
Fridericia L. S. Die Systolendauer im Elektrokardiogramm bei normalen Menschen und bei Herzkranken.
Acta Med. Scand. 53 (1920) 469-486. Bazett H. C. An analysis of the time-relations of
electrocardiograms. Heart 7 (1920) 353-370. Task Force of the ESC and NASPE. Heart rate variability.
Circulation 93 (1996) 1043-1065. Surawicz B. et al. AHA/ACCF/HRS recommendations, part III. J. Am.
Coll. Cardiol. 53 (2009) 976-981. Sokolow M., Lyon T. P. The ventricular complex in left ventricular
hypertrophy. Am. Heart J. 37 (1949) 161-186. Casale P. N. et al. Electrocardiographic detection of
left ventricular hypertrophy. J. Am. Coll. Cardiol. 6 (1985) 572-580. Molloy T. J. et al. Detection
of left ventricular hypertrophy by the QRS voltage-duration product. J. Am. Coll. Cardiol. 20 (1992)
1180-1186.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.ranks import steps

__all__ = [
    "RrIntervals",
    "cornell_mv",
    "frontal_angle_deg",
    "frontal_axis_deg",
    "qtc_bazett_ms",
    "qtc_fridericia_ms",
    "rr_intervals",
    "sokolow_lyon_mv",
]


def qtc_fridericia_ms(qt_ms: float, rr_s: float) -> float:
    """Return QT / RR^(1/3), RR in seconds.

    Examples
    --------
    >>> qtc_fridericia_ms(400.0, 1.0)
    400.0
    """
    return qt_ms / math.cbrt(rr_s)


def qtc_bazett_ms(qt_ms: float, rr_s: float) -> float:
    """Return QT / RR^(1/2), RR in seconds.

    Examples
    --------
    >>> qtc_bazett_ms(400.0, 0.64)
    500.0
    """
    return qt_ms / math.sqrt(rr_s)


@dataclass(frozen=True)
class RrIntervals:
    """Times between beats, ms: mean, standard deviation, RMSSD, shortest, longest."""

    mean_ms: float
    sd_ms: float
    rmssd_ms: float
    min_ms: float
    max_ms: float


def rr_intervals(r_peaks_s: NDArray[np.floating]) -> RrIntervals | None:
    """Describe RR intervals; None with fewer than two beats, differences need three.

    Parameters
    ----------
    r_peaks_s
        (n_beats,) seconds, rising.
    """
    rr = steps(r_peaks_s) * 1000.0
    if not len(rr):
        return None
    several = len(rr) > 1
    mean_ms = float(rr.mean())
    return RrIntervals(
        mean_ms=mean_ms,
        sd_ms=math.sqrt(np.square(rr - mean_ms).sum() / (len(rr) - 1)) if several else math.nan,
        rmssd_ms=float(np.sqrt(np.square(steps(rr)).mean())) if several else math.nan,
        min_ms=float(rr.min()),
        max_ms=float(rr.max()),
    )


# An augmented lead is sqrt(3)/2 as sensitive as a bipolar one: the axis needs both on one scale.
_AVF_SCALE = 2.0 / math.sqrt(3.0)


def frontal_axis_deg(of: Mapping[str, float], least: float) -> float | None:
    """Return the axis, -180 to 180 degrees (0 left arm, 90 feet); None if undefined.

    Parameters
    ----------
    of
        Lead name to area or amplitude. I is needed, and aVF, II or III.
    least
        Smaller vectors than this have no direction that can be trusted.

    Examples
    --------
    >>> round(frontal_axis_deg({"I": 1.0, "II": 1.0}, 0.1))
    30
    >>> frontal_axis_deg({"I": 0.01, "aVF": 0.0}, 0.1) is None
    True
    """
    if "I" not in of:
        return None
    x = of["I"]
    if "aVF" in of:
        avf = of["aVF"]
    elif "II" in of:
        avf = of["II"] - 0.5 * x
    elif "III" in of:
        avf = of["III"] + 0.5 * x
    else:
        return None
    y = avf * _AVF_SCALE
    if not math.hypot(x, y) >= least:
        return None
    return math.degrees(math.atan2(y, x))


def frontal_angle_deg(first: float, second: float) -> float:
    """Return the angle between two axes, 0 to 180 degrees.

    Examples
    --------
    >>> frontal_angle_deg(170.0, -170.0)
    20.0
    """
    return abs(math.remainder(first - second, 360.0))


def sokolow_lyon_mv(r_mv: Mapping[str, float], lowest_mv: Mapping[str, float]) -> float | None:
    """Return S in V1 plus the larger R of V5 and V6, in mV; None if leads are missing.

    Parameters
    ----------
    r_mv, lowest_mv
        Lead name to height of R, and to the lowest value of QRS (negative).

    Examples
    --------
    >>> sokolow_lyon_mv({"V5": 2.0, "V6": 1.5}, {"V1": -1.0})
    3.0
    """
    high = [r_mv[lead] for lead in ("V5", "V6") if lead in r_mv]
    if not high or "V1" not in lowest_mv:
        return None
    return max(0.0, -lowest_mv["V1"]) + max(high)


def cornell_mv(r_mv: Mapping[str, float], lowest_mv: Mapping[str, float]) -> float | None:
    """Return R in aVL plus S in V3, in mV; None without these leads.

    Examples
    --------
    >>> cornell_mv({"aVL": 0.5}, {"V3": -1.5})
    2.0
    """
    if "aVL" not in r_mv or "V3" not in lowest_mv:
        return None
    return r_mv["aVL"] + max(0.0, -lowest_mv["V3"])
