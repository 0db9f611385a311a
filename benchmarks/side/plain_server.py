"""A server as a tutorial of FastAPI has it: one process, one torch network, one format.

``python plain_server.py NAME [--whole]``: it answers the probabilities of the classes, or with
``--whole`` the whole reading of a torch checkpoint. Only torch's threads are set with care: with
its own choice eight clients at once wait longer.
"""

import socket
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import uvicorn
import wfdb
from fastapi import FastAPI, UploadFile
from scipy.signal import resample_poly

from heart_reader import load, read_record
from heart_reader.runtimes import build_torch_network

torch.set_num_threads(1)
app = FastAPI()
classifier = load(sys.argv[1])
network = build_torch_network(classifier.checkpoint)
level = classifier.level
class_names = classifier.space.levels[level].class_names


def store(files: list[UploadFile], folder: str) -> Path:
    """Write an upload into a folder; return its header."""
    for file in files:
        (Path(folder) / Path(file.filename or "").name).write_bytes(file.file.read())
    return next(Path(folder).glob("*.hea"))


def probabilities(file: list[UploadFile]) -> dict:
    """Answer what the network says of the classes."""
    with tempfile.TemporaryDirectory() as folder:
        signal, fields = wfdb.rdsamp(str(store(file, folder).with_suffix("")))
    signal = resample_poly(signal, 100, round(fields["fs"]), axis=0).T.astype(np.float32)
    windows = np.stack([signal[:, start : start + 250] for start in range(0, signal.shape[1] - 249, 125)])
    with torch.inference_mode():
        logits = network(torch.from_numpy(windows)).numpy()
    mean = classifier.space.probabilities(logits)[level].mean(axis=0)
    values = classifier.decisions[level].calibrate(mean)
    return {"levels": {level: {name: {"probability": float(value)} for name, value in zip(class_names, values, strict=True)}}}


def whole_reading(file: list[UploadFile]) -> dict:
    """Answer the whole reading."""
    with tempfile.TemporaryDirectory() as folder:
        return classifier.predict(read_record(store(file, folder))).to_json()


app.post("/api/v1/predict")(whole_reading if "--whole" in sys.argv else probabilities)

if __name__ == "__main__":
    # As uvicorn binds a port; made here, so that its number can be told.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(f"Serving on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([listener])
