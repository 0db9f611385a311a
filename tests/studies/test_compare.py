"""Two recipes over seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from heart_reader.config import ExperimentConfig, override_config
from heart_reader.errors import ConfigError
from heart_reader.evaluation.run import evaluate
from heart_reader.studies.compare import compare_recipes, describe_comparisons
from heart_reader.training.run import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def other(tiny_config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same recipe with another seed, under another name."""
    return train(override_config(tiny_config, ["seed=7", "name=other"]), tmp_path_factory.mktemp("other")).checkpoint.directory


def test_a_recipe_does_not_differ_from_itself(tiny_checkpoint: Path, other: Path) -> None:
    same = compare_recipes([tiny_checkpoint, other], [other, tiny_checkpoint], split="val")
    for difference in (*same.differences.values(), *same.per_class.values()):
        assert difference.difference is None or difference.difference == pytest.approx(0.0, abs=1e-12)
        assert difference.low is None or difference.low == pytest.approx(0.0, abs=1e-12)


def test_one_seed_each_is_the_paired_bootstrap_of_evaluate(tiny_checkpoint: Path, other: Path, tmp_path: Path) -> None:
    compared = compare_recipes([tiny_checkpoint], [other], split="test")
    report = evaluate(tiny_checkpoint, tmp_path, split="test", against=other)
    assert report.comparison is not None
    assert compared.differences["macro_auroc"] == report.comparison.differences["macro_auroc"]
    assert compared.per_seed["macro_auroc"][0][0] == report.metrics["macro_auroc"].point


def test_the_page_names_recipes_seeds_and_records(tiny_checkpoint: Path, other: Path) -> None:
    compared = compare_recipes([other], [tiny_checkpoint], split="val")
    page = describe_comparisons([compared])
    assert page.startswith("# other against tiny\n")
    assert f"## val, {compared.n_records} records" in page
    assert f"{compared.per_seed['macro_auroc'][0][0]:.4f}" in page
    assert "Simulated ECGs" in page
    assert "Research use only" in page


def test_a_recipe_needs_a_checkpoint(tiny_checkpoint: Path) -> None:
    with pytest.raises(ConfigError, match="name at least one"):
        compare_recipes([tiny_checkpoint], [], split="val")
