"""What a file says one unit of its samples is, held against what ECG recorders can do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.record import UNIT_TO_MV
from heart_reader.data.signal_parts import SignalParts
from heart_reader.errors import UnitError
from heart_reader.messages import Message, message

__all__ = ["COARSE_STEP_MV", "LARGEST_MV", "scale_warnings", "within_range"]

# ECG recorders resolve 5 microvolts or less (IEC 60601-2-25). A step several times coarser comes
# from a range nobody filled in.
COARSE_STEP_MV = 0.02
# Recorders bear electrode offsets of 300 mV (IEC 60601-2-25). Beyond this float32 no longer tells
# half a microvolt.
LARGEST_MV = 5000.0


def scale_warnings(names: Sequence[str], units: Sequence[str], steps: Sequence[float]) -> list[Message]:
    """Name the leads whose scale is too coarse to be true, and those that are stored upside down.

    Parameters
    ----------
    names, units
        One per lead; what is no voltage is passed over.
    steps
        Physical value of one unit of the samples, in the lead's unit; negative where the scale is
        inverted.

    Examples
    --------
    >>> scale_warnings(["I", "II"], ["mV", "uV"], [-0.001, 1.0])[0].code
    'scale_inverted'
    """
    factors = [UNIT_TO_MV.get(unit.strip().lower(), 0.0) for unit in units]
    warnings = []
    if coarse := [name for name, step, factor in zip(names, steps, factors, strict=True) if abs(step) * factor > COARSE_STEP_MV]:
        warnings.append(message("coarse_step", leads=coarse, limit=1000 * COARSE_STEP_MV))
    if inverted := [name for name, step, factor in zip(names, steps, factors, strict=True) if step * factor < 0]:
        warnings.append(message("scale_inverted", leads=inverted))
    return warnings


def within_range(path: str, signal: SignalParts, names: Sequence[str], units: Sequence[str]) -> SignalParts:
    """Refuse, while they are decoded, values that no electrode has, and that float32 would round to
    a staircase or to infinity.

    Parameters
    ----------
    signal
        (n_leads, n_times) in physical units; NaN is passed over.
    names, units
        One per lead; what is no voltage is passed over.

    Raises
    ------
    UnitError
        When a part is asked for in which a lead goes beyond :data:`LARGEST_MV`.
    """
    factors = [UNIT_TO_MV.get(unit.strip().lower(), 0.0) for unit in units]

    def cut(start: int, stop: int) -> NDArray[np.floating]:
        values = signal.cut(start, stop)
        for name, factor, farthest in zip(names, factors, np.fmax.reduce(np.abs(values), axis=1), strict=True):
            if farthest * factor > LARGEST_MV:
                raise UnitError(message("offset_impossible", where=path, lead=name, reach=farthest * factor, most=LARGEST_MV))
        return values

    return SignalParts(signal.n_leads, signal.n_times, cut)
