"""The learning curves of a run as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

__all__ = ["plot_learning_curves"]


def plot_learning_curves(history: Sequence[dict[str, Any]], best_epoch: int, path: Path) -> None:
    """Draw training loss, learning rate and validation macro-AUROC over epochs.

    Parameters
    ----------
    history
        One row per epoch, as in ``history.csv``.
    best_epoch
        Epoch whose weights were kept, from 1; 0 marks none.
    """
    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    loss_axes, score_axes = figure.subplots(1, 2)
    loss_axes.plot(epochs, [row["train_loss"] for row in history], color="#1f4e79", label="training loss")
    loss_axes.set(xlabel="epoch", ylabel="training loss")
    rate_axes = loss_axes.twinx()
    rate_axes.plot(epochs, [row["learning_rate"] for row in history], color="#999999", linestyle=":", label="learning rate")
    rate_axes.set_ylabel("learning rate", color="#666666")
    score_axes.plot(epochs, [row["val_macro_auroc"] for row in history], color="#b03a2e", label="macro-AUROC")
    score_axes.plot(epochs, [row["val_macro_auprc"] for row in history], color="#b9770e", label="macro-AUPRC")
    if best_epoch:
        score_axes.axvline(best_epoch, color="#666666", linewidth=0.8, label=f"kept: epoch {best_epoch}")
    score_axes.set(xlabel="epoch", ylabel="validation, before calibration")
    score_axes.legend(frameon=False, loc="lower right")
    for axes in (loss_axes, score_axes):
        axes.spines[["top"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.savefig(path, dpi=130)
