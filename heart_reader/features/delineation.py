"""Onsets and offsets of P, QRS and T, per lead and for all leads together.

``wave_edges`` brackets each boundary by crossings of thresholds. The boundary is a weighted sum of
them: weights, and one constant per lead, were fitted by ridge regression to boundaries that
cardiologists marked (``heart_reader.studies.delineation_fit``), so that a boundary lies where they
put it and not where some fraction of a slope happens to be crossed. There are about 25 numbers per
boundary.

References
----------
Kalyakulina A. I. et al. LUDB: a new open-access validation tool for electrocardiogram delineation
algorithms. IEEE Access 8 (2020) 186181-186190.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.features.beats import BEAT_FROM
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.wave_edges import BOUNDARIES, Wave, find_waves
from heart_reader.kernels.waves import settled, weighed

__all__ = ["Delineation", "boundary_inputs", "delineate", "first_guess_ms", "place_boundaries"]

Array = NDArray[np.floating]

# The earliest onset and the latest offset are too often noise: this share of the leads may lie
# beyond the common boundary. Cardiologists mark QRS onsets a little before the first deflection, so
# that the middle one of the leads is the onset of the whole heart. P waves are low, and their first
# and last leads noise: as far out as others measure P, every fifth healthy heart would have a long
# one.
_BEYOND_OF = {"p_on": 0.4, "p_off": 0.4, "qrs_on": 0.5, "qrs_off": 0.4, "t_on": 0.2, "t_off": 0.4}
_BEYOND = np.array([_BEYOND_OF[boundary] for boundary in BOUNDARIES])
_WAVES = ("p", "qrs", "t")
# What is added to the size of a wave before its logarithm is taken.
_LEAST_SIZE = 0.02


@dataclass(frozen=True, eq=False)
class Delineation:
    """Boundaries of one beat, milliseconds from R; NaN where a wave was not found.

    Parameters
    ----------
    leads
        (n_leads, 6) in the order of ``BOUNDARIES``.
    overall
        (6,) first onset and last offset over the leads.
    waves
        What they were made from.
    """

    leads: Array
    overall: Array
    waves: dict[str, Wave]

    def interval(self, first: str, last: str) -> float:
        """Return the milliseconds between two overall boundaries; NaN if one is missing."""
        return float(self.overall[BOUNDARIES.index(last)] - self.overall[BOUNDARIES.index(first)])


def delineate(beat: Array, lead_names: tuple[str, ...], rr: float, lead_weights: Array | None = None) -> Delineation:
    """Find the boundaries of a median beat.

    Parameters
    ----------
    beat
        (n_leads, n_times) in mV at ``MEASURING_HZ``, R at ``BEAT_FROM``.
    lead_names
        n_leads names.
    rr
        Usual RR interval in time points.
    lead_weights
        (n_leads,) share of each lead in what all leads say together, 0 to 1; None is one for all.
    """
    return place_boundaries(find_waves(beat, rr, lead_weights), lead_names, _weights())


@cache
def _weights() -> dict[str, Array]:
    """Boundary to (n_inputs,) fitted weights."""
    read = json.loads(files(__package__).joinpath("delineation_weights.json").read_text(encoding="utf-8"))
    return {boundary: np.array(read[boundary]) for boundary in BOUNDARIES}


def place_boundaries(waves: dict[str, Wave], lead_names: tuple[str, ...], weights: Mapping[str, Array]) -> Delineation:
    """Weigh the candidates of the waves of a beat.

    Parameters
    ----------
    weights
        Boundary to (n_inputs,) weights, as ``heart_reader.studies.delineation_fit`` makes them.
    """
    leads = np.full((len(lead_names), len(BOUNDARIES)), math.nan)
    sizes = np.zeros((len(_WAVES), len(lead_names)), np.float32)
    for row, name in enumerate(_WAVES):
        if name in waves:
            sizes[row] = waves[name].size
    log_sizes, columns = np.log(sizes + _LEAST_SIZE), _lead_columns(lead_names)
    for column, boundary in enumerate(BOUNDARIES):
        name, side = boundary.split("_")
        if name in waves:
            guess, candidates = first_guess_ms(waves[name], side), _candidates(waves[name], side)
            leads[:, column] = weighed(guess, candidates, log_sizes[column // 2], columns, weights[boundary])
    return Delineation(*settled(leads, sizes, _BEYOND), waves)


def boundary_inputs(wave: Wave, side: str, lead_names: tuple[str, ...]) -> Array:
    """Return (n_leads, n_inputs): one, candidates, log size and a column per lead.

    Parameters
    ----------
    side
        ``"on"`` or ``"off"``.
    """
    size = np.log(wave.size + _LEAST_SIZE)[:, None]
    of_leads = _lead_columns(lead_names)[:, None] == np.arange(len(STANDARD_LEADS))
    return np.concatenate([np.ones_like(size), _candidates(wave, side), size, of_leads], axis=1)


@lru_cache(maxsize=64)
def _lead_columns(lead_names: tuple[str, ...]) -> NDArray[np.int64]:
    """Return (n_leads,) which of the standard leads each is, -1 for another one."""
    return np.array([STANDARD_LEADS.index(name) if name in STANDARD_LEADS else -1 for name in lead_names], dtype=np.int64)


def _candidates(wave: Wave, side: str) -> Array:
    return wave.onset_candidates if side == "on" else wave.offset_candidates


def first_guess_ms(wave: Wave, side: str) -> float:
    """Return the first guess of a boundary in milliseconds from R."""
    return ((wave.onset if side == "on" else wave.offset) - BEAT_FROM) * (1000.0 / MEASURING_HZ)
