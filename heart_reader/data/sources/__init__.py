"""Where records come from: one file per source, found by the ``kind`` that a configuration names.

A new source is a file here with a class of settings, decorated with :func:`register_source`, whose
``read`` makes a table. A published data set is registered in :data:`DATASETS` with its licence and
expected counts; that is what ``heart-reader data download`` fetches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from heart_reader.config import DataConfig, TaskConfig
from heart_reader.data.labels import LabelSpace
from heart_reader.data.record_table import RecordTable
from heart_reader.registry import Registry
from heart_reader.section import SOURCES, SourceConfig, register_source

__all__ = ["DATASETS", "SOURCES", "DataSource", "Dataset", "register_source"]


@dataclass(frozen=True)
class Dataset:
    """A data set and where it is published.

    Parameters
    ----------
    base_url
        Folder of ``SHA256SUMS.txt``; empty for data that cannot be downloaded.
    prefix
        Part of that folder that is wanted; it is not repeated on disk.
    title
        What it is, in a few words.
    licence
        Under which terms it may be used.
    counts
        Pattern of file names to how many of them the whole data set has.
    """

    base_url: str
    prefix: str = ""
    title: str = ""
    licence: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


DATASETS: Registry[Dataset] = Registry("data set", __name__)


class DataSource(SourceConfig):
    """Settings of a source and the table that they lead to; each sets a default for ``kind``."""

    dataset: ClassVar[Dataset]

    def read(self, data: DataConfig, task: TaskConfig, space: LabelSpace | None) -> RecordTable | None:
        """Make the table of this source's records.

        Parameters
        ----------
        data, task
            Of the experiment. Records without a class at ``task.level`` are to stay; they are left
            out after all sources are joined.
        space
            Levels and heads of the first source; None for the first one.

        Returns
        -------
        RecordTable or None
            None for an optional source that is not there.
        """
        raise NotImplementedError
