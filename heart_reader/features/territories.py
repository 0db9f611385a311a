"""Combine the leads of one wall of the heart, and all leads, into sums for shallow trees.

An infarction shows in the leads that face its wall, ischaemia in neighbouring leads, low and high
voltage in all of one plane. Everything here follows from the measurements of the single leads.

References
----------
Wagner G. S. et al. AHA/ACCF/HRS recommendations for the standardization and interpretation of the
electrocardiogram, part VI: acute ischemia/infarction. Circulation 119 (2009) e262-e270.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.features.feature_names import LEAD_UNITS, N_OF_TERRITORIES, TERRITORIES, TERRITORY_FEATURES
from heart_reader.features.ranks import median

__all__ = ["territory_values"]

Array = NDArray[np.floating]

_STEMS = {stem: row for row, stem in enumerate(LEAD_UNITS)}
_PLACES = {name: [STANDARD_LEADS.index(lead) for lead in leads] for name, leads in TERRITORIES.items()}
_CHEST, _ALL_BUT_AVR = _PLACES["Chest"], [place for place, lead in enumerate(STANDARD_LEADS) if lead != "aVR"]
_MEMBERS = np.array([[float(place in places) for places in _PLACES.values()] for place in range(len(STANDARD_LEADS))])
# All places one territory after the other, and where each begins.
_IN_TURN = [place for places in _PLACES.values() for place in places]
_BEGINNINGS = np.cumsum([0, *map(len, _PLACES.values())])[:-1]
_KINDS = ("Mean", "Min", "Max")
# Where each named feature stands among all kinds of all stems in all territories.
_TAKEN = np.array(
    [
        np.ravel_multi_index((_KINDS.index(kind), _STEMS[stem], list(TERRITORIES).index(name)), (3, len(_STEMS), len(TERRITORIES)))
        for stem, kind, name in (feature.rsplit("_", 2) for feature in TERRITORY_FEATURES[:N_OF_TERRITORIES])
    ]
)
# The smallest QRS complex that a T wave is compared with.
_SMALLEST_QRS_MV = 0.05
_INVERTED_T_MV, _FLAT_T_MV, _DEPRESSED_ST_MV, _ELEVATED_ST_MV = -0.05, 0.1, -0.05, 0.1


def territory_values(of_leads: Array) -> Array:
    """Return (n_features,) in the order of ``TERRITORY_FEATURES``; NaN if unmeasured.

    Parameters
    ----------
    of_leads
        (n_stems, 12) measurements in the order of ``LEAD_UNITS`` and ``STANDARD_LEADS``, NaN where
        not measured.
    """
    known = ~np.isnan(of_leads)
    filled = np.where(known, of_leads, 0.0)
    n_known = np.maximum(known @ _MEMBERS, 1e-9)
    low, high = np.where(known, of_leads, np.inf), np.where(known, of_leads, -np.inf)
    # (3, n_stems, n_territories), of which the named ones are taken.
    extremes = [side.reduceat(rows[:, _IN_TURN], _BEGINNINGS, axis=1) for side, rows in ((np.minimum, low), (np.maximum, high))]
    tables = np.stack([np.where(n_known >= 1, (filled @ _MEMBERS) / n_known, np.nan), *extremes])
    there = np.asarray(known.any(axis=0))
    answer = np.concatenate([tables.ravel()[_TAKEN], _progression(filled, there), _repolarisation(filled, there)])
    return np.where(np.isfinite(answer), answer, np.nan)


def _progression(filled: Array, there: NDArray[np.bool_]) -> Array:
    """Return the lead where R exceeds S, and the rise of R from V2 to V3 and from V1 to V4."""
    if not there[_CHEST].all():
        return np.full(3, np.nan)
    r, s = filled[_STEMS["R_Amp"], _CHEST], np.abs(filled[_STEMS["S_Amp"], _CHEST])
    larger = r > s
    return np.array([float(larger.argmax() if larger.any() else len(larger)), r[2] - r[1], r[3] - r[0]])


def _repolarisation(filled: Array, there: NDArray[np.bool_]) -> Array:
    """Count leads with inverted or flat T and moved ST; add median and least T beside QRS."""
    if not there[_ALL_BUT_AVR].all():
        return np.full(6, np.nan)
    t, st = filled[_STEMS["T_Amp"], _ALL_BUT_AVR], filled[_STEMS["ST_Amp80ms"], _ALL_BUT_AVR]
    ratio = np.abs(t) / np.maximum(filled[_STEMS["QRS_AmpPP"], _ALL_BUT_AVR], _SMALLEST_QRS_MV)
    masks = (t < _INVERTED_T_MV, np.abs(t) < _FLAT_T_MV, st < _DEPRESSED_ST_MV, st > _ELEVATED_ST_MV)
    return np.array([*(mask.sum() for mask in masks), median(ratio), ratio.min()])
