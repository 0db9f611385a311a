"""The training loop: one epoch function, resumed to the bit.

All randomness of a step (order, crops, augmentations, mixup, dropout) comes from (seed, epoch,
step), and the learning rate is a function of the step. What has to be kept to resume exactly is
therefore only weights, optimiser moments, averages and counters.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from heart_reader.config import ExperimentConfig
from heart_reader.data.dataset import EcgDataset
from heart_reader.errors import DataError, Diverged
from heart_reader.features.feature_space import FeatureSpace, withhold
from heart_reader.models.registry import EcgNetwork
from heart_reader.training.losses import MultiLevelLoss
from heart_reader.training.optim import WeightAverage, build_optimizer, learning_rate

__all__ = ["Progress", "Trainer", "draw_shares", "mixup", "select_device", "usable_precision"]

Weights = dict[str, Tensor]


@dataclass
class Progress:
    """Where a run stands; plain numbers, so it is saved as JSON."""

    epoch: int = 0  # the next one, from 0
    step: int = 0  # the next one of the epoch, from 0
    loss_sum: float = 0.0  # over the steps of this epoch
    best_score: float = 0.0  # highest validation macro-AUROC
    best_epoch: int = 0  # which epoch had it, from 1; 0 for none
    stale: int = 0  # epochs since then
    elapsed_s: float = 0.0  # of training, interruptions left out
    history: list[dict[str, float]] = field(default_factory=list)  # a row per finished epoch


def select_device(name: str) -> torch.device:
    """Return the device that the configuration asks for; ``auto`` takes CUDA where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise DataError("training.device = cuda, but no CUDA device is here: use --set training.device=cpu")
    return torch.device(name)


def usable_precision(precision: str, device: torch.device) -> str:
    """Return the precision to train in: float32 on a processor that only imitates bfloat16.

    Without AVX-512 a step in bfloat16 takes ten times as long as one in float32, which is exacter.
    """
    imitated = precision == "bfloat16" and device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return "float32" if imitated else precision


def mixup(arrays: Sequence[NDArray[np.float32]], rng: np.random.Generator, alpha: float) -> list[NDArray[np.float32]]:
    """Mix each record with another of the batch, with one weight from Beta(alpha, alpha).

    Parameters
    ----------
    arrays
        What belongs to n records, each (n, ...); NaN of either record stays NaN.

    References
    ----------
    Zhang H. et al. mixup: beyond empirical risk minimization. ICLR (2018).
    """
    weight = np.float32(rng.beta(alpha, alpha))
    partner = rng.permutation(len(arrays[0]))
    return [weight * array + (1 - weight) * array[partner] for array in arrays]


def draw_shares(labels: NDArray[np.float32], balance: float) -> NDArray[np.float64]:
    """Return how likely each record is drawn so that rare classes come more often, (n_records,).

    Of several classes a record counts for the rarest; one of no class, or of which that is not
    known, is drawn as often as the average record.

    Parameters
    ----------
    labels
        (n_records, n_classes): 1, 0, or NaN where not known.
    balance
        0 draws a class of n records in proportion to n, 1 all classes equally often; between, to
        n^(1 - balance).

    Examples
    --------
    >>> labels = np.array([[1, 0], [1, 0], [1, 0], [1, 1]])
    >>> [draw_shares(labels, balance).round(3).tolist() for balance in (0, 1)]
    [[0.25, 0.25, 0.25, 0.25], [0.167, 0.167, 0.167, 0.5]]
    """
    carried = labels == 1
    rarest = np.where(carried, carried.sum(axis=0), len(labels) + 1).argmin(axis=1)
    known = carried.any(axis=1)
    counts = np.bincount(rarest[known], minlength=labels.shape[1])
    shares = np.where(known, np.maximum(counts, 1.0)[rarest] ** -balance, 0.0)
    shares[~known] = shares[known].mean() if known.any() else 1.0
    answer: NDArray[np.float64] = shares / shares.sum()
    return answer


class Trainer:
    """Trains one network.

    Parameters
    ----------
    network
        Fresh, with its ``Standardize`` already set.
    validate
        Scores a network: returns ``val_*`` numbers, ``val_macro_auroc`` among them.
    space
        The features of ``train``, or None.
    teacher
        A network with the same outputs whose probabilities are learned beside the labels, or None.
    """

    def __init__(
        self,
        network: EcgNetwork,
        train: EcgDataset,
        validate: Callable[[EcgNetwork], dict[str, float]],
        config: ExperimentConfig,
        *,
        space: FeatureSpace | None = None,
        teacher: nn.Module | None = None,
    ) -> None:
        self.config = config.training
        self.seed = config.seed
        self.augmentation = config.augmentation
        self.space = space
        self.withheld = config.features.withheld
        self.device = select_device(self.config.device)
        self.precision = usable_precision(self.config.precision, self.device)
        self.network = network.to(self.device)
        self.train = train
        self.validate = validate
        self.loss = MultiLevelLoss(train.table.space, config.task.level, self.config.loss)
        self.teacher = None if teacher is None else teacher.to(self.device).eval()
        self.optimizer = build_optimizer(network, self.config.optimizer)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "float16")
        self.progress = Progress()
        self.ema: WeightAverage | None = WeightAverage(network.state_dict()) if self.config.ema_decay else None
        self.swa: WeightAverage | None = None
        self.best: Weights = {}
        self.steps_per_epoch = max(1, len(train) // self.config.batch_size)
        self._drawn = draw_shares(train.table.y_true(config.task.level), self.config.balance) if self.config.balance else None

    def fit(self, stop: Callable[[], bool], after_epoch: Callable[[], None]) -> bool:
        """Train until the last epoch, early stopping, or ``stop()``.

        Parameters
        ----------
        stop
            Asked after every step; True ends the run at that step.
        after_epoch
            Called when an epoch is complete, to save.

        Returns
        -------
        bool
            True if training is complete, False if it was stopped.
        """
        total = self.config.epochs * self.steps_per_epoch
        done = self.progress.epoch * self.steps_per_epoch + self.progress.step
        with tqdm(total=total, initial=done, desc="training", unit="step", dynamic_ncols=True, disable=None) as bar:
            patience = math.inf if self.config.patience is None else self.config.patience
            while self.progress.epoch < self.config.epochs and self.progress.stale < patience:
                if not self._run_epoch(stop, bar):
                    return False
                after_epoch()
                bar.write(self._epoch_line())
        return True

    def _run_epoch(self, stop: Callable[[], bool], bar: Any) -> bool:
        """Train the rest of the current epoch and score it; False if stopped in between."""
        progress = self.progress
        started = time.monotonic()
        self.network.train()
        for positions in self._batches(progress.epoch, progress.step):
            progress.loss_sum += self._train_step(positions)
            progress.step += 1
            bar.update(1)
            bar.set_postfix(epoch=progress.epoch + 1, loss=f"{progress.loss_sum / progress.step:.4f}", best=f"{progress.best_score:.4f}")
            if stop() and progress.step < self.steps_per_epoch:
                progress.elapsed_s += time.monotonic() - started
                return False
        self._average_epoch()
        scores = self.validate(self._as_network(self.candidate()))
        progress.elapsed_s += time.monotonic() - started
        self._close_epoch(scores)
        return True

    def _batches(self, epoch: int, first: int) -> Iterator[np.ndarray]:
        rng, size = np.random.default_rng([self.seed, epoch]), self.config.batch_size
        if self._drawn is None:
            order = rng.permutation(len(self.train))
        else:
            order = rng.choice(len(self.train), self.steps_per_epoch * size, p=self._drawn)
        for step in range(first, self.steps_per_epoch):
            yield order[step * size : (step + 1) * size]

    def _train_step(self, positions: np.ndarray) -> float:
        config, progress = self.config, self.progress
        rng = np.random.default_rng([self.seed, progress.epoch, progress.step])
        torch.manual_seed(int(rng.integers(2**62)))
        signals = self.train.random_crops(positions, rng, self.augmentation)
        features = self._features(positions, rng)
        targets = self.train.targets[positions]
        if config.mixup_alpha:
            mixed = [array for array in (signals, features, targets) if array is not None]
            signals, *middle, targets = mixup(mixed, rng, config.mixup_alpha)
            features = middle[0] if middle else None
        n_steps = config.epochs * self.steps_per_epoch
        rate = learning_rate(progress.epoch * self.steps_per_epoch + progress.step, n_steps, config.optimizer)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        inputs = [torch.from_numpy(array).to(self.device) for array in (signals, features) if array is not None]
        loss = self._loss(inputs, torch.from_numpy(targets).to(self.device))
        self.scaler.scale(loss).backward()
        if config.optimizer.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.optimizer.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.ema is not None:
            self.ema.exponential(self.network.state_dict(), config.ema_decay)
        value = float(loss.detach())
        if not np.isfinite(value):
            raise Diverged(
                f"the loss is {value} at epoch {progress.epoch + 1}, step {progress.step + 1}: "
                "lower training.optimizer.learning_rate or use training.precision=float32"
            )
        return value

    def _features(self, positions: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        """Features of the records of a step, withheld from some of them."""
        if self.train.features is None or self.space is None:
            return None
        return withhold(self.train.features[positions], self.space, rng, self.withheld)

    def _loss(self, inputs: list[Tensor], targets: Tensor) -> Tensor:
        """Return the loss against the labels and, where there is one, a teacher."""
        with self.autocast():
            logits = self.network(*inputs).float()
        loss: Tensor = self.loss(logits, targets)
        if self.teacher is None:
            return loss
        with torch.no_grad(), self.autocast():
            taught = torch.sigmoid(self.teacher(*inputs).float())
        share = self.config.teacher_weight
        answer: Tensor = (1 - share) * loss + share * self.loss(logits, taught)
        return answer

    def autocast(self) -> Any:
        """Return the context in which the network runs at its precision."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=getattr(torch, self.precision))

    def candidate(self) -> Weights:
        """Return the stochastic average of the weights, else the exponential one, else the last."""
        if self.swa is not None:
            return self.swa.state
        return self.ema.state if self.ema is not None else dict(self.network.state_dict())

    def chosen(self) -> Weights:
        """Return the weights with the best validation score, else the candidate."""
        return self.best or self.candidate()

    def _average_epoch(self) -> None:
        """Add the weights to the stochastic average and refresh its BatchNorm statistics."""
        start = self.config.swa_start
        if start is None or self.progress.epoch + 1 < start:
            return
        if self.swa is None:
            self.swa = WeightAverage(self.network.state_dict())
            # From here on only averages compete: a single epoch's score says nothing about them.
            self.best, self.progress.best_score, self.progress.stale = {}, 0.0, 0
        else:
            self.swa.equal(self.network.state_dict())
        self.swa.state.update(self._refreshed_batchnorm(self.swa.state))

    def _refreshed_batchnorm(self, weights: Weights) -> Weights:
        """Recompute running statistics of averaged weights over one pass of training crops."""
        network = self._as_network(weights)
        norms = [module for module in network.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
        if not norms:
            return {}
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # cumulative mean over all batches
            norm.train()
        with torch.no_grad(), self.autocast():
            for step, positions in enumerate(self._batches(self.progress.epoch, 0)):
                rng = np.random.default_rng([self.seed, self.progress.epoch, step, 1])
                arrays = (self.train.random_crops(positions, rng, self.augmentation), self._features(positions, rng))
                network(*(torch.from_numpy(array).to(self.device) for array in arrays if array is not None))
        return {name: value.clone() for name, value in network.state_dict().items() if "running_" in name}

    def _as_network(self, weights: Weights) -> EcgNetwork:
        network = copy.deepcopy(self.network)
        network.load_state_dict(weights)
        return network.eval()

    def _close_epoch(self, scores: dict[str, float]) -> None:
        progress = self.progress
        if scores["val_macro_auroc"] > progress.best_score:
            progress.best_score, progress.best_epoch, progress.stale = scores["val_macro_auroc"], progress.epoch + 1, 0
            self.best = {name: value.detach().clone() for name, value in self.candidate().items()}
        else:
            progress.stale += 1
        row = {"epoch": progress.epoch + 1, "learning_rate": self.optimizer.param_groups[0]["lr"]}
        row |= {"train_loss": progress.loss_sum / self.steps_per_epoch, **scores, "elapsed_s": round(progress.elapsed_s, 1)}
        progress.history.append(row)
        progress.epoch, progress.step, progress.loss_sum = progress.epoch + 1, 0, 0.0

    def _epoch_line(self) -> str:
        row, progress = self.progress.history[-1], self.progress
        remaining = progress.elapsed_s / progress.epoch * (self.config.epochs - progress.epoch)
        return (
            f"epoch {progress.epoch}/{self.config.epochs}  loss {row['train_loss']:.4f}  val macro-AUROC {row['val_macro_auroc']:.4f}  "
            f"best {progress.best_score:.4f} (epoch {progress.best_epoch})  ETA {remaining / 60:.1f} min"
        )

    def state(self) -> tuple[Weights, dict[str, Any]]:
        """Return everything needed to resume exactly: tensors, and plain values."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        averages = {kind: average for kind, average in (("ema", self.ema), ("swa", self.swa)) if average is not None}
        for kind, average in averages.items():
            tensors |= {f"{kind}.{name}": value for name, value in average.state.items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
        averaged = {kind: average.n_averaged for kind, average in averages.items()}
        return tensors, {"progress": asdict(self.progress), "averaged": averaged, "scaler": self.scaler.state_dict()}

    def restore(self, tensors: Weights, values: dict[str, Any]) -> None:
        """Take up the state that :meth:`state` gave."""

        def part(prefix: str) -> Weights:
            return {name.removeprefix(prefix): value.to(self.device) for name, value in tensors.items() if name.startswith(prefix)}

        self.network.load_state_dict(part("network."))
        self.best = part("best.")
        self.progress = Progress(**values["progress"])
        averages = {kind: WeightAverage(part(f"{kind}."), count) for kind, count in values["averaged"].items()}
        self.ema, self.swa = averages.get("ema"), averages.get("swa")
        saved = self.optimizer.state_dict()
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in part("optimizer.").items():
            index, kind = name.split(".")
            # AdamW keeps its step counter on the CPU whatever the device.
            moments.setdefault(int(index), {})[kind] = value.cpu() if kind == "step" else value
        self.optimizer.load_state_dict({**saved, "state": moments})
        if values["scaler"]:
            self.scaler.load_state_dict(values["scaler"])
