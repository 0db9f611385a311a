"""Weights that tell whether P waves are there, fitted on 5590 readings of PTB-XL records.

Written by ``python -m heart_reader.evaluation.p_wave_fit``; do not edit.
"""

from __future__ import annotations

__all__ = ["BEAT_WEIGHTS", "RECORD_MEANS", "RECORD_WEIGHTS"]

# In place of what cannot be told.
RECORD_MEANS: dict[str, float] = {
    "likeness": 0.926107,
    "least_likeness": 0.880208,
    "shifted_likeness": 0.939554,
    "log_size": -3.60397,
    "other_size": 0.0983914,
    "log_shift_spread": 1.74491,
    "log_over_quiet": 1.34407,
    "log_elsewhere": -0.94063,
    "log_rr": -0.176737,
    "upright_in_ii": 0.450451,
    "pr": 0.17,
    "duration": 0.126,
    "log_leads": 1.79176,
}
# Log-odds.
RECORD_WEIGHTS: dict[str, float] = {
    "constant": -1.80387,
    "likeness": 4.06066,
    "least_likeness": 1.7024,
    "shifted_likeness": 2.64289,
    "log_size": -0.526235,
    "other_size": -1.19262,
    "log_shift_spread": -0.696601,
    "log_over_quiet": 0.00946047,
    "log_elsewhere": -1.27592,
    "log_rr": 4.14102,
    "upright_in_ii": 4.22361,
    "pr": -4.51769,
    "duration": -7.36217,
    "log_leads": -0.392062,
}
BEAT_WEIGHTS: dict[str, float] = {
    "constant": -2.24904,
    "likeness": 5.44101,
    "shifted_likeness": 1.21139,
    "other_size": -3.14345,
    "log_activity": 0.305407,
    "abs_shift": -0.061522,
}
