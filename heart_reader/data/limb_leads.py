"""What the limb leads say of each other by Einthoven's law and Goldberger's definitions.

One public archive has aVL and aVF exchanged in every record. No heart and no electrode does that:
of the six limb leads four follow from I and II, so a program has given them wrong names.

References
----------
Kligfield P. et al. Recommendations for the standardization and interpretation of the
electrocardiogram, part I. Circulation 115 (2007) 1306-1324.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import FROM_I_AND_II, LIMB_LEADS, STANDARD_LEADS, derive_limb_leads
from heart_reader.kernels.quality import misfit
from heart_reader.messages import Message, message

__all__ = ["exchanged_limb_leads", "limb_lead_warning", "with_limb_leads"]

# Time points that are looked at; more tell nothing else.
_POINTS = 500
# Exchanged, two leads differ from what they should be by at least this share of their size, and put
# back by at most that share.
_WRONG_SHARE, _RIGHT_SHARE = 0.3, 0.1
# Smaller leads are noise, mV.
_LEAST_MV = 0.02


def exchanged_limb_leads(signal: NDArray[np.floating], names: Sequence[str]) -> tuple[str, str] | None:
    """Return the two limb leads that fit I and II only in each other's place.

    Both misfit where they are and fit once they are exchanged; leads that were recorded on their
    own, one after the other or with noise of their own fit neither way.

    Parameters
    ----------
    signal
        (n_leads, n_times) in one unit.
    names
        n_leads names.

    Examples
    --------
    >>> one, two = np.random.default_rng(0).normal(size=(2, 500))
    >>> limb = derive_limb_leads(one, two)
    >>> signal = np.stack([one, two, limb["aVF"], limb["aVL"]])
    >>> exchanged_limb_leads(signal, ("I", "II", "aVL", "aVF"))
    ('aVL', 'aVF')
    >>> exchanged_limb_leads(signal, ("I", "II", "aVF", "aVL")) is None
    True
    """
    rows = [names.index(name) for name in LIMB_LEADS if name in names]
    there = [name for name in LIMB_LEADS if name in names]
    if len(there) < 4 or there[:2] != ["I", "II"]:
        return None
    thin = np.asarray(signal[rows, :: max(1, signal.shape[1] // _POINTS)], dtype=np.float64, order="C")
    factors = FROM_I_AND_II[[LIMB_LEADS.index(name) for name in there[2:]]]
    wrong, size = misfit(thin, factors)
    # What nearly every record is.
    if wrong <= _RIGHT_SHARE or size < _LEAST_MV:
        return None
    # Without III, aVL and aVF in each other's place look like I and II, which programs do not mix
    # up: derived leads come first.
    for first, second in sorted(combinations(range(len(there)), 2), key=lambda pair: pair[0] < 2):
        swapped = thin.copy()
        swapped[[first, second]] = thin[[second, first]]
        if wrong >= _WRONG_SHARE and misfit(swapped, factors)[0] <= _RIGHT_SHARE:
            return there[first], there[second]
    return None


def limb_lead_warning(signal: NDArray[np.floating], names: Sequence[str], masked: Sequence[str] = ()) -> tuple[Message, ...]:
    """Return a sentence on two limb leads that are exchanged, if any are; masked ones are not."""
    rows = [row for row, name in enumerate(names) if name not in masked]
    pair = exchanged_limb_leads(signal[rows] if masked else signal, [names[row] for row in rows])
    return (message("limb_leads_exchanged", first=pair[0], second=pair[1]),) if pair else ()


def with_limb_leads(signal: NDArray[np.floating], names: tuple[str, ...]) -> tuple[NDArray[np.floating], tuple[str, ...], list[str]]:
    """Add what a recorder leaves out of III, aVR, aVL and aVF, which follow from I and II.

    Parameters
    ----------
    signal
        (n_leads, n_times) in one unit.
    names
        n_leads names, spelt as in :data:`~heart_reader.data.leads.STANDARD_LEADS`.

    Returns
    -------
    tuple
        Signal and names in the standard order, and the names of what was added; signal and names as
        they are where nothing is missing, or I or II is.

    Examples
    --------
    >>> with_limb_leads(np.array([[1.0], [3.0]]), ("I", "II"))[1:]
    (('I', 'II', 'III', 'aVR', 'aVL', 'aVF'), ['III', 'aVR', 'aVL', 'aVF'])
    """
    missing = [name for name in LIMB_LEADS[2:] if name not in names and f"-{name}" not in names]
    if not missing or not {"I", "II"} <= set(names):
        return signal, names, []
    made = derive_limb_leads(signal[names.index("I")], signal[names.index("II")])
    rows = dict(zip(names, signal, strict=True)) | {name: made[name] for name in missing}
    ordered = [name for name in STANDARD_LEADS if name in rows] + [name for name in names if name not in STANDARD_LEADS]
    return np.stack([rows[name] for name in ordered]), tuple(ordered), missing
