"""Time 1,000 bootstrap draws of all metrics against a plain loop over scikit-learn, on one core.

Run: ``python benchmarks/bootstrap.py [--plain-draws 20]``. The plain loop repeats the rows of each
draw and calls scikit-learn per class; Fmax and the expected calibration error, which scikit-learn
lacks, are written out in NumPy by the same definitions (Fmax as one pass over the sorted
probabilities, not as a loop over thresholds, which would flatter the ratio). The plain loop is
timed over fewer draws and scaled; the printed difference is the largest over those draws and all
metrics.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from figures import add_json, keep
from numpy.typing import NDArray
from sklearn import metrics as sk
from threadpoolctl import threadpool_limits

from heart_reader.decisions.decision import Thresholds
from heart_reader.evaluation.bootstrap import bootstrap, draw_weights
from heart_reader.metrics import METRICS, N_BINS, Sample, WeightedSample, macro_mean
from heart_reader.predictions import Predictions

Array = NDArray[np.float64]
CLASSES = ("NORM", "MI", "STTC", "CD", "HYP")


def simulate(n_records: int, seed: int = 0) -> Predictions:
    """Make predictions like those of a trained model; one patient in ten has two records."""
    rng = np.random.default_rng(seed)
    y_true = (rng.random((n_records, len(CLASSES))) < [0.45, 0.25, 0.24, 0.23, 0.12]).astype(np.float32)
    y_prob = 1 / (1 + np.exp(-(2.2 * y_true - 1.4 + rng.normal(0, 1.1, y_true.shape))))
    patients = np.array([f"p{row if row % 10 else row + 1}" for row in range(n_records)])
    return Predictions("test", "superdiagnostic", CLASSES, np.array([f"r{row}" for row in range(n_records)]), patients, y_true, y_prob)


def plain_fmax(y_true: Array, y_prob: Array) -> float:
    """Fmax of one sample: every cell lowers the threshold once."""
    n_records, n_classes = y_true.shape
    order = np.argsort(-y_prob.ravel(), kind="stable")
    record, true, prob = order // n_classes, y_true.ravel()[order], y_prob.ravel()[order]
    n_called, n_hit = np.zeros(n_records), np.zeros(n_records)
    n_labels = y_true.sum(axis=1)
    precision = recall = n_predicted = best = 0.0
    n_labelled = (n_labels > 0).sum()
    for i, row in enumerate(record.tolist()):
        before = n_hit[row] / n_called[row] if n_called[row] else 0.0
        n_predicted += n_called[row] == 0
        n_called[row] += 1
        n_hit[row] += true[i]
        precision += n_hit[row] / n_called[row] - before
        if true[i]:
            recall += 1 / n_labels[row]
        if i + 1 == len(prob) or prob[i + 1] < prob[i]:
            p, r = precision / n_predicted, recall / n_labelled
            if p + r > 0:
                best = max(best, 2 * p * r / (p + r))
    return best


def plain_ece(true: Array, prob: Array) -> float:
    """Return the expected calibration error of one class over 15 equally full bins."""
    values, group = np.unique(prob, return_inverse=True)
    size = np.bincount(group)
    error = (np.bincount(group, weights=true) / size - values)[np.sort(group)]
    return float(np.abs(np.repeat(error, N_BINS).reshape(N_BINS, -1).sum(axis=1)).sum() / N_BINS / len(true))


def plain_metrics(share: Array) -> dict[str, Callable[[Array, Array, Array], float]]:
    """Return per metric a function of one class's truth, probability and decision."""

    def g_beta(true: Array, _prob: Array, called: Array) -> float:
        (_tn, fp), (fn, tp) = sk.confusion_matrix(true, called, sample_weight=share)
        return tp / (tp + fp + 2 * fn)

    return {
        "macro_auroc": lambda true, prob, _: sk.roc_auc_score(true, prob),
        "macro_auprc": lambda true, prob, _: sk.average_precision_score(true, prob),
        "macro_f1": lambda true, _, called: sk.f1_score(true, called),
        "macro_f_beta": lambda true, _, called: sk.fbeta_score(true, called, beta=2, sample_weight=share),
        "macro_g_beta": g_beta,
        "macro_sensitivity": lambda true, _, called: sk.recall_score(true, called),
        "macro_specificity": lambda true, _, called: sk.recall_score(true, called, pos_label=0),
        "macro_ppv": lambda true, _, called: sk.precision_score(true, called),
        "macro_accuracy": lambda true, _, called: sk.accuracy_score(true, called),
        "macro_ece": lambda true, prob, _: plain_ece(true, prob),
        "macro_brier": lambda true, prob, _: sk.brier_score_loss(true, prob),
    }


def plain_draw(y_true: Array, y_prob: Array, thresholds: Array, seconds: dict[str, float]) -> dict[str, float]:
    """All metrics of one draw's repeated rows, adding each metric's time to ``seconds``."""
    called = (y_prob >= thresholds).astype(np.float64)
    formulas = plain_metrics(1 / np.maximum(y_true.sum(axis=1), 1))
    values = {}
    for name in METRICS:
        start = time.perf_counter()
        if name == "fmax":
            values[name] = plain_fmax(y_true, y_prob)
        else:
            columns = zip(y_true.T, y_prob.T, called.T, strict=True)
            values[name] = float(np.mean([formulas[name](*column) for column in columns]))
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start
    return values


def time_per_metric(predictions: Predictions, thresholds: Array, draws: int) -> dict[str, float]:
    """Seconds of every metric on its own, drawing left out."""
    sample = Sample(predictions.y_true, predictions.y_prob, thresholds)
    seconds = dict.fromkeys(METRICS, 0.0)
    for weights in draw_weights(predictions.patient_ids, draws, 0):
        for name, metric in METRICS.items():
            start = time.perf_counter()
            metric.compute(WeightedSample(sample, weights))
            seconds[name] += time.perf_counter() - start
    return seconds


def main() -> None:
    """Print the ratios and the largest difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--plain-draws", type=int, default=20, help="draws over which the plain loop is timed; its time is scaled")
    add_json(parser)
    options = parser.parse_args()
    predictions = simulate(options.records)
    thresholds = Thresholds("given", "val", (0.5, 0.45, 0.4, 0.45, 0.35))

    start = time.perf_counter()
    bootstrap(predictions, thresholds, draws=options.draws, confidence=0.95, seed=0)
    ours = time.perf_counter() - start

    weights = next(draw_weights(predictions.patient_ids, options.plain_draws, 0))[:, : options.plain_draws]
    weighted = WeightedSample(Sample(predictions.y_true, predictions.y_prob, thresholds.as_array()), weights)
    fast = {name: macro_mean(metric.compute(weighted)) for name, metric in METRICS.items()}
    largest, plain_seconds = 0.0, {}
    start = time.perf_counter()
    for draw, counts in enumerate(weights.T.astype(int)):
        rows = np.repeat(np.arange(len(predictions)), counts)
        plain = plain_draw(predictions.y_true[rows].astype(float), predictions.y_prob[rows], thresholds.as_array(), plain_seconds)
        largest = max(largest, *(abs(plain[name] - fast[name][draw]) for name in METRICS))
    scale = options.draws / weights.shape[1]
    plain_total = (time.perf_counter() - start) * scale

    print(f"{options.records} records x {len(CLASSES)} classes x {options.draws} draws")
    print(f"plain loop timed over {weights.shape[1]} draws and scaled")
    each = time_per_metric(predictions, thresholds.as_array(), options.draws)
    for name in METRICS:
        plain_each = plain_seconds[name] * scale
        print(f"  {name:18s} plain {plain_each:7.2f} s   heart_reader {each[name]:6.3f} s   {plain_each / each[name]:6.0f}x")
    print(f"all metrics in one call: plain {plain_total:.1f} s, heart_reader {ours:.2f} s: {plain_total / ours:.0f}x")
    without = plain_total - plain_seconds["fmax"] * scale
    print(f"the same, the plain loop spared Fmax: {without:.1f} s: {without / ours:.0f}x")
    keep(options, {"all metrics": (ours, "s"), "against the plain loop": (plain_total / ours, "x")})
    print(f"largest difference: {largest:.1e}")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
