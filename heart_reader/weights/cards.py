"""Model cards with the metadata that the Hugging Face hub reads, and repositories for it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from heart_reader.checkpoint import load_checkpoint
from heart_reader.errors import ConfigError
from heart_reader.extras import missing
from heart_reader.folders import atomic_directory
from heart_reader.weights.find import find_reader
from heart_reader.weights.index import INDEX, ShippedReader, describe, parse_index, shipped_readers, write_index

__all__ = ["CARD", "body", "find_card", "metadata", "push", "with_metadata"]

CARD = "MODEL_CARD.md"
HUB_CARD = "README.md"
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)
# Figures of the index that the hub lists: split and metric.
RESULTS = {"test_macro_auroc": ("test", "macro-AUROC"), "val_macro_auroc": ("validation", "macro-AUROC")}
OWN_CARD = """# Model card: {name}

**Research use only. Not a medical device. Do not use for diagnosis or treatment.**

A {model} of heart_reader with {parameters:,} parameters. `manifest.json` says what it was trained on and how.
"""


def metadata(reader: ShippedReader) -> dict[str, Any]:
    """Return the metadata of a reader's card, as the hub names them."""
    results = [
        {
            "task": {"type": "other", "name": "ECG classification, diagnostic superclasses"},
            "dataset": {"name": "PTB-XL 1.0.3, the records named in the card", "type": "ptb-xl", "split": split},
            "metrics": [{"type": "roc_auc", "name": f"{split} {metric}", "value": reader.figures[name]}],
        }
        for name, (split, metric) in RESULTS.items()
        if name in reader.figures
    ]
    return {
        "license": reader.licence.lower(),
        "library_name": "heart-reader",
        "tags": ["ecg", "electrocardiogram", "12-lead", "ptb-xl", "research-use-only", "onnx" if reader.runtime == "onnx" else "pytorch"],
        "datasets": ["ptb-xl"],
        "metrics": ["roc_auc"],
        **({"model-index": [{"name": reader.name, "results": results}]} if results else {}),
    }


def with_metadata(text: str, reader: ShippedReader) -> str:
    """Return a card that begins with its metadata in YAML, in place of those it may have.

    Raises
    ------
    HeartReaderError
        If PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise missing(error.name or "yaml") from None
    front = yaml.safe_dump(metadata(reader), sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n{body(text)}"


def body(text: str) -> str:
    r"""Return a card without its metadata.

    Examples
    --------
    >>> body("---\nlicense: mit\n---\n\n# Model card")
    '# Model card'
    """
    return FRONT_MATTER.sub("", text)


def find_card(directory: Path) -> Path | None:
    """Return the card of a checkpoint, in its directory or beside it."""
    places = (directory / CARD, directory.resolve().parent / CARD)
    return next((place for place in places if place.is_file()), None)


def push(readers: Iterable[str | Path], folder: Path, *, licence: str | None = None) -> list[Path]:
    """Write one repository per reader, and an index beside them.

    The Hugging Face hub takes each repository as it is; the folder, or a copy of it behind an
    address, is what ``HEART_READER_WEIGHTS`` may name.

    Parameters
    ----------
    readers
        Names of shipped readers, or checkpoint directories of your own.
    folder
        Gets ``index.json`` and one folder per reader. Others that it has already stay.
    licence
        SPDX identifier of the licence of your own weights.

    Raises
    ------
    ConfigError
        If a reader of your own has no licence.
    CheckpointError
        If a checkpoint is damaged.
    """
    path = folder / INDEX
    index = parse_index(path.read_text(encoding="utf-8"), str(path)) if path.is_file() else {}
    written = []
    for name_or_path in readers:
        directory = find_reader(name_or_path)
        reader = _entry(directory, licence)
        with atomic_directory(folder / reader.name) as repository:
            for file in reader.files:
                shutil.copyfile(directory / file, repository / file)
            card = find_card(directory)
            text = OWN_CARD.format_map(vars(reader)) if card is None else card.read_text(encoding="utf-8")
            (repository / HUB_CARD).write_text(with_metadata(text, reader), encoding="utf-8")
        index[reader.name] = reader
        written.append(folder / reader.name)
    write_index(folder, index)
    return written


def _entry(directory: Path, licence: str | None) -> ShippedReader:
    """Return the index entry of a checkpoint: the shipped one's own, or a new one."""
    checkpoint = load_checkpoint(directory)
    for reader in shipped_readers().values():
        if reader.sha256 == checkpoint.sha256:
            return reader
    if licence is None:
        raise ConfigError(f"{directory}: say under which licence its weights are published: --licence CC-BY-4.0")
    home = directory.resolve()
    level = checkpoint.manifest["config"]["task"]["level"]
    score = checkpoint.manifest["metrics"].get(level, {}).get("macro_auroc")
    figures: Mapping[str, float] = {} if score is None else {"val_macro_auroc": round(score, 4)}
    name = home.parent.name if home.name == "checkpoint" else home.name
    return describe(name, home, title=checkpoint.manifest["config"]["name"], figures=figures, licence=licence)
