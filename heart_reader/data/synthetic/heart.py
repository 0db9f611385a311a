"""The simulated heart: an electric dipole that moves through P, QRS, ST and T, and its leads.

Coordinates are Frank's: x to the patient's left, y to the feet, z to the back, in millivolts.

References
----------
Frank E. An accurate, clinically practical system for spatial vectorcardiography. Circulation 13
(1956) 737-749. Dower G. E. et al. Deriving the 12-lead electrocardiogram from four (EASI)
electrodes. J. Electrocardiol. 21 (1988) S182-S187.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.record import EcgRecord
from heart_reader.errors import ConfigError

__all__ = [
    "CHEST_LEADS",
    "HEARTS",
    "HEART_DATA",
    "EcgParameters",
    "EcgTruth",
    "Morphology",
    "NoiseLevels",
    "SimulatedEcg",
    "Vector",
    "Wave",
    "as_tuples",
    "axis_of",
    "read_waves",
    "scaled",
    "turn_to_axis",
]

Vector = tuple[float, float, float]

# Waves of hearts, findings and rhythms, explained there.
HEART_DATA: dict[str, Any] = json.loads(Path(__file__).with_name("hearts.json").read_text(encoding="utf-8"))

# Dower's transform, the rows of I and II, and of V1 to V6. The limb rows are 1.2 times Dower's:
# with his, limb leads come out smaller beside the chest leads than in clinical recordings.
LIMB_VECTORS: tuple[Vector, ...] = ((0.758, -0.282, 0.071), (0.282, 1.279, -0.158))
CHEST_LEADS: tuple[Vector, ...] = (
    (-0.515, 0.157, -0.917),
    (0.044, 0.164, -1.387),
    (0.882, 0.098, -1.277),
    (1.213, 0.127, -0.601),
    (1.125, 0.127, -0.086),
    (0.831, 0.076, 0.230),
)

# What a beat needs beyond PR and QRS for an ST segment and a T wave.
MIN_ST_T_MS = 150.0
# Share of an RR interval that P onset to T offset may fill; the rest is room for irregular beats.
MAX_BEAT_SHARE = 0.97


class Wave(NamedTuple):
    """One deflection, exactly zero before ``start`` and after ``end``.

    Parameters
    ----------
    start, peak, end
        Fractions of the segment (P, QRS, or J point to T offset) that the wave belongs to.
    vector
        Heart vector at the peak, mV.
    """

    start: float
    peak: float
    end: float
    vector: Vector


@dataclass(frozen=True)
class Morphology:
    """The heart's waves.

    Parameters
    ----------
    p, qrs, t
        Waves; the first of each starts at the onset, the last ends at the offset. T waves count
        from the J point.
    st
        Heart vector of the ST segment, mV.
    """

    p: tuple[Wave, ...]
    qrs: tuple[Wave, ...]
    st: Vector
    t: tuple[Wave, ...]


def as_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of a data file with tuples in place of lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def read_waves(rows: Iterable[Any]) -> tuple[Wave, ...]:
    """Make waves of rows ``[start, peak, end, [x, y, z]]``."""
    return tuple(Wave(start, peak, end, tuple(vector)) for start, peak, end, vector in rows)


HEARTS: dict[str, Morphology] = {
    name: Morphology(read_waves(heart["p"]), read_waves(heart["qrs"]), tuple(heart["st"]), read_waves(heart["t"]))
    for name, heart in HEART_DATA["hearts"].items()
}


def scaled(vector: Vector, factor: float) -> Vector:
    """Return a vector with its length multiplied."""
    x, y, z = vector
    return x * factor, y * factor, z * factor


@dataclass(frozen=True)
class NoiseLevels:
    """Standard deviations of the noise at each electrode, in microvolts, and the mains frequency.

    Parameters
    ----------
    baseline_uv
        Breathing and skin: slow, most of it below 0.5 Hz.
    muscle_uv
        Muscle and amplifier: 5 to 150 Hz.
    mains_uv, mains_hz
        Pick-up of the power line, and its 50 or 60 Hz.
    """

    baseline_uv: float = 30.0
    muscle_uv: float = 7.0
    mains_uv: float = 1.0
    mains_hz: float = 50.0


@dataclass(frozen=True)
class EcgParameters:
    """Everything that decides how one simulated ECG looks, save chance.

    Parameters
    ----------
    heart_rate_bpm
        Mean rate, beats per minute.
    p_ms, pr_ms, qrs_ms, qt_ms
        Durations in milliseconds; QT at the mean rate, it follows each RR interval by its cube
        root.
    axis_deg
        Frontal QRS axis; QRS, ST and T are turned together until it holds.
    rr_variability
        Standard deviation of the RR intervals as a fraction of their mean.
    morphology
        The waves before they are turned.
    chest_leads
        What V1 to V6 see of the heart vector, per axis; bodies and electrode positions differ.
    age
        Years.
    sex
        ``"male"`` or ``"female"``.
    scp_codes
        Statement to likelihood in percent, as PTB-XL writes them.

    Raises
    ------
    ConfigError
        If the intervals do not fit into one beat.
    """

    heart_rate_bpm: float = 68.0
    p_ms: float = 104.0
    pr_ms: float = 158.0
    qrs_ms: float = 92.0
    qt_ms: float = 385.0
    axis_deg: float = 45.0
    rr_variability: float = 0.03
    morphology: Morphology = HEARTS["normal"]
    chest_leads: tuple[Vector, ...] = CHEST_LEADS
    noise: NoiseLevels = field(default_factory=NoiseLevels)
    age: float = 55.0
    sex: str = "female"
    scp_codes: Mapping[str, float] = field(default_factory=lambda: {"NORM": 100.0, "SR": 0.0})

    def __post_init__(self) -> None:
        rr_ms = 60_000.0 / self.heart_rate_bpm if self.heart_rate_bpm > 0 else 0.0
        fits = (
            0 < self.p_ms <= self.pr_ms
            and self.qrs_ms > 0
            and self.qrs_ms + MIN_ST_T_MS <= self.qt_ms
            and self.pr_ms + self.qt_ms <= MAX_BEAT_SHARE * rr_ms
        )
        if not fits:
            raise ConfigError(
                f"simulated beat: rate {self.heart_rate_bpm:g} /min, P {self.p_ms:g}, PR {self.pr_ms:g}, QRS {self.qrs_ms:g}, "
                f"QT {self.qt_ms:g} ms; needed: 0 < P <= PR, QRS + {MIN_ST_T_MS:g} <= QT, PR + QT <= {MAX_BEAT_SHARE:g} RR "
                f"(RR is {rr_ms:.0f} ms): lower the rate or shorten the intervals"
            )
        if not 0 <= self.rr_variability <= 0.15:
            raise ConfigError(f"simulated beat: rr_variability {self.rr_variability:g}; choose 0 to 0.15")


@dataclass(frozen=True, eq=False)
class EcgTruth:
    """Where the waves of each beat begin and end, exactly: the waves have compact support.

    Beats whose QRS lies within the record are listed. The P wave of the first and the T wave of the
    last may lie outside of it.

    Parameters
    ----------
    beat_s
        (n_beats,) time of the largest QRS vector, seconds.
    p_onset_s, p_offset_s, qrs_onset_s, qrs_offset_s, t_onset_s, t_offset_s
        (n_beats,) seconds; those of P are NaN in a beat that no P wave led to.
    axis_deg
        Frontal QRS axis by area, of the beats that the rhythm consists of.
    rhythm, rhythm_findings
        Its name, and what there is beside it.
    beat_kinds
        (n_beats,) ``"normal"``, ``"supraventricular"`` (premature and narrow), ``"ventricular"`` or
        ``"paced"``.
    visible_p_s
        (n_p,) onsets, seconds, of all P waves within the record that no QRS complex covers,
        conducted or not.
    spike_s
        (n_spikes,) onsets of pacing spikes, seconds.
    """

    beat_s: NDArray[np.float64]
    p_onset_s: NDArray[np.float64]
    p_offset_s: NDArray[np.float64]
    qrs_onset_s: NDArray[np.float64]
    qrs_offset_s: NDArray[np.float64]
    t_onset_s: NDArray[np.float64]
    t_offset_s: NDArray[np.float64]
    axis_deg: float
    rhythm: str = "sinus"
    rhythm_findings: tuple[str, ...] = ()
    beat_kinds: tuple[str, ...] = ()
    visible_p_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    spike_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @property
    def heart_rate_bpm(self) -> float:
        """Rate from the mean RR interval; NaN with fewer than two beats."""
        return 60.0 / float(np.diff(self.beat_s).mean()) if len(self.beat_s) > 1 else math.nan

    @property
    def pr_ms(self) -> float:
        """Median P onset to QRS onset."""
        return _median_ms(self.p_onset_s, self.qrs_onset_s)

    @property
    def p_ms(self) -> float:
        """Median P onset to P offset."""
        return _median_ms(self.p_onset_s, self.p_offset_s)

    @property
    def qrs_ms(self) -> float:
        """Median QRS onset to QRS offset."""
        return _median_ms(self.qrs_onset_s, self.qrs_offset_s)

    @property
    def qt_ms(self) -> float:
        """Median QRS onset to T offset."""
        return _median_ms(self.qrs_onset_s, self.t_offset_s)


@dataclass(frozen=True, eq=False)
class SimulatedEcg:
    """A record, what is true about it, and what it was made from."""

    record: EcgRecord
    truth: EcgTruth
    parameters: EcgParameters


def _median_ms(begin_s: NDArray[np.float64], end_s: NDArray[np.float64]) -> float:
    lasted_s = end_s - begin_s
    lasted_s = lasted_s[np.isfinite(lasted_s)]
    return float(np.median(lasted_s)) * 1000.0 if len(lasted_s) else math.nan


_LEAD_I, _LEAD_II = np.array(LIMB_VECTORS)
# An augmented lead is sqrt(3)/2 as sensitive as a bipolar one: the axis needs both on one scale.
_LEAD_AVF = (_LEAD_II - 0.5 * _LEAD_I) * (2.0 / math.sqrt(3.0))


def _qrs_area(morphology: Morphology) -> NDArray[np.float64]:
    """Return the net QRS vector; all waves have one shape, so areas go as amplitude times width."""
    area: NDArray[np.float64] = np.sum([np.multiply(wave.vector, wave.end - wave.start) for wave in morphology.qrs], axis=0)
    return area


def axis_of(morphology: Morphology) -> float:
    """Return the frontal QRS axis in degrees, from the net areas in I and aVF.

    Examples
    --------
    >>> 20 < axis_of(HEARTS["normal"]) < 70
    True
    """
    area = _qrs_area(morphology)
    return math.degrees(math.atan2(float(_LEAD_AVF @ area), float(_LEAD_I @ area)))


def turn_to_axis(morphology: Morphology, axis_deg: float) -> Morphology:
    """Turn QRS, ST and T about the front-to-back line until the QRS axis is ``axis_deg``.

    Raises
    ------
    ConfigError
        If no turn reaches the axis: the net QRS vector points almost straight to the front or back.

    Examples
    --------
    >>> round(axis_of(turn_to_axis(HEARTS["normal"], -30.0)), 6)
    -30.0
    """
    x, y, z = _qrs_area(morphology)
    wanted = math.radians(axis_deg)
    # a cos(turn) + b sin(turn) + c = 0: no net vector is left across the wanted axis.
    across = math.cos(wanted) * _LEAD_AVF - math.sin(wanted) * _LEAD_I
    a, b, c = across[0] * x + across[1] * y, across[1] * x - across[0] * y, across[2] * z
    reach = math.hypot(a, b)
    if reach <= abs(c):
        raise ConfigError(f"simulated heart: a frontal axis of {axis_deg:g} degrees cannot be reached by this QRS: enlarge its x and y")
    turns = [math.atan2(b, a) + sign * math.acos(-c / reach) for sign in (-1.0, 1.0)]
    hearts = [_turned(morphology, turn) for turn in turns]
    # One of the two solutions points the other way.
    return min(hearts, key=lambda heart: abs(math.remainder(axis_of(heart) - axis_deg, 360.0)))


def _turned(morphology: Morphology, angle: float) -> Morphology:
    cos, sin = math.cos(angle), math.sin(angle)

    def turn(vector: Vector) -> Vector:
        x, y, z = vector
        return (x * cos - y * sin, x * sin + y * cos, z)

    def turn_all(waves: tuple[Wave, ...]) -> tuple[Wave, ...]:
        return tuple(wave._replace(vector=turn(wave.vector)) for wave in waves)

    return replace(morphology, qrs=turn_all(morphology.qrs), st=turn(morphology.st), t=turn_all(morphology.t))
