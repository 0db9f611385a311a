"""Millions of ECGs into a folder of Parquet, on the cores of one machine or of many.

.. code-block:: text

    sources ─▶ items ─▶ plan.parquet, a row group per partition
                             │ pieces
                    processes │ Ray          read_piece, the same function in both
                             ▼
                  records/part-000000.parquet ...      written by one process, whole or not at all

What is written is never read again: a run that ended in any way goes on from there.
"""

from __future__ import annotations

from heart_reader.bulk.outcome import Outcome
from heart_reader.bulk.run import Settings, bulk_read

__all__ = ["Outcome", "Settings", "bulk_read"]
