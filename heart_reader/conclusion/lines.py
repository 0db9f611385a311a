"""One line of a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from heart_reader.messages import Message

__all__ = ["Line"]


@dataclass(frozen=True)
class Line:
    """One line of a diagnosis.

    Parameters
    ----------
    group
        One of :data:`heart_reader.conclusion.table.GROUPS`.
    text
        What is stated.
    codes
        The statements it stands for; empty for what was measured alone.
    probability
        Of the statement; None for what was measured alone.
    abnormal
        Whether a normal ECG cannot have it.
    """

    group: str
    text: Message
    codes: tuple[str, ...] = ()
    probability: float | None = None
    abnormal: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"group": self.group, "text": self.text, "codes": list(self.codes), "probability": self.probability}
