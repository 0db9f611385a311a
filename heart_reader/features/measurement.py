"""Measured values of an ECG with units, and the reason for a missing or doubtful value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.features.feature_names import FEATURE_NAMES, GLOBAL_FEATURES, LEAD_UNITS, RHYTHM_FEATURES
from heart_reader.features.territories import territory_values

if TYPE_CHECKING:
    from heart_reader.features.rhythm import Rhythm

__all__ = ["Fiducials", "LeadValues", "Measurement", "Measurements"]


class Measurement(NamedTuple):
    """One quantity; a tuple, since the 290 of an ECG take a third of a data class's time.

    Parameters
    ----------
    value
        Value in ``unit``; None where it cannot be measured.
    unit
        ``"ms"``, ``"mV"``, ``"bpm"``, ``"deg"``, ``"mV*ms"`` or ``"1"``.
    reason
        Why there is no value; beside a value, why it deserves little trust; None where it was
        measured without reservation.
    """

    value: float | None
    unit: str
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values, to four decimals: finer than any of them can be measured."""
        return {"value": _to_four(self.value), "unit": self.unit, "reason": self.reason}


class LeadValues(Mapping[str, Mapping[str, Measurement]]):
    """Lead name to measurements by PTB-XL+ stem, in the order of ``LEAD_UNITS``.

    They are kept as numbers and made into objects when they are asked for: few of the 290 are.

    Parameters
    ----------
    names
        n_leads names.
    numbers
        (n_leads, len(LEAD_UNITS)), NaN where there is no value.
    without_signal
        Why leads without a signal have no values, by lead name.
    missing
        Why another lead has none, for each stem.
    reserved
        Why all values deserve little trust, or None.
    """

    def __init__(
        self,
        names: Sequence[str],
        numbers: NDArray[np.float64],
        *,
        without_signal: Mapping[str, str],
        missing: Sequence[str],
        reserved: str | None,
    ) -> None:
        self.numbers = numbers
        self._rows = {name: row for row, name in enumerate(names)}
        self._without_signal, self._missing, self._reserved = without_signal, missing, reserved

    def __getitem__(self, lead: str) -> Mapping[str, Measurement]:
        """Return the measurements of one lead."""
        values, dead = self.numbers[self._rows[lead]].tolist(), self._without_signal.get(lead)
        return {
            stem: Measurement(None, unit, dead or missing) if math.isnan(value) else Measurement(value, unit, self._reserved)
            for (stem, unit), value, missing in zip(LEAD_UNITS.items(), values, self._missing, strict=True)
        }

    def __iter__(self) -> Iterator[str]:
        """Give the names of the leads."""
        return iter(self._rows)

    def __len__(self) -> int:
        """Number of leads."""
        return len(self._rows)

    def of(self, stem: str) -> dict[str, float]:
        """Return lead name to one of its values, NaN where there is none."""
        return dict(zip(self._rows, self.numbers[:, _COLUMNS[stem]].tolist(), strict=True))

    def to_json(self) -> dict[str, dict[str, float | None]]:
        """Return lead name to stem to value, to four decimals."""
        rows = np.round(self.numbers, 4).tolist()
        return {
            lead: dict(zip(LEAD_UNITS, (None if math.isnan(value) else value for value in row), strict=True))
            for lead, row in zip(self._rows, rows, strict=True)
        }

    def in_standard_order(self) -> NDArray[np.float64]:
        """Return (12, len(LEAD_UNITS)) values of the standard leads, NaN where there are none."""
        table = np.full((len(STANDARD_LEADS), len(LEAD_UNITS)), math.nan)
        places = [place for place, lead in enumerate(STANDARD_LEADS) if lead in self._rows]
        table[places] = self.numbers[[self._rows[STANDARD_LEADS[place]] for place in places]]
        return table


_COLUMNS = {stem: column for column, stem in enumerate(LEAD_UNITS)}


@dataclass(frozen=True)
class Fiducials:
    """Where the waves are, for drawing.

    Parameters
    ----------
    r_peaks_s
        Times of all beats in seconds from the start of the record.
    measured_beats
        Indices into ``r_peaks_s`` of the beats that the median beat was made from.
    global_ms
        ``p_on, p_off, qrs_on, qrs_off, t_on, t_off`` of the median beat, milliseconds from R; None
        where there is no such wave.
    lead_ms
        The same per lead, by lead name.
    stretch_s
        Begin and end of the part of the record whose waves were measured, seconds.
    """

    r_peaks_s: tuple[float, ...]
    measured_beats: tuple[int, ...]
    global_ms: Mapping[str, float | None]
    lead_ms: Mapping[str, Mapping[str, float | None]]
    stretch_s: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "r_peaks_s": [round(time, 3) for time in self.r_peaks_s],
            "measured_beats": list(self.measured_beats),
            "global_ms": dict(self.global_ms),
            "lead_ms": {lead: dict(marks) for lead, marks in self.lead_ms.items()},
            "stretch_s": list(self.stretch_s),
        }


@dataclass(frozen=True)
class Measurements:
    """Everything measured on one ECG.

    Parameters
    ----------
    values
        Global measurements by name, in the order of ``GLOBAL_FEATURES``.
    leads
        Those of each lead of the record.
    fiducials
        Times of beats and waves.
    median_beat_mv
        Lead name to the median beat, (n_times,) in mV at ``fs``; R is at index ``r_index``. Empty
        without beats.
    fs
        Of the median beat, Hz.
    r_index
        Index of R in the median beat.
    rhythm
        The rhythm, with its evidence.
    notes
        What a person should know about how these values came about, in sentences.
    """

    values: Mapping[str, Measurement]
    leads: LeadValues
    fiducials: Fiducials
    median_beat_mv: Mapping[str, NDArray[np.float32]]
    fs: float
    r_index: int
    rhythm: Rhythm
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return name to ``{value, unit, reason}`` for the global measurements."""
        return {name: measurement.to_json() for name, measurement in self.values.items()}

    def leads_to_json(self) -> dict[str, dict[str, float | None]]:
        """Return lead name to PTB-XL+ stem to value, in the units of ``LEAD_UNITS``."""
        return self.leads.to_json()

    def vector(self) -> NDArray[np.float32]:
        """Return (n_features,) in the order of ``FEATURE_NAMES``, NaN where not measured."""
        table = self.leads.in_standard_order()
        of_record = _numbers([self.values[name].value for name in GLOBAL_FEATURES])
        of_rhythm = _numbers([self.rhythm.values[name].value for name in RHYTHM_FEATURES])
        vector = np.concatenate((of_record, table.ravel(), territory_values(table.T), of_rhythm)).astype(np.float32)
        assert vector.shape == (len(FEATURE_NAMES),)
        return vector


def _to_four(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)


def _numbers(values: Sequence[Any]) -> NDArray[np.float64]:
    """Return an array with NaN in place of None."""
    return np.array(values, dtype=np.float64)
