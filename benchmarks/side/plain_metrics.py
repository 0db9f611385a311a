"""All metrics of an evaluation as a plain loop has them, with scikit-learn where it has them.

Fmax and the expected calibration error, which scikit-learn lacks, are written out in NumPy by the
same definitions (Fmax as one pass over the sorted probabilities, not as a loop over thresholds,
which would flatter the ratio).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["all_metrics"]

Array = NDArray[np.float64]
N_BINS = 15


def _fmax(y_true: Array, y_prob: Array) -> float:
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


def _ece(true: Array, prob: Array) -> float:
    """Return the expected calibration error of one class over 15 equally full bins."""
    values, group = np.unique(prob, return_inverse=True)
    size = np.bincount(group)
    error = (np.bincount(group, weights=true) / size - values)[np.sort(group)]
    return float(np.abs(np.repeat(error, N_BINS).reshape(N_BINS, -1).sum(axis=1)).sum() / N_BINS / len(true))


def _formulas(share: Array) -> dict[str, Callable[[Array, Array, Array], float]]:
    """Return per metric a function of one class's truth, probability and decision."""
    from sklearn import metrics as sk

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
        "macro_ece": lambda true, prob, _: _ece(true, prob),
        "macro_brier": lambda true, prob, _: sk.brier_score_loss(true, prob),
    }


def all_metrics(y_true: Array, y_prob: Array, thresholds: Array) -> dict[str, float]:
    """Return every metric, macro-averaged, of some records.

    Parameters
    ----------
    y_true, y_prob
        (n_records, n_classes).
    thresholds
        (n_classes,).
    """
    called = (y_prob >= thresholds).astype(np.float64)
    formulas = _formulas(1 / np.maximum(y_true.sum(axis=1), 1))
    columns = list(zip(y_true.T, y_prob.T, called.T, strict=True))
    values = {name: float(np.mean([formula(*column) for column in columns])) for name, formula in formulas.items()}
    return {**values, "fmax": _fmax(y_true, y_prob)}
