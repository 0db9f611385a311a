"""The frontal QRS axis of a simulated heart, and turning the heart until it has a given one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.synthetic.heart import LIMB_VECTORS, Morphology, Vector, Wave
from heart_reader.errors import ConfigError

__all__ = ["axis_of", "turn_to_axis"]

_LEAD_I, _LEAD_II = np.array(LIMB_VECTORS)
# An augmented lead is sqrt(3)/2 as sensitive as a bipolar one: the axis needs both on one scale.
_LEAD_AVF = (_LEAD_II - 0.5 * _LEAD_I) * (2.0 / math.sqrt(3.0))


def _qrs_area(morphology: Morphology) -> NDArray[np.float64]:
    """Net QRS vector; every wave has the same shape, so its area is proportional to amplitude times
    width.
    """
    return np.sum([np.multiply(wave.vector, wave.end - wave.start) for wave in morphology.qrs], axis=0)


def axis_of(morphology: Morphology) -> float:
    """Return the frontal QRS axis in degrees, from the net areas in I and aVF.

    Examples
    --------
    >>> from heart_reader.data.synthetic.heart import NORMAL_HEART
    >>> 20 < axis_of(NORMAL_HEART) < 70
    True
    """
    area = _qrs_area(morphology)
    return math.degrees(math.atan2(float(_LEAD_AVF @ area), float(_LEAD_I @ area)))


def turn_to_axis(morphology: Morphology, axis_deg: float) -> Morphology:
    """Turn QRS, ST and T about the front-to-back line until the QRS axis is ``axis_deg``.

    The condition ``a cos(turn) + b sin(turn) + c = 0`` says that nothing of the net vector is left
    across the wanted axis.

    Raises
    ------
    ConfigError
        If no turn reaches the axis: the net QRS vector points almost straight to the front or back.

    Examples
    --------
    >>> from heart_reader.data.synthetic.heart import NORMAL_HEART
    >>> round(axis_of(turn_to_axis(NORMAL_HEART, -30.0)), 6)
    -30.0
    """
    x, y, z = _qrs_area(morphology)
    wanted = math.radians(axis_deg)
    across = math.cos(wanted) * _LEAD_AVF - math.sin(wanted) * _LEAD_I
    a, b, c = across[0] * x + across[1] * y, across[1] * x - across[0] * y, across[2] * z
    reach = math.hypot(a, b)
    if reach <= abs(c):
        raise ConfigError(f"simulated heart: a frontal axis of {axis_deg:g} degrees cannot be reached by this QRS: enlarge its x and y")
    turns = [math.atan2(b, a) + sign * math.acos(-c / reach) for sign in (-1.0, 1.0)]
    hearts = [_turned(morphology, turn) for turn in turns]
    # Of the two solutions one points the other way.
    return min(hearts, key=lambda heart: abs(math.remainder(axis_of(heart) - axis_deg, 360.0)))


def _turned(morphology: Morphology, angle: float) -> Morphology:
    cos, sin = math.cos(angle), math.sin(angle)

    def turn(vector: Vector) -> Vector:
        x, y, z = vector
        return (x * cos - y * sin, x * sin + y * cos, z)

    def turn_all(waves: tuple[Wave, ...]) -> tuple[Wave, ...]:
        return tuple(wave._replace(vector=turn(wave.vector)) for wave in waves)

    return replace(morphology, qrs=turn_all(morphology.qrs), st=turn(morphology.st), t=turn_all(morphology.t))
