"""The conditions of the stress test: which ways of being worse a recording is read in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from heart_reader.data.leads import LIMB_LEADS, STANDARD_LEADS
from heart_reader.data.record import EcgRecord
from heart_reader.evaluation.stress import perturbations

__all__ = ["CLEAN", "ONE_MISSING", "SNRS_DB", "Condition", "stress_conditions"]

# Three of the ratios of the MIT-BIH Noise Stress Test Database.
SNRS_DB = (18.0, 12.0, 6.0)
GAINS = (0.5, 2.0)
RATES_HZ = (50.0, 250.0, 500.0, 1000.0)
STEPS_MV = (0.025, 0.1)
FLAT_LEADS = (1, 3)
NOISE_TITLES = {"wander": "Baseline wander", "muscle": "Muscle", "motion": "Electrode motion", "mains": "Mains, 50 Hz"}

CLEAN = "clean"
ONE_MISSING = "One lead missing"


@dataclass(frozen=True)
class Condition:
    """One way in which a recording can be worse.

    Parameters
    ----------
    name
        Unique, for tables.
    group, title
        Words for people.
    change
        Takes a record and a generator, returns the record as it would arrive; raises LeadError
        where it does not apply.
    chance
        Conditions that share it draw the same noise or leads for a record.
    """

    name: str
    group: str
    title: str
    change: Callable[[EcgRecord, np.random.Generator], EcgRecord]
    chance: str = ""


def stress_conditions(leads: Sequence[str]) -> tuple[Condition, ...]:
    """Return all conditions for a model of these leads, the clean reading first.

    Examples
    --------
    >>> [condition.name for condition in stress_conditions(("I", "V1"))][:4]
    ['clean', 'only-I', 'only-V1', 'only-I-II']
    """
    conditions = [Condition(CLEAN, "Clean", "as recorded", lambda record, _: record)]
    conditions += [_plain(f"only-{name}", "One lead kept", name, perturbations.keep_leads, names=(name,)) for name in leads]
    for name, title, kept in (
        ("only-I-II", "I and II alone", ("I", "II")),
        ("only-limb", "limb leads", LIMB_LEADS),
        ("only-chest", "chest leads", STANDARD_LEADS[6:]),
    ):
        conditions.append(_plain(name, "Some leads kept", title, perturbations.keep_leads, names=kept))
    conditions += [_plain(f"without-{name}", ONE_MISSING, f"without {name}", perturbations.drop_leads, names=(name,)) for name in leads]
    for kind in perturbations.NOISE_KINDS:
        for snr_db in SNRS_DB:
            change = partial(perturbations.add_noise, kind=kind, snr_db=snr_db)
            conditions.append(Condition(f"{kind}-{snr_db:g}db", NOISE_TITLES[kind], f"{snr_db:g} dB", change, chance=kind))
    for n_flat in FLAT_LEADS:
        title = "1 lead" if n_flat == 1 else f"{n_flat} leads"
        conditions.append(Condition(f"flat-{n_flat}", "Flat", title, partial(perturbations.flatten_leads, n_flat=n_flat), chance="flat"))
    conditions.append(_plain("swapped-arms", "Swapped", "arm electrodes", perturbations.swap_arms))
    conditions.append(_plain("swapped-V1-V2", "Swapped", "V1 and V2", perturbations.swap_leads, first="V1", second="V2"))
    conditions += [_plain(f"gain-{gain:g}", "Gain", f"× {gain:g}", perturbations.scale_gain, factor=gain) for gain in GAINS]
    for step in STEPS_MV:
        title = f"{step * 1000:g} µV steps"
        conditions.append(_plain(f"step-{step * 1000:g}uv", "Resolution", title, perturbations.round_amplitude, step_mv=step))
    conditions += [_plain(f"rate-{fs:g}hz", "Sampling rate", f"{fs:g} Hz", perturbations.change_rate, fs=fs) for fs in RATES_HZ]
    return tuple(conditions)


def _plain(name: str, group: str, title: str, change: Callable[..., EcgRecord], **settings: Any) -> Condition:
    """Condition without chance."""
    return Condition(name, group, title, lambda record, _: change(record, **settings))
