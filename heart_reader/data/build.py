"""From a configuration to data: the preprocessor and the table of records it names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.preprocessor import Preprocessor
from heart_reader.data.record_table import RecordTable, merge_tables
from heart_reader.data.sources import DataSource
from heart_reader.errors import ConfigError

__all__ = ["build_preprocessor", "build_table"]


def build_preprocessor(config: ExperimentConfig) -> Preprocessor:
    """Return the preprocessor that the configuration declares."""
    return Preprocessor(**config.preprocessing.model_dump())


def build_table(config: ExperimentConfig, *, known_heads: bool = False) -> RecordTable:
    """Join all sources of ``config.data``; leave out, and count, what has no class at the level.

    Records are left out after the sources are joined, so that none which its statements rule out
    comes back as an unknown one through a table that lists its superclasses alone.

    Parameters
    ----------
    known_heads
        Whether heads that the sources know nothing of are left out: another hospital's table may
        know the level alone.

    Raises
    ------
    ConfigError
        If the sources do not know the task's level or heads, or follow another label rule.
    DataError
        If a source is missing, inconsistent, or has a patient in two splits.
    """
    tables: list[RecordTable] = []
    for source in config.data.sources:
        assert isinstance(source, DataSource)
        table = source.read(config.data, config.task, tables[0].space if tables else None)
        tables += [] if table is None else [table]
    if not tables:
        raise ConfigError("data.sources: none of them exists; name at least one, such as [{kind: ptbxl}] or [{kind: synthetic}]")
    merged = merge_tables(tables)
    if known_heads:
        heads = [name for name in config.task.heads if name in merged.labels] or [config.task.level]
        config = override_config(config, [f"task.heads=[{', '.join(heads)}]"])
    for name in (config.task.level, *config.task.heads):
        if name not in merged.labels:
            raise ConfigError(f"task: no labels at level {name!r} in {merged.source}; it has {', '.join(merged.labels)}")
    merged = replace(merged, space=merged.space.with_heads(config.task.heads))
    if config.task.level not in merged.space.answerable():
        raise ConfigError(
            f"task.level {config.task.level} does not follow from task.heads {', '.join(config.task.heads)}: add it to the heads"
        )
    return _keep_useful(merged, config)


def _keep_useful(table: RecordTable, config: ExperimentConfig) -> RecordTable:
    if config.data.keep_unlabelled == "statements":
        table = table.blank_unlabelled(config.task.level)
    elif not config.data.keep_unlabelled:
        table = table.drop_unlabelled(config.task.level)
    labels = np.concatenate([table.y_true(name) for name in (config.task.level, *config.task.heads)], axis=1)
    return table.drop(f"{table.source}: nothing known at {', '.join(config.task.heads)}", np.isnan(labels).all(axis=1))
