"""A recording of a day is read in bounded memory, measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from heart_reader.classifier import EcgClassifier
from heart_reader.data.record import EcgRecord
from heart_reader.reading import read_all
from heart_reader.weights import find_reader
from tests.data.formats.long_files import WRITERS, tiled

resource = pytest.importorskip("resource", reason="this system does not say how much memory a process took")

ROOT = Path(__file__).resolve().parent.parent
# The peak of a process in MB. Linux counts what a parent took as its child's ``ru_maxrss``; macOS
# counts in bytes.
PEAK = """
import re, resource, sys
from pathlib import Path

def peak():
    if sys.platform == "linux":
        return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)
"""
# What ``{call}`` adds to the memory of a process that is ready to read, in MB.
SCRIPT = (
    PEAK
    + """
from heart_reader.weights import find_reader
from heart_reader.data.formats import read_record
from heart_reader.frontend.reading_work import load_warm

classifier, path = load_warm(find_reader()), sys.argv[1]
idle = peak()
{call}
print(peak() - idle)
"""
)


def added_mb(path: Path, call: str) -> float:
    script = SCRIPT.replace("{call}", call)
    done = subprocess.run([sys.executable, "-c", script, str(path)], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two leads at 250 Hz, 43 million values."""
    return WRITERS["wfdb"](tmp_path_factory.mktemp("day") / "day", tiled(2, 250.0, 86_400.0), 250.0, ("II", "V5"))


@pytest.mark.slow
def test_a_day_is_prepared_in_half_a_gigabyte(day: Path) -> None:
    assert added_mb(day, "classifier.preprocessor.prepare(read_record(path))") < 500


@pytest.mark.slow
def test_a_day_is_read_in_the_memory_of_an_hour(day: Path) -> None:
    assert added_mb(day, "classifier.predict(read_record(path))") < 160


@pytest.mark.slow
def test_short_lines_take_little_memory(tmp_path: Path) -> None:
    """A row of one digit is two bytes of a file, and as a Python string fifty."""
    path = tmp_path / "a.csv"
    path.write_text("# fs=500\n# unit=mV\nI\n" + "0\n1\n0\n2\n" * 500_000)
    assert added_mb(path, "assert read_record(path).n_times == 2_000_000") < 120


@pytest.mark.slow
def test_a_day_is_read_by_the_command(day: Path) -> None:
    script = f"{PEAK}\nimport runpy\ntry: runpy.run_path('predict.py', run_name='__main__')\nfinally: print(peak(), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script, str(day), "--json"], cwd=ROOT, capture_output=True, text=True, check=True)
    reading = json.loads(done.stdout)
    assert reading["duration_s"] == 86_400.0
    assert reading["timeline"][-1]["end_s"] == 86_400.0
    assert abs(reading["measurements"]["heart_rate_bpm"]["value"] - 75) < 3
    assert len(reading["rhythm"]["beats"]) == reading["measurements"]["n_beats"]["value"]
    assert len(reading["long"]["trend"]["mean_bpm"]) == 8640
    assert float(done.stderr.split()[-1]) < 400


def test_parts_of_a_recording_are_pooled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows, leads and time in small parts give the whole's reading and report progress."""
    classifier = EcgClassifier.load(find_reader())
    signal = tiled(12, 250.0, 200.0).astype(np.float32) / np.float32(1000)
    names = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
    record = EcgRecord("a", signal, 250.0, names)
    shares: list[float] = []
    whole = classifier.predict(record, progress=shares.append)
    monkeypatch.setattr("heart_reader.classifier.PART_WINDOWS", 64)
    monkeypatch.setattr("heart_reader.data.signal.PART_VALUES", 20_000)
    monkeypatch.setattr("heart_reader.features.lead_checks._AT_ONCE", 1000)
    parts = classifier.predict(record, progress=shares.append)
    assert shares[0] == shares[-1] == 1.0
    assert 3 < len(shares) == len(set(shares)) + 1
    assert parts.quality == whole.quality
    assert parts.timeline == whole.timeline
    for level, classes in whole.levels.items():
        for name, one in classes.items():
            other = parts.levels[level][name]
            assert (other.decision, other.maximum) == (one.decision, one.maximum)
            assert other.probability == pytest.approx(one.probability, abs=1e-9)


def test_progress_names_the_file(tmp_path: Path) -> None:
    path = WRITERS["wfdb"](tmp_path / "a", tiled(2, 250.0, 10.0), 250.0, ("II", "V5"))
    said: list[tuple[Path, float]] = []
    next(read_all(EcgClassifier.load(find_reader()), [path], progress=lambda *of: said.append(of)))
    assert said == [(path, 1.0)]
