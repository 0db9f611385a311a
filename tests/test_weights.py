"""Readers by name: found, fetched, refused if they differ, and published as the hub takes them."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from heart_reader.checkpoint import load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import read_record
from heart_reader.errors import ConfigError, DataError, HeartReaderError, Integrity
from heart_reader.extras import missing
from heart_reader.weights import DEFAULT_READER, find_reader, shipped_readers
from heart_reader.weights.cards import CARD, find_card, metadata, push, with_metadata
from heart_reader.weights.fetch import SOURCE, available_readers, fetch
from heart_reader.weights.index import INDEX, PACKAGED, cache_folder, describe, file_is, parse_index

ROOT = Path(__file__).resolve().parent.parent
NANO = "ptbxl-nano-int8"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without results, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.delenv(SOURCE, raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights as `push` writes it."""
    folder = tmp_path_factory.mktemp("weights")
    push([ROOT / "results" / NANO / "checkpoint", ROOT / "results" / "ptbxl-nano" / "checkpoint"], folder)
    return folder


@pytest.fixture
def address(published: Path) -> Iterator[str]:
    """The same behind an address of this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(published))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize("name", shipped_readers())
def test_the_index_says_what_is_shipped(name: str) -> None:
    reader, directory = shipped_readers()[name], find_reader(name)
    assert reader == describe(name, directory, title=reader.title, figures=reader.figures, licence=reader.licence)
    for split in ("val", "test"):
        report = ROOT / "results" / name / f"report-{split}" / "report.json"
        if report.exists():
            measured = json.loads(report.read_text())["metrics"]["macro_auroc"]["point"]
            assert reader.figures[f"{split}_macro_auroc"] == round(measured, 4)
    for row in json.loads((ROOT / "results" / "edge_stats.json").read_text())["rows"]:
        if row["checkpoint_sha256"] == reader.sha256:
            assert reader.figures["test_macro_auroc"] == round(row["accuracy"]["test"]["macro_auroc"], 4)
            assert reader.figures["network_ms"] == round(row["network_ms"]["1"]["p50"], 2)


def test_the_default_reader_lies_in_the_package(elsewhere: Path) -> None:
    assert find_reader() == find_reader(DEFAULT_READER) == PACKAGED / DEFAULT_READER
    assert shipped_readers()[DEFAULT_READER].n_bytes < 2e6
    packaged = json.loads((find_reader() / "report-test.json").read_text())
    whole = json.loads((ROOT / "results" / "ptbxl-pruned" / "report-test" / "report.json").read_text())
    assert packaged["checkpoint_sha256"] == shipped_readers()[DEFAULT_READER].parent
    assert {key: whole[key] for key in packaged if key not in ("metrics", "classes")}.items() <= packaged.items()
    assert packaged["metrics"]["macro_auroc"].items() <= whole["metrics"]["macro_auroc"].items()
    for kept, measured in zip(packaged["classes"]["auroc"], whole["classes"]["auroc"], strict=True):
        assert kept.items() <= measured.items()


def test_a_path_is_that_directory(elsewhere: Path) -> None:
    shutil.copytree(ROOT / "results" / NANO / "checkpoint", "mine")
    assert find_reader("mine") == Path("mine")
    assert find_reader(Path("no") / "where") == Path("no") / "where"
    assert find_reader(elsewhere) == elsewhere


def test_results_of_the_working_directory_come_before_the_cache(elsewhere: Path, published: Path) -> None:
    fetch(NANO, str(published))
    assert find_reader(NANO) == cache_folder() / NANO
    shutil.copytree(ROOT / "results" / NANO / "checkpoint", Path("results") / NANO / "checkpoint")
    assert find_reader(NANO) == Path("results").resolve() / NANO / "checkpoint"
    # Another checkpoint under the name is not the shipped reader.
    shutil.rmtree("results")
    shutil.copytree(PACKAGED / DEFAULT_READER, Path("results") / NANO / "checkpoint")
    assert find_reader(NANO) == cache_folder() / NANO


@pytest.mark.parametrize("by_address", [False, True])
def test_a_reader_is_fetched_by_name_and_reads(
    elsewhere: Path, published: Path, address: str, monkeypatch: pytest.MonkeyPatch, by_address: bool
) -> None:
    monkeypatch.setenv(SOURCE, address if by_address else str(published))
    directory = find_reader(NANO)
    assert directory == cache_folder() / NANO
    assert load_checkpoint(directory).sha256 == shipped_readers()[NANO].sha256
    assert EcgClassifier.load(directory).predict(read_record(ROOT / "test_files" / "norm.csv")).summary
    monkeypatch.delenv(SOURCE)
    assert find_reader(NANO) == directory


def test_without_a_source_the_error_says_what_to_set(elsewhere: Path) -> None:
    with pytest.raises(DataError, match=f"'{NANO}' is not on this machine: set {SOURCE}"):
        find_reader(NANO)


def test_an_unknown_name_lists_what_there_is(elsewhere: Path, published: Path) -> None:
    with pytest.raises(ConfigError, match=r"'ptbxl-huge'.*there is ptbxl-ensemble, .*ptbxl-int8, ptbxl-nano,"):
        find_reader("ptbxl-huge")
    with pytest.raises(ConfigError, match="'ptbxl-huge'"):
        fetch("ptbxl-huge", str(published))


@pytest.mark.parametrize("change", ["flipped", "short", "long"])
def test_a_file_that_differs_is_removed_and_named(elsewhere: Path, published: Path, change: str) -> None:
    source = Path(shutil.copytree(published, elsewhere / "changed"))
    path = source / NANO / "model.onnx"
    raw = path.read_bytes()
    path.write_bytes({"flipped": raw[:-1] + bytes([raw[-1] ^ 1]), "short": raw[:-1], "long": raw + b"x" * 100}[change])
    with pytest.raises(Integrity, match=rf"{NANO}/model\.onnx .* was removed"):
        fetch(NANO, str(source))
    assert [path for path in cache_folder().rglob("*") if path.is_file()] == []


def test_a_source_cannot_give_a_known_name_to_other_weights(elsewhere: Path, published: Path) -> None:
    source = Path(shutil.copytree(published, elsewhere / "changed"))
    index = json.loads((source / INDEX).read_text())
    index["readers"][NANO] = index["readers"]["ptbxl-nano"]
    (source / INDEX).write_text(json.dumps(index))
    assert available_readers(str(source))[NANO] == shipped_readers()[NANO]


def test_a_source_that_is_none(elsewhere: Path, published: Path, address: str) -> None:
    for source, name in ((str(elsewhere), INDEX), (address + "no", INDEX), ("ftp://host", INDEX), ("http://127.0.0.1:1", INDEX)):
        with pytest.raises(DataError, match=f"{name} cannot be opened"):
            fetch(NANO, source)
    source = Path(shutil.copytree(published, elsewhere / "changed"))
    (source / NANO / "model.onnx").unlink()
    with pytest.raises(DataError, match=f"{NANO}/model.onnx cannot be opened"):
        fetch(NANO, str(source))
    for text in ("", "[]", '{"format": 2, "readers": {}}', '{"format": 1, "readers": {"a": {"files": {}}}}'):
        with pytest.raises(DataError, match="index"):
            parse_index(text, "index.json")


@pytest.mark.parametrize("name", ["../x", "a/b", "..\\x", "c:x", ".hidden"])
def test_an_index_names_no_file_outside_of_its_folders(published: Path, name: str) -> None:
    index = json.loads((published / INDEX).read_text())
    files = index["readers"][NANO]["files"]
    files[name] = files.pop("model.onnx")
    with pytest.raises(DataError, match="no plain file name"):
        parse_index(json.dumps(index), "index.json")


@pytest.mark.parametrize("name", shipped_readers())
def test_cards_hold_metadata_that_the_hub_understands(name: str) -> None:
    path = find_card(find_reader(name))
    assert path is not None
    text = path.read_text(encoding="utf-8")
    assert text == with_metadata(text, shipped_readers()[name]), "its metadata are not those of the index"
    card = ModelCard(text)
    assert {key: value for key, value in card.data.to_dict().items() if key not in ("model-index", "model_name")} == {
        key: value for key, value in metadata(shipped_readers()[name]).items() if key != "model-index"
    }
    assert card.text.lstrip().startswith(f"# Model card: {name}")
    figures = {f"{split}_macro_auroc" for split in ("val", "test")} & shipped_readers()[name].figures.keys()
    results = card.data.eval_results or []
    assert len(results) == len(figures)
    for result in results:
        assert result.dataset_split in ("test", "validation")
        assert 0.8 < result.metric_value < 1.0


def test_what_is_pushed_is_a_repository_and_an_index(published: Path) -> None:
    assert sorted(path.name for path in published.iterdir()) == sorted([INDEX, NANO, "ptbxl-nano"])
    reader = shipped_readers()[NANO]
    assert sorted(os.listdir(published / NANO)) == sorted(["README.md", *reader.files])
    assert all(file_is(published / NANO / file, facts) for file, facts in reader.files.items())
    assert ModelCard.load(published / NANO / "README.md").data.license == "cc-by-4.0"
    assert parse_index((published / INDEX).read_text(), INDEX)[NANO] == reader


def test_a_reader_of_ones_own_is_pushed_under_a_licence(tiny_checkpoint: Path, elsewhere: Path) -> None:
    with pytest.raises(ConfigError, match="--licence"):
        push([tiny_checkpoint], elsewhere / "out")
    (repository,) = push([tiny_checkpoint], elsewhere / "out", licence="MIT")
    assert repository.name == "tiny"
    card = ModelCard.load(repository / "README.md")
    assert (card.data.license, card.data.library_name) == ("mit", "heart-reader")
    assert load_checkpoint(fetch("tiny", str(elsewhere / "out"))).sha256 == load_checkpoint(tiny_checkpoint).sha256


def test_the_cache_of_each_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "b"))
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder() == tmp_path / "a" / "heart-reader" / "weights"
    monkeypatch.setattr("sys.platform", "win32")
    assert cache_folder() == tmp_path / "b" / "heart-reader" / "weights"


def test_what_is_missing_names_its_extra() -> None:
    assert "pip install 'heart-reader[tune]'" in missing("optuna.trial").message
    assert missing("nothing").message == "nothing is not installed: pip install nothing"
    assert isinstance(missing("x"), HeartReaderError)


def test_cards_lie_beside_their_checkpoints() -> None:
    assert {path.parent.name for path in (ROOT / "results").glob(f"*/{CARD}")} == shipped_readers().keys() - {DEFAULT_READER}
