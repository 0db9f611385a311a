"""Simulated ECGs, written once as a PTB-XL-shaped folder in ``data.cache_dir``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from heart_reader.config import DataConfig, TaskConfig, resolve_cache_dir
from heart_reader.data.labels import LabelSpace
from heart_reader.data.record_table import RecordTable
from heart_reader.data.sources import Dataset, DataSource, register_source
from heart_reader.data.sources.ptbxl import PtbxlSource
from heart_reader.data.synthetic import write_ptbxl_folder
from heart_reader.errors import DataError
from heart_reader.folders import claimed
from heart_reader.section import Count

__all__ = ["SIMULATED", "SyntheticSource"]

# Source of a table of simulated records, so that no report takes them for real ones.
SIMULATED = "simulated ECGs"


@register_source
class SyntheticSource(DataSource):
    """Simulated records; they lie where the cache is, apart from real data and writable."""

    kind: Literal["synthetic"] = "synthetic"
    n_records: Count = 600
    seed: int = 42
    dataset = Dataset("", title="simulated ECGs in PTB-XL's layout", licence="MIT; no person was recorded")

    def read(self, data: DataConfig, task: TaskConfig, space: LabelSpace | None) -> RecordTable:
        """Read the folder, and write it first where it is not there."""
        root = resolve_cache_dir(data.cache_dir).resolve() / f"synthetic-{self.n_records}-{self.seed}"
        if not root.exists():
            self._write(root)
        return replace(PtbxlSource().read(data.model_copy(update={"root": root}), task, space), source=SIMULATED)

    def _write(self, root: Path) -> None:
        try:
            with claimed(root):
                if not root.exists():  # another process may just have written it
                    write_ptbxl_folder(root, self.n_records, self.seed)
        except OSError as error:
            raise DataError(
                f"{root}: cannot be written ({error.strerror or error}): set data.cache_dir to a folder that you may write to"
            ) from None
