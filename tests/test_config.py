from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heart_reader.config import (
    ExperimentConfig,
    PreprocessingConfig,
    load_config,
    override_config,
    resolve_cache_dir,
    resolve_data_path,
)
from heart_reader.errors import ConfigError
from heart_reader.section import Section

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_load_and_round_trip(path: Path) -> None:
    config = load_config(path)
    assert config.name == path.stem
    assert ExperimentConfig.from_json(config.to_json()) == config


def test_unknown_key_is_named() -> None:
    with pytest.raises(ConfigError, match=r"unknown key training\.epoch: remove it or correct its spelling"):
        load_config(None, ["training.epoch=3"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training.epochs", "section.key=value is needed"),
        ("training.epochs=many", "training.epochs = 'many'"),
        ("training.epochs=0", "greater than or equal to 1"),
        ("name.x=1", "name"),
        ("training.epochs=[1", "not a YAML value"),
        ("training.swa_start=99", "lies after the last epoch"),
    ],
)
def test_wrong_override_says_what_to_do(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("[", r"\[")):
        load_config(None, [text])


@pytest.mark.parametrize(("content", "message"), [("[1, 2]", "a mapping"), ("a: [", "not YAML")])
def test_wrong_file_says_what_to_do(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_config(path)
    with pytest.raises(ConfigError, match=r"configs/default\.yaml"):
        load_config(tmp_path / "absent.yaml")


@given(st.text(max_size=40))
def test_any_override_loads_or_is_a_config_error(text: str) -> None:
    try:
        load_config(None, [text])
    except ConfigError as error:
        assert "\n" not in error.message  # noqa: PT017


def test_overrides_reach_a_loaded_configuration() -> None:
    assert override_config(ExperimentConfig(), ["evaluation.draws=7"]).evaluation.draws == 7


def test_data_folder_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEART_READER_DATA", "/somewhere")
    assert resolve_data_path(Path("data/ptbxl")) == Path("/somewhere/ptbxl")
    assert resolve_data_path(Path("/own/ptbxl")) == Path("/own/ptbxl")
    monkeypatch.delenv("HEART_READER_DATA")
    assert resolve_data_path(Path("data/ptbxl")) == Path("data/ptbxl")


def test_the_cache_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEART_READER_CACHE", "/somewhere")
    assert resolve_cache_dir(ExperimentConfig().data.cache_dir) == Path("/somewhere")
    assert resolve_cache_dir(Path("/own/cache")) == Path("/own/cache")
    monkeypatch.delenv("HEART_READER_CACHE")
    assert resolve_cache_dir(Path("data/cache")) == Path("data/cache")


def test_a_checkpoint_keeps_no_place_on_one_machine() -> None:
    own = ["data.root=/home/a/hospital", "data.cache_dir=/scratch/a", "training.teacher=/home/a/run", "features.ptbxl_plus=data/other"]
    config = load_config(None, [*own, "data.sources=[{kind: table, path: /home/a/t.csv, level: af, label_columns: [AF]}]"])
    values = config.to_manifest()
    assert "/" not in str(values).replace("data/other", "")
    kept = ExperimentConfig.from_json(values)
    assert kept.data.root == Path("data/ptbxl")
    assert kept.features.ptbxl_plus == Path("data/other")
    assert kept.data.sources[0].model_dump()["path"] == Path("t.csv")
    assert load_config(None, ["training.epochs=3"]).to_manifest() == load_config(None, ["training.epochs=3"]).to_json()


def test_no_default_is_a_path_of_one_run() -> None:
    paths = {
        value
        for section in ExperimentConfig().to_json().values()
        if isinstance(section, dict)
        for value in section.values()
        if isinstance(value, str) and "/" in value
    }
    assert paths == {"data/ptbxl", "data/cache", "data/ptbxl-plus"}


def _field_names(section: type[Section]) -> set[str]:
    names = set(section.model_fields)
    for child in section.__subclasses__():
        names |= _field_names(child)
    return names


def test_every_field_is_read_by_some_code() -> None:
    """A key that nobody reads would be a promise the program does not keep."""
    # Sections that are handed on whole: their keys are the parameters of what they build.
    whole = set(PreprocessingConfig.model_fields)
    read: set[str] = set()
    for path in [*(ROOT / "heart_reader").rglob("*.py"), *ROOT.glob("*.py")]:
        if path.name not in ("config.py", "section.py"):
            read |= {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert _field_names(Section) - whole - read - {"kind"} == set()  # kind distinguishes the sources by their class


def test_a_file_without_a_name_is_named_by_its_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("seed: 3\n")
    assert load_config(path).name == "mine"
    assert load_config(path, ["name=other"]).name == "other"
    path.write_text("name: stated\n")
    assert load_config(path).name == "stated"
    with pytest.raises(ConfigError, match="name = ''"):
        load_config(path, ["name=''"])


SOURCES = "challenge, cpsc2018, mitbih, ptbxl, synthetic, table"


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ("[{kind: dicom_store}]", r"data\.sources\.0 = .*no data source is called 'dicom_store'; there is " + SOURCES),
        ("[ptbxl]", r"data\.sources\.0 = 'ptbxl': a mapping with a kind is needed, one of " + SOURCES),
        ("[{path: a.csv}]", "a mapping with a kind is needed"),
        ("[{kind: ptbxl, path: a.csv}]", r"ptbxl: unknown key path"),
        ("[{kind: synthetic, n_records: 0}]", r"synthetic: n_records = 0: Input should be greater than or equal to 1"),
        ("[{kind: table}]", r"table: path = .*Field required"),
    ],
)
def test_wrong_sources_say_what_there_is(sources: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(None, [f"data.sources={sources}"])


def test_sources_keep_their_settings_in_json() -> None:
    config = load_config(None, ["data.sources=[{kind: ptbxl}, {kind: table, path: a.csv, label_columns: [AF]}]"])
    values = config.to_json()["data"]["sources"]
    assert values[0] == {"kind": "ptbxl"}
    assert list(values[1]) == ["kind", "path", "required", "level", "label_columns", "titles", "id_column", "patient_column", "label_rule"]
    assert ExperimentConfig.from_json(config.to_json()) == config
