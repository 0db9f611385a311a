"""Features beside the signal: a branch for each set, any of which may be absent.

References
----------
Strodthoff N. et al. PTB-XL+, a comprehensive electrocardiographic feature dataset. Scientific Data
10 (2023) 279.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["LIMIT", "FeatureBranch", "FeatureFusion", "robust_statistics"]

# Standardized features are cut off here: one wild measurement must not decide a reading.
LIMIT = 5.0


def robust_statistics(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return median and spread of each feature, 0 and 1 where nothing is known of it.

    Parameters
    ----------
    matrix
        (n_records, n_features), NaN where not known.
    """
    median = matrix.nanmedian(dim=0).values
    # Of a normal distribution this is the standard deviation; a few wild values do not change
    # it. Of a yes or no it may be 0.
    quartiles = torch.nanquantile(matrix, torch.tensor([0.25, 0.75], dtype=matrix.dtype), dim=0)
    robust = (quartiles[1] - quartiles[0]) / 1.349
    plain = (matrix - median).square().nanmean(dim=0).sqrt()
    spread = torch.where(robust > 0, robust, plain)
    return torch.nan_to_num(median), torch.where(spread > 0, spread, torch.ones_like(spread))


class FeatureBranch(nn.Module):
    """Read one set of features.

    What is not known of a record stands at the median of the training records. A record of which
    nothing is known gets an embedding that was learned for this case.

    Parameters
    ----------
    widths
        Width of each layer; the last one is the embedding.
    dropout
        Probability after each layer but the last.
    """

    median: Tensor
    spread: Tensor

    def __init__(self, n_features: int, widths: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.register_buffer("median", torch.zeros(n_features))
        self.register_buffer("spread", torch.ones(n_features))
        sizes = [n_features, *widths]
        layers = [
            nn.Sequential(nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU(), nn.Dropout(dropout)) for n_in, n_out in pairwise(sizes)
        ]
        self.read = nn.Sequential(*layers)
        self.absent = nn.Parameter(torch.zeros(widths[-1]))

    def set_statistics(self, matrix: Tensor) -> None:
        """Store median and spread of the training records.

        Parameters
        ----------
        matrix
            (n_records, n_features), NaN where not known. Without spread the factor stays 1.
        """
        median, spread = robust_statistics(matrix)
        self.median.copy_(median)
        self.spread.copy_(spread)

    def forward(self, features: Tensor) -> Tensor:
        """Map (n, n_features) to (n, widths[-1])."""
        unknown = torch.isnan(features)
        values = torch.where(unknown, self.median, features)
        embedding: Tensor = self.read(((values - self.median) / self.spread).clamp(-LIMIT, LIMIT))
        return torch.where(unknown.all(dim=1, keepdim=True), self.absent, embedding)


class FeatureFusion(nn.Module):
    """Logits from an embedding of the signal and sets of features.

    Parameters
    ----------
    sizes
        Per set its number of features; they stand one after the other in the input.
    widths
        Per set the layers of its branch.
    signal_embedding
        Width of the embedding of the signal.
    hidden
        Width of the layer that joins them.
    dropout
        Probability in the branches and before the logits.
    """

    def __init__(
        self, sizes: Sequence[int], widths: Sequence[Sequence[int]], *, signal_embedding: int, hidden: int, n_outputs: int, dropout: float
    ) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.branches = nn.ModuleList(FeatureBranch(size, layers, dropout) for size, layers in zip(sizes, widths, strict=True))
        n_joined = signal_embedding + sum(layers[-1] for layers in widths)
        self.join = nn.Sequential(nn.Linear(n_joined, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(dropout))
        self.classify = nn.Linear(hidden, n_outputs)

    @classmethod
    def from_json(cls, values: Mapping[str, Any], signal_embedding: int, n_outputs: int) -> FeatureFusion:
        """Build what the ``features`` of a manifest describe, with fresh weights."""
        return cls(
            [len(item["names"]) for item in values["sets"]],
            [item["widths"] for item in values["sets"]],
            signal_embedding=signal_embedding,
            hidden=values["hidden"],
            n_outputs=n_outputs,
            dropout=values["dropout"],
        )

    @property
    def n_features(self) -> int:
        """Number of features of all sets."""
        return sum(self.sizes)

    def set_statistics(self, matrix: Tensor) -> None:
        """Store medians and spreads of the training records, (n_records, n_features)."""
        for branch, part in zip(self.branches, matrix.split(self.sizes, dim=1), strict=True):
            assert isinstance(branch, FeatureBranch)
            branch.set_statistics(part)

    def forward(self, embedding: Tensor, features: Tensor | None, record: Tensor | None = None) -> Tensor:
        """Map (n, signal_embedding) to (n, n_outputs) logits, see ``EcgNetwork``."""
        if features is None:
            features = torch.full((len(embedding), self.n_features), torch.nan, dtype=embedding.dtype, device=embedding.device)
        parts = features.split(self.sizes, dim=1)
        read = torch.cat([branch(part) for branch, part in zip(self.branches, parts, strict=True)], dim=1)
        beside = read if record is None else read.index_select(0, record)
        logits: Tensor = self.classify(self.join(torch.cat([embedding, beside], dim=1)))
        return logits
