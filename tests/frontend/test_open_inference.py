"""Triton's own client gets from the server what the classifier computes, to the bit."""

from __future__ import annotations

import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
import uvicorn
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from heart_reader import open_inference
from heart_reader.checkpoint import load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.data.batch import Batch
from heart_reader.data.formats import read_record
from heart_reader.errors import BadTensors
from heart_reader.frontend import Settings, create_app
from heart_reader.frontend import open_inference as routes
from heart_reader.samples import sample
from heart_reader.weights import find_reader

SHIPPED = "ptbxl-int8"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "triton.md"
INFER = "/v2/models/tiny/infer"


@pytest.fixture(scope="module")
def address(tiny_checkpoint: Path) -> Iterator[str]:
    """Host and port of a server with the shipped reader, which takes features, and the tiny one."""
    app = create_app(Settings(readers=(SHIPPED, f"tiny={tiny_checkpoint}")))
    server = uvicorn.Server(uvicorn.Config(app, http="h11", ws="none", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.02)
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def asker(address: str) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(address) as client:
        yield client


def windows(classifier: EcgClassifier, n: int) -> Batch:
    """Random windows, with features of which some are unknown."""
    rng = np.random.default_rng(3)
    signal, *rest = open_inference.network_inputs(classifier.checkpoint.manifest)
    features = rng.normal(size=(n, rest[0].shape[1])).astype(np.float32) if rest else None
    if features is not None:
        features[rng.random(features.shape) < 0.2] = np.nan
    return Batch(rng.normal(0, 0.4, (n, *signal.shape[1:])).astype(np.float32), features, np.arange(n))


def inputs(batch: Batch, *, binary: bool = True) -> list[triton.InferInput]:
    """The same as Triton's client sends it."""
    arrays = {"signal_mv": batch.windows, **({} if batch.features is None else {"features": batch.features})}
    return [triton.InferInput(name, list(a.shape), "FP32").set_data_from_numpy(a, binary_data=binary) for name, a in arrays.items()]


def test_the_client_of_triton_finds_server_and_models(asker: triton.InferenceServerClient) -> None:
    assert asker.is_server_live()
    assert asker.is_server_ready()
    assert asker.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    assert [(one["name"], one["state"]) for one in asker.get_model_repository_index()] == [(SHIPPED, "READY"), ("tiny", "READY")]
    for version in ("", "1"):
        assert asker.is_model_ready(SHIPPED, version)
    assert not asker.is_model_ready(SHIPPED, "2")
    assert not asker.is_model_ready("nobody")


def test_metadata_are_those_of_the_graph(asker: triton.InferenceServerClient) -> None:
    import onnxruntime

    said = asker.get_model_metadata(SHIPPED)
    graph = onnxruntime.InferenceSession(str(find_reader(SHIPPED) / "model.onnx"))
    there = {tensor.name: [size if isinstance(size, int) else -1 for size in tensor.shape] for tensor in graph.get_inputs()}
    assert said["platform"] == "onnxruntime_onnx"
    assert {tensor["name"]: tensor["shape"] for tensor in said["inputs"]} == {name: there[name] for name in ("signal_mv", "features")}
    assert [(one["name"], one["shape"][1]) for one in said["outputs"]] == [(one.name, one.shape[1]) for one in graph.get_outputs()]
    assert asker.get_model_metadata("tiny", "1")["platform"] == "pytorch_safetensors"


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
@pytest.mark.parametrize("name", [SHIPPED, "tiny"])
def test_logits_equal_those_of_the_classifier(asker: triton.InferenceServerClient, tiny_checkpoint: Path, name: str, binary: bool) -> None:
    classifier = EcgClassifier.load(tiny_checkpoint if name == "tiny" else find_reader(name))
    batch = windows(classifier, 37)  # more than one call of the network takes
    expected = classifier.logits(batch)
    as_sent = asker.infer(name, inputs(batch, binary=binary), request_id="a7")
    assert as_sent.get_response()["id"] == "a7"
    wanted = [triton.InferRequestedOutput("logits", binary_data=not binary)]
    for answered in (as_sent, asker.infer(name, inputs(batch, binary=binary), model_version="1", outputs=wanted)):
        logits = answered.as_numpy("logits")
        assert logits.dtype == np.float32
        np.testing.assert_array_equal(logits, expected)


def test_the_documented_program_reads_as_the_classifier_does(address: str) -> None:
    """Preparation and conclusion there, logits from the server.

    Each window brings features of its own then, which a sum may add up in another order.
    """
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert "localhost:8000" in program
    names: dict[str, Any] = {}
    exec(program.replace("localhost:8000", address), names)
    names["client"].close()
    there = names["diagnosis"]
    here = EcgClassifier.load(find_reader(SHIPPED)).predict(read_record(sample("norm")))
    assert there.conclusion == here.conclusion
    for level, classes in here.levels.items():
        for name, read in classes.items():
            assert there.levels[level][name].decision == read.decision
            assert there.levels[level][name].probability == pytest.approx(read.probability, abs=1e-6)


def test_the_client_is_told_what_is_wrong(asker: triton.InferenceServerClient) -> None:
    batch = windows(EcgClassifier.load(find_reader(SHIPPED)), 2)
    signal, features = inputs(batch)
    for sent, words in (([signal], "features is missing"), ([signal, features, signal], "names a tensor twice")):
        with pytest.raises(triton.InferenceServerException, match=words) as caught:
            asker.infer(SHIPPED, sent)
        assert caught.value.status() == "400"
    with pytest.raises(triton.InferenceServerException, match="no output 'nothing'"):
        asker.infer(SHIPPED, [signal, features], outputs=[triton.InferRequestedOutput("nothing")])
    with pytest.raises(triton.InferenceServerException, match="no such reader") as caught:
        asker.infer("nobody", [signal, features])
    assert caught.value.status() == "404"
    with pytest.raises(triton.InferenceServerException, match="classification is not offered"):
        asker.infer(SHIPPED, [signal, features], outputs=[triton.InferRequestedOutput("logits", class_count=3)])


def one(tensor: dict[str, Any], **more: Any) -> bytes:
    """A request with one input, a window of two leads and three time points unless changed."""
    return json.dumps({"inputs": [{"name": "signal_mv", "datatype": "FP32", "shape": [1, 2, 3], **tensor}], **more}).encode()


SIX = {"data": [[[0, 1, 2.5], [3, 4, 5]]]}
BAD = {
    "no JSON": (b"\xff", None),
    "nested beyond reason": (b"[" * 100_000, None),
    "no object": (b"[1]", None),
    "no inputs": (b"{}", None),
    "inputs are no list": (b'{"inputs": {"name": "signal_mv"}}', None),
    "an input without a name": (b'{"inputs": [{"shape": [1]}]}', None),
    "id is a number": (one(SIX, id=7), None),
    "parameters are a list": (one(SIX, parameters=[1]), None),
    "shared memory": (one({**SIX, "parameters": {"shared_memory_region": "a"}}), None),
    "another datatype": (one({**SIX, "datatype": "FP64"}), None),
    "another shape": (one({**SIX, "shape": [1, 3, 2]}), None),
    "a shape of fractions": (one({**SIX, "shape": [1.0, 2, 3]}), None),
    "a shape of truth": (one({**SIX, "shape": [True, 2, 3]}), None),
    "no window": (one({"shape": [0, 2, 3], "data": []}), None),
    "a negative number of windows": (one({**SIX, "shape": [-1, 2, 3]}), None),
    "more windows than anybody has": (one({**SIX, "shape": [10**30, 2, 3]}), None),
    "no data": (one({}), None),
    "too few values": (one({"data": [1, 2, 3, 4, 5]}), None),
    "ragged": (one({"data": [[1, 2, 3], [4, 5]]}), None),
    "texts": (one({"data": ["1", "2", "3", "4", "5", "6"]}), None),
    "truth values": (one({"data": [True] * 6}), None),
    "objects": (one({"data": [{}] * 6}), None),
    "an unknown sample": (one({"data": [None, 1, 2, 3, 4, 5]}), None),
    "an infinite sample": (one({"data": [1e300, 1, 2, 3, 4, 5]}), None),
    "an unknown input": (one({**SIX, "name": "record"}), None),
    "two inputs of one name": (json.dumps({"inputs": json.loads(one(SIX))["inputs"] * 2}).encode(), None),
    "an unknown output": (one(SIX, outputs=[{"name": "probabilities"}]), None),
    "a header beyond the body": (one(SIX), 10_000),
    "bytes of no tensor": (one(SIX) + bytes(4), len(one(SIX))),
    "a wrong number of bytes": (
        one({"parameters": {"binary_data_size": 20}}) + bytes(20),
        len(one({"parameters": {"binary_data_size": 20}})),
    ),
    "bytes that did not come": (
        one({"parameters": {"binary_data_size": 24}}) + bytes(23),
        len(one({"parameters": {"binary_data_size": 24}})),
    ),
    "a size as text": (one({"parameters": {"binary_data_size": "24"}}) + bytes(24), len(one({"parameters": {"binary_data_size": "24"}}))),
}
MANIFEST = {
    "preprocessor": {"leads": ["I", "II"], "window_s": 0.03, "fs": 100},
    "features": None,
    "levels": {"heads": ["two"], "levels": {}},
}


@pytest.mark.parametrize("case", list(BAD))
def test_what_does_not_fit_is_refused_before_the_network(case: str) -> None:
    body, header_length = BAD[case]
    with pytest.raises(BadTensors, match=": "):
        open_inference.answer("two", MANIFEST, pytest.fail, body, header_length)


def test_values_arrive_as_they_were_sent() -> None:
    seen: list[NDArray[np.float32]] = []

    def logits(batch: Batch) -> NDArray[np.float32]:
        seen.append(batch.windows)
        return np.array([[0.1, -2.0]], np.float32)

    in_json = open_inference.answer("two", MANIFEST, logits, one(SIX), None)
    sized = one({"parameters": {"binary_data_size": 24}}, parameters={"binary_data_output": True})
    in_binary = open_inference.answer("two", MANIFEST, logits, sized + struct.pack("<6f", 0, 1, 2.5, 3, 4, 5), len(sized))
    for values in seen:
        np.testing.assert_array_equal(values, np.array(SIX["data"], np.float32))
    (output,) = json.loads(in_json.content)["outputs"]
    assert (output["shape"], in_json.header_length) == ([1, 2], None)
    assert np.float32(output["data"][0]) == np.float32(0.1)
    assert in_binary.header_length is not None
    assert struct.unpack("<2f", in_binary.content[in_binary.header_length :]) == (np.float32(0.1), -2.0)


def test_errors_have_the_shape_of_the_protocol(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MOST_BYTES", 1000)
    asked = {
        400: client.post(INFER, content=b"{}"),
        404: client.get("/v2/models/nobody"),
        405: client.get(INFER),
        413: client.post(INFER, content=bytes(1001)),
        415: client.post(INFER, content=b"", headers={"Content-Encoding": "gzip"}),
    }
    for status, answer in asked.items():
        assert answer.status_code == status
        assert answer.json().keys() == {"error", "code"}
        assert answer.headers["X-Request-ID"]
    bad_length = client.post(INFER, content=b"{}", headers={"Inference-Header-Content-Length": "two"})
    assert (bad_length.status_code, bad_length.json()["code"]) == (400, "bad_tensors")
    assert client.get("/api/v1/nothing").json().keys() == {"code", "message", "detail", "request_id"}


def test_a_key_is_needed_for_all_but_the_probes(settings: Settings) -> None:
    key = "0123456789abcdef"
    with TestClient(create_app(settings.model_copy(update={"api_key": Settings(api_key=key).api_key}))) as client:
        assert client.get("/v2/health/ready").json() == {"ready": True}
        for method, path in (("GET", "/v2"), ("GET", "/v2/models/tiny"), ("GET", "/v2/models/tiny/ready"), ("POST", INFER)):
            assert client.request(method, path).status_code == 401
        assert client.get("/v2/models/tiny", headers={"X-API-Key": key}).status_code == 200


def test_it_waits_in_the_queue_of_readings_and_is_counted_and_audited(
    client: TestClient, tiny_checkpoint: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shape = [1, *open_inference.network_inputs(load_checkpoint(tiny_checkpoint).manifest)[0].shape[1:]]
    body = one({"shape": shape, "data": [0.0] * int(np.prod(shape))})
    with caplog.at_level("INFO", "heart_reader.audit"):
        assert client.post(INFER, content=body).status_code == 200
    (line,) = [record for record in caplog.records if record.msg == "audit"]
    assert (line.route, line.outcome, line.model_sha256) == (
        INFER.replace("tiny", "{name}"),
        "answered",
        load_checkpoint(tiny_checkpoint).sha256,
    )
    assert len(line.record_sha256) == 1
    assert 'heart_reader_readings_total{outcome="inferred",reader="tiny"} 1.0' in client.get("/metrics").text
    service = client.app.state.service
    places = service.settings.max_concurrency + service.settings.queue_limit
    service.n_in_flight += places
    try:
        full = client.post(INFER, content=body)
    finally:
        service.n_in_flight -= places
    assert (full.status_code, full.json()["code"]) == (503, "busy")
    assert full.headers["Retry-After"]
