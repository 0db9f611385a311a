"""Faults of a recording: each function takes a record and returns it as it would arrive.

What comes after is the usual treatment of an incomplete, noisy or foreign record: limb leads are
derived where they can be, the rest is masked, the rate is brought to the model's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS, derive_limb_leads
from heart_reader.data.record import EcgRecord
from heart_reader.data.signal import resample
from heart_reader.data.synthetic.heart import NoiseLevels
from heart_reader.data.synthetic.noise import lead_noise, motion_noise
from heart_reader.errors import LeadError

__all__ = [
    "NOISE_KINDS",
    "NoiseKind",
    "add_noise",
    "change_rate",
    "drop_leads",
    "flatten_leads",
    "keep_leads",
    "misstate_rate",
    "reverse_chest",
    "round_amplitude",
    "scale_gain",
    "scale_lead",
    "signal_power",
    "swap_arms",
    "swap_leads",
]

NoiseKind = Literal["wander", "muscle", "motion", "mains"]
NOISE_KINDS: tuple[NoiseKind, ...] = get_args(NoiseKind)

# Clinical recorders sample at 500 Hz; what a slower record shows of the noise has passed an
# anti-aliasing filter.
RECORDER_HZ = 500.0
_INDEPENDENT_LEADS = ("I", "II", *STANDARD_LEADS[6:])
_ARMS = {"I": ("I", -1), "II": ("III", 1), "III": ("II", 1), "aVR": ("aVL", 1), "aVL": ("aVR", 1), "aVF": ("aVF", 1)}


def keep_leads(record: EcgRecord, names: Iterable[str]) -> EcgRecord:
    """Return the record with nothing but those of the named leads that it has.

    Raises
    ------
    LeadError
        If it has none of them.

    Examples
    --------
    >>> record = EcgRecord("a", np.zeros((2, 500), dtype=np.float32), 100.0, ("I", "II"))
    >>> keep_leads(record, ["II", "V1"]).lead_names
    ('II',)
    """
    wanted = tuple(names)
    rows = [row for row, name in enumerate(record.lead_names) if name in wanted]
    if not rows:
        raise LeadError(f"{record.record_id}: none of {', '.join(wanted)} among its leads {', '.join(record.lead_names)}")
    kept = tuple(record.lead_names[row] for row in rows)
    masked = tuple(name for name in record.masked_leads if name in kept)
    return replace(record, signal=record.signal[rows], lead_names=kept, masked_leads=masked)


def drop_leads(record: EcgRecord, names: Iterable[str]) -> EcgRecord:
    """Return the record without the named leads.

    Raises
    ------
    LeadError
        If it lacks one of them, or nothing would be left.
    """
    gone = tuple(names)
    _require(record, gone)
    return keep_leads(record, [name for name in record.lead_names if name not in gone])


def flatten_leads(record: EcgRecord, rng: np.random.Generator, n_flat: int) -> EcgRecord:
    """Return the record with some drawn leads at zero, as a loose electrode leaves them.

    Equal generators flatten the same leads first, so three flat leads include the one.

    Raises
    ------
    LeadError
        If fewer leads than that would keep a signal.
    """
    if len(record.lead_names) <= n_flat:
        raise LeadError(f"{record.record_id}: {n_flat} flat leads of {len(record.lead_names)}; one has to keep a signal")
    signal = record.signal.copy()
    signal[rng.permutation(len(signal))[:n_flat]] = 0.0
    return replace(record, signal=signal)


def scale_gain(record: EcgRecord, factor: float) -> EcgRecord:
    """Return the record as if recorded with another gain than its header says."""
    return replace(record, signal=record.signal * np.float32(factor))


def scale_lead(record: EcgRecord, name: str, factor: float) -> EcgRecord:
    """Return the record with one lead in another unit, or with -1 upside down.

    Raises
    ------
    LeadError
        If it has no such lead.
    """
    _require(record, (name,))
    signal = record.signal.copy()
    signal[record.lead_names.index(name)] *= np.float32(factor)
    return replace(record, signal=signal)


def misstate_rate(record: EcgRecord, factor: float) -> EcgRecord:
    """Return the record with the same samples and a sampling rate that is wrong by a factor."""
    return replace(record, fs=record.fs * factor)


def change_rate(record: EcgRecord, fs: float) -> EcgRecord:
    """Return the record as if recorded at ``fs`` Hz; below its own rate the fast parts are gone."""
    return replace(record, signal=resample(record.signal.astype(np.float64), record.fs, fs).astype(np.float32), fs=fs)


def round_amplitude(record: EcgRecord, step_mv: float) -> EcgRecord:
    """Return the record as a converter of that step in mV would store it."""
    return replace(record, signal=(np.rint(record.signal.astype(np.float64) / step_mv) * step_mv).astype(np.float32))


def swap_arms(record: EcgRecord) -> EcgRecord:
    """Return the record with the arm electrodes exchanged: I inverted, II with III, aVR with aVL.

    Raises
    ------
    LeadError
        If it has a limb lead but not the one that takes its place.

    References
    ----------
    Kligfield P. et al. Recommendations for the standardization and interpretation of the
    electrocardiogram, part I. Circulation 115 (2007) 1306-1324.
    """
    limb = [name for name in record.lead_names if name in _ARMS]
    if not limb:
        raise LeadError(f"{record.record_id}: no limb lead among {', '.join(record.lead_names)}")
    _require(record, (_ARMS[name][0] for name in limb))
    signal = record.signal.copy()
    for name in limb:
        source, sign = _ARMS[name]
        signal[record.lead_names.index(name)] = sign * record.lead(source)
    return replace(record, signal=signal, masked_leads=tuple(_ARMS[name][0] if name in _ARMS else name for name in record.masked_leads))


def reverse_chest(record: EcgRecord) -> EcgRecord:
    """Return the record with V6 under the name of V1 and so on.

    Raises
    ------
    LeadError
        If it lacks a chest lead.
    """
    for first, second in (("V1", "V6"), ("V2", "V5"), ("V3", "V4")):
        record = swap_leads(record, first, second)
    return record


def swap_leads(record: EcgRecord, first: str, second: str) -> EcgRecord:
    """Return the record with two leads under each other's name.

    Raises
    ------
    LeadError
        If it lacks one of them.
    """
    _require(record, (first, second))
    other = {first: second, second: first}
    return replace(
        record,
        lead_names=tuple(other.get(name, name) for name in record.lead_names),
        masked_leads=tuple(other.get(name, name) for name in record.masked_leads),
    )


def add_noise(record: EcgRecord, rng: np.random.Generator, kind: NoiseKind, snr_db: float) -> EcgRecord:
    """Return the record with simulated noise of one kind, drawn at the electrodes.

    The signal-to-noise ratio is that of the MIT-BIH Noise Stress Test Database: the square of the
    QRS height over 8, to the square of the noise's baseline-corrected root mean square over windows
    of one second. Both are averaged over the leads, and one factor serves all of them: leads differ
    in noise as their electrodes do, and Einthoven's law holds. The noise is measured at 500 Hz (or
    the record's rate where that is higher), before it is brought to the record's rate: of 50 Hz
    mains, a 100 Hz record keeps less than half.

    Parameters
    ----------
    kind
        ``"wander"`` of the baseline, ``"muscle"``, ``"motion"`` of electrodes, or 50 Hz
        ``"mains"``.
    snr_db
        Ratio in dB.
    rng
        Equal generators draw the same noise at every ratio.

    Raises
    ------
    LeadError
        If a lead is not one of the standard twelve.

    References
    ----------
    Moody G. B., Muldrow W. E., Mark R. G. A noise stress test for arrhythmia detectors. Computers
    in Cardiology 11 (1984) 381-384.
    """
    strange = [name for name in record.lead_names if name not in STANDARD_LEADS]
    if strange:
        raise LeadError(f"{record.record_id}: lead {', '.join(strange)}; noise is known for {', '.join(STANDARD_LEADS)}")
    fs = max(record.fs, RECORDER_HZ)
    noise = _draw_noise(kind, rng, fs, math.ceil(record.n_times * fs / record.fs), record.lead_names)
    power = _by_second(noise, fs).var(axis=2).mean()
    gain = math.sqrt(signal_power(record) / power / 10.0 ** (snr_db / 10.0))
    added = gain * resample(noise, fs, record.fs)[:, : record.n_times]
    return replace(record, signal=(record.signal + added).astype(np.float32))


def signal_power(record: EcgRecord) -> float:
    """Return the mean over leads of the squared QRS height over 8, in mV squared.

    It is the power of a sine of that height, which is the median over seconds of highest minus
    lowest value.
    """
    seconds = _by_second(record.signal.astype(np.float64), record.fs)
    height_mv = np.median(seconds.max(axis=2) - seconds.min(axis=2), axis=1)
    return float(np.mean(height_mv**2) / 8.0)


def _draw_noise(kind: NoiseKind, rng: np.random.Generator, fs: float, n_times: int, lead_names: tuple[str, ...]) -> NDArray[np.float64]:
    """Noise of arbitrary strength in the named leads."""
    if kind == "motion":
        drawn = motion_noise(1000.0, rng=rng, fs=fs, n_times=n_times)
    else:
        silent = {"baseline_uv": 0.0, "muscle_uv": 0.0, "mains_uv": 0.0}
        source = {"wander": "baseline_uv", "muscle": "muscle_uv", "mains": "mains_uv"}[kind]
        drawn = lead_noise(NoiseLevels(**{**silent, source: 1000.0}), rng=rng, fs=fs, n_times=n_times)
    leads = dict(zip(_INDEPENDENT_LEADS, drawn, strict=True))
    leads |= derive_limb_leads(leads["I"], leads["II"])
    return np.stack([leads[name] for name in lead_names])


def _by_second(values: NDArray[np.float64], fs: float) -> NDArray[np.float64]:
    """Cut (n_leads, n_times) into pieces of about a second, (n_leads, n_seconds, n_times)."""
    n_pieces = max(1, int(values.shape[1] / fs))
    width = values.shape[1] // n_pieces
    return values[:, : n_pieces * width].reshape(len(values), n_pieces, width)


def _require(record: EcgRecord, names: Iterable[str]) -> None:
    absent = [name for name in names if name not in record.lead_names]
    if absent:
        raise LeadError(f"{record.record_id}: no lead {', '.join(absent)} among {', '.join(record.lead_names)}")
