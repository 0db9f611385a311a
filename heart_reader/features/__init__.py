"""Measure intervals, axes, amplitudes and signal quality of any record with NumPy and SciPy."""

from heart_reader.features.feature_names import FEATURE_NAMES
from heart_reader.features.measured import measure
from heart_reader.features.measurement import Fiducials, Measurement, Measurements
from heart_reader.features.quality import SignalQuality, assess_signal

__all__ = ["FEATURE_NAMES", "Fiducials", "Measurement", "Measurements", "SignalQuality", "assess_signal", "measure"]
