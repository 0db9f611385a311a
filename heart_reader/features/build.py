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
from heart_reader.features.feature_space import FROM_SIGNAL, NAMES, FeatureSpace, demographics
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


def open_dataset(
    config: ExperimentConfig, table: RecordTable, preprocessor: Preprocessor, space: FeatureSpace | None, *, check: bool = True
) -> EcgDataset:
    """Open (or build) the cache of these records and collect the features that a network takes.

    Parameters
    ----------
    config
        Where the cache and published features are.
    space
        The features; None for a network that reads the signal alone.
    check
        See :func:`heart_reader.data.cache.open_or_build`.

    Raises
    ------
    DataError
        If a record or a table of features cannot be used.
    """
    cache = open_or_build(table, preprocessor, resolve_cache_dir(config.data.cache_dir), progress=True, check=check)
    dataset = EcgDataset(table, cache, preprocessor)
    if space is None:
        return dataset
    parts = []
    for name in space.sets:
        if name == "demographics":
            parts.append(_demographics(table))
        elif name in FROM_SIGNAL:
            parts.append(_from_signal(name, dataset, cache))
        else:
            parts.append(read_tables(resolve_data_path(config.features.ptbxl_plus), table.record_ids))
    return EcgDataset(table, cache, preprocessor, np.concatenate(parts, axis=1))


def _demographics(table: RecordTable) -> NDArray[np.float32]:
    ages = [None] * len(table) if table.ages is None else [None if np.isnan(age) else float(age) for age in table.ages]
    sexes = [None] * len(table) if table.sexes is None else table.sexes.tolist()
    return np.stack([demographics(age, sex) for age, sex in zip(ages, sexes, strict=True)])


def _from_signal(name: str, dataset: EcgDataset, cache: SignalCache) -> NDArray[np.float32]:
    """Return (n_records, n_features) of one set, stored beside the signals by its version."""
    table, preprocessor = dataset.table, dataset.preprocessor
    file = f"{name}-v{FROM_SIGNAL[name][0]}"
    if not table.are_parts.any():
        signals = [(str(of), cache.prepared(row)) for row, of in enumerate(cache.record_ids.tolist())]
        return _measure_once(name, cache.folder / f"{file}.npz", signals, preprocessor)[cache.rows_of(table)]
    # The same parts of the same recordings, in this order.
    key = hashlib.sha256(np.column_stack([cache.rows_of(table), table.parts]).tobytes()).hexdigest()
    signals = [(str(of), dataset.prepared(position)) for position, of in enumerate(table.record_ids.tolist())]
    return _measure_once(name, cache.folder / f"{file}-{key[:16]}.npz", signals, preprocessor)


def _measure_once(name: str, path: Path, signals: list[tuple[str, PreparedEcg]], preprocessor: Preprocessor) -> NDArray[np.float32]:
    """Return (n, n_features) of one set and named signals, from ``path`` if they stand there."""
    measure = FROM_SIGNAL[name][1]
    stored = _stored(name, path, (len(signals), len(NAMES[name])))
    if stored is not None:
        return stored
    matrix = np.empty((len(signals), len(NAMES[name])), dtype=np.float32)
    for row, (of, prepared) in enumerate(tqdm(signals, "measuring records", disable=None, unit="record")):
        with one_record(of):
            matrix[row] = measure(prepared, preprocessor)
    write_whole(path, lambda new: np.savez(new, allow_pickle=False, **{name: matrix}))
    return matrix


def _stored(name: str, path: Path, shape: tuple[int, int]) -> NDArray[np.float32] | None:
    """Return stored features; None if there are none or the archive's checksums fail."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            measured: NDArray[np.float32] = archive[name]
        if measured.shape == shape and measured.dtype == np.float32:
            return measured
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        pass
    tqdm.write(f"{path}: damaged: measured again")
    return None
