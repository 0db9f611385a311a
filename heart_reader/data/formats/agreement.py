"""Check what a file states of its signals against the caller and what ECG recorders can do.

References
----------
Kligfield P. et al. Recommendations for the standardization and interpretation of the
electrocardiogram, part I. Circulation 115 (2007) 1306-1324: filters may remove nothing above
0.05 Hz, or 0.67 Hz without distortion of phase. IEC 60601-2-25: recorders resolve 5 microvolts or
less and tolerate electrode offsets of 300 mV.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.files import check_fs
from heart_reader.data.leads import canonical_lead, without_channel
from heart_reader.data.record import UNIT_TO_MV
from heart_reader.data.signal import SignalParts
from heart_reader.errors import LeadError, UnitError, UnreadableRecord
from heart_reader.messages import Message, message

__all__ = [
    "COARSE_STEP_MV",
    "LARGEST_MV",
    "Band",
    "agreed_fs",
    "agreed_names",
    "common_band",
    "filter_warnings",
    "refuse_other_leads",
    "scale_warnings",
    "voltage_rows",
    "within_range",
]

# Lower and upper limit in Hz of what a filter let through; None where the file does not say.
Band = tuple[float | None, float | None]

# A step several times coarser than recorders resolve comes from a range nobody filled in.
COARSE_STEP_MV = 0.02
# Beyond this, which no electrode reaches, float32 no longer resolves half a microvolt.
LARGEST_MV = 5000.0
_ST_BENDS_HZ = 0.67
# Recorders offer 40 Hz against muscle noise; what is below is for monitors.
_QRS_SHRINKS_HZ = 40.0


def agreed_fs(path: str, stated: float, given: float | None) -> float:
    """Return the rate in Hz that a file states, if the caller gave none or the same.

    Raises
    ------
    UnreadableRecord
        If the two differ, or no ECG can have that rate.
    """
    fs = check_fs(path, stated)
    if given is not None and not abs(given - fs) <= 1e-6 * fs:
        raise UnreadableRecord(message("rate_contradicts", where=path, fs=fs, given=given))
    return fs


def agreed_names(path: str, names: Sequence[str], given: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the names of a file's signals, or the ones given instead.

    Raises
    ------
    LeadError
        If not as many are given as there are signals, or one that is another lead by the file.
    """
    names = without_channel(tuple(names))
    if given is None:
        return names
    if len(given) != len(names):
        raise LeadError(message("names_for_signals", where=path, given=len(given), signals=len(names), names=names))
    refuse_other_leads(path, names, given)
    return given


def refuse_other_leads(path: str, names: Sequence[str], given: Sequence[str]) -> None:
    """Refuse given names that turn one of the twelve leads into another.

    Raises
    ------
    LeadError
        If a name contradicts the file.
    """
    for number, (name, other) in enumerate(zip(names, given, strict=True), start=1):
        named, wanted = canonical_lead(name), canonical_lead(other)
        if named is not None and wanted != named:
            raise LeadError(message("names_contradict", where=path, number=number, named=named, given=other))


def voltage_rows(names: Sequence[str], units: Sequence[str], warnings: list[str]) -> list[int]:
    """Return the signals that are voltages, or all if none is; a warning names those left out."""
    rows = [row for row, unit in enumerate(units) if unit.lower() in UNIT_TO_MV] or list(range(len(units)))
    if others := [f"{names[row]} ({units[row]})" for row in range(len(units)) if row not in rows]:
        warnings.append(message("no_voltage_left_out", signals=others))
    return rows


def filter_warnings(names: Sequence[str], bands: Sequence[Band]) -> list[Message]:
    """Name the leads whose filters change ST segments or QRS complexes.

    Examples
    --------
    >>> [dict(said.values) for said in filter_warnings(["I", "II"], [(0.05, 150.0), (1.0, None)])]
    [{'fs': 1, 'leads': ('II',)}]
    """
    warnings = []
    if slow := {name: low for name, (low, _) in zip(names, bands, strict=True) if low is not None and low > _ST_BENDS_HZ}:
        warnings.append(message("filtered_below", fs=max(slow.values()), leads=list(slow)))
    if quick := {name: high for name, (_, high) in zip(names, bands, strict=True) if high is not None and 0 < high < _QRS_SHRINKS_HZ}:
        warnings.append(message("filtered_above", fs=min(quick.values()), leads=list(quick)))
    return warnings


def common_band(bands: Sequence[Band]) -> Band:
    """Return the limits in Hz that all leads have in common.

    Examples
    --------
    >>> common_band([(0.05, 150.0), (0.05, 40.0)])
    (0.05, None)
    """
    low, high = (set(side) for side in zip(*bands, strict=True))
    return low.pop() if len(low) == 1 else None, high.pop() if len(high) == 1 else None


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
    steps_mv = [(name, step * factor) for name, step, factor in zip(names, steps, _factors(units), strict=True)]
    warnings = []
    if coarse := [name for name, step in steps_mv if abs(step) > COARSE_STEP_MV]:
        warnings.append(message("coarse_step", leads=coarse, limit=1000 * COARSE_STEP_MV))
    if inverted := [name for name, step in steps_mv if step < 0]:
        warnings.append(message("scale_inverted", leads=inverted))
    return warnings


def within_range(path: str, signal: SignalParts, names: Sequence[str], units: Sequence[str]) -> SignalParts:
    """Refuse, while they are decoded, values that no electrode has and that float32 would coarsen.

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
    factors = _factors(units)

    def cut(start: int, stop: int) -> NDArray[np.floating]:
        values = signal.cut(start, stop)
        for name, factor, farthest in zip(names, factors, np.fmax.reduce(np.abs(values), axis=1), strict=True):
            if farthest * factor > LARGEST_MV:
                raise UnitError(message("offset_impossible", where=path, lead=name, reach=farthest * factor, most=LARGEST_MV))
        return values

    return SignalParts(signal.n_leads, signal.n_times, cut, signal.on_disk)


def _factors(units: Sequence[str]) -> list[float]:
    """Millivolts per unit; 0 for what is no voltage."""
    return [UNIT_TO_MV.get(unit.strip().lower(), 0.0) for unit in units]
