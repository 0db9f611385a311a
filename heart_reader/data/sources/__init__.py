"""Files on disk to a :class:`~heart_reader.data.record_table.RecordTable`, one module per layout."""

from heart_reader.data.sources.ptbxl import read_ptbxl
from heart_reader.data.sources.table import read_table

__all__ = ["read_ptbxl", "read_table"]
