"""Simulated records as the PhysioNet Challenge has CPSC2018: code for it runs without it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from heart_reader.data.challenge import SIMULATED
from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic.beats import simulate
from heart_reader.data.synthetic.files import new_folder, write_wfdb
from heart_reader.data.synthetic.population import draw_parameters
from heart_reader.data.synthetic.rhythms import simulate_rhythm

__all__ = ["write_challenge_folder"]

FS_HZ = 500.0
# CPSC2018's records last 6 to 60 s, half of them 12 s at most.
_MEDIAN_S, _SPREAD, _LEAST_S, _MOST_S = 12.0, 0.5, 6.0, 60.0
# What a record shows: its share is close to CPSC2018's own, with the rare ones raised; a rhythm of
# the simulator or else findings of its hearts; and the codes that CPSC2018's headers write.
_MIX: tuple[tuple[float, str | tuple[str, ...], tuple[str, ...]], ...] = (
    (0.14, "sinus", ("426783006",)),
    (0.17, "atrial_fibrillation", ("164889003",)),
    (0.10, "av_block_1", ("270492004",)),
    (0.05, ("left bundle branch block",), ("164909002",)),
    (0.20, ("right bundle branch block",), ("59118001",)),
    (0.09, "premature_supraventricular", ("284470004",)),
    (0.09, "premature_ventricular", ("164884008",)),
    (0.09, ("ischemia",), ("429622005",)),
    (0.04, ("anterior infarction",), ("164931005",)),
    (0.03, ("right bundle branch block", "first degree AV block"), ("270492004", "59118001")),
)


def write_challenge_folder(root: Path, n_records: int, seed: int) -> None:
    """Write simulated records of 6 to 60 s at 500 Hz, as ``.hea`` with ``#Dx:`` and ``.mat``.

    The folder appears whole or not at all. The same arguments give the same bytes.

    Parameters
    ----------
    root
        Must not exist, or be empty.

    Raises
    ------
    DataError
        If ``root`` holds something already, ``n_records`` is not positive, or the disk is full or
        cannot be written.
    """
    from tqdm import tqdm  # simulating one ECG needs none

    with new_folder(root, n_records) as unfinished:
        for number, kind in tqdm(_plan(n_records, seed), "simulating records", disable=None, unit="record"):
            _write_record(unfinished, number, kind, seed)


def _plan(n_records: int, seed: int) -> list[tuple[int, int]]:
    """Decide what each record, from 1 on, shows: a position of ``_MIX``, in fixed shares."""
    edges = np.cumsum([share for share, _, _ in _MIX])
    kinds = np.searchsorted(edges, (np.arange(n_records) + 0.5) / n_records * edges[-1])
    return list(enumerate(np.random.default_rng([seed, 0]).permutation(kinds).tolist(), start=1))


def _write_record(root: Path, number: int, kind: int, seed: int) -> None:
    _, shown, codes = _MIX[kind]
    rng = np.random.default_rng([seed, 1, number])
    duration_s = float(np.clip(_MEDIAN_S * rng.lognormal(0.0, _SPREAD), _LEAST_S, _MOST_S).round(1))
    record = _simulate(shown, rng, duration_s, f"A{number:04d}")
    comments = [f"Age: {record.age:.0f}", f"Sex: {(record.sex or 'unknown').capitalize()}", f"Dx: {','.join(codes)}"]
    write_wfdb(record, root, comments=[*comments, "Rx: Unknown", "Hx: Unknown", "Sx: Unknown", SIMULATED], matrix=True)


def _simulate(shown: str | tuple[str, ...], rng: np.random.Generator, duration_s: float, record_id: str) -> EcgRecord:
    if isinstance(shown, str):
        ecg = simulate_rhythm(shown, rng=rng, fs=FS_HZ, duration_s=duration_s, record_id=record_id)
        return replace(ecg.record, age=ecg.parameters.age, sex=ecg.parameters.sex)
    return simulate(draw_parameters(shown, rng), rng=rng, fs=FS_HZ, duration_s=duration_s, record_id=record_id)
