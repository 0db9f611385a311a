"""What is computed from labels and probabilities; a further metric is one more module here.

>>> from heart_reader.metrics import METRICS
>>> METRICS["macro_ppv"].title, METRICS["macro_ppv"].needs_thresholds
('positive predictive value', True)
"""

from heart_reader.metrics.formulas import BETA, N_BINS, fmax_threshold
from heart_reader.metrics.registry import METRICS, Metric, class_values, metric_value, register_metric
from heart_reader.metrics.sample import Sample, WeightedSample, macro_mean

__all__ = [
    "BETA",
    "METRICS",
    "N_BINS",
    "Metric",
    "Sample",
    "WeightedSample",
    "class_values",
    "fmax_threshold",
    "macro_mean",
    "metric_value",
    "register_metric",
]
