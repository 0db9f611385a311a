"""The processes of one training, which ``torchrun`` starts; alone without it.

They share every batch: each takes its rows, and what follows is that of the whole batch. The first
one writes, says and decides for all; the others hear of it. When one is gone, all stop.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from heart_reader.errors import ConfigError, HeartReaderError, ProcessLost
from heart_reader.machine import usable_cores
from heart_reader.training.run_state import can_resume

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ALONE", "TIMEOUT_S", "Processes", "together"]

T = TypeVar("T")

TIMEOUT_S = 300
# The first process prepares a cache for hours while the others wait for it.
PATIENCE = timedelta(days=7)
# How long to wait for the answer of a machine that may be gone.
ASK_S = 5
# What torch says, as a plain RuntimeError, when a process or a machine is gone.
LOST = ("gloo", "nccl", "connection closed by peer", "connection reset", "timed out", "broken pipe", "store")


@dataclass(frozen=True)
class Processes:
    """One process among those of a training.

    Parameters
    ----------
    rank, size
        Which of how many it is.
    local_rank, local_size
        The same on its machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    restarted: bool = False  # whether torchrun started them again after one was lost
    _patient: Any = None  # the group that waits for the first process

    @property
    def first(self) -> bool:
        """Whether this one writes, says and decides."""
        return self.rank == 0

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.size > 1

    def rows(self, n: int) -> slice:
        """Return this process's share of n rows; shares differ by at most one row.

        Examples
        --------
        >>> [Processes(rank, 3).rows(8) for rank in range(3)]
        [slice(0, 3, None), slice(3, 6, None), slice(6, 8, None)]
        """
        smaller, larger = divmod(n, self.size)
        start = self.rank * smaller + min(self.rank, larger)
        return slice(start, start + smaller + (self.rank < larger))

    def threads(self) -> int:
        """Return how many threads a process may use: the cores, shared by those of a machine."""
        return max(1, usable_cores() // self.local_size)

    def sum(self, values: Sequence[float]) -> list[float]:
        """Return the sum over all processes of each value."""
        if not self.several:
            return list(values)
        import torch
        from torch import distributed

        own = torch.tensor(values, dtype=torch.float64)
        everyone = [torch.empty_like(own) for _ in range(self.size)]
        distributed.all_gather(everyone, own)
        answer: list[float] = torch.stack(everyone).sum(dim=0).tolist()
        return answer

    def gather(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the rows of all processes, one process after the other."""
        if not self.several:
            return rows
        from torch import distributed

        everyone: list[Any] = [None] * self.size
        distributed.all_gather_object(everyone, rows)
        return np.concatenate(everyone)

    def first_says(self, ask: Callable[[], T]) -> T:
        """Let the first process do something, and return to all what came of it."""
        if not self.several:
            return ask()
        from torch import distributed

        box = [ask() if self.first else None]
        distributed.broadcast_object_list(box, group=self._patient)
        return box[0]  # type: ignore[return-value]

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let the first process go first, then the first one of each machine, then the others.

        So what each of them builds where it does not stand yet is built once.
        """
        turn = 0 if self.first else 1 if self.local_rank == 0 else 2
        for number in range(3):
            if number == turn:
                yield
            self.meet()

    def meet(self) -> None:
        """Wait until all processes are here, however long it takes."""
        if self.several:
            from torch import distributed

            distributed.barrier(group=self._patient)

    def parallel(self, network: nn.Module) -> nn.Module:
        """Return a network whose gradients are averaged over all processes.

        Weights and buffers become those of the first process.
        """
        if not self.several:
            return network
        from torch import distributed
        from torch.nn.parallel import DistributedDataParallel

        for buffer in network.buffers():
            distributed.broadcast(buffer, src=0)
        # From here on buffers are the same in all, and need not be sent with every batch.
        flags = ("forward_sync_buffers", "broadcast_buffers")  # torch from 2.13 on, and before
        flag = next(name for name in flags if name in inspect.signature(DistributedDataParallel).parameters)
        options: dict[str, Any] = {flag: False}
        return DistributedDataParallel(network, gradient_as_bucket_view=True, **options)

    def average_statistics(self, network: nn.Module) -> None:
        """Average the running statistics that each process has of its own rows."""
        import torch
        from torch import distributed

        own = [value for name, value in network.named_buffers() if name.endswith(("running_mean", "running_var"))]
        if not own:
            return
        joined = torch.cat(own)
        distributed.all_reduce(joined)
        for value, mean in zip(own, (joined / self.size).split([len(value) for value in own]), strict=True):
            value.copy_(mean)


ALONE = Processes()


@contextmanager
def together(out: Path, device: str, timeout_s: float = TIMEOUT_S) -> Iterator[Processes]:
    """Meet the processes that ``torchrun`` started, and yield this one; alone without it.

    Errors leave in one process only, so that they are said once; the others end with status 1.

    Parameters
    ----------
    out
        Directory of the run.
    device
        ``training.device``.
    timeout_s
        How long a process that no longer answers is waited for.

    Raises
    ------
    ConfigError
        If there are more processes than CUDA devices on this machine.
    ProcessLost
        If another process ended, or did not answer for ``timeout_s``.
    """
    size = int(os.environ.get("WORLD_SIZE", "1")) if "TORCHELASTIC_RUN_ID" in os.environ else 1
    if size == 1:
        yield ALONE
        return
    from torch import distributed

    def lost(error: Exception) -> ProcessLost:
        again = "again with --resume to go on from its last complete epoch" if can_resume(out) else "again"
        # Without the line of torch's source before it, and its guesses behind.
        reason = " ".join(str(error).split()).split("] ", maxsplit=1)[-1].split(". ", maxsplit=1)[0][:120]
        return ProcessLost(
            f"another process of this training ended or did not answer for {timeout_s:g} s, so this one stopped: "
            f"run the same command {again} ({reason})"
        )

    store: Any = None
    try:
        with ExitStack() as stack:
            stack.enter_context(_interrupted_by_sigterm())
            store, processes = _join(size, device, timeout_s)
            if not processes.first:
                nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                stack.enter_context(redirect_stdout(nowhere))
                stack.enter_context(redirect_stderr(nowhere))
            yield processes
        distributed.destroy_process_group()
    except (HeartReaderError, KeyboardInterrupt):
        if not _speaks(store):
            sys.exit(1)
        raise
    except RuntimeError as error:
        if not any(word in str(error).lower() for word in LOST):
            raise
        if not _speaks(store):
            sys.exit(1)
        raise lost(error) from None


def _join(size: int, device: str, timeout_s: float) -> tuple[Any, Processes]:
    import torch
    from torch import distributed
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    timeout = timedelta(seconds=timeout_s)
    rank, local_rank, local_size = (int(os.environ[name]) for name in ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE"))
    on_cuda = device != "cpu" and torch.cuda.is_available()
    if on_cuda and local_size > torch.cuda.device_count():
        n_devices = torch.cuda.device_count()
        raise ConfigError(
            f"{local_size} processes for {n_devices} CUDA devices of this machine: pass --nproc-per-node {n_devices} to torchrun, "
            "or --set training.device=cpu"
        )
    if on_cuda:
        torch.cuda.set_device(local_rank)
    n_restarts = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
    # Torchrun keeps one store: what the processes before a restart left there is not for these.
    store = PrefixStore(f"heart_reader/{n_restarts}", next(rendezvous("env://", timeout=timeout))[0])
    distributed.init_process_group("cpu:gloo,cuda:nccl" if on_cuda else "gloo", store=store, rank=rank, world_size=size, timeout=timeout)
    patient = distributed.new_group(backend="gloo", timeout=PATIENCE)
    return store, Processes(rank, size, local_rank, local_size, n_restarts > 0, patient)


def _speaks(store: Any) -> bool:
    """Return whether this process is the first that has something to say of the end of all."""
    if store is None:
        return True
    count: list[int] = []

    def ask() -> None:
        with suppress(RuntimeError):
            count.append(store.add("heart_reader/said", 1))

    # The store lies on one of the machines, which may be the one that is gone.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ASK_S)
    return not count or count[0] == 1


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """Treat SIGTERM, with which torchrun ends the others when one is gone, like Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
