"""Section 3 of SCP-ECG: which leads there are, and when each was recorded.

References
----------
EN 1064 (ISO 11073-91064), clause 5.6: lead identification; the same numbers are the last part of
the codes MDC_ECG_LEAD of ISO/IEEE 11073-10101.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from heart_reader.data.formats.files import damaged
from heart_reader.errors import LeadError
from heart_reader.messages import message

__all__ = ["Leads", "lead_name", "parse_leads"]

_CHEST = ("V1", "V2", "V3", "V4", "V5", "V6", "V7", "V2R", "V3R", "V4R", "V5R", "V6R", "V7R")
_FIRST = ("I", "II", *_CHEST, "X", "Y", "Z", "CC5", "CM5", "LA", "RA", "LL", "fI", "fE", "fC", "fA", "fM", "fF", "fH")
_NAMES = {
    **dict(enumerate(_FIRST, start=1)),
    # Computed from other leads than those of its name, so another lead.
    **{number: f"derived {name}" for number, name in enumerate(_FIRST, start=31)},
    **dict(enumerate(("III", "aVR", "aVL", "aVF", "-aVR", "V8", "V9", "V8R", "V9R", "D", "A", "J"), start=61)),
    **dict(enumerate(("defibrillator", "external pacing", "A1", "A2", "A3", "A4"), start=73)),
    **dict(enumerate(("chest", "V", "VR", "VL", "VF", "MCL", "MCL1", "MCL2", "MCL3", "MCL4", "MCL5", "MCL6"), start=86)),
}
# Follow from I and II, whenever those were recorded.
_FOLLOW = {61, 62, 63, 64, 65}
_LEAD = struct.Struct("<IIB")
_SUBTRACTED, _SIMULTANEOUS = 1, 4
# Recorders of this version fill in another number.
_WITHOUT_NUMBER = 11


@dataclass(frozen=True)
class Leads:
    """The leads of a record.

    Parameters
    ----------
    names
        n_leads names.
    spans
        (n_leads) first and last sample of each, counted from 1.
    subtracted
        Whether a reference beat was subtracted from them.
    """

    names: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    subtracted: bool


def lead_name(number: int) -> str:
    """Return the name of a lead by its number.

    Examples
    --------
    >>> lead_name(2), lead_name(8), lead_name(64), lead_name(200)
    ('II', 'V6', 'aVF', 'SCP lead 200')
    """
    return _NAMES.get(number, f"SCP lead {number}")


def parse_leads(path: str, data: bytes, protocol: int) -> Leads:
    """Read section 3.

    Raises
    ------
    LeadError
        If the leads were recorded one group after the other.
    UnreadableRecord
        If there is no lead, or what describes one is cut off or makes no sense.
    """
    count, flags = (data[0], data[1]) if len(data) > 1 else (0, 0)
    if not count or len(data) < 2 + count * _LEAD.size:
        problem = f"section 3 declares {count} leads and describes {max(0, len(data) - 2) // _LEAD.size}, the file is damaged"
        raise damaged(path, problem)
    rows = list(_LEAD.iter_unpack(data[2 : 2 + count * _LEAD.size]))
    names = _numbered([lead_name(number) for *_, number in rows], [number for *_, number in rows])
    at_once = flags >> 3
    recorded = sum(number not in _FOLLOW for *_, number in rows)
    if not flags & _SIMULTANEOUS and 0 < at_once < recorded and protocol != _WITHOUT_NUMBER:
        raise LeadError(message("leads_in_groups", where=path, at_once=at_once, leads=count))
    # Some writers count from 0; their end is the number of samples.
    spans = tuple((start, end) if start else (1, end) for start, end, _ in rows)
    for name, (start, end) in zip(names, spans, strict=True):
        if end < start:
            problem = f"lead {name} ends with sample {end} and begins with {start}, the file is damaged"
            raise damaged(path, problem)
    return Leads(names, spans, bool(flags & _SUBTRACTED))


def _numbered(names: Sequence[str], numbers: Sequence[int]) -> tuple[str, ...]:
    """Tell leads apart that the file leaves unspecified."""
    return tuple(
        f"unspecified {place}" if number == 0 else name for place, (name, number) in enumerate(zip(names, numbers, strict=True), start=1)
    )
