"""Weights that tell whether P waves are there, fitted on 5990 readings of PTB-XL records.

Written by ``heart-reader study p-wave-fit``; do not edit.
"""

from __future__ import annotations

__all__ = ["BEAT_WEIGHTS", "RECORD_MEANS", "RECORD_WEIGHTS"]

# In place of what cannot be told.
RECORD_MEANS: dict[str, float] = {
    "likeness": 0.925244,
    "least_likeness": 0.878932,
    "shifted_likeness": 0.938126,
    "log_size": -3.61423,
    "other_size": 0.0998752,
    "log_shift_spread": 1.74909,
    "log_over_quiet": 1.31414,
    "log_elsewhere": -0.934474,
    "log_rr": -0.176737,
    "upright_in_ii": 0.439771,
    "log_leads": 2.48491,
}
# Log-odds.
RECORD_WEIGHTS: dict[str, float] = {
    "constant": -8.01606,
    "likeness": 1.09343,
    "least_likeness": 0.826495,
    "shifted_likeness": 2.64063,
    "log_size": -1.44967,
    "other_size": -2.43004,
    "log_shift_spread": -0.769009,
    "log_over_quiet": 1.38268,
    "log_elsewhere": -1.83325,
    "log_rr": 1.54847,
    "upright_in_ii": 5.29111,
    "log_leads": -0.0903701,
}
BEAT_WEIGHTS: dict[str, float] = {
    "constant": -2.08467,
    "likeness": 4.89749,
    "shifted_likeness": 1.42772,
    "other_size": -3.02514,
    "log_activity": 0.30039,
    "abs_shift": -0.0655855,
}
