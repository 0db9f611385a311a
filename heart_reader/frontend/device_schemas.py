"""What the server answers of the recorder's own report, beside the reading."""

from __future__ import annotations

from pydantic import Field

from heart_reader.frontend.answer import Answer

__all__ = ["DeviceReportAnswer"]


class DeviceFilters(Answer):
    """The band that the recorder's filters let through, and the mains frequency taken out."""

    low_hz: float | None
    high_hz: float | None
    notch_hz: float | None


class MedianBeatsAnswer(Answer):
    """The size of the recorder's representative beats."""

    fs: float = Field(description="Hz")
    lead_names: list[str]
    n_leads: int
    n_times: int


class DeviceReportAnswer(Answer):
    """What the file says of its ECG beside the signal; no part of the reading rests on it."""

    device: str | None = Field(description="Maker, model and program")
    acquired: str | None = Field(description="ISO 8601; with the offset from UTC where the file has one")
    filters: DeviceFilters
    measurements: dict[str, float] = Field(description="Under the names and in the units of the reading's own")
    statements: list[str] = Field(description="Sentences or codes of its interpretation, as they stand in the file")
    confirmed: bool | None = Field(description="Whether a physician has confirmed them; null where the file does not say")
    medians: MedianBeatsAnswer | None = Field(default=None, description="Null where the file has none")
