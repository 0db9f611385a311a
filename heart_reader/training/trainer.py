"""The training loop: one epoch function, resumed to the bit.

All randomness of a step (order, crops, augmentations, mixup, dropout) comes from (seed, epoch,
step), and the learning rate is a function of the step. What has to be kept to resume exactly is
therefore only weights, optimiser moments, averages and counters. Several processes each train on
their rows of every batch, and their weights are those of one process up to rounding.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from heart_reader.config import ExperimentConfig
from heart_reader.data.dataset import EcgDataset
from heart_reader.errors import ConfigError, DataError, Diverged
from heart_reader.features.feature_space import FeatureSpace
from heart_reader.models.registry import EcgNetwork
from heart_reader.training.batches import Batches, TrainingBatch
from heart_reader.training.losses import MultiLevelLoss
from heart_reader.training.optim import WeightAverage, build_optimizer, learning_rate
from heart_reader.training.processes import ALONE, Processes
from heart_reader.training.random_rows import RandomOfRows
from heart_reader.training.sync_batchnorm import share_batchnorm

__all__ = ["Progress", "Trainer", "select_device", "usable_precision"]

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


def _check_shares(n_rows: int, processes: Processes, sync_batchnorm: bool) -> None:
    """Refuse more processes than a batch has records for: two each that normalises by itself."""
    fewest = 1 if sync_batchnorm else 2
    if processes.several and n_rows < fewest * processes.size:
        raise ConfigError(
            f"a batch of {n_rows} records for {processes.size} processes, each of which needs {fewest}: "
            f"start fewer processes or raise training.batch_size to {fewest * processes.size}"
        )


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
    processes
        Those that share the training. The weights that the first one starts from are those of all.

    Raises
    ------
    ConfigError
        If a batch has too few records for so many processes.
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
        processes: Processes = ALONE,
    ) -> None:
        self.config = config.training
        self.processes = processes
        self.device = select_device(self.config.device)
        self.precision = usable_precision(self.config.precision, self.device)
        self.batches = Batches(train, config, space)
        _check_shares(min(self.batches.size, len(train)), processes, self.config.sync_batchnorm)
        self.network = network.to(self.device)
        if processes.several and self.config.sync_batchnorm:
            share_batchnorm(self.network, self.device)
        self._parallel = processes.parallel(self.network)
        self.validate = validate
        self.loss = MultiLevelLoss(train.table.space, config.task.level, self.config.loss)
        self.teacher = None if teacher is None else teacher.to(self.device).eval()
        self.optimizer = build_optimizer(network, self.config.optimizer)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "float16")
        self.progress = Progress()
        self.ema: WeightAverage | None = WeightAverage(network.state_dict()) if self.config.ema_decay else None
        self.swa: WeightAverage | None = None
        self.best: Weights = {}
        self.steps_per_epoch = self.batches.steps_per_epoch

    def fit(self, stop: Callable[[], bool], after_epoch: Callable[[], None]) -> bool:
        """Train until the last epoch, early stopping, or ``stop()``.

        Parameters
        ----------
        stop
            Asked after every step; True, in any process, ends the run at that step.
        after_epoch
            Called when an epoch is complete, to save.

        Returns
        -------
        bool
            True if training is complete, False if it was stopped.
        """
        total = self.config.epochs * self.steps_per_epoch
        done = self.progress.epoch * self.steps_per_epoch + self.progress.step
        shown = None if self.processes.first else True
        with tqdm(total=total, initial=done, desc="training", unit="step", dynamic_ncols=True, disable=shown) as bar:
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
        for positions in self.batches.positions(progress.epoch, progress.step):
            part = self._train_step(positions)
            progress.step += 1
            loss, asked = self.processes.sum([part, float(stop())])
            self._check_finite(loss)
            progress.loss_sum += loss
            bar.update(1)
            bar.set_postfix(epoch=progress.epoch + 1, loss=f"{progress.loss_sum / progress.step:.4f}", best=f"{progress.best_score:.4f}")
            if asked and progress.step < self.steps_per_epoch:
                progress.elapsed_s += time.monotonic() - started
                return False
        self._average_epoch()
        scores = self.validate(self._as_network(self.candidate()))
        # One decides for all which epoch is best: another kind of processor may round otherwise.
        scores = self.processes.first_says(lambda: scores)
        progress.elapsed_s += time.monotonic() - started
        self._close_epoch(scores)
        return True

    def _train_step(self, positions: np.ndarray) -> float:
        """Train on this process's rows of a batch; return their part of its loss."""
        config, progress = self.config, self.progress
        batch = self.batches.draw(positions, progress.epoch, progress.step, self.processes.rows(len(positions)))
        torch.manual_seed(batch.seed)
        n_steps = config.epochs * self.steps_per_epoch
        rate = learning_rate(progress.epoch * self.steps_per_epoch + progress.step, n_steps, config.optimizer)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._loss(batch)
        # Gradients are averaged over processes, and the losses of their rows add up.
        self.scaler.scale(loss * self.processes.size if self.processes.several else loss).backward()
        if self.processes.several and not config.sync_batchnorm:
            self.processes.average_statistics(self.network)
        if config.optimizer.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.optimizer.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.ema is not None:
            self.ema.exponential(self.network.state_dict(), config.ema_decay)
        return float(loss.detach())

    def _check_finite(self, loss: float) -> None:
        if not np.isfinite(loss):
            raise Diverged(
                f"the loss is {loss} at epoch {self.progress.epoch + 1}, step {self.progress.step}: "
                "lower training.optimizer.learning_rate or use training.precision=float32"
            )

    def _loss(self, batch: TrainingBatch) -> Tensor:
        """Return the part of the loss that these rows have, against labels and any teacher."""
        inputs = [torch.from_numpy(array).to(self.device) for array in batch.inputs]
        targets, counts = (torch.from_numpy(array).to(self.device) for array in (batch.targets, batch.counts))
        with self.autocast(), RandomOfRows(batch.n_rows, batch.rows) if self.processes.several else nullcontext():
            logits = self._parallel(*inputs).float()
        loss: Tensor = self.loss(logits, targets, counts)
        if self.teacher is None:
            return loss
        with torch.no_grad(), self.autocast():
            taught = torch.sigmoid(self.teacher(*inputs).float())
        share = self.config.teacher_weight
        answer: Tensor = (1 - share) * loss + share * self.loss(logits, taught, torch.full_like(counts, batch.n_rows))
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
            for step, positions in enumerate(self.batches.positions(self.progress.epoch)):
                arrays = self.batches.statistics(positions, self.progress.epoch, step, self.processes.rows(len(positions)))
                network(*(torch.from_numpy(array).to(self.device) for array in arrays))
        if self.processes.several and not self.config.sync_batchnorm:
            self.processes.average_statistics(network)
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
