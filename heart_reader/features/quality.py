"""The quality gate: which leads can be trusted, and what to check before any probability."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heart_reader.data.record import EcgRecord
from heart_reader.features.lead_checks import (
    broken_identities,
    doubtful_unit,
    duplicated_leads,
    impossible_rate,
    lead_states,
    leg_electrode,
)
from heart_reader.features.measured import measure
from heart_reader.features.measurement import Measurements
from heart_reader.features.plausibility import find_doubt
from heart_reader.features.rhythm import Rhythm
from heart_reader.messages import message
from heart_reader.stages import staged

__all__ = ["LeadQuality", "SignalQuality", "assess_signal", "measure_and_assess"]

# Sentences about leads that are not good, the gravest first.
_STATES = ("masked", "flat", "interrupted", "saturated", "noisy", "wandering")


@dataclass(frozen=True)
class LeadQuality:
    """One lead.

    Parameters
    ----------
    verdict
        ``"good"``, ``"masked"``, ``"flat"``, ``"interrupted"``, ``"saturated"``, ``"noisy"`` or
        ``"wandering"``.
    noise_mv
        Standard deviation of its fast noise; None without a signal.
    """

    verdict: str
    noise_mv: float | None


@dataclass(frozen=True)
class SignalQuality:
    """What to know about a recording before trusting what is read from it.

    Parameters
    ----------
    leads
        Lead name to quality.
    findings
        Plain sentences, the gravest first; empty where nothing was found.
    verdict
        ``"good"``, ``"limited"`` (something was found) or ``"poor"`` (no heartbeat, fewer than half
        of the leads good, or a file that is very likely not what it says).
    """

    leads: Mapping[str, LeadQuality]
    findings: tuple[str, ...]
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "verdict": self.verdict,
            "findings": list(self.findings),
            "leads": {
                name: {"verdict": lead.verdict, "noise_mv": None if lead.noise_mv is None else round(lead.noise_mv, 4)}
                for name, lead in self.leads.items()
            },
        }


@staged("measure")
def assess_signal(record: EcgRecord, measurements: Measurements | None = None) -> SignalQuality:
    """Assess the signal of a record.

    Parameters
    ----------
    record
        As it was read.
    measurements
        Measurements of this record; None measures it.

    Examples
    --------
    >>> import numpy as np
    >>> from heart_reader.data.synthetic import EcgParameters, simulate
    >>> record = simulate(EcgParameters(), rng=np.random.default_rng(0), fs=500.0, duration_s=10.0)
    >>> assess_signal(record).verdict
    'good'
    """
    measurements = measure(record) if measurements is None else measurements
    states = lead_states(record, measurements)
    findings: list[str] = []
    beats = measurements.values["n_beats"]
    if beats.value is None:
        findings.append(message("no_measurements", reason=beats.reason or ""))
    doubt = find_doubt(measurements, record.age)
    findings += [] if doubt is None else [doubt.text]
    unit, unit_is_wrong = doubtful_unit(measurements)
    findings += [*unit, *impossible_rate(measurements), *broken_identities(record, states)]
    pairs = duplicated_leads(record)
    if pairs:
        findings.append(message("same_signal", pairs=[message("lead_pair", first=first, second=second) for first, second in pairs]))
    findings += leg_electrode(record, measurements)
    there = set(states.values())
    for state in _STATES:
        if state in there:
            names = [name for name, of in states.items() if of == state]
            findings.append(message("lead_states", count=len(names), leads=names, state=message(f"state_{state}")))
    n_good = sum(state == "good" for state in states.values())
    poor = beats.value is None or unit_is_wrong or (doubt is not None and doubt.is_grave) or 2 * n_good < len(states)
    noise = measurements.leads.of("Noise")
    leads = {name: LeadQuality(state, None if math.isnan(noise[name]) else noise[name]) for name, state in states.items()}
    return SignalQuality(leads, tuple(findings), "poor" if poor else "limited" if findings else "good")


def measure_and_assess(record: EcgRecord, measurements: Measurements | None, rhythm: Rhythm | None) -> tuple[Measurements, SignalQuality]:
    """Measure a record, unless that was done, and assess its signal.

    Parameters
    ----------
    rhythm
        Of the same recording at another rate, if it was measured there.
    """
    measurements = measurements or measure(record, rhythm=rhythm)
    return measurements, assess_signal(record, measurements)
