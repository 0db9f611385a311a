"""Many files from any format to one, in parallel, with a report of what was lost."""

from __future__ import annotations

from heart_reader.data.conversion.convert import Plan, convert
from heart_reader.data.conversion.report import Entry, Report

__all__ = ["Entry", "Plan", "Report", "convert"]
