"""Annotated beats of MIT-BIH with their features, and beats of rhythms that it has too few of.

Twenty-two patients show few rhythms. What is early in one rhythm is usual in another, and that can
be told from intervals alone: so each patient's beats are also put into intervals of atrial
fibrillation, where no normal beat is early, and of frequent atrial ectopy, where most beats are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from heart_reader.beats.features import PREPROCESSOR, beat_features
from heart_reader.beats.intervals import PREMATURITY, interval_features
from heart_reader.beats.shapes import SHAPE_FS
from heart_reader.data.annotations import AAMI_OF, read_annotations
from heart_reader.data.formats import read_record
from heart_reader.data.preprocessor import PreparedEcg
from heart_reader.data.record import EcgRecord

__all__ = ["KINDS", "AnnotatedBeats", "Examples", "gather", "read_beats"]

# Where examples are from: recorded, in fibrillation, in frequent atrial ectopy.
KINDS = ("recorded", "fibrillation", "ectopy")
FEWEST_NORMAL, FEWEST_ECTOPIC = 1000, 10
N_MADE, MADE_OF = 800, {"fibrillation": 2, "ectopy": 3}


@dataclass(frozen=True, eq=False)
class AnnotatedBeats:
    """One recording with its reference.

    Parameters
    ----------
    samples
        (n_beats,) of the recording.
    peaks
        (n_beats,) the same at the rate of the features.
    classes
        (n_beats,) of AAMI EC57.
    """

    record: EcgRecord
    prepared: PreparedEcg
    samples: NDArray[np.int64]
    peaks: NDArray[np.int64]
    classes: NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Examples:
    """Beats with features.

    Parameters
    ----------
    names
        Of the features.
    features
        (n_beats, n_features).
    classes, patients, kinds
        (n_beats,) class, record, and one of :data:`KINDS`.
    """

    names: tuple[str, ...]
    features: NDArray[np.float32]
    classes: NDArray[np.str_]
    patients: NDArray[np.str_]
    kinds: NDArray[np.str_]

    def select(self, rows: NDArray[np.bool_]) -> Examples:
        """Return some of them."""
        return Examples(self.names, self.features[rows], self.classes[rows], self.patients[rows], self.kinds[rows])


def read_beats(stem: Path) -> AnnotatedBeats:
    """Read a recording and its annotated beats."""
    record = read_record(stem.with_suffix(".hea"))
    times, symbols = read_annotations(stem.with_suffix(".atr"))
    beats = np.array([symbol in AAMI_OF for symbol in symbols], dtype=bool)
    samples = np.clip(times[beats], 0, record.n_times - 1)
    samples, first = np.unique(samples, return_index=True)
    classes = np.array([AAMI_OF[symbol] for symbol in symbols if symbol in AAMI_OF], dtype=np.str_)[first]
    prepared = PREPROCESSOR.prepare(record)
    peaks = np.clip(np.rint(samples * SHAPE_FS / record.fs).astype(np.int64), 0, prepared.microvolts.shape[1] - 1)
    return AnnotatedBeats(record, prepared, samples, peaks, classes)


def gather(recordings: dict[str, AnnotatedBeats], seed: int) -> Examples:
    """Return the beats of some patients, as recorded and in other rhythms."""
    rng = np.random.default_rng(seed)
    parts = []
    for patient, of in tqdm(recordings.items(), "beats", unit="record", disable=None):
        features, _ = beat_features(of.prepared, of.peaks)
        for kind, values, classes in [("recorded", features, of.classes), *_in_other_rhythms(features, of.classes, rng)]:
            parts.append((np.stack(list(values.values()), axis=1).astype(np.float32), classes, patient, kind))
    return Examples(
        tuple(features),
        np.concatenate([matrix for matrix, *_ in parts]),
        np.concatenate([classes for _, classes, *_ in parts]),
        np.concatenate([np.full(len(classes), patient) for _, classes, patient, _ in parts]),
        np.concatenate([np.full(len(classes), kind) for _, classes, _, kind in parts]),
    )


def _in_other_rhythms(
    features: dict[str, NDArray[np.floating]], classes: NDArray[np.str_], rng: np.random.Generator
) -> Iterator[tuple[str, dict[str, NDArray[np.floating]], NDArray[np.str_]]]:
    rhythms = {"fibrillation": _fibrillation, "ectopy": _ectopy}
    possible = {
        "fibrillation": (classes == "N").sum() > FEWEST_NORMAL,
        "ectopy": (classes == "N").sum() > FEWEST_NORMAL and (classes == "S").sum() >= FEWEST_ECTOPIC,
    }
    for kind in [kind for kind, times in MADE_OF.items() for _ in range(times) if possible[kind]]:
        gaps_s, made = rhythms[kind](rng)
        intervals = interval_features(np.cumsum(gaps_s))
        rows = np.zeros(len(made), dtype=np.intp)
        for name in np.unique(made):
            rows[made == name] = rng.choice(np.flatnonzero(classes == name), (made == name).sum())
        values = {name: intervals[name] if name in intervals else of[rows] for name, of in features.items()}
        # Normal and atrial ectopic beats look alike: those of a kind are all of them.
        for name, of in (("prematurity", PREMATURITY), ("compensation", "compensation")):
            values[f"of_its_kind_{name}"] = np.full(len(made), intervals[of].mean())
        yield kind, values, made


def _fibrillation(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Intervals that follow no rule, of normal beats only."""
    gaps = rng.uniform(0.5, 1.1) * np.exp(rng.normal(0, rng.uniform(0.15, 0.3), N_MADE))
    return np.maximum(gaps, 0.3), np.full(N_MADE, "N")


def _ectopy(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Runs of atrial beats, each followed by a pause, between few or many normal ones."""
    usual, coupling, pause = rng.uniform(0.75, 1.3), rng.uniform(0.5, 0.78), rng.uniform(1.0, 1.8)
    longest_run = rng.uniform(1, 6)
    gaps: list[float] = []
    classes: list[str] = []
    while len(gaps) < N_MADE:
        normal = 1 + rng.poisson(rng.uniform(0.3, 3))
        ectopic = 1 + rng.poisson(longest_run)
        gaps += (usual * np.concatenate([[pause], np.ones(normal - 1)]) * np.exp(rng.normal(0, 0.04, normal))).tolist()
        gaps += (usual * coupling * np.exp(rng.normal(0, 0.05, ectopic))).tolist()
        classes += ["N"] * normal + ["S"] * ectopic
    return np.array(gaps[:N_MADE]), np.array(classes[:N_MADE])
