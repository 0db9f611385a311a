"""Relevance of beats: those of one kind share it, and each has its place in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.preprocessor import PreparedEcg, Preprocessor, from_microvolts
from heart_reader.data.record import EcgRecord
from heart_reader.features.beat_analysis import analyse
from heart_reader.features.conditioning import MEASURING_HZ

__all__ = ["average_over_beats", "beats_by_kind"]

# Share of an RR interval that belongs to the beat at its end: from before the P wave. The rest
# belongs to the beat at its beginning.
_BEFORE = 0.4


def beats_by_kind(prepared: PreparedEcg, preprocessor: Preprocessor) -> list[NDArray[np.int64]]:
    """Return aligned time points of the R waves of each kind of beat in a prepared record."""
    signal = from_microvolts(prepared.microvolts[prepared.lead_mask])
    leads = tuple(name for name, there in zip(preprocessor.leads, prepared.lead_mask, strict=True) if there)
    analysis = analyse(EcgRecord("prepared", signal, preprocessor.fs, leads))
    kinds = [] if analysis.main is None else [analysis.main.beats, *analysis.others]
    first = round(analysis.stretch_s[0] * preprocessor.fs)
    return [first + np.rint(kind.at * preprocessor.fs / MEASURING_HZ).astype(np.int64) for kind in kinds]


def average_over_beats(relevance: NDArray[np.float64], kinds: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Replace the relevance of each beat by the mean over beats of its kind.

    Where a beat lies in the windows changes its relevance: windows overlap except at the ends of a
    recording, and a border may cut a beat. That has nothing to do with the heart and averages out.
    Each lead keeps its sum. Every moment of a beat is averaged over the beats that reach it: one in
    a short RR interval ends before others do.

    Parameters
    ----------
    relevance
        (n_leads, n_times).
    kinds
        Time points of the R waves of each kind; those outside are left out.

    Examples
    --------
    >>> relevance = np.array([[0.0, 2.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 1.0]])
    >>> average_over_beats(relevance, [np.array([1, 5])]).tolist()
    [[0.0, 3.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 1.0]]
    """
    n_times = relevance.shape[1]
    inside = [at[(at >= 0) & (at < n_times)] for at in kinds]
    at = np.sort(np.concatenate([*inside, np.zeros(0, dtype=np.int64)]))
    if len(at) < 2:
        return relevance
    rr = np.diff(at)
    usual = int(np.median(rr))
    starts = np.concatenate([[max(0, at[0] - round(_BEFORE * usual))], at[1:] - np.rint(_BEFORE * rr).astype(np.int64)])
    ends = np.concatenate([starts[1:], [min(n_times, at[-1] + usual - round(_BEFORE * usual))]])
    answer = relevance.copy()
    for kind in inside:
        if len(kind) < 2:
            continue
        beats = np.searchsorted(at, kind)
        before, after = (kind - starts[beats]).max(), (ends[beats] - kind).max()
        moments = kind[:, None] + np.arange(-before, after)
        belongs = (moments >= starts[beats][:, None]) & (moments < ends[beats][:, None])
        values = np.where(belongs, relevance[:, moments.clip(0, n_times - 1)], 0.0)
        means = values.sum(axis=1) / np.maximum(belongs.sum(axis=0), 1)
        beat, moment = np.nonzero(belongs)
        answer[:, moments[beat, moment]] = means[:, moment]
    return answer
