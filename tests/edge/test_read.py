"""Reading on a device: no torch, no pandas, no pydantic, and quickly there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import onnx
import pytest

from heart_reader.checkpoint import load_checkpoint, save_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.edge.device import integer_advice
from heart_reader.errors import FormatVersion, Integrity, NotServable
from heart_reader.runtimes import open_session
from heart_reader.weights import find_reader

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "test_files" / "norm.hea"
# Everything that the extras have and the core has not.
ABSENT = (
    "torch",
    "pandas",
    "pydantic",
    "yaml",
    "sklearn",
    "wfdb",
    "matplotlib",
    "safetensors",
    "tqdm",
    "onnx",
    "onnxscript",
    "fastapi",
    "pydicom",
)
BLOCK = f"""
import sys
from importlib.abc import MetaPathFinder
class Absent(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""


def run_python(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_needs_numpy_scipy_and_onnxruntime_alone(variants: Path) -> None:
    script = BLOCK + "from heart_reader.commands import main; sys.exit(main(['read', *sys.argv[1:]]))"
    answer = run_python(script, RECORD, "--checkpoint", variants / "int8", "--json", "--time")
    assert answer.returncode == 0, answer.stderr
    reading = json.loads(answer.stdout)
    assert set(reading["levels"]["superdiagnostic"]) == {"NORM", "MI", "STTC", "CD", "HYP"}
    assert "ms from file to reading" in answer.stderr


def test_a_dicom_file_without_pydicom_says_what_to_install(variants: Path, tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM" + bytes(64))
    script = BLOCK + "from heart_reader.commands import main; sys.exit(main(['read', *sys.argv[1:]]))"
    answer = run_python(script, tmp_path / "a.dcm", RECORD, "--checkpoint", variants / "int8", "--json", "--quick")
    first, second = map(json.loads, answer.stdout.splitlines())
    assert "pip install 'heart-reader[formats]'" in first["error"]["message"]
    assert "levels" in second  # what can be read is


def test_the_benchmark_on_a_device_says_what_it_needs(variants: Path) -> None:
    script = BLOCK + "from heart_reader.commands import main; sys.exit(main(['benchmark', *sys.argv[1:]]))"
    answer = run_python(script, variants / "int8")
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert re.fullmatch(r"error: \w+ is not installed: pip install 'heart-reader\[\w+\]'", line)


def test_the_feed_needs_no_more(variants: Path) -> None:
    script = BLOCK + (
        "from heart_reader import load\n"
        "from heart_reader.edge.stream import StreamReader\n"
        "from heart_reader.data.formats import read_record\n"
        "record = read_record(sys.argv[2])\n"
        "stream = StreamReader(load(sys.argv[1]), record.fs, record.lead_names)\n"
        "print(len(stream.push(record.signal) + stream.finish()))"
    )
    answer = run_python(script, variants / "int8", RECORD)
    assert answer.stdout.strip() == "7", answer.stderr


def test_importing_is_quick() -> None:
    # Of the processor, not of the clock on the wall: other work on the machine is not what is
    # measured.
    script = (
        "import time; s = time.process_time(); import heart_reader.reading, sys; "
        "print(time.process_time() - s, 'scipy.signal' in sys.modules)"
    )
    seconds, signal = run_python(script).stdout.split()
    assert float(seconds) < 1.0  # half a second is promised on an idle machine
    assert signal == "False"


def test_reading_a_file_needs_little_time_and_memory(variants: Path) -> None:
    script = (
        "import json, sys, time\n"
        "from heart_reader.data.formats import read_record\n"
        "from heart_reader.edge.device import peak_memory_mb\n"
        "from heart_reader import load\n"
        "reader = load(sys.argv[1])\n"
        "def read():\n"
        "    started = time.process_time()\n"
        "    json.dumps(reader.predict(read_record(sys.argv[2])).to_json())\n"
        "    return 1e3 * (time.process_time() - started)\n"
        "print(min(read() for _ in range(20)), peak_memory_mb())"
    )
    milliseconds, megabytes = map(float, run_python(script, variants / "int8", RECORD).stdout.split())
    # The benchmark says how fast; this notices a reader that became several times slower, on a
    # machine half as fast too.
    assert milliseconds < 40
    assert megabytes < 150


def test_an_unreadable_record_does_not_stop_the_others(variants: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text("I,II\n1\n")
    command = [sys.executable, "-m", "heart_reader", "read", str(broken), str(RECORD), "--checkpoint", str(variants / "fp32"), "--json"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    first, second = map(json.loads, answer.stdout.splitlines())
    assert answer.returncode == 1
    assert "error" in first
    assert second["record_id"] == "norm"


def test_checkpoints_that_cannot_be_read_say_why(variants: Path, tmp_path: Path) -> None:
    cut = shutil.copytree(variants / "int8", tmp_path / "cut")
    (cut / "model.onnx").write_bytes((cut / "model.onnx").read_bytes()[:-100])
    with pytest.raises(Integrity, match="changed or cut short"):
        EcgClassifier.load(cut)
    other = shutil.copytree(variants / "int8", tmp_path / "other")
    manifest = json.loads((other / "manifest.json").read_text())
    (other / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(FormatVersion, match="99"):
        EcgClassifier.load(other)


def test_an_old_runtime_is_named_as_the_reason(variants: Path, tmp_path: Path) -> None:
    origin = load_checkpoint(variants / "int8")
    model = onnx.load(origin.weights_path)
    model.ir_version = 999
    newer = save_checkpoint(tmp_path / "newer", origin.draft(), lambda path: path.write_bytes(model.SerializeToString()), onnx=True)  # type: ignore[arg-type, return-value]
    with pytest.raises(NotServable, match="is too old for it"):
        EcgClassifier.load(newer.directory)


def test_advice_fits_the_processor() -> None:
    assert integer_advice(None, "") is None
    assert integer_advice("uint8", "avx512_vnni") is None
    assert integer_advice("int8", "asimddp") is None
    assert "activations=int8" in str(integer_advice("uint8", "asimddp"))
    assert integer_advice("uint8", "") is None
    assert integer_advice("uint8", None) is None


def test_8_bit_sums_do_not_overflow() -> None:
    entry = "session.x64quantprecision"
    assert open_session(find_reader() / "model.onnx", threads=1).get_session_options().get_session_config_entry(entry) == "1"


@pytest.mark.slow
def test_a_fresh_environment_reads_an_ecg(variants: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    lock = ROOT / "dependencies" / "core.lock"
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(lock)]
    subprocess.run(install, check=True)
    command = [str(python), "-m", "heart_reader", "read", str(RECORD), "--checkpoint", str(variants / "int8"), "--json"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["record_id"] == "norm"
    listed = subprocess.run([str(python), "-m", "pip", "list"], capture_output=True, text=True, check=True).stdout.lower()
    assert not any(f"\n{name} " in listed for name in ("torch", "pandas", "pydantic"))
