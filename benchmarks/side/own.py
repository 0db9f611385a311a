"""What heart_reader does in the comparisons; also run with an earlier commit's package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from work import Answers, Work

MEASURED = ("heart_rate_bpm", "pr_ms", "qrs_ms", "qt_ms")


def paths(folder: Path, kind: str = "wfdb") -> list[Path]:
    """Return the files of one format, in the order of the records."""
    return sorted(path for path in (folder / kind).iterdir() if path.suffix != ".dat")


def reading(folder: Path, *, checkpoint: str | None = None, measure: bool = True) -> Work:
    """From file to finished reading; answers the probabilities of the reader's level."""
    from heart_reader.classifier import EcgClassifier
    from heart_reader.data.formats import read_record
    from heart_reader.weights import find_reader

    classifier = EcgClassifier.load(find_reader(checkpoint))

    def collect(answers: list[Any]) -> Answers:
        levels = [answer.levels[classifier.level] for answer in answers]
        return {"values": np.array([[one.probability for one in level.values()] for level in levels])}

    return Work(paths(folder), lambda path: classifier.predict(read_record(path), measure=measure), collect)


def _network(folder: Path, checkpoint: str | None) -> tuple[Any, list[Any]]:
    """Return a classifier, and what its network gets of each record."""
    from heart_reader.classifier import EcgClassifier
    from heart_reader.data.batch import Batch
    from heart_reader.data.formats import read_record
    from heart_reader.weights import find_reader

    classifier = EcgClassifier.load(find_reader(checkpoint))
    records = map(read_record, paths(folder))
    return classifier, [Batch.of([classifier.inputs(record, classifier.preprocessor.prepare(record))]) for record in records]


def network(folder: Path, *, checkpoint: str | None = None) -> Work:
    """From the windows and features of a record to probabilities, one record at a time."""
    classifier, batches = _network(folder, checkpoint)
    return Work.of_arrays(batches, lambda batch: _sigmoid(classifier.logits(batch)))


def session(folder: Path, *, checkpoint: str | None = None, exact: bool = False) -> Work:
    """Do the same with ONNX Runtime alone; ``exact`` lets no sum of 8-bit products overflow."""
    import onnxruntime

    classifier, batches = _network(folder, checkpoint)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if exact:
        options.add_session_config_entry("session.x64quantprecision", "1")
    alone = onnxruntime.InferenceSession(str(classifier.checkpoint.weights_path), options, providers=["CPUExecutionProvider"])
    given = [batch.arrays() for batch in batches]
    return Work.of_arrays(given, lambda arrays: _sigmoid(alone.run(None, arrays)[0]))


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))


def measuring(folder: Path) -> Work:
    """From file to all measurements of 12 leads; answers the four that others have too."""
    from heart_reader.data.formats import read_record
    from heart_reader.features import measure

    def collect(answers: list[Any]) -> Answers:
        values = [[answer.values[name].value for name in MEASURED] for answer in answers]
        return {"values": np.array(values, dtype=np.float64)}

    return Work(paths(folder), lambda path: measure(read_record(path)), collect)


def reading_file(folder: Path, *, kind: str) -> Work:
    """From file to record; answers the signal in mV."""
    from heart_reader.data.formats import read_record

    def collect(answers: list[Any]) -> Answers:
        return {
            "values": np.stack([one.signal for one in answers]),
            "leads": np.array(answers[0].lead_names),
            "fs": np.array(answers[0].fs),
        }

    return Work(paths(folder, kind), read_record, collect)


def bootstrap(folder: Path, *, draws: int, names: list[str] | None = None) -> Work:
    """Draw patients and evaluate metrics, macro-averaged; answers each draw's value of each metric.

    One item is all draws; they are counted in thousands.
    """
    from heart_reader.decisions.decision import Thresholds
    from heart_reader.evaluation.bootstrap import draw_metrics
    from heart_reader.metrics import METRICS, macro_mean
    from heart_reader.predictions import Predictions

    given = np.load(folder / "predictions.npz")
    classes = tuple(given["classes"].tolist())
    ids = np.array([f"r{row}" for row in range(len(given["y_true"]))])
    predictions = Predictions("test", "superdiagnostic", classes, ids, given["patients"], given["y_true"], given["y_prob"])
    thresholds = Thresholds("given", "val", tuple(given["thresholds"].tolist()))
    metrics = names or list(METRICS)

    def do(seed: int) -> dict[str, np.ndarray]:
        return draw_metrics(predictions, thresholds, metrics, draws=draws, seed=seed)[1]

    def collect(answers: list[Any]) -> Answers:
        return {name: np.asarray(macro_mean(drawn)) for name, drawn in answers[0].items()}

    return Work([0], do, collect, units=draws / 1000)
