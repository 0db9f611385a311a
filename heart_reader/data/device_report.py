"""What a file says of its ECG beside the signal: the device's own measurements, words and beats.

None of it enters a reading of ours; it is shown beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DeviceReport", "MedianBeats", "Patient"]


@dataclass(frozen=True)
class Patient:
    """Who was recorded; read on request only.

    Parameters
    ----------
    name, patient_id
        As the file has them.
    birth_date
        As YYYY-MM-DD.
    """

    name: str | None = None
    patient_id: str | None = None
    birth_date: str | None = None


@dataclass(frozen=True, eq=False)
class MedianBeats:
    """The representative beat of each lead, as the device made it.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV.
    fs
        Hz.
    lead_names
        n_leads names.
    """

    signal: NDArray[np.float32]
    fs: float
    lead_names: tuple[str, ...]


@dataclass(frozen=True)
class DeviceReport:
    """What the recorder stated; None or empty where it did not.

    Parameters
    ----------
    device
        Maker, model and program, as one line.
    acquired
        When the recording began, ISO 8601, with the offset from UTC where the file has one.
    low_hz, high_hz, notch_hz
        The band that its filters let through, and the mains frequency that they took out.
    measurements
        Values under the names and in the units of our own
        (:data:`~heart_reader.features.feature_names.GLOBAL_FEATURES`): heart rate, intervals, axes.
    statements
        Sentences or codes of its interpretation, in order.
    confirmed
        Whether a physician has confirmed the statements; None where the file does not say.
    medians
        Its representative beats.
    patient
        Who was recorded; None unless it was asked for.
    """

    device: str | None = None
    acquired: str | None = None
    low_hz: float | None = None
    high_hz: float | None = None
    notch_hz: float | None = None
    measurements: Mapping[str, float] = field(default_factory=dict)
    statements: tuple[str, ...] = ()
    confirmed: bool | None = None
    medians: MedianBeats | None = None
    patient: Patient | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values; of the beats only their size, and nothing of the patient.

        Examples
        --------
        >>> DeviceReport(device="A", measurements={"qrs_ms": 96.0}).to_json()["measurements"]
        {'qrs_ms': 96.0}
        """
        medians = None
        if self.medians is not None:
            n_leads, n_times = self.medians.signal.shape
            medians = {"fs": self.medians.fs, "lead_names": list(self.medians.lead_names), "n_leads": n_leads, "n_times": n_times}
        return {
            "device": self.device,
            "acquired": self.acquired,
            "filters": {"low_hz": self.low_hz, "high_hz": self.high_hz, "notch_hz": self.notch_hz},
            "measurements": dict(self.measurements),
            "statements": list(self.statements),
            "confirmed": self.confirmed,
            "medians": medians,
        }
