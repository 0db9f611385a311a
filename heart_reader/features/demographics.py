"""Age and sex as features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["NAMES", "demographics"]

NAMES = ("age_years", "sex_female")
_FEMALE = {"female": 1.0, "male": 0.0}


def demographics(age: float | None, sex: str | None) -> NDArray[np.float32]:
    """Return (2,) years and 1 for a woman, 0 for a man; NaN where not known.

    Examples
    --------
    >>> demographics(61.0, "female").tolist(), demographics(None, "").tolist()
    ([61.0, 1.0], [nan, nan])
    """
    return np.array([np.nan if age is None else age, _FEMALE.get(sex or "", np.nan)], dtype=np.float32)
