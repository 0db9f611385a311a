"""Which part of the signal of a long recording is answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from heart_reader.data.record import EcgRecord
from heart_reader.frontend.schemas import ReadOptions
from heart_reader.long.excerpts import excerpt_leads

__all__ = ["PartOptions", "excerpts_of", "first_part", "part_of"]

# What a browser is given at once: half an hour of twelve leads at 500 Hz. Of a longer recording it
# gets parts of about an hour of two leads.
MOST_AT_ONCE = 10_800_000
PART_VALUES = 2_000_000


class PartOptions(ReadOptions):
    """A part of the signal, and no reading."""

    start_s: float = Field(default=0.0, ge=0, le=31_536_000, allow_inf_nan=False, description="Where it begins, in seconds")
    duration_s: float = Field(default=600.0, gt=0, le=86_400, allow_inf_nan=False, description="Its length in seconds, at most")


def first_part(record: EcgRecord) -> dict[str, Any]:
    """Return the whole signal for a browser, or how it begins where it is too long for that.

    Examples
    --------
    >>> from heart_reader.data.record import build_record
    >>> first_part(build_record("a", [[0.0, 0.1, 0.2]], 100.0, ["I"]))["n_times"]
    3
    """
    return record.waveform(0, None if record.signal.size <= MOST_AT_ONCE else PART_VALUES // len(record.lead_names))


def excerpts_of(record: EcgRecord, starts_s: Iterable[float], duration_s: float) -> list[dict[str, Any]]:
    """Return parts of the signal, in the leads that an excerpt shows: what is printed at once.

    Examples
    --------
    >>> from heart_reader.data.record import build_record
    >>> record = build_record("a", [[0.0, 0.1, 0.2, 0.3]], 100.0, ["I"])
    >>> [part["start"] for part in excerpts_of(record, [0.0, 0.02], 0.02)]
    [0, 2]
    """
    leads = excerpt_leads(record)
    found = []
    for start_s in starts_s:
        start = round(start_s * record.fs)
        part = record.cut(start, start + round(duration_s * record.fs)).only(leads)
        found.append({**part.waveform(), "start": start})
    return found


def part_of(record: EcgRecord, options: PartOptions) -> dict[str, Any]:
    """Return a part of the signal for a browser, never more than it is given at once.

    Examples
    --------
    >>> from heart_reader.data.record import build_record
    >>> record = build_record("a", [[0.0, 0.1, 0.2, 0.3]], 100.0, ["I"])
    >>> part_of(record, PartOptions(start_s=0.01, duration_s=0.02))["start"]
    1
    """
    start = min(record.n_times, round(options.start_s * record.fs))
    length = min(round(options.duration_s * record.fs), MOST_AT_ONCE // len(record.lead_names))
    return record.waveform(start, start + length)
