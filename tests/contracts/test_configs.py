"""Every shipped configuration loads, builds, trains two steps and is evaluated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig, load_config, override_config
from heart_reader.data.build import build_preprocessor
from heart_reader.data.formats import read_record
from heart_reader.data.sources.challenge import SnomedFolder
from heart_reader.data.sources.mitbih import DS1, DS2, MitbihSource
from heart_reader.data.synthetic.challenge_folder import write_challenge_folder
from heart_reader.errors import ConfigError, NotServable
from heart_reader.evaluation.run import evaluate
from heart_reader.features.build import choose_space
from heart_reader.models.registry import build_any
from heart_reader.training.run import train

FOLDER = Path(__file__).resolve().parents[2] / "configs"
# Spaces to search in are no experiments; tests/training knows them.
CONFIGS = sorted(path for path in FOLDER.rglob("*.yaml") if "search" not in path.relative_to(FOLDER).parts)
TASKS = {path.stem: path for path in sorted((FOLDER / "tasks").glob("*.yaml"))}
N_CLASSES = {
    "all": 71,
    "diagnostic": 44,
    "subdiagnostic": 23,
    "form": 19,
    "rhythm": 12,
    "frequent": 22,
    "mi_vs_norm": 1,
    "normal_vs_abnormal": 1,
}
# What is large or needs files is replaced: two steps of a small network on simulated ECGs.
SMALL = (
    "data.sources=[{kind: synthetic, n_records: 90, seed: 1}]",
    "model={name: convnet1d, params: {}}",
    "training.epochs=1",
    "training.batch_size=16",
    "training.swa_start=null",
    "training.precision=float32",
    "evaluation.draws=2",
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One place for the simulated records of all configurations."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory, write_annotated: Callable[..., None]) -> Path:
    """Simulated recordings under the names of MIT-BIH's, for its configurations."""
    folder = tmp_path_factory.mktemp("mitbih")
    for seed, name in enumerate((*DS1[:10], DS2[0])):
        rhythms = {0.01: "N", 30.0: ("B", "AFIB")[seed % 2], 60.0: "N"}
        write_annotated(folder / name, beats="NNAN" * 8 + "NVNV" * 7 + "NFNN" * 10, rhythms=rhythms, seed=seed)
    return folder


def _small(path: Path, cache: Path, annotated: Path) -> ExperimentConfig:
    config = override_config(load_config(path), [*SMALL[1:], f"data.cache_dir={cache}"])
    source = config.data.sources[0]
    if isinstance(source, MitbihSource):
        here = source.model_copy(update={"path": annotated, "val": DS1[:3]})
        return config.model_copy(update={"data": config.data.model_copy(update={"sources": (here,), "allow_missing": True})})
    if isinstance(source, SnomedFolder):
        folder = cache / "challenge"
        if not folder.exists():
            write_challenge_folder(folder, 60, seed=1)
        here = source.model_copy(update={"folder": folder})
        return config.model_copy(update={"data": config.data.model_copy(update={"sources": (here,)})})
    return override_config(config, SMALL[:1])


def _record(config: ExperimentConfig) -> Path:
    """A file of what a small configuration reads."""
    source = config.data.sources[0]
    if isinstance(source, MitbihSource):
        return source.path / f"{DS1[0]}.hea"
    if isinstance(source, SnomedFolder) and source.folder is not None:
        return source.folder / "A0001.hea"
    return next((config.data.cache_dir / "synthetic-90-1" / "records100" / "00000").glob("*.hea"))


def _id(path: Path) -> str:
    return str(path.relative_to(FOLDER).with_suffix(""))


@pytest.mark.parametrize("path", CONFIGS, ids=_id)
def test_it_loads_under_its_own_name_and_its_network_can_be_built(path: Path) -> None:
    config = load_config(path)
    assert config.name == path.stem
    assert ExperimentConfig.from_json(config.to_json()) == config
    preprocessor = build_preprocessor(config)
    space = choose_space(config.features)
    build_any(config.model.name, config.model.params, len(preprocessor.leads), 5, None if space is None else space.to_json())


@pytest.mark.parametrize("path", CONFIGS, ids=_id)
def test_it_trains_two_steps_and_reads(path: Path, cache: Path, annotated: Path, tmp_path: Path) -> None:
    config = _small(path, cache, annotated)
    outcome = train(config, tmp_path / "run")
    assert outcome.complete
    manifest = outcome.checkpoint.manifest
    assert manifest["config"]["task"]["level"] == config.task.level
    assert manifest["data"]["counts"]["train"] >= 2 * config.training.batch_size
    scores = manifest["metrics"][config.task.level]
    assert 0 <= scores["macro_auroc"] <= 1
    classifier = EcgClassifier.load(outcome.checkpoint.directory)
    reading = classifier.predict(read_record(_record(config)))
    assert reading.level == config.task.level
    assert set(reading.levels) == set(classifier.space.reading_levels(config.task.level))
    assert all(0 <= answer.probability <= 1 for answers in reading.levels.values() for answer in answers.values())


def test_every_task_has_its_configuration_and_its_classes(tiny_checkpoint: Path) -> None:
    levels = EcgClassifier.load(tiny_checkpoint).space.levels
    assert {name: len(levels[load_config(path).task.level].class_names) for name, path in TASKS.items()} == N_CLASSES
    assert all(load_config(path).task.level == name for name, path in TASKS.items())


@pytest.mark.parametrize("level", ["frequent", "mi_vs_norm"])
def test_one_network_is_measured_at_other_levels(level: str, tiny_checkpoint: Path, cache: Path, tmp_path: Path) -> None:
    report = evaluate(tiny_checkpoint, tmp_path, split="test", level=level, overrides=[SMALL[0], f"data.cache_dir={cache}"])
    assert report.level == level
    assert report.metrics["macro_auroc"].point is not None
    if level == "mi_vs_norm":
        assert report.class_names == ("MI",)
        assert any("neither or both of MI and NORM" in caveat for caveat in report.caveats)


def test_a_level_that_is_not_answered_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(NotServable, match=r"no level 'beats'; it answers all, .*frequent, mi_vs_norm, normal_vs_abnormal"):
        evaluate(tiny_checkpoint, tmp_path, split="test", level="beats")


def test_an_unknown_level_lists_those_there_are(cache: Path, annotated: Path, tmp_path: Path) -> None:
    config = override_config(_small(TASKS["rhythm"], cache, annotated), ["task.level=beats"])
    with pytest.raises(ConfigError, match=r"level 'beats': PTB-XL has all, .*frequent, mi_vs_norm, normal_vs_abnormal"):
        train(config, tmp_path / "run")


def test_a_binary_reading_is_what_the_report_measures(cache: Path, annotated: Path, tmp_path: Path) -> None:
    outcome = train(_small(TASKS["mi_vs_norm"], cache, annotated), tmp_path / "run")
    classifier = EcgClassifier.load(outcome.checkpoint.directory)
    evaluate(outcome.checkpoint.directory, tmp_path / "report", split="test")
    with np.load(tmp_path / "report" / "predictions.npz") as saved:
        ids, y_prob, y_true = saved["record_ids"], saved["y_prob"], saved["y_true"]
    assert set(y_true.ravel().tolist()) == {0, 1}
    path = next((cache / "synthetic-90-1").rglob(f"{int(ids[0]):05d}_lr.hea"))
    assert classifier.predict(read_record(path)).levels["mi_vs_norm"]["MI"].probability == pytest.approx(float(y_prob[0, 0]), abs=1e-6)
