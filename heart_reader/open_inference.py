"""A network as tensors in and tensors out, in the words of the Open Inference Protocol, version 2.

What a reading adds to the network (files, preprocessing, calibration, measurements, conclusion) has
no place here: inputs are prepared windows in mV, outputs are logits. The same names, shapes and
datatypes stand in the answers of the server and in the models that are written for Triton.

References
----------
Open Inference Protocol, REST, https://github.com/kserve/open-inference-protocol. Binary tensor data
extension, Triton Inference Server, docs/protocol/extension_binary_data.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.batch import INPUT_NAMES, Batch
from heart_reader.data.labels import LabelSpace
from heart_reader.errors import BadTensors

__all__ = ["LOGITS", "VERSION", "Answer", "Tensor", "answer", "model_metadata", "network_inputs", "network_output"]

# The only version of a model: a checkpoint that changes is another checkpoint.
VERSION = "1"
LOGITS = "logits"
FP32 = "FP32"
SIGNAL, FEATURES, _ = INPUT_NAMES
PLATFORMS = {"onnx": "onnxruntime_onnx", "torch": "pytorch_safetensors"}
# Extensions of Triton that would change what is answered; whatever else it allows in a request
# (priorities, sequences) is of no effect here.
REFUSED = ("classification", "shared_memory_region")


@dataclass(frozen=True)
class Tensor:
    """Name, datatype and shape of a tensor; -1 stands for any number of windows."""

    name: str
    shape: tuple[int, ...]
    datatype: str = FP32

    def to_json(self) -> dict[str, Any]:
        """Return it as the protocol describes it."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


@dataclass(frozen=True)
class Answer:
    """The body of an answer.

    Parameters
    ----------
    content
        JSON, followed by binary tensors if there are any.
    header_length
        Bytes of the JSON; None where nothing follows it.
    """

    content: bytes
    header_length: int | None


def network_inputs(manifest: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """Return what the network of a checkpoint takes of every window.

    Returns
    -------
    tuple of Tensor
        ``signal_mv``, (-1, n_leads, n_times) in mV, and ``features``, (-1, n_features), NaN where
        not known, if the network takes any. Graphs have a third input, by which windows of one
        record share a row of features; here each window brings its own.
    """
    preprocessor = manifest["preprocessor"]
    signal = Tensor(SIGNAL, (-1, len(preprocessor["leads"]), round(preprocessor["window_s"] * preprocessor["fs"])))
    if manifest["features"] is None:
        return (signal,)
    return signal, Tensor(FEATURES, (-1, sum(len(item["names"]) for item in manifest["features"]["sets"])))


def network_output(manifest: Mapping[str, Any]) -> Tensor:
    """Return what the network answers for every window: (-1, n_outputs) logits."""
    return Tensor(LOGITS, (-1, LabelSpace.from_json(manifest["levels"]).n_outputs))


def model_metadata(name: str, manifest: Mapping[str, Any], runtime: str) -> dict[str, Any]:
    """Return the model metadata of the protocol."""
    return {
        "name": name,
        "versions": [VERSION],
        "platform": PLATFORMS[runtime],
        "inputs": [tensor.to_json() for tensor in network_inputs(manifest)],
        "outputs": [network_output(manifest).to_json()],
    }


def answer(
    name: str, manifest: Mapping[str, Any], logits: Callable[[Batch], NDArray[np.float32]], body: bytes, header_length: int | None
) -> Answer:
    """Answer one inference request.

    Parameters
    ----------
    name
        What the model is called.
    manifest
        Of its checkpoint.
    logits
        From windows to (n_windows, n_outputs), see
        :meth:`heart_reader.classifier.EcgClassifier.logits`.
    body
        The request: JSON, and behind it the binary tensors, if ``header_length`` says where the
        JSON ends.

    Raises
    ------
    BadTensors
        If the request is not one of the protocol, or does not fit the network.
    """
    request, rest = _split(body, header_length)
    given = _inputs(request, rest, network_inputs(manifest))
    in_binary = _wants_binary(request)
    values = logits(Batch(given[SIGNAL], given.get(FEATURES), np.arange(len(given[SIGNAL]))))
    output: dict[str, Any] = {"name": LOGITS, "datatype": FP32, "shape": list(values.shape)}
    content = values.astype("<f4").tobytes() if in_binary else b""
    output |= {"parameters": {"binary_data_size": len(content)}} if in_binary else {"data": values.ravel().tolist()}
    said = {"model_name": name, "model_version": VERSION, **({"id": request["id"]} if "id" in request else {}), "outputs": [output]}
    header = json.dumps(said, separators=(",", ":")).encode()
    return Answer(header + content, len(header) if in_binary else None)


def _split(body: bytes, header_length: int | None) -> tuple[Mapping[str, Any], memoryview]:
    """Return the JSON of a request, and what follows it."""
    end = len(body) if header_length is None else header_length
    if end > len(body):
        raise BadTensors(
            f"the JSON should have {end} bytes, and the request has {len(body)}: send Inference-Header-Content-Length as it is"
        )
    try:
        request = json.loads(body[:end])
    except (ValueError, RecursionError):
        raise BadTensors("the request holds no JSON that can be read: send an object with inputs") from None
    if not isinstance(request, Mapping):
        raise BadTensors("the request is no JSON object: send one with inputs")
    if not isinstance(request.get("id", ""), str):
        raise BadTensors("id is no text: send a text, or leave it out")
    return request, memoryview(body)[end:]


def _parameters(of: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters of a request or tensor."""
    given = of.get("parameters") or {}
    if not isinstance(given, Mapping):
        raise BadTensors("parameters are no JSON object: send an object, or leave them out")
    for name in REFUSED:
        if name in given:
            raise BadTensors(f"{name} is not offered here: leave it out, and send and take tensors as they are")
    return given


def _tensors(request: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    """Return the tensors that a request lists, each with a name of its own."""
    given = request.get(key) or []
    if not isinstance(given, list) or not all(isinstance(one, Mapping) and isinstance(one.get("name"), str) for one in given):
        raise BadTensors(f"{key} is no list of tensors with names: send a list of objects")
    names = [one["name"] for one in given]
    if len(set(names)) < len(names):
        raise BadTensors(f"{key} names a tensor twice: send each once")
    return given


def _wants_binary(request: Mapping[str, Any]) -> bool:
    """Return whether the logits are to come in binary."""
    wanted = _parameters(request).get("binary_data_output", False)
    for one in _tensors(request, "outputs"):
        if one["name"] != LOGITS:
            raise BadTensors(f"there is no output {one['name'][:64]!r}: ask for {LOGITS}")
        wanted = _parameters(one).get("binary_data", wanted)
    return wanted is True


def _inputs(request: Mapping[str, Any], rest: memoryview, expected: Sequence[Tensor]) -> dict[str, NDArray[np.float32]]:
    """Return the inputs by name, all of as many windows."""
    wanted = {tensor.name: tensor for tensor in expected}
    given: dict[str, NDArray[np.float32]] = {}
    for one in _tensors(request, "inputs"):
        name = one["name"]
        if name not in wanted:
            raise BadTensors(f"there is no input {name[:64]!r}: send {' and '.join(wanted)}")
        shape = _shape(one, wanted[name])
        size = _parameters(one).get("binary_data_size")
        if size is None:
            given[name] = _from_json(one, shape)
            continue
        n_bytes = 4 * int(np.prod(shape, dtype=object))
        if type(size) is not int or size != n_bytes or n_bytes > len(rest):
            raise BadTensors(f"{name}: {n_bytes} bytes belong to shape {list(shape)}: say so in binary_data_size, and send them")
        given[name], rest = np.frombuffer(rest[:n_bytes], "<f4").astype(np.float32).reshape(shape), rest[n_bytes:]
    missing = [name for name in wanted if name not in given]
    if missing:
        unknown = "; NaN stands for what is not known" if FEATURES in missing else ""
        raise BadTensors(f"the input {missing[0]} is missing: send {' and '.join(wanted)}{unknown}")
    if len(rest):
        raise BadTensors(f"{len(rest)} bytes belong to no tensor: state binary_data_size of each")
    if len({len(values) for values in given.values()}) > 1:
        raise BadTensors(f"{' and '.join(wanted)} have different numbers of windows: send a row of features with each window")
    if not np.isfinite(given[SIGNAL]).all() or np.isinf(given.get(FEATURES, 0.0)).any():
        raise BadTensors(f"{SIGNAL} holds values that are no numbers, or {FEATURES} infinite ones: send finite values in mV")
    return given


def _shape(one: Mapping[str, Any], expected: Tensor) -> tuple[int, ...]:
    shape = one.get("shape")
    if one.get("datatype") != expected.datatype:
        raise BadTensors(f"{expected.name}: another datatype than {expected.datatype}: send {expected.datatype}")
    sizes = tuple(shape) if isinstance(shape, list) and all(type(size) is int for size in shape) else ()
    if len(sizes) != len(expected.shape) or sizes[0] < 1 or sizes[1:] != expected.shape[1:]:
        raise BadTensors(f"{expected.name}: another shape than {list(expected.shape)}, -1 being the number of windows: send that")
    return sizes


def _from_json(one: Mapping[str, Any], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return values that are listed, flat or nested; null is what is not known."""
    try:
        values = np.asarray(one["data"])
        # Texts and truth values would become numbers silently.
        numeric = values.dtype.kind in "if" or (values.dtype == object and all(_is_number(value) for value in values.flat))
        if numeric and values.size == np.prod(shape, dtype=object):
            with np.errstate(over="ignore"):  # it becomes infinite, and is refused as such
                return values.astype(np.float32).reshape(shape)
    except (KeyError, ValueError, TypeError, OverflowError, RecursionError):
        pass
    raise BadTensors(f"{one['name']}: data is no list of as many numbers as shape {list(shape)} says: send them flat or nested")


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
