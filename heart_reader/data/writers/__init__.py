"""From an :class:`~heart_reader.data.record.EcgRecord` to a file, one module per format."""

from __future__ import annotations

from heart_reader.data.writers.registry import WRITERS, Writer, register_writer

__all__ = ["WRITERS", "Writer", "register_writer"]
