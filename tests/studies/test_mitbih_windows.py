"""The study of MIT-BIH windows: what is compared, over which classes, and that it goes on."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from heart_reader.commands import main
from heart_reader.config import load_config
from heart_reader.data.labels import LabelSpace, Level
from heart_reader.data.record_table import RecordTable
from heart_reader.errors import ConfigError
from heart_reader.studies import mitbih_windows
from heart_reader.studies.mitbih_windows import MEASURED, compare, fold_config, measure_windows, measured_classes
from heart_reader.studies.mitbih_windows_page import write_study

CLASSES = ("N", "AFIB", "AFL")


def table_of(truth, patients):
    """One row per window; a class of -1 is not known."""
    truth = np.array(truth)
    labels = np.where((truth >= 0)[:, None], np.eye(3)[truth], np.nan).astype(np.float32)
    n_rows = len(truth)
    return RecordTable(
        record_ids=np.array([f"r{row}" for row in range(n_rows)]),
        paths=np.array([f"/data/{name}.hea" for name in patients]),
        patient_ids=np.array(patients),
        splits=np.full(n_rows, "train"),
        labels={"rhythm": labels, "dominant_beat": labels},
        space=LabelSpace({name: Level(name, CLASSES) for name in ("rhythm", "dominant_beat")}, ("rhythm", "dominant_beat")),
        label_rule="made up",
        source="windows",
        starts_s=np.arange(n_rows) * 10.0,
        stops_s=np.arange(n_rows) * 10.0 + 10,
    )


def test_the_likeliest_class_is_scored_over_classes_of_two_patients():
    table = table_of([0, 0, 0, 1, 1, 2, -1], ["a", "a", "b", "a", "b", "b", "b"])
    answers = np.array([[0.4, 0.3, 0.1]] * 3 + [[0.1, 0.2, 0.0], [0.3, 0.2, 0.0], [0.0, 0.2, 0.1], [1, 0, 0]])
    result = compare(table, {"first": answers, "second": np.eye(3)[[0, 0, 0, 1, 1, 2, 0]]}, "rhythm", draws=50, seed=0)
    assert result.counted == ("N", "AFIB")
    assert result.windows == {"N": 3, "AFIB": 2, "AFL": 1}
    # N: three found and one invented; AFIB: one found, one missed, one invented by the flutter.
    assert result.readings["first"].f1 == pytest.approx({"N": 6 / 7, "AFIB": 0.5})
    assert result.readings["first"].macro_f1.point == pytest.approx((6 / 7 + 0.5) / 2)
    assert result.readings["first"].accuracy == pytest.approx(4 / 6)
    assert result.readings["second"].macro_f1.point == 1
    assert result.differences["second"].difference == pytest.approx((6 / 7 + 0.5) / 2 - 1)


@pytest.mark.parametrize(
    ("name", "findings", "beats", "expected"),
    [
        ("sinus", (), ("normal",) * 9, ("N", "N")),
        (None, (), (), ("N", "N")),
        ("atrial_fibrillation", ("bigeminy",), ("normal", "ventricular"), ("AFIB", "V")),
        ("sinus", ("trigeminy", "irregular"), ("ventricular", "supraventricular", "supraventricular"), ("T", "S")),
        ("junctional", (), ("ventricular", "supraventricular"), ("NOD", "V")),
        ("paced", (), ("paced",) * 3, ("N", "Q")),
    ],
)
def test_a_measured_rhythm_has_its_classes(name, findings, beats, expected):
    assert measured_classes(SimpleNamespace(name=name, findings=findings, beats=beats)) == expected


def test_windows_are_measured_once(tmp_path, monkeypatch):
    table = table_of([0, 1, 0], ["a", "a", "b"])
    measured = []

    class Read:
        def __init__(self, table):
            pass

        def __call__(self, row):
            return row

    def pretend(row):
        measured.append(row)
        return SimpleNamespace(rhythm=SimpleNamespace(name="atrial_fibrillation" if row == 1 else None, findings=(), beats=()))

    monkeypatch.setattr(mitbih_windows, "RowReader", Read)
    monkeypatch.setattr(mitbih_windows, "measure", pretend)
    for _ in range(2):
        answers = measure_windows(table, tmp_path)
    assert measured == [0, 1, 2]
    assert answers["rhythm"].tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert answers["dominant_beat"].tolist() == [[1, 0, 0]] * 3


def test_the_page_states_readers_classes_and_who_is_left_out(tmp_path):
    table = table_of([0, 0, 1, 1, 2], ["a", "b", "a", "b", "b"])
    answers = {"first": np.eye(3)[[0, 0, 1, 0, 0]], MEASURED: np.eye(3)[[0, 0, 0, 0, 0]]}
    results = {"rhythm": compare(table, answers, "rhythm", draws=20, seed=0)}
    facts = {"source": "s", "n_windows": 5, "n_patients": 2, "n_folds": 2, "left_out": "nothing", "draws": 20, "seed": 0}
    page = write_study(results, tmp_path, facts)
    assert (tmp_path / "mitbih_windows.md").read_text() == page
    assert "| AFIB | 2 | 2 | 0.667 | 0.000 |" in page
    assert "AFL: in one patient alone" in page
    assert json.loads((tmp_path / "mitbih_windows.json").read_text())["levels"]["rhythm"]["windows"]["AFL"] == 1
    assert (tmp_path / "mitbih_windows.png").stat().st_size > 5000


def test_a_recipe_of_something_else_is_refused():
    with pytest.raises(ConfigError, match="one source of kind mitbih with rows: windows and split: folds is needed"):
        fold_config(load_config(None, ["data.sources=[{kind: mitbih, rows: beats}]"]), 0)


@pytest.mark.slow
def test_the_command_trains_every_fold_and_goes_on(tmp_path, write_annotated, monkeypatch, capsys):
    for seed, name in enumerate(("101", "106", "108", "109", "112", "114")):
        rhythms = {0.01: "N", 30.0: ("B", "AFIB")[seed % 2], 60.0: "N"}
        write_annotated(tmp_path / "mitbih" / name, beats="NNAN" * 8 + "NVNV" * 7, rhythms=rhythms, seed=seed)
    monkeypatch.setattr(mitbih_windows, "measure", lambda _: SimpleNamespace(rhythm=SimpleNamespace(name=None, findings=(), beats=())))
    source = f"data.sources=[{{kind: mitbih, path: {tmp_path / 'mitbih'}, split: folds, n_folds: 2}}]"
    settings = [source, "data.allow_missing=true", "training.epochs=1", "training.swa_start=null"]
    settings += ["training.batch_size=4", "evaluation.draws=20"]
    words = ["study", "mitbih-windows", "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    words += [word for setting in settings for word in ("--set", setting)]
    assert main(words) == 0
    made = (tmp_path / "out" / "mitbih_windows.md").read_text()
    assert "36 windows of 6 patients" in made
    monkeypatch.setattr(mitbih_windows, "train", None)
    assert main(words) == 0
    assert (tmp_path / "out" / "mitbih_windows.md").read_text() == made
