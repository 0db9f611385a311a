"""What a file states and what the caller says about it: both count, and a contradiction is an
error.
"""

from __future__ import annotations

from collections.abc import Sequence

from heart_reader.data.formats.files import check_fs
from heart_reader.data.leads import canonical_lead, without_channel
from heart_reader.errors import LeadError, UnreadableRecord
from heart_reader.messages import message

__all__ = ["agreed_fs", "agreed_names", "refuse_other_leads"]


def agreed_fs(path: str, stated: float, given: float | None) -> float:
    """Return the rate in Hz that a file states, if the caller gave none or the same.

    Raises
    ------
    UnreadableRecord
        If the two differ, or no ECG can have that rate.
    """
    fs = check_fs(path, stated)
    if given is not None and not abs(given - fs) <= 1e-6 * fs:
        raise UnreadableRecord(message("rate_contradicts", where=path, fs=fs, given=given))
    return fs


def agreed_names(path: str, names: Sequence[str], given: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the names of a file's signals, or the ones given instead.

    Raises
    ------
    LeadError
        If not as many are given as there are signals, or one that is another lead by the file.
    """
    names = without_channel(tuple(names))
    if given is None:
        return names
    if len(given) != len(names):
        raise LeadError(message("names_for_signals", where=path, given=len(given), signals=len(names), names=names))
    refuse_other_leads(path, names, given)
    return given


def refuse_other_leads(path: str, names: Sequence[str], given: Sequence[str]) -> None:
    """Refuse given names that make one of the twelve leads another; what the file calls otherwise
    may be named.

    Raises
    ------
    LeadError
        If a name contradicts the file.
    """
    for number, (name, other) in enumerate(zip(names, given, strict=True), start=1):
        named, wanted = canonical_lead(name), canonical_lead(other)
        if named is not None and wanted != named:
            raise LeadError(message("names_contradict", where=path, number=number, named=named, given=other))
