"""Turn windows into logits with torch or ONNX Runtime, imported only when needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.checkpoint import Checkpoint, understood
from heart_reader.data.batch import Batch
from heart_reader.data.labels import LabelSpace
from heart_reader.errors import Integrity, NotServable
from heart_reader.stages import stage

if TYPE_CHECKING:
    import onnxruntime
    from torch import nn

__all__ = ["Logits", "build_torch_network", "open_runtime", "open_session"]

# To (n, n_outputs) float32 logits.
Logits = Callable[[Batch], NDArray[np.float32]]


def open_runtime(checkpoint: Checkpoint, threads: int) -> Logits:
    """Return a function from a batch to (n, n_outputs) float32 logits.

    Parameters
    ----------
    threads
        Threads of one ONNX Runtime call; torch keeps its own setting.

    Raises
    ------
    Integrity
        If the weights do not fit the model of the manifest.
    NotServable
        If the runtime that the checkpoint needs is not installed.
    """
    logits = _open_onnx(checkpoint, threads) if checkpoint.runtime == "onnx" else _open_torch(checkpoint)

    def noted_logits(batch: Batch) -> NDArray[np.float32]:
        with stage("network", len(batch)):
            return logits(batch)

    return noted_logits


def build_torch_network(checkpoint: Checkpoint) -> nn.Module:
    """Return the network of a torch checkpoint with its weights, in evaluation mode.

    Raises
    ------
    Integrity
        If the weights do not fit the model of the manifest.
    NotServable
        If the checkpoint holds an ONNX graph, or torch is not installed.
    """
    try:
        from heart_reader.models.registry import build_any
    except ImportError:
        raise NotServable(f"{checkpoint.directory}: needs torch; install it, or use an exported ONNX checkpoint") from None
    model = checkpoint.manifest["model"]
    with understood(checkpoint):
        _check_sizes(model["params"], checkpoint.manifest["weights"]["bytes"])
        n_outputs = LabelSpace.from_json(checkpoint.manifest["levels"]).n_outputs
        network = build_any(model["name"], model["params"], len(checkpoint.manifest["leads"]), n_outputs, checkpoint.manifest["features"])
    try:
        network.load_state_dict(checkpoint.tensors(), strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise Integrity(f"{checkpoint.directory}: the weights do not fit {model['name']}: {reason}; copy the checkpoint again") from None
    return network.eval()


def _check_sizes(params: Any, n_bytes: int) -> None:
    """Refuse a number that no network of these weights can have, before memory is taken for it."""
    if isinstance(params, Mapping | list):
        for value in params.values() if isinstance(params, Mapping) else params:
            _check_sizes(value, n_bytes)
    elif isinstance(params, int) and params > n_bytes:
        raise ValueError(f"{str(params)[:20]} in model.params, of {n_bytes} bytes of weights")


def _open_torch(checkpoint: Checkpoint) -> Logits:
    network = build_torch_network(checkpoint)
    import torch

    def logits(batch: Batch) -> NDArray[np.float32]:
        with torch.inference_mode():
            answer: NDArray[np.float32] = network(*map(torch.from_numpy, batch.arrays().values())).numpy()
        return answer

    return logits


def open_session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """Open an ONNX graph so that it says the same on every processor.

    Parameters
    ----------
    threads
        Threads of one call.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Sums of 8-bit products overflow on x86 without VNNI, silently and by much, unless unsigned
    # weights take the place of signed ones; where nothing overflows this changes nothing.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _open_onnx(checkpoint: Checkpoint, threads: int) -> Logits:
    try:
        import onnxruntime
    except ImportError:
        raise NotServable(f"{checkpoint.directory}: needs onnxruntime: pip install onnxruntime") from None
    try:
        session = open_session(checkpoint.weights_path, threads)
    except Exception as error:  # onnxruntime's exceptions share no base of their own
        reason = " ".join(str(error).split())
        if "IR version" in reason or "opset" in reason.lower():
            raise NotServable(
                f"{checkpoint.weights_path}: onnxruntime {onnxruntime.__version__} is too old for it: pip install --upgrade onnxruntime "
                f"({reason})"
            ) from None
        raise Integrity(f"{checkpoint.weights_path}: {reason}; copy the checkpoint again") from None

    def logits(batch: Batch) -> NDArray[np.float32]:
        answer: NDArray[np.float32] = session.run(None, batch.arrays())[0]
        return answer

    return logits
