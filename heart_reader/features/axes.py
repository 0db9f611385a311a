"""Axes in the frontal plane, from the areas of a wave in I and aVF.

References
----------
Surawicz B. et al. AHA/ACCF/HRS recommendations for the standardization and interpretation of the
electrocardiogram, part III. J. Am. Coll. Cardiol. 53 (2009) 976-981.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["frontal_angle_deg", "frontal_axis_deg"]

# An augmented lead is sqrt(3)/2 as sensitive as a bipolar one: the axis needs both on one scale.
_AVF_SCALE = 2.0 / math.sqrt(3.0)


def frontal_axis_deg(of: Mapping[str, float], least: float) -> float | None:
    """Return the direction of a wave, -180 to 180 degrees, 0 to the left arm and 90 to the feet;
    None if it has none or leads lack.

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
