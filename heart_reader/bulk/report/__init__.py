"""What a result of bulk reading holds: who was recorded, what was found, and whether it drifts."""

from __future__ import annotations

from heart_reader.bulk.report.write import write_report

__all__ = ["write_report"]
