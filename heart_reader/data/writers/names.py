"""Names of leads and of files, as far as formats and file systems take them."""

from __future__ import annotations

import re
from collections.abc import Callable

from heart_reader.data.record import EcgRecord
from heart_reader.errors import LeadError
from heart_reader.messages import message

__all__ = ["refuse_names", "safe_name"]

_MOST = 100
# What Windows keeps for devices.
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def safe_name(name: str) -> str:
    """Return a name for files that every format and file system takes.

    WFDB allows letters, digits, minus and underscore, so everything else becomes an underscore.

    Examples
    --------
    >>> safe_name("0000050.ECG"), safe_name("Müller, 3"), safe_name("")
    ('0000050_ECG', 'M_ller__3', 'record')
    """
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:_MOST].lstrip("-") or "record"
    return f"{safe}_" if _RESERVED.fullmatch(safe) else safe


def refuse_names(record: EcgRecord, title: str, fits: Callable[[str], bool]) -> None:
    """Refuse a record with a lead whose name a format does not take.

    Raises
    ------
    LeadError
        If ``fits`` says so of one of them.
    """
    for lead in record.lead_names:
        if not fits(lead):
            raise LeadError(message("name_does_not_fit", where=record.record_id, lead=lead, format=title))
