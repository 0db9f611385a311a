"""Tables that invite a misreading: names, signs, numbers, units, rates and row order."""

from __future__ import annotations

from tests.hostile.case import Case
from tests.hostile.csv_names import argument_cases, name_cases
from tests.hostile.csv_numbers import number_cases
from tests.hostile.csv_rows import order_cases, structure_cases
from tests.hostile.csv_statements import person_cases, rate_cases, unit_cases

__all__ = ["CASES"]

CASES: tuple[Case, ...] = (
    *name_cases(),
    *argument_cases(),
    *number_cases(),
    *rate_cases(),
    *unit_cases(),
    *person_cases(),
    *order_cases(),
    *structure_cases(),
)
