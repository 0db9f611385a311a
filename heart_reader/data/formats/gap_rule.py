"""How long a recording may pause and still be read as one."""

from __future__ import annotations

from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["LONGEST_GAP_S", "refuse_long_gap"]

# Missing values are bridged by straight lines. Over more than an ECG of usual length these would
# be no recording any more.
LONGEST_GAP_S = 10.0


def refuse_long_gap(path: str, start_s: float, gap_s: float) -> None:
    """Refuse a time in which no lead was recorded, in seconds from the start of the recording.

    Raises
    ------
    UnreadableRecord
        If it is longer than :data:`LONGEST_GAP_S`.
    """
    if gap_s > LONGEST_GAP_S:
        raise UnreadableRecord(message("gap_too_long", where=path, start=start_s, gap=gap_s, most=LONGEST_GAP_S))
