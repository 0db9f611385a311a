"""Build data sets: signals from the cache and, where a model needs them, features."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from heart_reader.config import ExperimentConfig, FeaturesConfig, resolve_cache_dir, resolve_data_path
from heart_reader.data.cache import SignalCache, open_or_build
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.one_record import one_record
from heart_reader.data.preprocessor import PreparedEcg, Preprocessor
from heart_reader.data.record_table import RecordTable
from heart_reader.features.feature_names import FEATURE_NAMES, MEASURING_VERSION
from heart_reader.features.feature_space import FeatureSpace, demographics, measured_features
from heart_reader.features.ptbxl_plus import has_tables, read_tables
from heart_reader.folders import write_whole

__all__ = ["choose_space", "open_dataset"]


def choose_space(config: FeaturesConfig) -> FeatureSpace | None:
    """Return the features that a configuration asks for, without optional sets that are absent."""
    folder = resolve_data_path(config.ptbxl_plus)
    sets = []
    for item in config.sets:
        if item.name == "ptbxl_plus" and not item.required and not has_tables(folder):
            tqdm.write(f"{folder} holds no tables of published features: trained without them")
        else:
            sets.append(item)
    if not sets:
        return None
    widths = [list(item.widths) for item in sets]
    layers = {"widths": widths, "hidden": config.hidden, "dropout": config.dropout}
    return FeatureSpace(tuple(item.name for item in sets), layers)


def open_dataset(config: ExperimentConfig, table: RecordTable, preprocessor: Preprocessor, space: FeatureSpace | None) -> EcgDataset:
    """Open (or build) the cache of these records and collect the features that a network takes.

    Parameters
    ----------
    config
        Where the cache and published features are.
    space
        The features; None for a network that reads the signal alone.

    Raises
    ------
    DataError
        If a record or a table of features cannot be used.
    """
    cache = open_or_build(table, preprocessor, resolve_cache_dir(config.data.cache_dir), progress=True)
    dataset = EcgDataset(table, cache, preprocessor)
    if space is None:
        return dataset
    parts = []
    for name in space.sets:
        if name == "demographics":
            parts.append(_demographics(table))
        elif name == "measured":
            parts.append(_measured(dataset, cache))
        else:
            parts.append(read_tables(resolve_data_path(config.features.ptbxl_plus), table.record_ids))
    return EcgDataset(table, cache, preprocessor, np.concatenate(parts, axis=1))


def _demographics(table: RecordTable) -> NDArray[np.float32]:
    ages = [None] * len(table) if table.ages is None else [None if np.isnan(age) else float(age) for age in table.ages]
    sexes = [None] * len(table) if table.sexes is None else table.sexes.tolist()
    return np.stack([demographics(age, sex) for age, sex in zip(ages, sexes, strict=True)])


def _measured(dataset: EcgDataset, cache: SignalCache) -> NDArray[np.float32]:
    """Return (n_records, n_features) measurements, stored beside the signals by their version."""
    table, preprocessor = dataset.table, dataset.preprocessor
    if not table.are_parts.any():
        signals = [(str(name), cache.prepared(row)) for row, name in enumerate(cache.record_ids.tolist())]
        return _measure_once(cache.folder / f"measured-v{MEASURING_VERSION}.npz", signals, preprocessor)[cache.rows_of(table)]
    # The same parts of the same recordings, in this order.
    key = hashlib.sha256(np.column_stack([cache.rows_of(table), table.parts]).tobytes()).hexdigest()
    signals = [(str(name), dataset.prepared(position)) for position, name in enumerate(table.record_ids.tolist())]
    return _measure_once(cache.folder / f"measured-v{MEASURING_VERSION}-{key[:16]}.npz", signals, preprocessor)


def _measure_once(path: Path, signals: list[tuple[str, PreparedEcg]], preprocessor: Preprocessor) -> NDArray[np.float32]:
    """Return (n, n_features) measurements of named signals, from ``path`` if they stand there."""
    stored = _stored(path, (len(signals), len(FEATURE_NAMES)))
    if stored is not None:
        return stored
    matrix = np.empty((len(signals), len(FEATURE_NAMES)), dtype=np.float32)
    for row, (name, prepared) in enumerate(tqdm(signals, "measuring records", disable=None, unit="record")):
        with one_record(name):
            matrix[row] = measured_features(prepared, preprocessor)
    write_whole(path, lambda new: np.savez(new, measured=matrix))
    return matrix


def _stored(path: Path, shape: tuple[int, int]) -> NDArray[np.float32] | None:
    """Return stored measurements; None if there are none or the archive's checksums fail."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            measured: NDArray[np.float32] = archive["measured"]
        if measured.shape == shape and measured.dtype == np.float32:
            return measured
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        pass
    tqdm.write(f"{path}: damaged: measured again")
    return None
