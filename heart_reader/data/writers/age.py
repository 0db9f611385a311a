"""An age in the unit that states it best: years, or of a small child months, weeks or days."""

from __future__ import annotations

from typing import NamedTuple

from heart_reader.messages import Message, message

__all__ = ["Age", "age_comment", "age_in_units", "lost_age"]

_DAYS = 365.25
# Of one unit in years, the coarsest first; whoever was recorded is rarely older than 18 months and
# aged in weeks.
_UNITS = {"years": 1.0, "months": 1 / 12, "weeks": 7 / _DAYS, "days": 1 / _DAYS}
_MOST = 999
# Ages that differ by less are one: a tenth of a day.
_SAME = 0.1 / _DAYS


class Age(NamedTuple):
    """A whole number of ``"years"``, ``"months"``, ``"weeks"`` or ``"days"``."""

    number: int
    unit: str

    @property
    def years(self) -> float:
        """The same in years."""
        return self.number * _UNITS[self.unit]

    def differs_from(self, years: float) -> bool:
        """Return whether it is another age, by more than what no calendar tells."""
        return abs(self.years - years) > _SAME


def age_in_units(years: float) -> Age:
    """Return an age as a whole number below 1000 of the coarsest unit that states it.

    Where none does, completed years from 2 on, and days below.

    Examples
    --------
    >>> age_in_units(56.0), age_in_units(0.5)
    (Age(number=56, unit='years'), Age(number=6, unit='months'))
    >>> age_in_units(10 / 365.25), age_in_units(56.7)
    (Age(number=10, unit='days'), Age(number=56, unit='years'))
    """
    for unit, of in _UNITS.items():
        age = Age(round(years / of), unit)
        if age.number <= _MOST and not age.differs_from(years):
            return age
    return Age(int(years), "years") if years >= 2 else Age(round(years * _DAYS), "days")


def age_comment(years: float) -> str:
    """Return what a comment says of an age: years with two decimals, or months, weeks or days.

    Examples
    --------
    >>> age_comment(56.0), age_comment(0.5), age_comment(56.73)
    ('Age: 56', 'Age: 6 months', 'Age: 56.73')
    """
    age = age_in_units(years)
    if age.unit == "years" and age.differs_from(years):
        return f"Age: {years:.2f}"
    return f"Age: {age.number}" if age.unit == "years" else f"Age: {age.number} {age.unit}"


def lost_age(years: float | None, *, two_decimals: bool = False) -> list[Message]:
    """Say that an age is kept in whole units only, where it is.

    Parameters
    ----------
    two_decimals
        Whether the format takes an age such as 56.73.
    """
    if years is None:
        return []
    age = age_in_units(years)
    off = abs(years - round(years, 2)) > 1e-9 if two_decimals and age.unit == "years" else True
    return [message("lost_age", age=years, number=age.number, unit=age.unit)] if off and age.differs_from(years) else []
