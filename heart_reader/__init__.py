"""heart_reader: reads a 12-lead ECG. Research use only, not a medical device.

Examples
--------
>>> from heart_reader import EcgClassifier, read_record
>>> reader = EcgClassifier.load("results/ptbxl-ensemble/checkpoint")  # doctest: +SKIP
>>> reader.predict(read_record("test_files/norm.csv")).summary  # doctest: +SKIP
"""

from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import find_records, read_record
from heart_reader.data.preprocessor import Preprocessor
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.diagnosis import NOTICE, Diagnosis
from heart_reader.errors import HeartReaderError
from heart_reader.predictions import Predictions

__all__ = [
    "NOTICE",
    "Diagnosis",
    "EcgClassifier",
    "EcgRecord",
    "HeartReaderError",
    "Predictions",
    "Preprocessor",
    "build_record",
    "find_records",
    "read_record",
]

__version__ = "0.1.0"
