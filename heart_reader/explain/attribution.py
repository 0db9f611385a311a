"""Attribute a score of a reading to signal and measurements.

The path from baseline to reading has two legs. On the first, the logits of all members go straight
from those of the baseline to those of the record; the mean gradient along it divides the change of
the score among members, windows and outputs (Aumann-Shapley). It needs no call of a network, only
the ensemble's own code, and so takes many steps. On the second, each member's share goes to its
inputs: a network's to its signal by integrated gradients, that of trees to measurements by their
Shapley values. With several baselines, each at a random point of its path, the mean over them gives
expected gradients (GradientSHAP).

References
----------
Aumann R. J., Shapley L. S. Values of non-atomic games. Princeton University Press (1974). Erion G.
et al. Improving performance of deep learning models with axiomatic attribution priors and expected
gradients. Nature Machine Intelligence 3 (2021) 620-631.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from heart_reader.data.labels import ALL, Contrast, LabelSpace
from heart_reader.decisions.decision import Calibration
from heart_reader.errors import NotServable
from heart_reader.explain.integrated_gradients import integrated_gradients, mean_gradients
from heart_reader.explain.tree_contributions import tree_contributions
from heart_reader.models.ensemble import EnsembleNetwork
from heart_reader.models.feature_layers import FeatureLayers
from heart_reader.models.feature_trees import FeatureTrees
from heart_reader.models.fusion import FeatureBranch

__all__ = ["Attribution", "Attributor", "Baseline", "class_log_odds", "class_probability", "fold_normalisation"]

# Enough on the first leg for an error below a millionth.
JOINING_STEPS = 32


@dataclass(frozen=True, eq=False)
class Attribution:
    """What signal and features add to a score.

    Parameters
    ----------
    signal
        (n_windows, n_leads, n_times).
    features
        (n_features,), of size 0 where the network reads the signal alone.
    score, baseline_score
        The score at the two ends, the latter as the mean over the baselines; ``signal`` and
        ``features`` sum to their difference.
    missed
        The error of the quadrature before it was divided among the shares.
    standard_error
        Of ``missed``, where the points were drawn at random: it is about as large by chance.
    """

    signal: NDArray[np.float64]
    features: NDArray[np.float64]
    score: float
    baseline_score: float
    missed: float
    standard_error: float = 0.0


@dataclass(frozen=True, eq=False)
class Baseline:
    """What a record is compared with.

    Parameters
    ----------
    windows
        (n_windows, n_leads, n_times) in mV, or one window for all.
    features
        (n_features,) for networks that read features; None, and NaN among them, mean their medians.
    """

    windows: NDArray[np.float32]
    features: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class _Reading:
    """Inputs of one record: windows and those of its baseline, features or None."""

    windows: Tensor
    rest: Tensor
    features: NDArray[np.float32] | None
    rest_features: NDArray[np.float32] | None

    @classmethod
    def of(cls, windows: NDArray[np.float32], features: NDArray[np.float32] | None, baseline: Baseline) -> _Reading:
        signal, rest = (torch.from_numpy(np.ascontiguousarray(part)) for part in (windows, baseline.windows))
        return cls(signal, rest, features, baseline.features)

    def beside(self, features: NDArray[np.float32] | Tensor | None, n_rows: int) -> Tensor | None:
        return None if features is None else torch.as_tensor(features).expand(n_rows, -1)


class Attributor:
    """Explains scores of a network.

    Parameters
    ----------
    network
        In evaluation mode; it is taken apart and cannot be used afterwards.
    """

    def __init__(self, network: nn.Module) -> None:
        self.members, self._joined, self._stand_ins = _take_apart(network.requires_grad_(False))
        fold_normalisation(self.members)

    @property
    def forests(self) -> list[FeatureTrees]:
        """The members that are trees."""
        return [member for member in self.members if isinstance(member, FeatureTrees)]

    def attribute(
        self,
        score: Callable[[Tensor], Tensor],
        windows: NDArray[np.float32],
        features: NDArray[np.float32] | None,
        baselines: Sequence[Baseline],
        *,
        steps: int,
        rng: np.random.Generator | None = None,
    ) -> Attribution:
        """Attribute a score of a record.

        Parameters
        ----------
        score
            (n_points, n_windows, n_outputs) logits to (n_points,).
        windows
            (n_windows, n_leads, n_times) in mV.
        features
            (n_features,) of the record, NaN where not known; None for a network that reads the
            signal alone. In trees they are compared with the average training record.
        baselines
            What the record is compared with: the answer is the mean over them.
        steps
            Points on the path from each baseline, of every window and network.
        rng
            Draws where the points lie; None spreads them evenly.
        """
        # Drawn one from each of equal parts: unbiased, and nearer to the mean than drawn freely.
        places = (
            np.zeros(len(baselines)) if rng is None else (rng.permutation(len(baselines)) + rng.random(len(baselines))) / len(baselines)
        )
        paths = [
            self._along(score, _Reading.of(windows, features, baseline), steps, float(place))
            for baseline, place in zip(baselines, places, strict=True)
        ]
        signal, beside = np.zeros(windows.shape), sum((path.of_trees for path in paths), np.zeros(0 if features is None else len(features)))
        for parts in zip(*(path.of_networks for path in paths), strict=True):
            owed, of_signal, of_features = (np.sum(part, axis=0) for part in zip(*parts, strict=True))
            of_signal, of_features = _settle(owed, of_signal, of_features)
            signal += of_signal
            beside = beside + (of_features.sum(axis=0) if of_features.size else 0.0)
        missed, n_paths = np.array([path.missed for path in paths]), len(paths)
        return Attribution(
            signal / n_paths,
            beside / n_paths,
            paths[0].at_end,
            float(np.mean([path.at_start for path in paths])),
            abs(float(missed.mean())),
            float(missed.std(ddof=1) / n_paths**0.5) if n_paths > 1 else 0.0,
        )

    def _along(self, score: Callable[[Tensor], Tensor], reading: _Reading, steps: int, shift: float) -> _Path:
        """Divide the way from one baseline among windows, networks and trees."""
        ends, starts = zip(*(self._two_ends(member, reading) for member in self.members), strict=True)
        slopes, at_end, at_start = mean_gradients(lambda *logits: score(self._join(*logits)), ends, starts, JOINING_STEPS)
        of_networks, of_trees = [], np.zeros(0 if reading.features is None else len(reading.features))
        for number, (member, slope, end, start) in enumerate(zip(self.members, slopes, ends, starts, strict=True)):
            if isinstance(member, FeatureTrees):
                of_trees += _share_of_trees(member, slope, reading.features)
            else:
                shares = self._share_of_network(member, slope, reading, steps, shift=shift + number / len(self.members))
                of_networks.append(((slope * (end - start)).sum(dim=1).numpy(), *shares))
        return _Path(of_networks, of_trees, at_end, at_start)

    def _join(self, *logits: Tensor) -> Tensor:
        """Join members' (n_points, n_windows, n_own) logits to (n_points, n_windows, n_outputs)."""
        shape = logits[0].shape[:2]
        for stand_in, values in zip(self._stand_ins, logits, strict=True):
            stand_in.values = values.flatten(0, 1)
        joined: Tensor = self._joined(torch.zeros(shape.numel(), 1))
        answer: Tensor = joined.unflatten(0, shape)
        return answer

    @staticmethod
    def _two_ends(member: nn.Module, reading: _Reading) -> tuple[Tensor, Tensor]:
        """Return a member's (n_windows, n_own) logits for record and baseline."""
        n_windows = len(reading.windows)
        with torch.no_grad():
            if isinstance(member, FeatureTrees):
                end = member(reading.rest[:1], reading.beside(reading.features, 1))
                assert reading.features is not None
                start = torch.from_numpy(tree_contributions(member, reading.features, ()).expected[None]).to(end.dtype)
            else:
                end = member(reading.windows, reading.beside(reading.features, n_windows))
                start = member(reading.rest, reading.beside(_compared_with(member, reading), len(reading.rest)))
        return end.expand(n_windows, -1), start.expand(n_windows, -1)

    @staticmethod
    def _share_of_network(
        member: nn.Module, slope: Tensor, reading: _Reading, steps: int, shift: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return shares of the signal, as its windows, and of (n_windows, n_features)."""
        n_windows = len(reading.windows)
        ends, starts = [reading.windows], [reading.rest.expand_as(reading.windows)]
        start = _compared_with(member, reading)
        if start is not None:
            ends.append(torch.as_tensor(reading.features).expand(n_windows, -1))
            starts.append(start.expand(n_windows, -1))
        signal, *rest = integrated_gradients(member, slope, ends, starts, steps, shift=shift)
        return signal.numpy(), rest[0].numpy() if rest else np.zeros((n_windows, 0))


@dataclass(frozen=True, eq=False)
class _Path:
    """Shares along the path from one baseline.

    ``of_networks`` holds per network what each window's shares should sum to, (n_windows,), the
    shares of the signal, as its windows, and of (n_windows, n_features).
    """

    of_networks: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]
    of_trees: NDArray[np.float64]
    at_end: float
    at_start: float

    @property
    def missed(self) -> float:
        """What the shares of networks lack."""
        return float(sum(owed.sum() - signal.sum() - features.sum() for owed, signal, features in self.of_networks))


def _compared_with(member: nn.Module, reading: _Reading) -> Tensor | None:
    """Return a network's baseline features, NaN where the record has NaN; medians if none."""
    medians = _median_features(member)
    if medians is None or reading.features is None:
        return None
    if reading.rest_features is not None:
        given = torch.from_numpy(reading.rest_features)
        medians = torch.where(torch.isnan(given), medians, given)
    return torch.where(torch.isnan(torch.from_numpy(reading.features)), torch.nan, medians)


def _share_of_trees(trees: FeatureTrees, slope: Tensor, features: NDArray[np.float32] | None) -> NDArray[np.float64]:
    """Return (n_features,) shares from the slopes of all windows, which trees answer alike."""
    assert features is not None
    per_output = slope.sum(dim=0).numpy()
    counted = np.flatnonzero(per_output)
    share: NDArray[np.float64] = per_output @ tree_contributions(trees, features, counted.tolist()).by_feature
    return share


def _settle(owed: NDArray[np.float64], *shares: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Divide what each window's sum lacks among its values, in proportion to their size."""
    flat = np.concatenate([share.reshape(len(owed), -1) for share in shares], axis=1)
    sizes = np.abs(flat)
    totals = sizes.sum(axis=1, keepdims=True)
    flat += (owed - flat.sum(axis=1))[:, None] * np.divide(sizes, totals, out=np.zeros_like(sizes), where=totals > 0)
    parts = np.split(flat, np.cumsum([share[0].size for share in shares])[:-1], axis=1)
    return tuple(part.reshape(share.shape) for part, share in zip(parts, shares, strict=True))


class _GivenLogits(nn.Module):
    """Stand-in for a member that answers with given (n_windows, n_own_outputs) ``values``."""

    def __init__(self) -> None:
        super().__init__()
        self.values = torch.zeros(0)

    def forward(self, x: Tensor, features: Tensor | None = None, record: Tensor | None = None) -> Tensor:
        return self.values


def _take_apart(network: nn.Module) -> tuple[nn.ModuleList, nn.Module, list[_GivenLogits]]:
    """Take the members out of a network, in place.

    Returns
    -------
    members
        The members of an ensemble; else the network itself.
    joined
        The network with stand-ins for its members: it joins their logits with its own code.
    stand_ins
        One per member, to be given the member's logits.
    """
    if not isinstance(network, EnsembleNetwork):
        stand_in = _GivenLogits()
        return nn.ModuleList([network]), stand_in, [stand_in]
    members, stand_ins = network.members, [_GivenLogits() for _ in network.members]
    network.members = nn.ModuleList(stand_ins)
    return members, network, stand_ins


def fold_normalisation(network: nn.Module) -> None:
    """Fold batch normalisation into the convolution before it, in place, to save time."""
    for block in [module for module in network.modules() if type(module) is nn.Sequential]:
        for place in range(len(block) - 1):
            convolution, normalisation = block[place], block[place + 1]
            if isinstance(convolution, nn.Conv1d) and isinstance(normalisation, nn.BatchNorm1d):
                block[place], block[place + 1] = fuse_conv_bn_eval(convolution, normalisation), nn.Identity()


def _median_features(member: nn.Module) -> Tensor | None:
    """Return the (n_features,) training medians that a network holds if it reads features."""
    medians = [module.median for module in member.modules() if isinstance(module, FeatureBranch | FeatureLayers)]
    return torch.cat(medians) if medians else None


# The edge of heart_reader.decisions.decision.log_odds.
_EDGE = 1e-12


def class_log_odds(space: LabelSpace, level: str, position: int, logits: Tensor, calibration: Calibration | None) -> Tensor:
    """Return calibrated log-odds of a class, averaged over windows first, as in a reading.

    It mirrors :meth:`heart_reader.data.labels.LabelSpace.probabilities` in torch, for gradients; a
    test compares the two.

    Parameters
    ----------
    position
        Place of the class in its level.
    logits
        (..., n_windows, n_outputs).
    calibration
        Calibration of the level; None leaves the log-odds as they are.

    Returns
    -------
    Tensor
        (...) float64.
    """
    flat = logits.reshape(-1, logits.shape[-1]).double()
    mean = class_probability(space, level, position, flat).reshape(logits.shape[:-1]).mean(dim=-1).clamp(_EDGE, 1 - _EDGE)
    value = torch.log(mean) - torch.log1p(-mean)
    return value if calibration is None else calibration.slope[position] * value + calibration.intercept[position]


def class_probability(space: LabelSpace, level: str, position: int, logits: Tensor) -> Tensor:
    """Return the (n_rows,) probability of one class from (n_rows, n_outputs) float64 logits.

    Raises
    ------
    NotServable
        If the outputs do not answer the level.
    """
    return _class_columns(space, level, (position,), logits)[:, 0]


def _class_columns(space: LabelSpace, level: str, positions: Sequence[int], logits: Tensor) -> Tensor:
    """Return (n_rows, n_positions) probabilities: the mean of all ways to each class."""
    entry, chosen = space.levels[level], list(positions)
    votes = []
    if level in space.heads:
        votes.append(torch.sigmoid(logits[:, space.head_slice(level)][:, chosen]))
    if level != ALL and entry.members is not None and ALL in space.heads:
        statements = logits[:, space.head_slice(ALL)]
        groups = [entry.members[position] for position in chosen]
        votes.append(torch.stack([_any(-torch.nn.functional.softplus(statements[:, list(group)])) for group in groups], dim=1))
    if entry.contrast is not None and entry.contrast.of in space.answerable():
        votes.append(_contrast(space, entry.contrast, logits))
    if not votes:
        raise NotServable(f"level {level} does not follow from the outputs; they answer {', '.join(space.answerable())}")
    return torch.stack(votes).mean(dim=0)


def _contrast(space: LabelSpace, contrast: Contrast, logits: Tensor) -> Tensor:
    """p(1 - q) / (p(1 - q) + q(1 - p)) of the two sides of a binary level, (n_rows, 1)."""
    sides = []
    for side in (contrast.positive, contrast.negative):
        present = _class_columns(space, contrast.of, side, logits).clamp(max=1 - _EDGE)
        sides.append(_any(torch.log1p(-present)).unsqueeze(1))
    yes, no = sides
    positive, negative = yes * (1 - no), no * (1 - yes)
    return positive / (positive + negative).clamp(min=_EDGE)


def _any(log_absent: Tensor) -> Tensor:
    """Return the probability of at least one class, from (n_rows, n_classes) ln(1 - p)."""
    return -torch.expm1(log_absent.sum(dim=1))
