"""What the page learns about the served model and about what the server reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from heart_reader import __version__
from heart_reader.checkpoint import Checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.conclusion.table import read_table
from heart_reader.data.scp_statements import statement_tree
from heart_reader.data.tasks import TASKS
from heart_reader.data.vocabulary import ClassMeaning, meanings
from heart_reader.errors import CheckpointError
from heart_reader.explain import find_origin
from heart_reader.weights.cards import CARD, body

__all__ = ["model_facts"]

# The better witness first: the validation records chose weights and thresholds.
REPORTS = ("report-test/report.json", "report-test.json", "report-val/report.json")
MAX_CARD_BYTES = 1 << 18


def model_facts(classifier: EcgClassifier) -> dict[str, Any]:
    """Return the classifier's card with training, performance, model card, statements and formats.

    Reports and text lie beside the checkpoint, or beside the one it was exported from. A report of
    other weights is left out.
    """
    checkpoint = classifier.checkpoint
    folders = list(_run_folders(checkpoint))
    texts = [path for folder in folders if (path := folder / CARD).is_file()]
    return {
        **classifier.card(),
        "version": __version__,
        "training": _training(checkpoint, classifier.level),
        "performance": _performance(checkpoint, folders, classifier.level),
        "statement_tree": statement_tree(),
        "statement_names": dict(read_table().names),
        "class_meanings": _class_meanings(classifier),
        "model_card": body(texts[0].read_bytes()[:MAX_CARD_BYTES].decode("utf-8", "replace")) if texts else None,
    }


def _class_meanings(classifier: EcgClassifier) -> dict[str, dict[str, dict[str, str | None]]]:
    """Titles, and entries in the files of languages, by level and class.

    Of levels that are made of PTB-XL's statements, only the classes that mean more than the
    statement of their name.
    """
    found = {}
    for name in classifier.space.answerable():
        level = classifier.space.levels[name]
        named = meanings(level)
        classes = named if name in TASKS else {one: named.get(one, ClassMeaning(one)) for one in level.class_names}
        found[name] = {one: {"title": of.title, "words": of.words} for one, of in classes.items()}
    return {name: classes for name, classes in found.items() if classes}


def _run_folders(checkpoint: Checkpoint) -> Iterator[Path]:
    """Yield the served checkpoint, and the runs that made it and the one it was exported from."""
    yield checkpoint.directory.resolve()
    yield checkpoint.directory.resolve().parent
    try:
        yield find_origin(checkpoint, fetch=False).directory.resolve().parent
    except CheckpointError:
        return


def _training(checkpoint: Checkpoint, level: str) -> dict[str, Any]:
    """Records of the training split, and how many of them carry each class."""
    data = checkpoint.manifest["data"]
    n_records = data["counts"]["train"]
    positives = data.get("train_positives", {}).get(level, {})
    return {
        "source": data["source"],
        "n_records": n_records,
        "n_positive": positives,
        "prevalence": {name: count / n_records for name, count in positives.items()},
    }


def _performance(checkpoint: Checkpoint, folders: list[Path], level: str) -> dict[str, Any] | None:
    """Per class AUROC with its interval, from the report of these very weights."""
    owners = {checkpoint.sha256, checkpoint.manifest["parent"]}
    for name in REPORTS:
        for folder in folders:
            report = _read_report(folder / name)
            if report is not None and report["checkpoint_sha256"] in owners and report["level"] == level:
                return _summary(report)
    return None


def _read_report(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def _summary(report: dict[str, Any]) -> dict[str, Any]:
    n_records = report["n_records"]
    classes = zip(report["class_names"], report["classes"]["auroc"], report["n_positive"], strict=True)
    return {
        **{key: report[key] for key in ("split", "label_rule", "checkpoint_sha256", "n_records", "n_patients", "confidence", "caveats")},
        "macro_auroc": _interval(report["metrics"]["macro_auroc"]),
        "classes": {
            name: {"auroc": _interval(auroc), "n_positive": count, "prevalence": count / n_records} for name, auroc, count in classes
        },
    }


def _interval(metric: dict[str, Any]) -> dict[str, float | None]:
    return {key: metric[key] for key in ("point", "low", "high")}
