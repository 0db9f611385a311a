"""RR intervals and corrected QT.

References
----------
Fridericia L. S. Die Systolendauer im Elektrokardiogramm bei normalen Menschen und bei Herzkranken.
Acta Med. Scand. 53 (1920) 469-486. Bazett H. C. An analysis of the time-relations of
electrocardiograms. Heart 7 (1920) 353-370. Task Force of the ESC and NASPE. Heart rate variability.
Circulation 93 (1996) 1043-1065.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RrIntervals", "qtc_bazett_ms", "qtc_fridericia_ms", "rr_intervals"]


def qtc_fridericia_ms(qt_ms: float, rr_s: float) -> float:
    """Return QT / RR^(1/3), RR in seconds.

    Examples
    --------
    >>> qtc_fridericia_ms(400.0, 1.0)
    400.0
    """
    return qt_ms / math.cbrt(rr_s)


def qtc_bazett_ms(qt_ms: float, rr_s: float) -> float:
    """Return QT / RR^(1/2), RR in seconds.

    Examples
    --------
    >>> qtc_bazett_ms(400.0, 0.64)
    500.0
    """
    return qt_ms / math.sqrt(rr_s)


@dataclass(frozen=True)
class RrIntervals:
    """Times between beats, ms: mean, standard deviation, RMSSD, shortest, longest."""

    mean_ms: float
    sd_ms: float
    rmssd_ms: float
    min_ms: float
    max_ms: float


def rr_intervals(r_peaks_s: NDArray[np.floating]) -> RrIntervals | None:
    """Describe the intervals between beats; None with fewer than two. Differences need three beats
    and are NaN without.

    Parameters
    ----------
    r_peaks_s
        (n_beats,) seconds, rising.
    """
    rr = np.diff(r_peaks_s) * 1000.0
    if not len(rr):
        return None
    several = len(rr) > 1
    mean_ms = float(rr.mean())
    return RrIntervals(
        mean_ms=mean_ms,
        sd_ms=math.sqrt(np.square(rr - mean_ms).sum() / (len(rr) - 1)) if several else math.nan,
        rmssd_ms=float(np.sqrt(np.square(np.diff(rr)).mean())) if several else math.nan,
        min_ms=float(rr.min()),
        max_ms=float(rr.max()),
    )
