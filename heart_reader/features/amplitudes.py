"""Amplitudes, areas and durations of the waves of each lead, from the median beat.

Amplitudes count from the level just before QRS onset, those of P from the line between its onset
and its offset. All leads are measured between the same boundaries, those of the whole heart.

References
----------
Kligfield P. et al. Recommendations for the standardization and interpretation of the
electrocardiogram, part I. Circulation 115 (2007) 1306-1324. Das M. K. et al. Significance of a
fragmented QRS complex versus a Q wave in patients with coronary artery disease. Circulation 113
(2006) 2495-2501.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.beats import BEAT_FROM
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.kernels.amplitudes import STEMS, lead_amplitudes

__all__ = ["lead_values"]

Array = NDArray[np.floating]


def lead_values(beat: Array, overall_ms: Array) -> dict[str, Array]:
    """Return PTB-XL+ stem to (n_leads,) values; NaN where a wave is missing.

    Parameters
    ----------
    beat
        (n_leads, n_times) in mV at ``MEASURING_HZ``, R at ``BEAT_FROM``.
    overall_ms
        (6,) boundaries in milliseconds from R, NaN where there is none.

    Notes
    -----
    Amplitudes in mV (Q and S negative, 0 where there is no such wave), areas in mV*ms, durations in
    ms.
    """
    at = [
        -1 if math.isnan(ms) else min(max(BEAT_FROM + round(ms * (MEASURING_HZ / 1000.0)), 8), beat.shape[1] - 1)
        for ms in overall_ms.tolist()
    ]
    beat = np.ascontiguousarray(beat, dtype=np.float32)
    return dict(zip(STEMS, lead_amplitudes(beat, np.array(at, dtype=np.int64)), strict=True))
