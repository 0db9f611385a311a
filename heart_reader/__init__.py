"""heart_reader: reads a 12-lead ECG. Research use only, not a medical device.

Examples
--------
>>> from heart_reader import load, read_ecg, sample
>>> read_ecg(sample("norm")).conclusion.headline  # doctest: +SKIP
>>> classifier = load("ptbxl-nano-int8")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heart_reader.beats.classify import classify_beats
    from heart_reader.classifier import EcgClassifier
    from heart_reader.data.formats import find_records, read_record
    from heart_reader.data.preprocessor import Preprocessor
    from heart_reader.data.record import EcgRecord, build_record
    from heart_reader.data.writers import write_record
    from heart_reader.diagnosis import NOTICE, Diagnosis
    from heart_reader.errors import HeartReaderError
    from heart_reader.predictions import Predictions
    from heart_reader.reading import load, read_ecg
    from heart_reader.samples import sample

__all__ = [
    "NOTICE",
    "Diagnosis",
    "EcgClassifier",
    "EcgRecord",
    "HeartReaderError",
    "Predictions",
    "Preprocessor",
    "build_record",
    "classify_beats",
    "find_records",
    "load",
    "read_ecg",
    "read_record",
    "sample",
    "write_record",
]

__version__ = "0.2.0"

# ONNX Runtime reports its use over the network from version 1.31 on, and starts a thread and keeps
# a database for that, unless this is set before it is imported. Who reads an ECG tells nobody.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Each name is imported when it is first used, so that a command which needs little starts at once.
_MODULES = {
    "NOTICE": "diagnosis",
    "Diagnosis": "diagnosis",
    "EcgClassifier": "classifier",
    "EcgRecord": "data.record",
    "HeartReaderError": "errors",
    "Predictions": "predictions",
    "Preprocessor": "data.preprocessor",
    "build_record": "data.record",
    "classify_beats": "beats.classify",
    "find_records": "data.formats",
    "load": "reading",
    "read_ecg": "reading",
    "read_record": "data.formats",
    "sample": "samples",
    "write_record": "data.writers",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
