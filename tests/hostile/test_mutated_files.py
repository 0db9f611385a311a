"""Damaged files of every format are read or refused, quickly and in little memory.

``benchmarks/robustness.py`` does the same for tens of thousands.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import read_record
from heart_reader.errors import RecordError
from heart_reader.messages import Message
from heart_reader.reading import Reading
from tests.hostile.mutated_records import mutated_record
from tests.hostile.seeds import FORMATS, SEEDS_PER_FORMAT, Files, seed_files

QUICK = Path(__file__).resolve().parents[2] / "results" / "ptbxl-nano-int8" / "checkpoint"
N_FILES, SEED = 200, 1
LONGEST_S = 5.0


@pytest.fixture(scope="module")
def classifier() -> EcgClassifier:
    return EcgClassifier.load(QUICK)


def read(classifier: EcgClassifier, files: Files, folder: Path) -> RecordError | None:
    """Write the files, read them and report on them; return why they are refused, if they are."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    try:
        record = read_record(folder / next(iter(files)))
        reading = Reading(folder, classifier.predict(record), None, record)
    except RecordError as error:
        return error
    json.loads(reading.to_json_line())
    assert reading.to_text()
    json.dumps(record.waveform(), allow_nan=False)
    return None


@pytest.mark.slow
@pytest.mark.parametrize("fmt", FORMATS)
def test_every_record_before_its_mutations(classifier: EcgClassifier, fmt: str, tmp_path: Path) -> None:
    refused = [read(classifier, seed_files(fmt, number), tmp_path / str(number)) for number in range(SEEDS_PER_FORMAT)]
    # Otherwise the mutations below would never come to what reads.
    assert refused.count(None) > SEEDS_PER_FORMAT / 2


@pytest.mark.slow
@pytest.mark.parametrize("fmt", FORMATS)
def test_a_mutated_file_is_read_or_refused(classifier: EcgClassifier, fmt: str, tmp_path: Path) -> None:
    n_read = 0
    for number in range(N_FILES):
        started = time.process_time()
        try:
            error = read(classifier, mutated_record(fmt, number, SEED), tmp_path / str(number))
        except Exception as failure:
            raise AssertionError(f"mutated_record({fmt!r}, {number}, {SEED})") from failure
        assert time.process_time() - started < LONGEST_S, number
        n_read += error is None
        assert error is None or (error.message and isinstance(error.args[0], str | Message))
    assert N_FILES / 10 < n_read < N_FILES * 0.9


def test_a_number_gives_one_file() -> None:
    for fmt in FORMATS:
        assert mutated_record(fmt, 5, SEED) == mutated_record(fmt, 5, SEED)
        assert mutated_record(fmt, 5, SEED) != mutated_record(fmt, 6, SEED)
