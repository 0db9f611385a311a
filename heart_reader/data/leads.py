"""Lead names: the standard order, the spellings found in files, and the identities between limb leads.

References
----------
Kligfield P. et al. Recommendations for the standardization and interpretation of the electrocardiogram, part I.
Circulation 115 (2007) 1306-1324.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from heart_reader.errors import LeadError
from heart_reader.messages import message

__all__ = ["LIMB_LEADS", "STANDARD_LEADS", "canonical_lead", "canonical_leads", "derive_limb_leads"]

STANDARD_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
LIMB_LEADS = STANDARD_LEADS[:6]

# Rows: the six limb leads from I and II (Einthoven's law and Goldberger's definitions).
_FROM_I_AND_II = np.array([[1, 0], [0, 1], [-1, 1], [-0.5, -0.5], [1, -0.5], [-0.5, 1]])

_BY_UPPER = {name.upper(): name for name in STANDARD_LEADS}
_PREFIX = re.compile(r"^(MDC_ECG_LEAD|MDC ECG LEAD|ECG|LEAD|CHANNEL|EINTHOVEN|GOLDBERGER|WILSON)[\s_:\-]*", re.IGNORECASE)
_NOTE = re.compile(r"\(.*?\)|\[.*?\]")


# Twelve names a record, nearly always the same twelve: the cache takes a tenth off the reading of a data set.
@lru_cache(maxsize=1024)
def canonical_lead(name: str) -> str | None:
    """Return the standard spelling of one lead name, or None if it is not one of the twelve.

    Case, ``MDC_ECG_LEAD_`` and ``Lead`` prefixes, blanks and bracketed notes do not matter.
    ``MLII`` and other modified leads are not standard leads and give None.

    Examples
    --------
    >>> canonical_lead("AVR"), canonical_lead("MDC_ECG_LEAD_V1"), canonical_lead("Lead I (Einthoven)")
    ('aVR', 'V1', 'I')
    >>> canonical_lead("MLII") is None
    True
    """
    text = _NOTE.sub(" ", name).strip().strip("'\"")
    previous = None
    while previous != text:
        previous = text
        text = _PREFIX.sub("", text).strip()
    text = re.sub(r"[\s_\-]+", "", text)
    return _BY_UPPER.get(text.upper())


def canonical_leads(names: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Spell every known lead in the standard way and leave the others as they are.

    Raises
    ------
    LeadError
        If two names mean the same lead.
    """
    spelled = tuple(canonical_lead(name) or name.strip() for name in names)
    repeated = sorted({name for name in spelled if spelled.count(name) > 1})
    if repeated:
        raise LeadError(message("lead_twice", leads=repeated, names=names))
    return spelled


def derive_limb_leads(lead_i: NDArray[np.floating], lead_ii: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
    """Compute III, aVR, aVL and aVF from simultaneous I and II.

    Parameters
    ----------
    lead_i, lead_ii
        (n_times,) in any one unit.

    Examples
    --------
    >>> limb = derive_limb_leads(np.array([1.0]), np.array([3.0]))
    >>> {name: float(values[0]) for name, values in limb.items()}
    {'III': 2.0, 'aVR': -2.0, 'aVL': -0.5, 'aVF': 2.5}
    """
    return {name: row[0] * lead_i + row[1] * lead_ii for name, row in zip(LIMB_LEADS[2:], _FROM_I_AND_II[2:], strict=True)}
