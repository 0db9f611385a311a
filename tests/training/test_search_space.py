from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FixedTrial

from heart_reader.config import ExperimentConfig, load_config
from heart_reader.errors import ConfigError
from heart_reader.training.search_space import Choices, Range, SearchSpace, load_search_space, place_values

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "search").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_spaces_fit_the_model_they_are_named_after(path: Path) -> None:
    load_search_space(path).check(load_config(ROOT / "configs" / "default.yaml", [f"model.name={path.stem}"]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no keys to search"),
        ("seed: {low: 1, high: 9}", "seed: not searched"),
        ("data.label_rule: {choices: [any_likelihood]}", "no longer be comparable"),
        ("training.batch_size: 32", "training.batch_size = 32"),
        ("training.batch_size: {choices: []}", "at least 1 item"),
        ("training.batch_size: {low: 1}", "high: Field required"),
        ("training.batch_size: {low: 9, high: 1}", "low 9 is not below high 1"),
        ("augmentation.scale: {low: 0.0, high: 1.0, log: true}", "no logarithm"),
        ("augmentation.scale: {low: 0.0, high: .nan}", "finite number"),
        ("training.batch_size: {low: 1, high: 2, step: 1}", "Extra inputs"),
    ],
)
def test_wrong_space_says_what_to_do(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_search_space(path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("training.batchsize", 32, r"unknown key training\.batchsize"),
        ("training.optimiser.learning_rate", 1e-3, "optimiser is no section"),
        ("training.batch_size", 0, "greater than or equal to 1"),
        ("model.params.drop_out", 0.1, "has no drop_out"),
        ("model.params.dropout", 2.0, "dropout"),
    ],
)
def test_a_space_that_does_not_fit_is_refused_before_the_first_trial(key: str, value: object, message: str) -> None:
    space = SearchSpace({key: Choices(choices=(value,))})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=message):
        space.check(ExperimentConfig())


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 512), st.floats(1e-6, 1.0), st.lists(st.sampled_from([3, 5, 7, 9]), min_size=1))
def test_draws_come_back_as_they_were_made(batch_size: int, rate: float, kernels: list[int]) -> None:
    space = SearchSpace(
        {
            "training.batch_size": Range(low=1, high=512),
            "training.optimizer.learning_rate": Range(low=1e-6, high=1.0, log=True),
            "model.params.kernels": Choices(choices=(kernels, None)),  # type: ignore[arg-type]
        }
    )
    drawn = {"training.batch_size": batch_size, "training.optimizer.learning_rate": rate}
    values = space.suggest(FixedTrial({**drawn, "model.params.kernels": str(kernels)}))
    assert values == {**drawn, "model.params.kernels": kernels}
    config = place_values(ExperimentConfig(), values)
    assert (config.training.batch_size, config.training.optimizer.learning_rate) == (batch_size, rate)
    assert config.model.params["kernels"] == kernels
