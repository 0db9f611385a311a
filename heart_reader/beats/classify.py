"""From a recording to the class of each of its beats.

References
----------
ANSI/AAMI EC57: Testing and reporting performance results of cardiac rhythm and ST segment
measurement algorithms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.beats.features import PREPROCESSOR, LikeBeats, beat_features
from heart_reader.beats.forest import Forest, shipped_forest
from heart_reader.data.annotations import AAMI_CLASSES
from heart_reader.data.preprocessor import PreparedEcg
from heart_reader.data.record import EcgRecord
from heart_reader.errors import ConfigError
from heart_reader.features.qrs_detection import detect_qrs

__all__ = ["FEWEST_BEATS", "Beats", "classify_beats", "classify_prepared", "decide"]

# With fewer nobody knows what is usual for the patient: all of them are Q.
FEWEST_BEATS = 12
# A QRS is one of those that it correlates with by this and, if there are so many, shares their
# answer to the question whether it is ventricular, by this weight in log-odds.
SAME_KIND, FEWEST_OF_A_KIND, SHARED = 0.9, 4, 0.6
# By what S beats count more against all else together, and by what V must be likelier than others:
# so that neither misses many more than it invents, with three seeds of the forest.
S_COUNTS, V_EXCEEDS = 1.25, 1.1


@dataclass(frozen=True, eq=False)
class Beats:
    """The beats of a recording.

    Parameters
    ----------
    samples
        (n_beats,) where they are, in samples of the recording.
    classes
        (n_beats,) of :data:`~heart_reader.data.annotations.AAMI_CLASSES`, see :func:`decide`.
    probabilities
        (n_beats, 5) in their order. They were fitted with rare classes weighted up: what they say
        is which class, not how often one is right.
    """

    samples: NDArray[np.int64]
    classes: NDArray[np.str_]
    probabilities: NDArray[np.float64]


def classify_beats(record: EcgRecord, samples: NDArray[np.integer] | None = None) -> Beats:
    """Tell the class of every beat from its interval and its shape, against the patient's own.

    What is usual is taken from the whole recording: minutes tell more than seconds. Two leads
    count, II or a modified II and the next one; a recording of one lead has it twice.

    Parameters
    ----------
    record
        Any recording.
    samples
        (n_beats,) where its beats are, in rising samples; None detects them.

    Raises
    ------
    ConfigError
        If the samples do not rise or lie outside of the recording.
    RecordError
        If the recording has no lead that carries a signal, or is too short.

    Examples
    --------
    >>> import heart_reader
    >>> beats = classify_beats(heart_reader.read_record("holter.edf"))  # doctest: +SKIP
    >>> (beats.classes == "V").sum()  # doctest: +SKIP
    """
    if samples is not None:
        given = np.asarray(samples)
        if given.ndim != 1 or (np.diff(given) <= 0).any() or (len(given) and not 0 <= given[0] <= given[-1] < record.n_times):
            raise ConfigError(f"{record.record_id}: beats are given as rising samples from 0 to {record.n_times - 1}, each once")
    prepared = PREPROCESSOR.prepare(record)
    if samples is None:
        peaks = detect_qrs(prepared.microvolts[prepared.lead_mask] / np.float32(1000), PREPROCESSOR.fs)
        at = np.clip(np.rint(peaks * record.fs / PREPROCESSOR.fs).astype(np.int64), 0, record.n_times - 1)
    else:
        at = np.asarray(samples, dtype=np.int64)
        peaks = np.clip(np.rint(at * PREPROCESSOR.fs / record.fs).astype(np.int64), 0, prepared.microvolts.shape[1] - 1)
    probabilities = classify_prepared(prepared, peaks)
    return Beats(at, decide(probabilities), probabilities)


def decide(probabilities: NDArray[np.float64]) -> NDArray[np.str_]:
    """Choose the class of each beat: N unless another stands out.

    V has to be likelier by a tenth than N and F together, for a beat that is half of each is no V
    beat, and than S; S, with its weight, likelier than all else together, and so has F. Rule and
    weights were chosen on DS1, patients apart (``results/beats.md``).

    Parameters
    ----------
    probabilities
        (n_beats, 5).

    Returns
    -------
    array
        (n_beats,) of :data:`~heart_reader.data.annotations.AAMI_CLASSES`.

    Examples
    --------
    >>> decide(np.array([[0.3, 0.45, 0.25, 0, 0], [0.5, 0.1, 0.4, 0, 0]])).tolist()
    ['S', 'N']
    """
    n, s, v, f, q = probabilities.T
    classes = np.full(len(probabilities), "N")
    classes[f > n + s + v + q] = "F"
    classes[S_COUNTS * s > n + v + f + q] = "S"
    classes[v > V_EXCEEDS * np.maximum(n + f + q, s)] = "V"
    classes[q > n + s + v + f] = "Q"
    return classes


def classify_prepared(prepared: PreparedEcg, peaks: NDArray[np.integer], forest: Forest | None = None) -> NDArray[np.float64]:
    """Return (n_beats, 5) probabilities of the beats of a prepared recording.

    Parameters
    ----------
    prepared
        As :data:`~heart_reader.beats.features.PREPROCESSOR` makes it.
    peaks
        (n_beats,) rising points of it.
    forest
        None means the one that comes with the package.
    """
    answer = np.zeros((len(peaks), len(AAMI_CLASSES)))
    if len(peaks) < FEWEST_BEATS:
        answer[:, AAMI_CLASSES.index("Q")] = 1.0
        return answer
    forest = forest or shipped_forest()
    features, alike = beat_features(prepared, peaks)
    matrix = np.stack([features[name] for name in forest.names.tolist()], axis=1).astype(np.float32)
    answer[:, [AAMI_CLASSES.index(name) for name in forest.classes.tolist()]] = forest.probabilities(matrix)
    return share_among_alike(answer, alike)


def share_among_alike(probabilities: NDArray[np.float64], alike: LikeBeats) -> NDArray[np.float64]:
    """Let beats that look alike agree on whether they are ventricular.

    Parameters
    ----------
    probabilities
        (n_beats, 5).
    """
    likeness, references = alike
    ventricular = AAMI_CLASSES.index("V")
    own = np.clip(probabilities[:, ventricular], 1e-4, 1 - 1e-4)
    log_odds = np.log(own / (1 - own))
    weights = np.maximum(likeness - SAME_KIND, 0) ** 2
    enough = (weights > 0).sum(axis=1) >= FEWEST_OF_A_KIND
    of_kind = weights @ log_odds[references] / np.maximum(weights.sum(axis=1), 1e-12)
    shared = np.where(enough, (1 - SHARED) * log_odds + SHARED * of_kind, log_odds)
    new = 1 / (1 + np.exp(-shared))
    answer = probabilities * ((1 - new) / (1 - own))[:, None]
    answer[:, ventricular] = new
    normed: NDArray[np.float64] = answer / answer.sum(axis=1, keepdims=True)
    return normed
