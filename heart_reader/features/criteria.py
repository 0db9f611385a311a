"""Voltage criteria of left ventricular hypertrophy and the terminal force of P.

References
----------
Sokolow M., Lyon T. P. The ventricular complex in left ventricular hypertrophy as obtained by
unipolar precordial and limb leads. Am. Heart J. 37 (1949) 161-186. Casale P. N. et al.
Electrocardiographic detection of left ventricular hypertrophy. J. Am. Coll. Cardiol. 6 (1985)
572-580. Molloy T. J. et al. Electrocardiographic detection of left ventricular hypertrophy by the
simple QRS voltage-duration product. J. Am. Coll. Cardiol. 20 (1992) 1180-1186.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["cornell_mv", "sokolow_lyon_mv"]


def sokolow_lyon_mv(r_mv: Mapping[str, float], lowest_mv: Mapping[str, float]) -> float | None:
    """Return S in V1 plus the larger R of V5 and V6, in mV; None without V1 or without both V5 and
    V6.

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
