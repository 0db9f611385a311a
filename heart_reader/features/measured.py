"""Measure an ECG: named values with units, or the reason why a value is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.record import EcgRecord
from heart_reader.features.amplitudes import lead_values
from heart_reader.features.beat_analysis import BeatAnalysis, Kind, analyse
from heart_reader.features.beats import BEAT_FROM
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.feature_names import FEATURE_NAMES, GLOBAL_UNITS, LEAD_UNITS
from heart_reader.features.global_values import combined_values, is_paced, reservation, rhythm_values, usable_kind, wave_values
from heart_reader.features.measurement import Fiducials, LeadValues, Measurements
from heart_reader.features.rhythm import Rhythm
from heart_reader.features.rhythm_rules import read_rhythm
from heart_reader.features.wave_edges import BOUNDARIES
from heart_reader.messages import Message, message
from heart_reader.stages import staged

__all__ = ["FEATURE_NAMES", "measure"]

Array = NDArray[np.floating]

NO_SIGNAL = message("lead_without_signal")
TOO_SHORT = message("stretch_too_short")
# A deflection that is not there is no failure: its amplitude is zero. These have no such zero.
_NOT_THERE = {
    **dict.fromkeys(("P_Amp", "P_Area", "P_Dur"), message("no_p")),
    "RS_Ratio": message("no_s"),
    "QRS_IntDefl": message("no_r"),
    **dict.fromkeys(("T_Amp", "T_Area", "QT_Int"), message("no_t")),
}
_WHY_MISSING = [_NOT_THERE.get(stem, TOO_SHORT) for stem in LEAD_UNITS]


@staged("measure")
def measure(record: EcgRecord, *, rhythm: Rhythm | None = None) -> Measurements:
    """Measure a record of any length, rate and number of leads.

    Rhythm is measured over the whole record; waves are measured on the median of the most frequent
    kind of beat, in the quietest minute of a longer record.

    Parameters
    ----------
    record
        Signals in mV.
    rhythm
        Of the same recording at another rate, if it was measured there; it is measured anew where
        it could not be named there, or where this rate shows spikes of a pacemaker or other beats.

    Returns
    -------
    Measurements
        Every name of ``GLOBAL_FEATURES``, and for every lead every stem of ``LEAD_UNITS``; what
        cannot be measured is None with a reason.

    Examples
    --------
    >>> from heart_reader.data.synthetic import EcgParameters, simulate
    >>> record = simulate(EcgParameters(), rng=np.random.default_rng(0), fs=500.0, duration_s=10.0)
    >>> measured = measure(record)
    >>> measured.values["heart_rate_bpm"].unit, measured.values["qrs_ms"].unit
    ('bpm', 'ms')
    """
    analysis = analyse(record)
    kind, failure = usable_kind(analysis)
    leads = {} if kind is None else lead_values(kind.median, kind.delineation.overall)
    if kind is not None:
        leads |= _lead_durations(kind)
    leads["Noise"] = analysis.noise_mv
    values = rhythm_values(analysis, failure)
    values |= wave_values(analysis, kind, failure, values["rr_mean_ms"].value)
    values |= combined_values(kind, failure, analysis.lead_names, leads, is_paced(analysis))
    doubts = () if kind is None else reservation(analysis, kind)
    if rhythm is None or rhythm.name is None or len(analysis.spikes_s) or len(rhythm.beats) != len(analysis.r_peaks_s):
        rhythm = read_rhythm(record, analysis)
    return Measurements(
        values={name: values[name] for name in GLOBAL_UNITS},
        leads=_by_lead(record.lead_names, analysis.lead_names, leads, failure, doubts),
        fiducials=_fiducials(analysis, kind),
        median_beat_mv={} if kind is None else dict(zip(analysis.lead_names, kind.median.astype(np.float32), strict=True)),
        fs=MEASURING_HZ,
        r_index=BEAT_FROM,
        rhythm=rhythm,
        notes=_notes(record, analysis),
    )


def _lead_durations(kind: Kind) -> dict[str, Array]:
    p_on, p_off, qrs_on, qrs_off, _, t_off = kind.delineation.leads.T
    return {"P_Dur": p_off - p_on, "QRS_Dur": qrs_off - qrs_on, "QT_Int": t_off - qrs_on}


def _by_lead(
    all_names: tuple[str, ...], names: tuple[str, ...], leads: Mapping[str, Array], failure: str, doubts: tuple[Message, ...]
) -> LeadValues:
    """Arrays over leads as measurements of each lead; leads without a signal have reasons only."""
    numbers = np.full((len(all_names), len(LEAD_UNITS)), math.nan)
    unknown = np.full(len(names), math.nan)
    numbers[[all_names.index(name) for name in names]] = np.array([leads.get(stem, unknown) for stem in LEAD_UNITS]).T
    return LeadValues(
        all_names,
        numbers,
        without_signal={name: NO_SIGNAL for name in all_names if name not in names},
        missing=[failure] * len(LEAD_UNITS) if failure else _WHY_MISSING,
        reserved=message("low_confidence", doubts=doubts) if doubts else None,
    )


def _fiducials(analysis: BeatAnalysis, kind: Kind | None) -> Fiducials:
    def marks(row: list[float]) -> dict[str, float | None]:
        return {name: None if math.isnan(ms) else ms for name, ms in zip(BOUNDARIES, row, strict=True)}

    found = np.full((1 + len(analysis.lead_names), len(BOUNDARIES)), math.nan)
    if kind is not None:
        found[0], found[1:] = kind.delineation.overall, kind.delineation.leads
    overall, *leads = found.round(1).tolist()
    members = () if kind is None else tuple(analysis.in_stretch[kind.beats.members].tolist())
    return Fiducials(
        r_peaks_s=tuple(analysis.r_peaks_s.tolist()),
        measured_beats=members,
        global_ms=marks(overall),
        lead_ms={name: marks(row) for name, row in zip(analysis.lead_names, leads, strict=True)},
        stretch_s=analysis.stretch_s,
    )


def _notes(record: EcgRecord, analysis: BeatAnalysis) -> tuple[str, ...]:
    notes: list[str] = []
    start, end = analysis.stretch_s
    if end - start < record.duration_s - 0.5 / record.fs:
        notes.append(message("quietest_stretch", start=start, end=end, duration=record.duration_s))
    if analysis.main is not None and analysis.others:
        n_main, n_others = len(analysis.main.beats.members), sum(len(kind.members) for kind in analysis.others)
        notes.append(message("beats_left_out", others=n_others, beats=n_main + n_others))
    if is_paced(analysis):
        notes.append(message("spikes_cut_out", count=analysis.n_spikes))
    return tuple(notes)
