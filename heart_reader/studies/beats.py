"""The classes of beats against annotations of MIT-BIH, patients apart.

References
----------
ANSI/AAMI EC57: Testing and reporting performance results of cardiac rhythm and ST segment
measurement algorithms. Mar T. et al. Optimization of ECG classification by means of feature
selection. IEEE Transactions on Biomedical Engineering 58 (2011) 2168-2177. Mondejar-Guerra V. et
al. Heartbeat classification fusing temporal and morphological information of ECGs via ensemble of
classifiers. Biomedical Signal Processing and Control 47 (2019) 41-48.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.beats import Beats, classify_beats
from heart_reader.beats.classify import classify_prepared
from heart_reader.data.sources.mitbih import DS1, DS2
from heart_reader.diagnosis import NOTICE
from heart_reader.errors import MissingFiles
from heart_reader.evaluation.bootstrap import Estimate, draw_weights, estimate_of
from heart_reader.evaluation.markdown import markdown_table, with_interval
from heart_reader.folders import write_text
from heart_reader.studies.beat_examples import AnnotatedBeats
from heart_reader.studies.beat_fit import FOLDS, cross_validated, read_recordings
from heart_reader.studies.mitbih import pair_beats

__all__ = ["PAGE", "BeatScores", "estimates", "score", "score_detected", "write_study"]

PAGE = "beats"
# Beats that count: Q, which nobody can tell, does not.
COUNTED = ("N", "S", "V", "F")
FIGURES = ("accuracy", "kappa", "j-kappa", "S sens.", "S PPV", "V sens.", "V PPV", "F sens.", "F PPV")
DRAWS, CONFIDENCE, SEED = 1000, 0.95, 0
# With fewer patients an interval over them says nothing.
FEWEST_PATIENTS = 10


@dataclass(frozen=True)
class BeatScores:
    """How well classes agree.

    Parameters
    ----------
    confusion
        (4, 4) beats by annotated (rows) and read class, N, S, V, F.
    missed, invented
        Annotated beats without a detection, and detections without a beat.
    """

    confusion: tuple[tuple[int, ...], ...]
    missed: int = 0
    invented: int = 0

    @property
    def counts(self) -> NDArray[np.float64]:
        """(4, 4) of the confusion."""
        return np.array(self.confusion, dtype=np.float64)

    @property
    def accuracy(self) -> float:
        """Share of beats read as annotated."""
        return float(np.trace(self.counts) / max(self.counts.sum(), 1))

    @property
    def kappa(self) -> float:
        """Cohen's kappa."""
        total = max(self.counts.sum(), 1)
        chance = float(self.counts.sum(axis=0) @ self.counts.sum(axis=1)) / total**2
        return float((self.accuracy - chance) / max(1 - chance, 1e-9))

    @property
    def sensitivity(self) -> dict[str, float]:
        """Share of the beats of a class that are read as it."""
        return self._share(self.counts.sum(axis=1))

    @property
    def predictivity(self) -> dict[str, float]:
        """Share of the beats read as a class that are of it."""
        return self._share(self.counts.sum(axis=0))

    @property
    def j_kappa(self) -> float:
        """Half of kappa and an eighth of what S and V beats add up to, as Mar et al. weigh them."""
        index = sum(values[name] for values in (self.sensitivity, self.predictivity) for name in ("S", "V"))
        return self.kappa / 2 + index / 8

    def _share(self, totals: NDArray[np.float64]) -> dict[str, float]:
        return dict(zip(COUNTED, (np.diag(self.counts) / np.maximum(totals, 1)).tolist(), strict=True))

    def __add__(self, other: BeatScores) -> BeatScores:
        confusion = (self.counts + other.counts).astype(int).tolist()
        return BeatScores(tuple(map(tuple, confusion)), self.missed + other.missed, self.invented + other.invented)


def score(truth: NDArray[np.str_], read: NDArray[np.str_], missed: int = 0, invented: int = 0) -> BeatScores:
    """Count annotated and read classes; annotated Q do not count, and read Q are read as N.

    Parameters
    ----------
    truth, read
        (n_beats,) of the same beats.

    Examples
    --------
    >>> score(np.array(list("NNSV")), np.array(list("NSSV"))).accuracy
    0.75
    """
    read = np.where(read == "Q", "N", read)
    confusion = tuple(tuple(int(((truth == a) & (read == b)).sum()) for b in COUNTED) for a in COUNTED)
    return BeatScores(confusion, missed, invented)


def score_detected(of: AnnotatedBeats, beats: Beats) -> BeatScores:
    """Score beats that were detected: each annotated beat with the nearest one within 150 ms."""
    pairs = np.array(pair_beats(of.samples / of.record.fs, beats.samples / of.record.fs), dtype=np.intp).reshape(-1, 2)
    found, detected = pairs.T
    return score(of.classes[found], beats.classes[detected], len(of.samples) - len(pairs), len(beats.samples) - len(pairs))


def write_study(folder: Path, out: Path) -> str:
    """Cross-validate on DS1, read what there is of DS2, and write ``beats.md`` and ``beats.json``.

    Parameters
    ----------
    folder
        The MIT-BIH Arrhythmia Database, or a part of it.
    out
        Folder of the page.

    Raises
    ------
    MissingFiles
        If there is no record of DS1.
    """
    first = read_recordings(folder, DS1)
    answers = cross_validated(first)
    parts = {f"DS1, {FOLDS} folds": {name: score(first[name].classes, answers[name]) for name in first}}
    try:
        second = read_recordings(folder, DS2)
    except MissingFiles:
        second = {}
    if second:
        parts["DS2"] = {name: score(of.classes, classify_beats(of.record, of.samples).classes) for name, of in second.items()}
        parts["DS2, detected beats"] = {name: score_detected(of, classify_beats(of.record)) for name, of in second.items()}
    speed = beats_per_second(next(iter(first.values())))
    page = _page(parts, speed)
    values = {"beats_per_second": round(speed), "parts": {title: _values(of) for title, of in parts.items()}}
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / f"{PAGE}.md", page)
    write_text(out / f"{PAGE}.json", json.dumps(values, indent=1) + "\n")
    return page


def beats_per_second(of: AnnotatedBeats) -> float:
    """Return how many given beats are classified in a second of one core's time."""
    classify_prepared(of.prepared, of.peaks)
    started = time.process_time()
    classify_prepared(of.prepared, of.peaks)
    return len(of.peaks) / (time.process_time() - started)


def estimates(parts: Mapping[str, BeatScores]) -> dict[str, Estimate]:
    """Return the figures of all records together, with intervals over patients where they are many.

    Parameters
    ----------
    parts
        Name of the record, which is a patient, to its scores.
    """
    counts = np.stack([of.counts for of in parts.values()])
    drawn = np.concatenate([
        [_figures(_scores(row)) for row in np.einsum("rd,rij->dij", weights, counts)]
        for weights in draw_weights(np.array(list(parts)), DRAWS, SEED)
    ])  # fmt: skip
    points = _figures(_scores(counts.sum(axis=0)))
    if len(parts) < FEWEST_PATIENTS:
        return {name: Estimate(point, None, None) for name, point in zip(FIGURES, points, strict=True)}
    return {name: estimate_of(point, column, CONFIDENCE) for name, point, column in zip(FIGURES, points, drawn.T, strict=True)}


def _scores(counts: NDArray[np.float64]) -> BeatScores:
    return BeatScores(tuple(tuple(row) for row in counts.astype(int).tolist()))


def _figures(scores: BeatScores) -> list[float]:
    shares = [of[name] for name in COUNTED[1:] for of in (scores.sensitivity, scores.predictivity)]
    return [scores.accuracy, scores.kappa, scores.j_kappa, *shares]


def _values(parts: Mapping[str, BeatScores]) -> dict[str, object]:
    total = _total(parts)
    return {
        "records": len(parts),
        "figures": {
            name: [None if value is None else round(value, 4) for value in (of.point, of.low, of.high)]
            for name, of in estimates(parts).items()
        },
        "missed": total.missed,
        "invented": total.invented,
        "confusion": {name: of.confusion for name, of in parts.items()},
    }


def _total(parts: Mapping[str, BeatScores]) -> BeatScores:
    return sum(parts.values(), BeatScores(((0,) * 4,) * 4))


def _page(parts: Mapping[str, Mapping[str, BeatScores]], speed: float) -> str:
    texts = [
        "# Classes of beats on MIT-BIH, patients apart",
        f"Made by `heart-reader study beats`. AAMI classes; the split of de Chazal et al.; beats at their annotated places unless it "
        f"says otherwise. In DS1 two patients at a time are read by a forest that was grown without them; "
        f"how its answers are weighed was chosen on the same folds, which flatters DS1 a little. Q is not counted. "
        f"Intervals: 95 %, {DRAWS} draws of patients. {speed:,.0f} beats a second on one core.",
        _summary(parts),
    ]
    for title, of in parts.items():
        texts += [f"## {title}", _by_record(of)]
    return "\n\n".join([*texts, NOTICE]) + "\n"


def _summary(parts: Mapping[str, Mapping[str, BeatScores]]) -> str:
    rows = []
    for title, of in parts.items():
        figures = [with_interval(value, 3) for value in estimates(of).values()]
        rows.append((title, len(of), int(_total(of).counts.sum()), *figures))
    return markdown_table(("", "records", "beats", *FIGURES), rows)


def _by_record(parts: Mapping[str, BeatScores]) -> str:
    rows = []
    for name, of in parts.items():
        counts = of.counts.astype(int)
        cells = []
        for place in (1, 2):
            found, there, said = counts[place, place], counts[place].sum(), counts[:, place].sum()
            cells += [f"{found} of {there}", said - found]
        rows.append((name, counts.sum(), f"{of.accuracy:.4f}", *cells, of.missed, of.invented))
    return markdown_table(("record", "beats", "accuracy", "S found", "S wrong", "V found", "V wrong", "missed", "invented"), rows)
