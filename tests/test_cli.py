"""The commands as a user types them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from heart_reader.checkpoint import load_checkpoint
from heart_reader.config import ExperimentConfig
from heart_reader.diagnosis import BANDS
from heart_reader.evaluation.request import checkpoint_config, choose_folder
from heart_reader.weights import find_reader, shipped_readers

ROOT = Path(__file__).resolve().parent.parent


def run(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / str(arguments[0])), *map(str, arguments[1:])], cwd=cwd, capture_output=True, text=True, check=False
    )


def one_line_error(answer: subprocess.CompletedProcess[str], status: int) -> str:
    assert answer.returncode == status, answer.stderr
    lines = [line for line in answer.stderr.splitlines() if line]
    assert len(lines) == 1, answer.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.slow
@pytest.mark.parametrize("script", ["train.py", "evaluate.py", "export.py", "predict.py", "run_server.py"])
def test_help_and_wrong_usage(script: str) -> None:
    assert run(script, "--help").returncode == 0
    assert run(script, "--no-such-option").returncode == 2


@pytest.mark.parametrize("script", ["train.py", "evaluate.py", "export.py", "predict.py", "run_server.py"])
def test_scripts_stay_thin(script: str) -> None:
    assert len((ROOT / script).read_text().splitlines()) < 10


WITHOUT_SLOW_LIBRARIES = """
import runpy, sys
from importlib.abc import MetaPathFinder
class Absent(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {"torch", "sklearn", "matplotlib", "onnxruntime", "onnx", "pandas", "wfdb"}:
            raise AssertionError(f"{name} was loaded")
sys.meta_path.insert(0, Absent())
sys.argv = sys.argv[1:]
sys.path.insert(0, "")
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("train.py --config nowhere.yaml", "nowhere.yaml: No such file"),
        ("train.py --set training.epoch=3", "unknown key training.epoch"),
        ("train.py --set data.root=nowhere --out {out}", "nowhere/scp_statements.csv does not exist"),
        ("train.py --set training.teacher=nowhere --out {out}", "nowhere: no manifest.json"),
        ("train.py --resume --out {out}", "no unfinished run"),
        ("evaluate.py nowhere", "no reader is called 'nowhere'"),
        ("evaluate.py results/ptbxl-nano/checkpoint --level flu", "no level 'flu'"),
        ("evaluate.py results/ptbxl-nano/checkpoint --against nowhere", "no reader is called 'nowhere'"),
        ("evaluate.py results/ptbxl-nano/checkpoint --set model.name=x", "belongs to the trained weights"),
        ("evaluate.py results/ptbxl-nano/checkpoint --set data.root=nowhere", "nowhere/scp_statements.csv does not exist"),
        ("export.py nowhere --out {out}", "no reader is called 'nowhere'"),
        ("export.py results/ptbxl-nano-int8/checkpoint --out {out}", "use the checkpoint it was exported from"),
        ("export.py results/ptbxl-nano/checkpoint --prune 3 --out {out}", "export.pruning.ratio = 3.0"),
        ("predict.py nowhere.csv", "nowhere.csv: no such file or folder"),
        ("predict.py test_files --checkpoint nowhere", "no reader is called 'nowhere'"),
        ("predict.py test_files --unit parsec", "--unit parsec: mV, uV, nV or V"),
    ],
)
def test_what_is_wrong_is_said_before_slow_libraries_are_loaded(command: str, message: str, tmp_path: Path) -> None:
    words = command.format(out=tmp_path / "out").split()
    answer = subprocess.run([sys.executable, "-c", WITHOUT_SLOW_LIBRARIES, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert message in one_line_error(answer, answer.returncode)
    assert answer.returncode in (1, 2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("rate", ["nan", "-1", "0", "inf", "x"])
def test_a_rate_that_is_none(rate: str) -> None:
    answer = run("predict.py", "test_files", f"--fs={rate}")
    assert answer.returncode == 2
    assert "a number above 0 is needed" in answer.stderr


def test_train_with_a_wrong_configuration(tmp_path: Path) -> None:
    assert "unknown key training.epoch" in one_line_error(run("train.py", "--set", "training.epoch=3", "--out", tmp_path), 2)
    message = one_line_error(run("train.py", "--set", f"data.root={tmp_path}", "--out", tmp_path / "run"), 1)
    assert "heart-reader data download" in message
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_predict_reads_what_it_can(tiny_checkpoint: Path, tmp_path: Path) -> None:
    good = next((ROOT / "test_files").glob("norm*.csv"))
    bad = tmp_path / "<b>broken.csv"
    bad.write_text("I,II\n1,x\n")
    answer = run("predict.py", good, bad, good, "--checkpoint", tiny_checkpoint, "--json")
    assert answer.returncode == 1, answer.stderr
    first, second, third = map(json.loads, answer.stdout.splitlines())
    assert first == third
    assert set(first["levels"]["superdiagnostic"]) == {"NORM", "MI", "STTC", "CD", "HYP"}
    assert "Research use only" in first["notice"]
    assert second["record_id"] == "<b>broken"
    assert set(second["error"]) == {"code", "message"}


@pytest.mark.slow
def test_predict_takes_a_record_by_its_name_alone(tiny_checkpoint: Path) -> None:
    answer = run("predict.py", "test_files/norm", "--checkpoint", tiny_checkpoint, "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["record_id"] == "norm"


def test_predict_in_a_folder_without_records(tiny_checkpoint: Path, tmp_path: Path) -> None:
    answer = run("predict.py", tmp_path, "--checkpoint", tiny_checkpoint, "--json")
    assert answer.returncode == 1
    assert "no record in this folder" in json.loads(answer.stdout)["error"]["message"]


@pytest.mark.slow
def test_predict_for_a_person(tiny_checkpoint: Path) -> None:
    answer = run("predict.py", ROOT / "test_files", "--checkpoint", tiny_checkpoint)
    assert "Not a medical device" in answer.stdout
    assert "threshold" in answer.stdout
    assert "of the validation records at most 10% of those without the label" in answer.stdout
    assert any(definition in answer.stdout for definition in BANDS.values())


def test_predict_with_an_altered_checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_checkpoint, tmp_path / "c")
    weights = tmp_path / "c" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"abcd")
    message = one_line_error(run("predict.py", ROOT / "test_files", "--checkpoint", tmp_path / "c"), 1)
    assert "changed or cut short" in message


@pytest.mark.slow
def test_evaluate_writes_the_report(tiny_checkpoint: Path, tiny_config: ExperimentConfig, tmp_path: Path) -> None:
    out = tmp_path / "report"
    answer = run("evaluate.py", tiny_checkpoint, "--out", out, "--against", tiny_checkpoint)
    assert answer.returncode == 0, answer.stderr
    figures = {"roc.png", "pr.png", "confusion.png", "calibration.png", "selective.png"}
    tables = {"report.json", "report.md", "predictions.npz", "per_class.csv", "subgroups.csv"}
    assert {path.name for path in out.iterdir()} - {"statements.png"} == tables | figures | {"subgroups.png"}
    report = json.loads((out / "report.json").read_text())
    assert report["checkpoint_sha256"] == load_checkpoint(tiny_checkpoint).sha256
    assert any("Simulated" in caveat for caveat in report["caveats"])
    assert report["comparison"]["differences"]["macro_auroc"]["difference"] == 0
    read = report["consistency"]
    assert (read["n_readings"], read["failed"], read["decided_reason"]) == (report["n_records"], {}, None)
    assert sum(share["count"] for share in read["kinds"]) == report["n_records"]
    assert {row["group"] for row in report["subgroups"]} >= {"everybody", "women", "men"}
    message = one_line_error(run("evaluate.py", tiny_checkpoint, "--set", "preprocessing.fs=500", "--out", out), 2)
    assert "belongs to the trained weights" in message


@pytest.mark.slow
def test_reports_go_where_they_replace_none_of_other_records(tiny_checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_checkpoint, tmp_path / "run" / "checkpoint")
    quick = ("--no-readings", "--set", "evaluation.draws=5")
    for _ in range(2):
        answer = run("evaluate.py", tmp_path / "run" / "checkpoint", *quick)
        assert answer.returncode == 0, answer.stderr
        assert answer.stdout.endswith(f"written to {tmp_path / 'run' / 'report-test'}\n")
    before = (tmp_path / "run" / "report-test" / "report.json").read_bytes()
    other = ("--set", "data.sources=[{kind: synthetic, n_records: 80, seed: 3}]")
    message = one_line_error(run("evaluate.py", tmp_path / "run" / "checkpoint", *quick, *other), 2)
    assert "report-test holds a report of other records" in message
    assert (tmp_path / "run" / "report-test" / "report.json").read_bytes() == before
    answer = run("evaluate.py", tmp_path / "run" / "checkpoint", *quick, *other, "--out", tmp_path / "run" / "report-test")
    assert answer.returncode == 0, answer.stderr


@pytest.mark.slow
def test_own_records_in_folders_per_patient_are_evaluated(tmp_path: Path) -> None:
    """Also with a model that answers more than the table knows."""
    rows = ["path,split,NORM,MI,STTC,CD,HYP"]
    for number, (name, labels) in enumerate({"norm": "1,0,0,0,0", "mi_inferior": "0,1,0,0,0", "cd_lbbb": "0,0,0,1,0"}.items()):
        (tmp_path / f"g{number}").mkdir()
        shutil.copy(ROOT / "test_files" / f"{name}.csv", tmp_path / f"g{number}" / "ecg.csv")
        rows.append(f"g{number}/ecg.csv,test,{labels}")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    settings = (
        f"data.root={tmp_path}",
        "data.sources=[{kind: table, path: t.csv}]",
        f"data.cache_dir={tmp_path / 'c'}",
        "evaluation.draws=5",
    )
    reader = ROOT / "results" / "ptbxl-nano" / "checkpoint"
    answer = run("evaluate.py", reader, "--no-readings", *(word for text in settings for word in ("--set", text)), cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    out = tmp_path / "results" / "reports" / "ptbxl-nano-test"
    assert np.load(out / "predictions.npz")["record_ids"].tolist() == ["g0/ecg", "g1/ecg", "g2/ecg"]
    assert json.loads((out / "report.json").read_text())["n_records"] == 3


def test_reports_of_published_readers_are_not_written_over(tiny_checkpoint: Path, tmp_path: Path) -> None:
    places = {}
    for name in shipped_readers():
        checkpoint = load_checkpoint(find_reader(name))
        config = checkpoint_config(checkpoint, ())
        place = choose_folder(checkpoint, config, split="test", level="superdiagnostic")
        places[place] = name
        assert place.parent == Path("results") / "reports"
        assert choose_folder(checkpoint, config, split="val", level="rhythm").name.endswith("-val-rhythm")
    assert places == {Path(f"results/reports/{name}-test"): name for name in shipped_readers()}
    shutil.copytree(tiny_checkpoint, tmp_path / "edge" / "int8")
    own = load_checkpoint(tmp_path / "edge" / "int8")
    config = checkpoint_config(own, ())
    assert choose_folder(own, config, split="test", level="superdiagnostic") == tmp_path / "edge" / "int8-report-test"


@pytest.mark.slow
def test_evaluate_on_validation_states_no_decisions(tiny_checkpoint: Path, tmp_path: Path) -> None:
    answer = run("evaluate.py", tiny_checkpoint, "--split", "val", "--no-readings", "--out", tmp_path)
    assert answer.returncode == 0, answer.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["decided"] == {"metrics": {}, "classes": {}, "reason": "the uncertain zones were chosen on this split"}
    assert (report["selective"]["points"], report["selective"]["reason"]) == ([], "the thresholds were chosen on this split")
    metrics = report["metrics"]
    assert metrics["macro_f1"]["point"] is None
    assert "chosen on this split" in metrics["macro_f1"]["reason"]
    assert metrics["macro_auroc"]["point"] is not None
    assert report["consistency"] is None
    assert all(set(row["metrics"]) <= {"auroc", "auprc"} for row in report["subgroups"])


@pytest.mark.slow
def test_export_refuses_what_disagrees(tiny_checkpoint: Path, tmp_path: Path) -> None:
    out, alone = tmp_path / "edge", ("--variants", "fp32", "--no-benchmark")
    message = one_line_error(run("export.py", tiny_checkpoint, "--out", out, *alone, "--set", "export.parity_limit=1e-30"), 1)
    assert "not exported" in message
    assert not (out / "fp32").exists()
    answer = run("export.py", tiny_checkpoint, "--out", out, *alone)
    assert answer.returncode == 0, answer.stderr
    exported = load_checkpoint(out / "fp32")
    assert exported.manifest["parent"] == load_checkpoint(tiny_checkpoint).sha256
    assert "use the checkpoint it was exported from" in one_line_error(run("export.py", out / "fp32", "--out", tmp_path / "again"), 1)
