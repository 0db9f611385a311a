"""What every source becomes: one row per record, or part of one, with path, patient and labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.labels import ALL, LabelSpace, Level, any_known
from heart_reader.errors import ConfigError, DataError, LeakageError

__all__ = ["SPLITS", "RecordTable", "merge_tables"]

SPLITS = ("train", "val", "test")
_COLUMNS = ("record_ids", "paths", "patient_ids", "splits", "ages", "sexes", "starts_s", "stops_s")


@dataclass(frozen=True, eq=False)
class RecordTable:
    """Records on disk with their labels.

    Parameters
    ----------
    record_ids
        (n_records,) unique names.
    paths
        (n_records,) absolute paths that ``read_record`` takes; rows that are parts of one
        recording share it.
    patient_ids
        (n_records,) names, empty where the patient is not known.
    splits
        (n_records,) of ``train``, ``val``, ``test``.
    labels
        Level name to (n_records, n_classes) float32: 1, 0, or NaN where it is not known.
    space
        The levels and heads.
    label_rule
        How labels were made from statements.
    source
        Where the rows come from, for reports.
    left_out
        Reason to number of rows that are not here.
    ages, sexes
        (n_records,) years or NaN; ``"male"``, ``"female"`` or empty.
    groups
        Further columns, such as ``device`` and ``site``, for subgroups: (n_records,) texts
        each, empty where not known.
    starts_s, stops_s
        (n_records,) float64, seconds from the start of the recording between which a row lies, NaN
        where it begins or ends with the recording; None if every row is a whole recording.
    """

    record_ids: NDArray[np.str_]
    paths: NDArray[np.str_]
    patient_ids: NDArray[np.str_]
    splits: NDArray[np.str_]
    labels: Mapping[str, NDArray[np.float32]]
    space: LabelSpace
    label_rule: str
    source: str
    left_out: Mapping[str, int] = field(default_factory=dict)
    ages: NDArray[np.float32] | None = None
    sexes: NDArray[np.str_] | None = None
    groups: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    starts_s: NDArray[np.float64] | None = None
    stops_s: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n_records = len(self.record_ids)
        columns = {"paths": self.paths, "patient_ids": self.patient_ids, "splits": self.splits, **self.labels, **self.groups}
        columns |= {name: own for name in ("starts_s", "stops_s") if (own := getattr(self, name)) is not None}
        uneven = {name: len(column) for name, column in columns.items() if len(column) != n_records}
        if uneven:
            raise DataError(f"{self.source}: {n_records} records but {uneven}; every column needs one value per record")
        for name, values in self.labels.items():
            if values.shape[1] != len(self.space.levels[name].class_names):
                raise DataError(f"{self.source}: {values.shape[1]} label columns for level {name}")
        unknown = sorted(set(self.splits.tolist()) - set(SPLITS))
        if unknown:
            raise DataError(f"{self.source}: splits {unknown}; allowed are {', '.join(SPLITS)}: correct the split column")
        repeated = [name for name, count in Counter(self.record_ids.tolist()).items() if count > 1]
        if repeated:
            times = int((self.record_ids == repeated[0]).sum())
            raise DataError(f"{self.source}: record {repeated[0]} is listed {times} times: keep one row per record")
        starts, stops = self.parts.T
        if (starts < 0).any() or (stops <= starts).any() or (stops <= 0).any():
            raise DataError(f"{self.source}: parts of recordings that begin before 0 s or end before they begin: correct starts_s, stops_s")
        self._refuse_leakage()

    def _refuse_leakage(self) -> None:
        for kind, names in (("patient", self.patient_ids), ("file", self.paths)):
            pairs = {(name, split) for name, split in zip(names.tolist(), self.splits.tolist(), strict=True) if name}
            shared = sorted(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
            if shared:
                where = sorted(split for name, split in pairs if name == shared[0])
                raise LeakageError(
                    f"{self.source}: {kind} {shared[0]} is in {' and '.join(where)} ({len(shared)} such in all); "
                    f"each {kind} belongs to one split: correct the split column"
                )

    def __len__(self) -> int:
        return len(self.record_ids)

    @property
    def parts(self) -> NDArray[np.float64]:
        """(n_records, 2) seconds where each row starts and stops, NaN for a recording's end."""
        return np.stack([np.full(len(self), np.nan) if own is None else own for own in (self.starts_s, self.stops_s)], axis=1)

    @property
    def are_parts(self) -> NDArray[np.bool_]:
        """(n_records,) whether each row is a part of its recording."""
        starts, stops = ~np.isnan(self.parts.T)
        partial: NDArray[np.bool_] = starts | stops
        return partial

    def select(self, keep: NDArray[np.bool_] | NDArray[np.integer]) -> RecordTable:
        """Return the rows that a mask or positions choose, in that order."""
        columns: dict[str, Any] = {name: None if (own := getattr(self, name)) is None else own[keep] for name in _COLUMNS}
        labels = {name: values[keep] for name, values in self.labels.items()}
        return replace(self, **columns, labels=labels, groups={name: values[keep] for name, values in self.groups.items()})

    def split(self, name: str) -> RecordTable:
        """Return the rows of one split.

        Raises
        ------
        DataError
            If the split is empty.
        """
        chosen = self.select(self.splits == name)
        if len(chosen) == 0:
            raise DataError(f"{self.source}: no record in split {name}; there are {dict(Counter(self.splits.tolist()))}")
        return chosen

    def drop(self, reason: str, gone: NDArray[np.bool_]) -> RecordTable:
        """Leave rows out and count them under a reason."""
        if not gone.any():
            return self
        left_out = {**self.left_out, reason: self.left_out.get(reason, 0) + int(gone.sum())}
        return replace(self.select(~gone), left_out=left_out)

    def y_true(self, level: str) -> NDArray[np.float32]:
        """Return (n_records, n_classes) labels of a level.

        Raises
        ------
        ConfigError
            If the table does not know the level.
        """
        if level not in self.labels:
            raise ConfigError(f"{self.source} has no labels at level {level!r}; it has {', '.join(self.labels)}")
        return self.labels[level]

    def describe_gaps(self, level: str, split: str, *, complete: bool) -> str:
        """Name the classes that no record of a split carries, or that none is without.

        Parameters
        ----------
        complete
            Count only records whose truth is known for every class, as metrics and thresholds do.

        Returns
        -------
        str
            Such as ``"no record with TRIGU, PSVT"``; empty where there are no gaps.

        Raises
        ------
        ConfigError
            If the table does not know the level.
        DataError
            If the split is empty, or no class has records with it and records without it.
        """
        labels = self.split(split).y_true(level)
        if complete:
            labels = labels[~np.isnan(labels).any(axis=1)]
        with_it, without_it = (labels == 1).any(axis=0), (labels == 0).any(axis=0)
        if not (with_it & without_it).any():
            raise DataError(
                f"{self.source}: no class of level {level} has both records with it and records without it in split {split}, "
                f"where {len(labels)} records are labelled: choose another level, or data that carry its classes"
            )
        gaps = []
        for word, there in (("with", with_it), ("without", without_it)):
            absent = [name for name, found in zip(self.space.levels[level].class_names, there.tolist(), strict=True) if not found]
            gaps += [f"no record {word} {', '.join(absent)}"] if absent else []
        return "; ".join(gaps)

    def drop_unlabelled(self, level: str) -> RecordTable:
        """Leave out, and count, the rows that carry none of the classes of a level.

        Rows of which that is not known stay, and of a level of one class all rows; of a binary
        level those go that are on neither or on both sides.

        Raises
        ------
        ConfigError
            If the table does not know the level.
        """
        values, contrast = self.y_true(level), self.space.levels[level].contrast
        if contrast is not None:
            names = self.space.levels[contrast.of].class_names
            sides = ["/".join(names[position] for position in side) for side in (contrast.positive, contrast.negative)]
            return self.drop(f"{self.source}: neither or both of {' and '.join(sides)}", np.isnan(values[:, 0]))
        if values.shape[1] == 1:
            return self
        return self.drop(f"{self.source}: no class at level {level}", (values == 0).all(axis=1))

    def blank_unlabelled(self, level: str) -> RecordTable:
        """Mark a level as not known (NaN) where a row carries none of its classes.

        Raises
        ------
        ConfigError
            If the table does not know the level.
        """
        values = self.y_true(level)
        nothing = (values == 0).all(axis=1, keepdims=True)
        return replace(self, labels={**self.labels, level: np.where(nothing, np.float32(np.nan), values)})

    def counts(self) -> dict[str, int]:
        """Return the number of records per split."""
        return {name: int((self.splits == name).sum()) for name in SPLITS}


def merge_tables(tables: Sequence[RecordTable]) -> RecordTable:
    """Join tables; of what is listed twice the first row stays and the other is counted.

    Rows that know only their superclasses get NaN for the statements, except where the superclass
    settles them: a superclass that is absent rules out each of its statements, and a superclass of
    one statement is that statement. What statements settle about a coarser level is filled in
    likewise, and what is known of the classes that a binary level sets against each other.

    Raises
    ------
    ConfigError
        If the tables follow different label rules or class lists.
    DataError
        If two tables label the same record differently.
    LeakageError
        If a record, file or patient is in two splits.
    """
    first, *others = tables
    merged = first
    for other in others:
        merged = _append(merged, other)
    return replace(merged, labels=_imply_labels(merged.labels, merged.space))


def _append(first: RecordTable, other: RecordTable) -> RecordTable:
    if first.label_rule != other.label_rule:
        raise ConfigError(
            f"{other.source} follows label rule {other.label_rule}, {first.source} follows {first.label_rule}: "
            "read both by one rule or train on one of them"
        )
    levels = _join_levels(first, other)
    known = _check_overlap(first, other)
    other = other.select(~known)
    left_out = Counter(first.left_out) + Counter(other.left_out)
    if known.any():
        left_out[f"already listed by {first.source}"] += int(known.sum())
    columns: dict[str, Any] = {name: _stack(getattr(first, name), getattr(other, name), first, other) for name in _COLUMNS}
    return RecordTable(
        **columns,
        labels={
            name: _stack(first.labels.get(name), other.labels.get(name), first, other, len(level.class_names))
            for name, level in levels.items()
        },
        space=LabelSpace(levels, first.space.heads),
        label_rule=first.label_rule,
        source=f"{first.source} + {other.source}",
        left_out=dict(left_out),
        groups={name: _stack(first.groups.get(name), other.groups.get(name), first, other) for name in {**first.groups, **other.groups}},
    )


def _stack(a: NDArray[Any] | None, b: NDArray[Any] | None, first: RecordTable, other: RecordTable, *width: int) -> Any:
    """Put a column of two tables below each other; one that a table lacks is NaN, or empty text."""
    like = a if a is not None else b
    if like is None and not width:
        return None
    blank = "" if like is not None and like.dtype.kind == "U" else np.float32(np.nan)
    return np.concatenate([np.full((len(table), *width), blank) if own is None else own for own, table in ((a, first), (b, other))])


def _join_levels(first: RecordTable, other: RecordTable) -> dict[str, Level]:
    """Unite levels; how one follows from statements may be known to one table only."""
    levels = dict(first.space.levels)
    for name, level in other.space.levels.items():
        mine = levels.setdefault(name, level)
        if mine.class_names != level.class_names:
            raise ConfigError(f"{other.source}: level {name} has classes {level.class_names}, {first.source} has {mine.class_names}")
        if None not in (mine.members, level.members) and mine.members != level.members:
            raise ConfigError(f"{other.source}: level {name} is made of other statements than in {first.source}: use one statement list")
        if mine.members is None and mine.contrast is None:
            levels[name] = level
    return levels


def _check_overlap(first: RecordTable, other: RecordTable) -> NDArray[np.bool_]:
    """Mark the rows of ``other`` that the first table has too; refuse contradictions."""
    row_of_id = {name: row for row, name in enumerate(first.record_ids.tolist())}
    row_of_part = {part: row for row, part in enumerate(_keys_of_parts(first))}
    pairs = zip(other.record_ids.tolist(), _keys_of_parts(other), strict=True)
    twin = np.array([row_of_id.get(name, row_of_part.get(part, -1)) for name, part in pairs], dtype=np.int64)
    theirs = np.flatnonzero(twin >= 0)
    mine = twin[theirs]
    _refuse_namesakes(first, mine, other, theirs)
    moved = theirs[first.splits[mine] != other.splits[theirs]]
    if len(moved):
        raise LeakageError(
            f"record {other.record_ids[moved[0]]} is in different splits of {first.source} and {other.source} ({len(moved)} such in "
            "all): correct the split column, or give different recordings different ids"
        )
    for name in [name for name in first.labels if name in other.labels]:
        a, b = first.labels[name][mine], other.labels[name][theirs]
        contrary = theirs[((a != b) & ~np.isnan(a) & ~np.isnan(b)).any(axis=1)]
        if len(contrary):
            raise DataError(
                f"record {other.record_ids[contrary[0]]} has other labels at level {name} in {other.source} than in {first.source} "
                f"({len(contrary)} such in all): correct the labels, or give different recordings different ids"
            )
    known = np.zeros(len(other), dtype=bool)
    known[theirs] = True
    return known


def _keys_of_parts(table: RecordTable) -> list[tuple[str, float, float]]:
    """What makes rows the same piece of signal: file, start and stop, -1 for a file's end."""
    starts, stops = np.nan_to_num(table.parts, nan=-1.0).T
    return list(zip(table.paths.tolist(), starts.tolist(), stops.tolist(), strict=True))


def _refuse_namesakes(first: RecordTable, mine: NDArray[np.int64], other: RecordTable, theirs: NDArray[np.int64]) -> None:
    """Refuse different files that share an id only because they are called alike."""
    for a, b, name in zip(first.paths[mine].tolist(), other.paths[theirs].tolist(), other.record_ids[theirs].tolist(), strict=True):
        if a != b and PurePath(a).stem == PurePath(b).stem == name:
            raise DataError(
                f"record {name} is {a} in {first.source} and {b} in {other.source}: two recordings, or one twice? Give both a column "
                "record_id, with different ids for different recordings"
            )


def _imply_labels(labels: Mapping[str, NDArray[np.float32]], space: LabelSpace) -> dict[str, NDArray[np.float32]]:
    """Fill statements that known classes settle, then coarser levels, then binary ones."""
    filled = {name: values.copy() for name, values in labels.items()}
    if ALL in filled:
        made_of = {
            name: level.members for name, level in space.levels.items() if name != ALL and level.members is not None and name in filled
        }
        _imply_statements(filled, made_of)
        for name, members in made_of.items():
            settled = np.stack([any_known(filled[ALL][:, list(group)]) for group in members], axis=1)
            filled[name] = np.where(np.isnan(filled[name]), settled, filled[name])
    for name, level in space.levels.items():
        if level.contrast is not None and level.contrast.of in filled:
            settled = level.contrast.truth(filled[level.contrast.of])
            filled[name] = np.where(np.isnan(filled[name]), settled, filled[name]) if name in filled else settled
    return filled


def _imply_statements(filled: dict[str, NDArray[np.float32]], made_of: Mapping[str, tuple[tuple[int, ...], ...]]) -> None:
    """Fill the statements that a class rules out, or is made of alone."""
    statements = filled[ALL]
    for name, members in made_of.items():
        for column, group in enumerate(members):
            coarse = filled[name][:, column]
            settled = (coarse == 0) | ((coarse == 1) & (len(group) == 1))
            for position in group:
                unknown = settled & np.isnan(statements[:, position])
                statements[unknown, position] = coarse[unknown]
