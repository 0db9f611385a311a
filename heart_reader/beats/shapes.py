"""The shape of each beat against the patient's usual beat, lead by lead.

References
----------
de Chazal P., O'Dwyer M., Reilly R. B. Automatic classification of heartbeats using ECG morphology
and heartbeat interval features. IEEE Transactions on Biomedical Engineering 51 (2004) 1196-1206.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHAPE_FS", "cut_beats", "lead_features", "likeness", "likeness_features", "usual_beat"]

Values = NDArray[np.floating]

SHAPE_FS = 250.0
BEFORE_S, AFTER_S = 0.3, 0.4
PEAK = round(BEFORE_S * SHAPE_FS)
LENGTH = PEAK + round(AFTER_S * SHAPE_FS)
# Around the peak, in points of 4 ms: the QRS complex, its flanks, and where a P wave stands.
QRS = slice(PEAK - 18, PEAK + 25)
SLOPES = slice(PEAK - 35, PEAK + 40)
P_WAVE = slice(PEAK - 60, PEAK - 15)
LEVEL = slice(0, PEAK - 12)
T_WAVE = slice(PEAK + 25, LENGTH)
# Beats that others are compared with: enough to know what is common, few enough for a day of them.
N_REFERENCES = 240
# Beats of a QRS that correlates by this are of one kind.
ALIKE = 0.85
# A beat within a tenth of its usual time is taken for one of the basic rhythm.
ON_TIME = 0.1


def cut_beats(signal_mv: Values, peaks: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return (n_leads, n_beats, 175) mV around each peak, the level before the QRS at zero.

    Parameters
    ----------
    signal_mv
        (n_leads, n_times) at :data:`SHAPE_FS`.
    peaks
        (n_beats,) points.
    """
    padded = np.pad(signal_mv.astype(np.float32), ((0, 0), (LENGTH, LENGTH)), mode="edge")
    beats: NDArray[np.float32] = padded[:, peaks[:, None] + (LENGTH - PEAK + np.arange(LENGTH))]
    beats -= np.median(beats[:, :, LEVEL], axis=2, keepdims=True)
    return beats


def usual_beat(beats: Values, prematurity: Values) -> Values:
    """Return the median of the beats that come in time and look alike, (175,) of one lead."""
    in_time = np.abs(prematurity) < ON_TIME
    if in_time.sum() < 10:
        in_time = np.ones(len(beats), dtype=bool)
    median: Values = np.median(beats[in_time], axis=0)
    for _ in range(2):
        similar = _correlation(beats, median)
        chosen = in_time & (similar > np.median(similar[in_time]) - 0.02)
        if chosen.sum() > 5:
            median = np.median(beats[chosen], axis=0)
    return median


def lead_features(beats: Values, usual: Values) -> dict[str, Values]:
    """Return features of every beat in one lead by name, each (n_beats,).

    Parameters
    ----------
    beats
        (n_beats, 175), see :func:`cut_beats`.
    usual
        (175,) the patient's usual beat.
    """
    qrs, usual_qrs = beats[:, QRS], usual[QRS]
    height, size = np.ptp(qrs, axis=1), float(np.ptp(usual_qrs)) + 0.05
    width, steepest = _slopes(beats)
    usual_width, usual_steepest = _slopes(usual[None])
    p_wave = beats[:, P_WAVE] - beats[:, P_WAVE].mean(axis=1, keepdims=True)
    usual_p = usual[P_WAVE] - usual[P_WAVE].mean()
    t_wave = beats[:, T_WAVE]
    neighbours = _correlation(qrs[1:], qrs[:-1])
    features = {
        "qrs_likeness": _correlation(qrs, usual_qrs),
        "t_likeness": _correlation(t_wave, usual[T_WAVE]),
        "p_likeness": _correlation(beats[:, 15 : PEAK - 15], usual[15 : PEAK - 15]),
        "likeness": _correlation(beats, usual),
        "qrs_difference": _difference(qrs, usual_qrs, size),
        "p_difference": _difference(beats[:, 15 : PEAK - 15], usual[15 : PEAK - 15], size),
        "t_difference": _difference(t_wave, usual[T_WAVE], size),
        "height": np.log((height + 0.02) / size),
        "highest": (qrs.max(axis=1) - usual_qrs.max()) / size,
        "lowest": (qrs.min(axis=1) - usual_qrs.min()) / size,
        "width": np.log(width / usual_width),
        "area": np.log(_area(qrs, height) / _area(usual_qrs[None], np.ptp(usual_qrs, keepdims=True))),
        "p_height": (np.ptp(p_wave, axis=1) - np.ptp(usual_p)) / size,
        "p_projection": p_wave @ usual_p / (usual_p @ usual_p + 1e-4),
        "t_highest": (t_wave.max(axis=1) - usual[T_WAVE].max()) / size,
        "t_lowest": (t_wave.min(axis=1) - usual[T_WAVE].min()) / size,
        "likeness_before": np.concatenate([neighbours[:1], neighbours]),
        "likeness_after": np.concatenate([neighbours, neighbours[-1:]]),
    }
    features["slope"] = np.log((steepest + 1e-3) / (usual_steepest + 1e-3)) - features["height"]
    # Noise makes all beats differ: what counts is a difference beyond that of most.
    ranked = ("qrs_difference", "width", "height", "p_difference", "t_difference", "area")
    return features | {f"{name}_beyond_most": _standing_out(features[name]) for name in ranked}


def likeness(beats: Values) -> tuple[Values, NDArray[np.intp]]:
    """Return how alike QRS complexes are, (n_beats, n_references) correlations, and references.

    Parameters
    ----------
    beats
        (n_leads, n_beats, 175); leads count by the size of their complexes.
    """
    qrs = beats[:, :, QRS] - beats[:, :, QRS].mean(axis=2, keepdims=True)
    joined = np.concatenate(list(qrs), axis=1)
    joined /= np.linalg.norm(joined, axis=1, keepdims=True) + 1e-6
    references = np.unique(np.linspace(0, len(joined) - 1, min(N_REFERENCES, len(joined))).astype(np.intp))
    return joined @ joined[references].T, references


def likeness_features(alike: Values, references: NDArray[np.intp], values: dict[str, Values]) -> dict[str, Values]:
    """Return how common each beat's QRS is, and means of values over the beats that look like it.

    Parameters
    ----------
    alike
        (n_beats, n_references), see :func:`likeness`.
    values
        By name (n_beats,).
    """
    common = {f"common_{round(100 * least)}": (alike > least).mean(axis=1) for least in (0.8, 0.9, 0.95)}
    weights = np.maximum(alike - ALIKE, 0) ** 2 + 1e-7
    weights /= weights.sum(axis=1, keepdims=True)
    return common | {f"of_its_kind_{name}": weights @ of[references] for name, of in values.items()}


def _correlation(a: Values, b: Values) -> Values:
    a = a - a.mean(axis=-1, keepdims=True)
    b = b - b.mean(axis=-1, keepdims=True)
    answer: Values = (a * b).sum(axis=-1) / np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1) + 1e-9)
    return answer


def _difference(parts: Values, usual: Values, size: float) -> Values:
    """Root mean square of the difference, as the logarithm of its share of the usual QRS."""
    answer: Values = np.log(np.sqrt(((parts - usual) ** 2).mean(axis=1)) / size + 1e-3)
    return answer


def _slopes(beats: Values) -> tuple[Values, Values]:
    """Spread in time of the energy of the slopes, in points, and the steepest slope."""
    energy = np.diff(beats[:, SLOPES], axis=1) ** 2
    points = np.arange(energy.shape[1], dtype=energy.dtype)
    total = energy.sum(axis=1) + 1e-9
    centre = energy @ points / total
    spread = np.sqrt(np.maximum(energy @ points**2 / total - centre**2, 0.01))
    return spread, np.sqrt(energy.max(axis=1))


def _area(qrs: Values, height: Values) -> Values:
    answer: Values = np.abs(qrs).sum(axis=1) / (height + 0.02)
    return answer


def _standing_out(values: Values) -> Values:
    """Distance from the median in robust standard deviations."""
    away = values - np.median(values)
    answer: Values = np.clip(away / (1.48 * np.median(np.abs(away)) + 1e-3), -20, 20)
    return answer
