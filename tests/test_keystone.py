"""One record gives the same arrays and the same probabilities wherever it is read."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig, resolve_cache_dir
from heart_reader.data.batch import Batch
from heart_reader.data.build import build_preprocessor, build_table
from heart_reader.data.cache import open_or_build
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.formats import read_record
from heart_reader.edge.variants import build_variants
from heart_reader.frontend.app import create_app
from heart_reader.frontend.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def dataset(tiny_config: ExperimentConfig) -> EcgDataset:
    table, preprocessor = build_table(tiny_config), build_preprocessor(tiny_config)
    return EcgDataset(
        table, open_or_build(table, preprocessor, resolve_cache_dir(tiny_config.data.cache_dir), progress=False), preprocessor
    )


@pytest.fixture(scope="module")
def onnx_checkpoint(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("edge")
    build_variants(tiny_checkpoint, out, overrides=["export.variants=[fp32]"])
    return out / "fp32"


def _upload(client: TestClient, stem: Path) -> dict[str, object]:
    files = [("file", (path.name, path.read_bytes())) for path in (stem.with_suffix(".hea"), stem.with_suffix(".dat"))]
    answer = client.post("/api/v1/predict", files=files)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_arrays_are_bit_equal(dataset: EcgDataset, tiny_checkpoint: Path) -> None:
    classifier = EcgClassifier.load(tiny_checkpoint)
    for position in range(len(dataset)):
        from_file = classifier.preprocessor(read_record(dataset.table.paths[position]))
        from_cache = dataset.windows(position)
        assert from_file.dtype == from_cache.dtype == np.float32
        np.testing.assert_array_equal(from_file, from_cache)


def test_an_upload_gives_the_network_the_same_arrays(dataset: EcgDataset, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    plain_logits = EcgClassifier.logits

    def logits(self: EcgClassifier, batch: Batch) -> np.ndarray:
        seen.append(batch.windows.copy())
        return plain_logits(self, batch)

    with TestClient(create_app(Settings(checkpoint=tiny_checkpoint))) as client:
        monkeypatch.setattr(EcgClassifier, "logits", logits)
        _upload(client, Path(dataset.table.paths[3]))
    np.testing.assert_array_equal(seen[-1], dataset.windows(3))


def test_probabilities_agree_everywhere(dataset: EcgDataset, tiny_checkpoint: Path, onnx_checkpoint: Path) -> None:
    torch_reader, onnx_reader = EcgClassifier.load(tiny_checkpoint), EcgClassifier.load(onnx_checkpoint)
    evaluated = torch_reader.predict_many(dataset).y_prob
    np.testing.assert_allclose(onnx_reader.predict_many(dataset).y_prob, evaluated, atol=1e-6)
    for checkpoint in (tiny_checkpoint, onnx_checkpoint):
        with TestClient(create_app(Settings(checkpoint=checkpoint))) as client:
            for position in (0, 7):
                served = _upload(client, Path(dataset.table.paths[position]))["levels"]["superdiagnostic"]  # type: ignore[index]
                probabilities = [reading["probability"] for reading in served.values()]
                np.testing.assert_allclose(probabilities, evaluated[position], atol=1e-6)


def test_a_csv_of_the_same_signal_reads_the_same(dataset: EcgDataset, tiny_checkpoint: Path, tmp_path: Path) -> None:
    classifier = EcgClassifier.load(tiny_checkpoint)
    record = read_record(dataset.table.paths[0])
    path = tmp_path / "same.csv"
    order = np.random.default_rng(0).permutation(12)
    with path.open("w", newline="") as stream:
        stream.write(f"# fs={record.fs:g}\n# unit=uV\n")
        writer = csv.writer(stream, delimiter=";")
        writer.writerow([record.lead_names[row].upper() for row in order])
        writer.writerows(np.rint(record.signal[order].T * 1000).astype(int).tolist())
    first, second = classifier.predict(record), classifier.predict(read_record(path))
    assert {name: reading.probability for name, reading in first.levels["superdiagnostic"].items()} == {
        name: reading.probability for name, reading in second.levels["superdiagnostic"].items()
    }


def test_the_onnx_path_needs_neither_torch_nor_pydantic(onnx_checkpoint: Path, dataset: EcgDataset) -> None:
    script = f"""
import sys
from importlib.abc import MetaPathFinder
class Absent(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("torch", "pandas", "pydantic", "sklearn", "wfdb", "matplotlib", "safetensors", "tqdm", "yaml"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import read_record
import json
print(json.dumps(EcgClassifier.load({str(onnx_checkpoint)!r}).predict(read_record({str(dataset.table.paths[0])!r})).to_json()))
"""
    answer = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert set(json.loads(answer.stdout)["levels"]["superdiagnostic"]) == {"NORM", "MI", "STTC", "CD", "HYP"}
