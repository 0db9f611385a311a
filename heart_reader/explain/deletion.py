"""What a reading says once parts of a record are taken away: short stretches of single leads.

A lead that is taken away for a while fades to its own median within 40 ms on either side. Nothing
at all (a gap, or zero) would be an edge, which networks have never seen and answer to; a straight
line between the ends of the stretch would draw slopes of its own wherever it cuts a QRS complex.
With everything taken away the record is the baseline of the gradients: each lead held still.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d

from heart_reader.classifier import EcgClassifier
from heart_reader.data.batch import Batch
from heart_reader.data.preprocessor import PreparedEcg
from heart_reader.decisions.decision import log_odds
from heart_reader.pooling import level_means

__all__ = ["SEGMENT_S", "Altered", "Segments", "occlude"]

# About a QRS complex, a P wave or half of a T wave.
SEGMENT_S = 0.1
FADE_S = 0.04
# Altered records that are in memory at a time.
AT_A_TIME = 16


@dataclass(frozen=True)
class Segments:
    """Leads cut into short stretches, one lead after the other.

    Parameters
    ----------
    n_leads, n_times
        Shape of what is cut.
    size
        Time points of a stretch; the last one of a lead may be shorter.
    fade
        Time points of the fading at a border.

    Examples
    --------
    >>> segments = Segments(n_leads=2, n_times=5, size=2, fade=1)
    >>> segments.sums(np.arange(10.0).reshape(2, 5)).tolist()
    [1.0, 5.0, 4.0, 11.0, 15.0, 9.0]
    >>> segments.masks(np.array([[True, False, True, True, True, True]]))[0, 0].tolist()
    [1.0, 1.0, 0.0, 0.0, 1.0]
    """

    n_leads: int
    n_times: int
    size: int
    fade: int

    @property
    def per_lead(self) -> int:
        """Stretches of a lead."""
        return -(-self.n_times // self.size)

    def __len__(self) -> int:
        return self.n_leads * self.per_lead

    def sums(self, relevance: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the (n,) sums of (n_leads, n_times) values."""
        starts = np.arange(0, self.n_times, self.size)
        sums: NDArray[np.float64] = np.add.reduceat(np.asarray(relevance, dtype=np.float64), starts, axis=1).ravel()
        return sums

    def spread(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share (n,) values out evenly in time: (n_leads, n_times) with these sums."""
        lengths = np.diff([*range(0, self.n_times, self.size), self.n_times])
        return np.repeat(values.reshape(self.n_leads, -1) / lengths, lengths, axis=1)

    def masks(self, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Turn (m, n) stretches that stay into (m, n_leads, n_times) factors from 0 to 1."""
        whole = np.repeat(kept.reshape(len(kept), self.n_leads, -1), self.size, axis=2)[..., : self.n_times].astype(np.float64)
        ramp = np.concatenate([np.arange(1, self.fade + 1), np.arange(self.fade - 1, 0, -1)]).astype(np.float64)
        answer: NDArray[np.float64] = convolve1d(whole, ramp / ramp.sum(), axis=2, mode="nearest")
        return answer


class Altered:
    """Reads one record again and again with parts of it taken away.

    Measurements stay those of the whole record: they are explained beside the signal.

    Parameters
    ----------
    classifier
        Of either runtime: no gradients are needed.
    prepared, features
        The record as the classifier takes it.
    stretch
        First time point and the one behind the last.
    explained
        Level and position of the class whose calibrated log-odds are given.
    """

    def __init__(
        self,
        classifier: EcgClassifier,
        prepared: PreparedEcg,
        features: NDArray[np.float32] | None,
        *,
        stretch: tuple[int, int],
        explained: tuple[str, int],
    ) -> None:
        self._classifier, self._features, self._class = classifier, features, explained
        first, last = stretch
        self.signal = prepared.microvolts[:, first:last].astype(np.float64)
        self.still = np.rint(np.median(prepared.microvolts, axis=1, keepdims=True))
        self.lead_mask = prepared.lead_mask
        preprocessor = classifier.preprocessor
        size = max(1, round(SEGMENT_S * preprocessor.fs))
        fade = max(1, round(FADE_S / 2 * preprocessor.fs))
        self.segments = Segments(len(preprocessor.leads), last - first, size, fade)
        self._whole = self._windows(self.signal)
        self._logits = classifier.logits(Batch.of([(self._whole, features)]))

    def log_odds(self, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return (m,) log-odds with the (m, n_segments) stretches that are kept."""
        parts = [kept[first : first + AT_A_TIME] for first in range(0, len(kept), AT_A_TIME)]
        return np.concatenate([self._score(self._logits_of(part)) for part in parts])

    def log_odds_measured(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return (m,) log-odds of the whole signal with (m, n_features) measurements."""
        logits = self._classifier.logits(Batch.of([(self._whole, row) for row in features]))
        return self._score(logits.reshape(len(features), *self._logits.shape))

    def _windows(self, microvolts: NDArray[np.float64]) -> NDArray[np.float32]:
        return self._classifier.preprocessor.windows(PreparedEcg(microvolts.astype(np.int16), self.lead_mask))

    def _logits_of(self, kept: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return (m, n_windows, n_outputs); windows that nothing was taken from are not read."""
        masks = self.segments.masks(kept)
        windows = np.stack([self._windows(np.rint(self.still + mask * (self.signal - self.still))) for mask in masks])
        changed = (windows != self._whole).any(axis=(2, 3))
        answer = np.repeat(self._logits[None], len(kept), axis=0)
        if changed.any():
            answer[changed] = self._classifier.logits(Batch.of([(windows[changed], self._features)]))
        return answer

    def _score(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return calibrated log-odds of (m, n_windows, n_outputs) logits."""
        level, position = self._class
        record = np.repeat(np.arange(len(logits)), logits.shape[1])
        means = level_means(self._classifier.space, logits.reshape(-1, logits.shape[2]), record, self._classifier.decisions)
        return log_odds(means[level][:, position])


def occlude(altered: Altered) -> NDArray[np.float64]:
    """Return what each stretch takes with it when it alone is taken away, (n_leads, n_times).

    It is spread evenly over the stretch. What several stretches say only together, or each for the
    others, is lost: unlike gradients along a path these do not sum to the change of the log-odds.

    References
    ----------
    Zeiler M. D., Fergus R. Visualizing and understanding convolutional networks. ECCV (2014)
    818-833.
    """
    segments = altered.segments
    whole = float(altered.log_odds(np.ones((1, len(segments)), dtype=np.bool_))[0])
    there = np.flatnonzero(np.repeat(altered.lead_mask, segments.per_lead))
    drops = np.zeros(len(segments))
    for first in range(0, len(there), AT_A_TIME):
        taken = there[first : first + AT_A_TIME]
        kept = np.ones((len(taken), len(segments)), dtype=np.bool_)
        kept[np.arange(len(taken)), taken] = False
        drops[taken] = whole - altered.log_odds(kept)
    return segments.spread(drops)
