"""Linear layers on features alone: logistic regression and multilayer perceptrons.

What is not known of a record stands at the median of the training records, and each feature is
divided by its spread over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from heart_reader.models.fusion import LIMIT, robust_statistics

__all__ = ["FeatureLayers"]


class FeatureLayers(nn.Module):
    """Layers that read the features of a record and not its signal.

    Parameters
    ----------
    n_features
        Features that come in.
    widths
        Width of each hidden layer; without any this is logistic regression.
    dropout
        Probability after each hidden layer.
    """

    median: Tensor
    spread: Tensor

    def __init__(self, n_features: int, n_outputs: int, *, widths: Sequence[int] = (), dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("median", torch.zeros(n_features))
        self.register_buffer("spread", torch.ones(n_features))
        hidden = [nn.Sequential(nn.Linear(n_in, n_out), nn.ReLU(), nn.Dropout(dropout)) for n_in, n_out in pairwise([n_features, *widths])]
        self.hidden = nn.Sequential(*hidden)
        self.classify = nn.Linear([n_features, *widths][-1], n_outputs)

    def set_statistics(self, matrix: Tensor) -> None:
        """Store median and spread of the training records, (n_records, n_features)."""
        for buffer, values in zip((self.median, self.spread), robust_statistics(matrix), strict=True):
            buffer.copy_(values)

    def standardized(self, features: Tensor) -> Tensor:
        """Return (n, n_features) as the first layer reads them."""
        values = torch.where(torch.isnan(features), self.median, features)
        return ((values - self.median) / self.spread).clamp(-LIMIT, LIMIT)

    def forward(self, x: Tensor, features: Tensor | None = None, record: Tensor | None = None) -> Tensor:
        """Map features to (n, n_outputs) logits; of ``x`` only the number of windows counts."""
        if features is None:
            features = self.median.expand(x.shape[0], -1)
        logits: Tensor = self.classify(self.hidden(self.standardized(features)))
        return logits if record is None else logits.index_select(0, record)
