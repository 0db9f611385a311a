"""What a search may change: configuration keys, each with a range or a list of choices.

.. code-block:: yaml

    training.optimizer.learning_rate: {low: 0.001, high: 0.01, log: true}
    training.batch_size: {choices: [32, 64, 128]}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, FiniteFloat, JsonValue, ValidationError, model_validator

from heart_reader.config import ExperimentConfig, read_mapping
from heart_reader.errors import ConfigError
from heart_reader.models.registry import build_network
from heart_reader.section import Section

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

__all__ = ["Choices", "Range", "SearchSpace", "load_search_space", "place_values"]

# Trials are compared on the same records, labels and seed.
TUNABLE = ("preprocessing.", "augmentation.", "model.", "training.", "task.heads")


class Range(Section):
    """Numbers from ``low`` to ``high``, both included; whole numbers where both ends are whole."""

    low: int | FiniteFloat
    high: int | FiniteFloat
    log: bool = False  # as likely in each factor of ten

    @model_validator(mode="after")
    def _is_a_range(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"low {self.low} has no logarithm: it must be above 0")
        return self

    def examples(self) -> tuple[Any, ...]:
        """Both ends."""
        return self.low, self.high

    def suggest(self, trial: BaseTrial, key: str) -> Any:
        """Let the trial draw a number."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(key, self.low, self.high, log=self.log)
        return trial.suggest_float(key, self.low, self.high, log=self.log)


class Choices(Section):
    """One of several values of any kind."""

    choices: Annotated[tuple[JsonValue, ...], Field(min_length=1)]

    def examples(self) -> tuple[Any, ...]:
        """Every choice."""
        return self.choices

    def suggest(self, trial: BaseTrial, key: str) -> Any:
        """Let the trial draw a choice."""
        # A study file keeps scalars only; as JSON text a list of kernel lengths is one.
        return json.loads(trial.suggest_categorical(key, [json.dumps(choice) for choice in self.choices]))


@dataclass(frozen=True)
class SearchSpace:
    """Keys of a configuration and what each may become.

    Parameters
    ----------
    dimensions
        Key path, such as ``"training.batch_size"``, to its values.
    """

    dimensions: Mapping[str, Range | Choices]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {key: dimension.model_dump(mode="json") for key, dimension in self.dimensions.items()}

    def suggest(self, trial: BaseTrial) -> dict[str, Any]:
        """Let a trial draw a value for every key."""
        return {key: dimension.suggest(trial, key) for key, dimension in self.dimensions.items()}

    def check(self, config: ExperimentConfig) -> None:
        """Try every end and every choice, one at a time, before the first trial.

        Raises
        ------
        ConfigError
            Naming the key that is unknown or the value that is not allowed.
        """
        for key, dimension in self.dimensions.items():
            for value in dimension.examples():
                candidate = place_values(config, {key: value})
                if key.startswith("model."):
                    build_network(candidate.model.name, candidate.model.params, len(candidate.preprocessing.leads), n_outputs=1)


def load_search_space(path: Path) -> SearchSpace:
    """Read a search space.

    Raises
    ------
    ConfigError
        If the file cannot be read, is empty, or holds an entry that cannot be searched.
    """
    entries = read_mapping(path)
    if not entries:
        raise ConfigError(f"{path}: no keys to search: add one such as training.batch_size: {{choices: [32, 64]}}")
    return SearchSpace({str(key): _dimension(path, str(key), entry) for key, entry in entries.items()})


def _dimension(path: Path, key: str, entry: Any) -> Range | Choices:
    if not key.startswith(TUNABLE):
        allowed = ", ".join(prefix.removesuffix(".") for prefix in TUNABLE)
        raise ConfigError(f"{path}: {key}: not searched, since trials would no longer be comparable; {allowed} can be")
    if not isinstance(entry, dict):
        raise ConfigError(f"{path}: {key} = {entry!r}: {{low: ..., high: ..., log: true}} or {{choices: [...]}} is needed")
    try:
        return Choices.model_validate(entry) if "choices" in entry else Range.model_validate(entry)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc'][:1])) or 'values'}: {item['msg']}" for item in error.errors())
        raise ConfigError(f"{path}: {key}: {problems}; {{low: ..., high: ..., log: true}} or {{choices: [...]}} is needed") from None


def place_values(config: ExperimentConfig, values: Mapping[str, Any]) -> ExperimentConfig:
    """Return a configuration with some values replaced.

    Parameters
    ----------
    config
        Where all other values come from.
    values
        Key path to plain value.

    Raises
    ------
    ConfigError
        If a key is unknown or a value is not allowed.

    Examples
    --------
    >>> place_values(ExperimentConfig(), {"training.batch_size": 32}).training.batch_size
    32
    """
    tree = config.to_json()
    for key, value in values.items():
        *sections, last = key.split(".")
        target: Any = tree
        for section in sections:
            target = target.get(section)
            if not isinstance(target, dict):
                raise ConfigError(f"search space: {key}: {section} is no section (heart_reader/config.py lists all keys)")
        target[last] = value
    return ExperimentConfig.from_json(tree, "search space")
