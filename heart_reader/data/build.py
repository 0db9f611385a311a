"""From a configuration to data: the preprocessor and the table of records it names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from heart_reader.config import DataConfig, ExperimentConfig, PtbxlSource, SyntheticSource, TableSource, override_config, resolve_data_path
from heart_reader.data.labels import LabelSpace
from heart_reader.data.preprocessor import Preprocessor
from heart_reader.data.record_table import RecordTable, merge_tables
from heart_reader.data.sources.ptbxl import read_ptbxl
from heart_reader.data.sources.table import read_table
from heart_reader.data.synthetic import write_ptbxl_folder
from heart_reader.errors import ConfigError, DataError
from heart_reader.folders import claimed

__all__ = ["SIMULATED", "build_preprocessor", "build_table"]

# Source of a table of simulated records, so that no report takes them for real ones.
SIMULATED = "simulated ECGs"


def build_preprocessor(config: ExperimentConfig) -> Preprocessor:
    """Return the preprocessor that the configuration declares."""
    return Preprocessor(**config.preprocessing.model_dump())


def build_table(config: ExperimentConfig, *, known_heads: bool = False) -> RecordTable:
    """Read and join all sources of ``config.data``, then leave out what has no class at
    ``task.level``, counted by reason.

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
        if isinstance(source, TableSource):
            space = tables[0].space if tables else None
            tables += _read_table(source, config, space)
        else:
            tables.append(_read_ptbxl(source, config))
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


def _read_ptbxl(source: PtbxlSource | SyntheticSource, config: ExperimentConfig) -> RecordTable:
    data = config.data
    root = resolve_data_path(data.root)
    if isinstance(source, SyntheticSource):
        # Simulated records are written where the cache is: beside nobody's real data, and on a disk
        # that can be written.
        root = data.cache_dir / f"synthetic-{source.n_records}-{source.seed}"
        if not root.exists():
            _simulate(root, source)
    table = read_ptbxl(
        root,
        fs=100 if data.files == "records100" else 500,
        label_rule=data.label_rule,
        keep_unlabelled=True,
        level=config.task.level,
        heads=config.task.heads,
        allow_missing=data.allow_missing,
    )
    return replace(table, source=SIMULATED) if isinstance(source, SyntheticSource) else table


def _simulate(root: Path, source: SyntheticSource) -> None:
    """Write simulated records, unless another process just did."""
    try:
        with claimed(root):
            if not root.exists():
                write_ptbxl_folder(root, source.n_records, source.seed)
    except OSError as error:
        raise DataError(
            f"{root}: cannot be written ({error.strerror or error}): set data.cache_dir to a folder that you may write to"
        ) from None


def _read_table(source: TableSource, config: ExperimentConfig, space: LabelSpace | None) -> list[RecordTable]:
    data: DataConfig = config.data
    path = resolve_data_path(data.root) / source.path
    if not source.required and not path.exists():
        tqdm.write(f"{path} is not there: trained without it")
        return []
    return [
        read_table(
            path,
            level=source.level,
            label_columns=source.label_columns,
            id_column=source.id_column,
            patient_column=source.patient_column,
            label_rule=source.label_rule,
            keep_unlabelled=True,
            allow_missing=data.allow_missing,
            space=space,
        )
    ]
