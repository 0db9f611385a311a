"""Values that are missing, or that no electrode can carry, in a recording that is read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.errors import NonFiniteSignal
from heart_reader.messages import message

__all__ = ["MOST_MV", "bridge_gaps"]

# Beyond this share of missing values a lead is masked instead of being bridged.
MAX_GAP_SHARE = 0.5
# Recorders tolerate 300 mV between electrodes (IEC 60601-2-25). A value beyond this is a damaged
# number, or marks a missing one.
MOST_MV = 1000.0
# Beyond this a value is no measurement in any unit, however wrong, and squares of it would leave
# single precision.
_HELD_MV = 1e12
# Where most leads often hold such values, the unit is wrong: the check of amplitudes looks at the
# highest 0.5 %.
_OFTEN = 0.005
# Time points that are bridged at a time: interpolation takes several numbers of double precision
# for each.
_BRIDGED_AT_ONCE = 1 << 20


def bridge_gaps(
    record_id: str, values: NDArray[np.floating], names: tuple[str, ...]
) -> tuple[NDArray[np.floating], tuple[str, ...], tuple[str, ...]]:
    """Interpolate over missing values; mask leads that are mostly missing.

    Parameters
    ----------
    values
        (n_leads, n_times) in mV.

    Returns
    -------
    tuple
        Values, names of masked leads, and warnings.

    Raises
    ------
    NonFiniteSignal
        If nothing is known of any lead.
    """
    known = _known(values)
    if known.all():
        return values, (), ()
    impossible = [name for name, lead, of in zip(names, values, known, strict=True) if np.isfinite(lead[~of]).any()]
    values = values.copy()
    masked: dict[str, int] = {}
    warnings = [message("values_impossible", count=len(impossible), leads=impossible, most=MOST_MV)] if impossible else []
    for row, name in enumerate(names):
        n_missing = int((~known[row]).sum())
        if not n_missing:
            continue
        share = n_missing / values.shape[1]
        if share > MAX_GAP_SHARE:
            values[row] = 0.0
            masked[name] = round(100 * share)
        else:
            _interpolate(values[row], known[row])
            warnings.append(message("missing_values_bridged", count=n_missing, lead=name))
    if len(masked) == len(names):
        raise NonFiniteSignal(message("all_leads_missing", where=record_id))
    for percent in dict.fromkeys(masked.values()):
        leads = [name for name, missing in masked.items() if missing == percent]
        warnings.append(message("lead_left_out", count=len(leads), leads=leads, percent=percent))
    return values, tuple(masked), tuple(warnings)


def _known(values: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Mark values that an electrode can carry; the check of amplitudes finds a wrong unit."""
    known = _within(values, MOST_MV)
    held = _within(values, _HELD_MV)
    return known if np.median((held & ~known).mean(axis=1)) <= _OFTEN else held


def _within(values: NDArray[np.floating], limit: float) -> NDArray[np.bool_]:
    """Mark numbers of at most this size, without another copy of a long signal."""
    within: NDArray[np.bool_] = values <= limit
    within &= values >= -limit
    return within


def _interpolate(lead: NDArray[np.floating], known: NDArray[np.bool_]) -> None:
    """Put straight lines, flat at the ends, where (n_times,) values are not known."""
    for start in range(0, len(lead), _BRIDGED_AT_ONCE):
        stop = min(start + _BRIDGED_AT_ONCE, len(lead))
        here = start + np.flatnonzero(known[start:stop])
        if len(here) == stop - start:
            continue
        # What lies before the part is whole by now, or nothing of it is known; what follows is
        # looked for.
        before = [start - 1] if known[:start].any() else []
        after = [stop + int(known[stop:].argmax())] if known[stop:].any() else []
        here = np.concatenate([np.array(before, int), here, np.array(after, int)])
        lead[start:stop] = np.interp(np.arange(start, stop), here, lead[here])
