"""What the windows of records say together, at every level."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.labels import LabelSpace
from heart_reader.data.preprocessor import Preprocessor
from heart_reader.decisions.decision import Decisions

__all__ = ["Pooled", "level_means", "pool", "timeline"]


def level_means(
    space: LabelSpace,
    logits: NDArray[np.floating],
    record: NDArray[np.integer] | None = None,
    decisions: Mapping[str, Decisions] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Turn the logits of windows into probabilities of records.

    Parameters
    ----------
    logits
        (n_windows, n_outputs).
    record
        (n_windows,) the record of each window, never falling; None for windows of one record.
    decisions
        By level what calibrates; a level that is not named stays as it is.

    Returns
    -------
    dict
        Level name to (n_records, n_classes).

    Examples
    --------
    >>> from heart_reader.data.labels import Level
    >>> space = LabelSpace({"a": Level("a", ("yes",))}, ("a",))
    >>> logits = np.array([[0.0], [0.0], [9.0]])
    >>> level_means(space, logits, np.array([0, 0, 1]))["a"].round(2).tolist()
    [[0.5], [1.0]]
    """
    first: NDArray[np.intp] | list[int] = [] if record is None else np.flatnonzero(np.diff(record)) + 1
    nothing = Decisions()
    return {
        name: (decisions or {}).get(name, nothing).calibrate(np.stack([part.mean(axis=0) for part in np.split(of, first)]))
        for name, of in space.probabilities(logits).items()
    }


class Pooled(NamedTuple):
    """What all windows of a record say.

    Parameters
    ----------
    mean, highest
        Level name to (n_classes,) probabilities, over all windows.
    per_window
        (n_windows, n_classes) of the first level.
    """

    mean: dict[str, NDArray[np.float64]]
    highest: dict[str, NDArray[np.float64]]
    per_window: NDArray[np.float64]


def pool(parts: Iterable[Mapping[str, NDArray[np.float64]]], names: Sequence[str]) -> Pooled:
    """Take mean and maximum over the windows of one record, some windows at a time.

    Parameters
    ----------
    parts
        Level name to (n_windows, n_classes) probabilities, of some windows after the others.
    names
        The levels that are pooled.

    Examples
    --------
    >>> pooled = pool([{"a": np.array([[0.2], [0.4]])}, {"a": np.array([[0.9]])}], ["a"])
    >>> pooled.mean["a"], pooled.highest["a"], pooled.per_window.shape
    (array([0.5]), array([0.9]), (3, 1))
    """
    sums: dict[str, NDArray[np.float64]] = {}
    highest: dict[str, NDArray[np.float64]] = {}
    rows: list[NDArray[np.float64]] = []
    for answers in parts:
        for name in names:
            total, top = np.add.reduce(answers[name]), np.maximum.reduce(answers[name])
            sums[name] = sums[name] + total if rows else total
            highest[name] = np.maximum(highest[name], top) if rows else top
        rows.append(answers[names[0]])
    first = np.concatenate(rows)
    return Pooled({name: total / len(first) for name, total in sums.items()}, highest, first)


def timeline(
    per_window: NDArray[np.float64], class_names: Sequence[str], preprocessor: Preprocessor, starts: NDArray[np.int64], n_times: int
) -> tuple[Mapping[str, Any], ...]:
    """Return begin, end and probabilities of every window.

    Parameters
    ----------
    per_window
        (n_windows, n_classes), calibrated.
    starts
        (n_windows,) where the windows begin, in time points of the prepared record.
    n_times
        Its length.
    """
    fs, length = preprocessor.fs, preprocessor.n_times
    return tuple(
        {
            "start_s": float(max(start, 0) / fs),
            "end_s": float(min(start + length, n_times) / fs),
            "probabilities": dict(zip(class_names, row, strict=True)),
        }
        for start, row in zip(starts.tolist(), per_window.tolist(), strict=True)
    )
