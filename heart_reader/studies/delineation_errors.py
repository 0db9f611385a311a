"""How far the delineation lies from cardiologists' marks, per beat and for the median beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.one_record import one_record
from heart_reader.features.beat_analysis import BeatAnalysis, Kind, all_kinds, analyse, mark_beats
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.delineation import place_boundaries
from heart_reader.features.wave_edges import BOUNDARIES
from heart_reader.studies.delineation_fit import (
    N_FOLDS,
    BoundaryData,
    MarkedRecord,
    boundary_data,
    fit_boundary,
    marked_records,
    median_marks,
)

__all__ = ["BoundaryErrors", "delineation_errors"]

Array = NDArray[np.floating]

WINDOW_MS = 150.0


@dataclass(frozen=True, eq=False)
class BoundaryErrors:
    """Errors of one boundary over all records.

    Parameters
    ----------
    beat_ms
        Per marked beat and lead, ours minus theirs, matched within 150 ms.
    median_ms
        Per record and lead, median beat minus median of the marks.
    missed, invented
        Marked waves without ours within 150 ms, and ours without a mark between the first and the
        last marked QRS complex.
    """

    beat_ms: Array
    median_ms: Array
    missed: int
    invented: int

    @property
    def sensitivity(self) -> float:
        """Percent of the marked boundaries that were found."""
        return 100.0 * len(self.beat_ms) / max(len(self.beat_ms) + self.missed, 1)

    @property
    def predictivity(self) -> float:
        """Percent of ours that were marked."""
        return 100.0 * len(self.beat_ms) / max(len(self.beat_ms) + self.invented, 1)


@dataclass(frozen=True, eq=False)
class _Analysed:
    marked: MarkedRecord
    analysis: BeatAnalysis
    kinds: tuple[Kind, ...]
    data: Mapping[str, BoundaryData]


def delineation_errors(folder: Path, *, refit: bool) -> dict[str, BoundaryErrors]:
    """Delineate every record of a folder in LUDB's layout and compare.

    Parameters
    ----------
    refit
        True measures each tenth of the records with weights fitted on the others, False takes the
        shipped weights.

    Raises
    ------
    MissingFiles
        If there are no such records.
    """
    records = []
    for marked in marked_records(folder):
        with one_record(marked.record.record_id):
            analysis = analyse(marked.record)
            records.append(_Analysed(marked, analysis, all_kinds(analysis), boundary_data(marked, analysis)))
    parts: list[list[BoundaryErrors]] = [[] for _ in BOUNDARIES]
    for fold in range(N_FOLDS):
        chosen = records[fold::N_FOLDS]
        others = [record.data for n, record in enumerate(records) if n % N_FOLDS != fold]
        weights = {name: fit_boundary([data[name] for data in others if name in data]) for name in BOUNDARIES} if refit else None
        for record in chosen:
            kinds = record.kinds if weights is None else tuple(_placed(kind, record.analysis, weights) for kind in record.kinds)
            for part, errors in zip(parts, _errors_of(record, kinds), strict=True):
                part.append(errors)
    return {
        name: BoundaryErrors(
            np.concatenate([errors.beat_ms for errors in part]),
            np.concatenate([errors.median_ms for errors in part]),
            sum(errors.missed for errors in part),
            sum(errors.invented for errors in part),
        )
        for name, part in zip(BOUNDARIES, parts, strict=True)
    }


def _placed(kind: Kind, analysis: BeatAnalysis, weights: Mapping[str, Array]) -> Kind:
    """The same beats with boundaries from other weights."""
    placed = place_boundaries(kind.delineation.waves, analysis.lead_names, weights)
    placed.leads[np.isnan(kind.delineation.leads)] = np.nan
    return replace(kind, delineation=placed)


def _errors_of(record: _Analysed, kinds: Sequence[Kind]) -> list[BoundaryErrors]:
    _, ours = mark_beats(record.analysis, kinds)
    main = kinds[0]
    r_s = record.analysis.stretch_s[0] + main.beats.at / MEASURING_HZ
    _, medians = median_marks(record.marked, r_s, record.analysis.rr / MEASURING_HZ)
    result = []
    for column, name in enumerate(BOUNDARIES):
        matched, missed, invented = [], 0, 0
        for lead, waves in enumerate(record.marked.waves):
            found = ours[:, lead, column]
            theirs = [wave[1 if column % 2 == 0 else 3] for wave in waves if wave.name == name.split("_")[0]]
            span = [wave.peak_s for wave in waves if wave.name == "qrs"]
            hits, lost, made_up = _match(found[np.isfinite(found)], np.array(theirs, float), span)
            matched.append(hits)
            missed += lost
            invented += made_up
        difference = main.delineation.leads[:, column] - medians[:, column]
        result.append(BoundaryErrors(np.concatenate(matched), difference[np.isfinite(difference)], missed, invented))
    return result


def _match(ours_s: Array, theirs_s: Array, span_s: Sequence[float]) -> tuple[Array, int, int]:
    """Errors in ms of the matched, number of missed, number of invented boundaries of one lead."""
    theirs_s = theirs_s[np.isfinite(theirs_s)]
    # The first and the last beats of a strip are not marked.
    between = ours_s[(ours_s > min(span_s)) & (ours_s < max(span_s))] if span_s else ours_s[:0]
    if not len(theirs_s):
        return np.zeros(0), 0, len(between)
    if not len(ours_s):
        return np.zeros(0), len(theirs_s), 0
    nearest = ours_s[np.argmin(np.abs(ours_s[None] - theirs_s[:, None]), axis=1)]
    error = (nearest - theirs_s) * 1000.0
    hit = np.abs(error) <= WINDOW_MS
    invented = int((np.abs(theirs_s[None] - between[:, None]).min(axis=1) * 1000.0 > WINDOW_MS).sum()) if len(between) else 0
    return error[hit], int((~hit).sum()), invented
