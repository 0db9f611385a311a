"""Grow the forest that tells the classes of beats, and say by cross-validation how well it does.

The patients of DS1 only, each left out once, two at a time; what is chosen is chosen here.

References
----------
Geurts P., Ernst D., Wehenkel L. Extremely randomized trees. Machine Learning 63 (2006) 3-42.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from tqdm import tqdm

from heart_reader.beats.classify import classify_prepared, decide
from heart_reader.beats.forest import FOREST, Forest
from heart_reader.data.sources.mitbih import DS1
from heart_reader.errors import MissingFiles
from heart_reader.studies.beat_examples import AnnotatedBeats, Examples, gather, read_beats
from heart_reader.training.trees import not_above

__all__ = ["cross_validated", "fit", "grow", "read_recordings"]

FOLDS, SEED = 11, 0
# What is told apart; of Q there are eight beats.
FITTED = ("N", "S", "V", "F")
# Share of each class in the weight of all recorded examples, and of each made rhythm beside them.
CLASS_SHARE = {"N": 0.55, "S": 0.18, "V": 0.22, "F": 0.05}
MADE_SHARE = {"fibrillation": 0.1, "ectopy": 0.1}
# Most beats of one class and one patient; more of the same teach nothing.
MOST = {"N": 500, "S": 400, "V": 400, "F": 200}
FOREST_PARAMS: dict[str, Any] = {"n_estimators": 100, "min_samples_leaf": 8, "max_features": 0.3, "max_leaf_nodes": 300, "max_depth": 24}


def read_recordings(folder: Path, names: tuple[str, ...]) -> dict[str, AnnotatedBeats]:
    """Read those of the named recordings that are there, with their beats.

    Raises
    ------
    MissingFiles
        If none of them is.
    """
    there = [name for name in names if (folder / f"{name}.atr").exists()]
    if not there:
        raise MissingFiles(f"{folder}: none of the records {', '.join(names[:3])} ...: get them by `heart-reader data download mitbih`")
    return {name: read_beats(folder / name) for name in tqdm(there, "reading", unit="record", disable=None)}


def grow(examples: Examples, seed: int = SEED) -> Forest:
    """Grow a forest.

    Patients count alike whether they have few or many beats of a class: by the root of how many.
    """
    chosen = examples.select(_thinned(examples, np.random.default_rng(seed)))
    model = ExtraTreesClassifier(random_state=seed, **FOREST_PARAMS).fit(chosen.features, chosen.classes, sample_weight=_weights(chosen))
    return _as_arrays(model, chosen.names)


def _thinned(examples: Examples, rng: np.random.Generator) -> NDArray[np.bool_]:
    keep = np.zeros(len(examples.classes), dtype=bool)
    for patient in np.unique(examples.patients):
        for name in FITTED:
            for kind in np.unique(examples.kinds):
                rows = np.flatnonzero((examples.patients == patient) & (examples.classes == name) & (examples.kinds == kind))
                keep[rng.permutation(rows)[: MOST[name]]] = True
    return keep


def _weights(examples: Examples) -> NDArray[np.float64]:
    weights = np.zeros(len(examples.classes))
    recorded = examples.kinds == "recorded"
    for name, share in CLASS_SHARE.items():
        of_class = recorded & (examples.classes == name)
        _, patient, counts = np.unique(examples.patients[of_class], return_inverse=True, return_counts=True)
        own = counts[patient] ** -0.5
        weights[of_class] = share * own / own.sum()
    for kind, share in MADE_SHARE.items():
        rows = examples.kinds == kind
        weights[rows] = share / max(rows.sum(), 1)
    return weights * len(weights)


def _as_arrays(model: ExtraTreesClassifier, names: tuple[str, ...]) -> Forest:
    trees = [tree.tree_ for tree in model.estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])]).astype(np.int32)
    own = [np.arange(tree.node_count) for tree in trees]
    ends = [tree.children_left < 0 for tree in trees]
    values = np.concatenate([tree.value[:, 0] for tree in trees])
    return Forest(
        names=np.array(names),
        classes=np.array(model.classes_.tolist()),
        roots=roots,
        feature=np.concatenate([np.where(end, 0, tree.feature) for tree, end in zip(trees, ends, strict=True)]).astype(np.int16),
        threshold=not_above(np.concatenate([tree.threshold for tree in trees])),
        left=np.concatenate(
            [root + np.where(end, at, tree.children_left) for root, tree, end, at in zip(roots, trees, ends, own, strict=True)]
        ).astype(np.int32),
        right=np.concatenate(
            [root + np.where(end, at, tree.children_right) for root, tree, end, at in zip(roots, trees, ends, own, strict=True)]
        ).astype(np.int32),
        leaf=(values / values.sum(axis=1, keepdims=True)).astype(np.float32),
        depth=np.array(max(tree.max_depth for tree in trees), dtype=np.int32),
    )


def cross_validated(recordings: dict[str, AnnotatedBeats]) -> dict[str, NDArray[np.str_]]:
    """Return the class of every beat of each recording, read by a forest that never saw it."""
    examples = gather(recordings, SEED)
    answer: dict[str, NDArray[np.str_]] = {}
    names = sorted(recordings)
    for number in tqdm(range(FOLDS), "folds", disable=None):
        held_out = names[number::FOLDS]
        forest = grow(examples.select(~np.isin(examples.patients, held_out)))
        for name in held_out:
            of = recordings[name]
            answer[name] = decide(classify_prepared(of.prepared, of.peaks, forest))
    return answer


def fit(folder: Path, out: Path = FOREST) -> Forest:
    """Grow the forest from all of DS1 and write it."""
    forest = grow(gather(read_recordings(folder, DS1), SEED))
    forest.save(out)
    return forest
