"""The questions that a classifier may be trained to answer, each one a level of labels.

A new question is a file here, or an entry in one, that registers it; ``task.level`` and
``task.heads`` name it from then on. Levels made of statements are registered with
:func:`register_task`, those that set superclasses against each other with
:func:`register_contrast`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from heart_reader.data.labels import ALL, SUPERDIAGNOSTIC, Contrast, Level
from heart_reader.data.scp_statements import ScpStatement
from heart_reader.registry import Registry

__all__ = ["TASKS", "Task", "build_levels", "contrast_levels", "missing_statements", "register_contrast", "register_task"]

Groups = Mapping[str, Sequence[str]]
Grouping = Callable[[Sequence[ScpStatement]], Groups]


@dataclass(frozen=True)
class Task:
    """One question.

    Parameters
    ----------
    title
        The question in a few words.
    groups
        Makes, of a list of statements, the codes that each class consists of; None for a contrast.
    class_name, present, absent
        The one class of a contrast, the superclasses that make it present, and those that make it
        absent.
    """

    title: str
    groups: Grouping | None = None
    class_name: str = ""
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


TASKS: Registry[Task] = Registry("task", __name__)


def register_task(name: str, title: str) -> Callable[[Grouping], Grouping]:
    """Register the decorated function as a level made of statements.

    It maps a list of statements to the codes of each class. A list that lacks one of these codes
    does not have the level.
    """

    def register(groups: Grouping) -> Grouping:
        TASKS.add(name, Task(title, groups))
        return groups

    return register


def register_contrast(name: str, title: str, class_name: str, *, present: tuple[str, ...], absent: tuple[str, ...]) -> None:
    """Register a binary level: a superclass of ``present`` applies, or one of ``absent`` does."""
    TASKS.add(name, Task(title, None, class_name, present, absent))


def build_levels(statements: Sequence[ScpStatement]) -> dict[str, Level]:
    """Return the levels, by name, that a list of statements has all codes for.

    Examples
    --------
    >>> from heart_reader.data.scp_statements import SCP_STATEMENTS
    >>> levels = build_levels(SCP_STATEMENTS)
    >>> [len(levels[name].class_names) for name in ("all", "diagnostic", "superdiagnostic")]
    [71, 44, 5]
    """
    codes = [statement.code for statement in statements]
    levels = {}
    for name, task in TASKS.items():
        groups = {} if task.groups is None else task.groups(statements)
        if groups and not missing_statements(name, statements):
            members = tuple(tuple(codes.index(code) for code in group) for group in groups.values())
            levels[name] = Level(name, tuple(groups), None if name == ALL else members)
    return levels | contrast_levels(levels[SUPERDIAGNOSTIC].class_names)


def missing_statements(name: str, statements: Sequence[ScpStatement]) -> tuple[str, ...]:
    """Return the codes that a task needs and a list of statements lacks.

    Raises
    ------
    ConfigError
        If no task has the name.
    """
    task, codes = TASKS[name], {statement.code for statement in statements}
    groups = {} if task.groups is None else task.groups(statements)
    return tuple(code for group in groups.values() for code in group if code not in codes)


def contrast_levels(superclasses: Sequence[str]) -> dict[str, Level]:
    """Return the binary levels, by name, whose superclasses are all there.

    Parameters
    ----------
    superclasses
        The classes of the level ``superdiagnostic``, in their order.

    Examples
    --------
    >>> list(contrast_levels(["NORM", "MI"]))
    ['mi_vs_norm']
    """
    levels = {}
    for name, task in TASKS.items():
        if task.groups is None and set(superclasses) >= {*task.present, *task.absent}:
            sides = [tuple(superclasses.index(superclass) for superclass in side) for side in (task.present, task.absent)]
            levels[name] = Level(name, (task.class_name,), contrast=Contrast(SUPERDIAGNOSTIC, *sides))
    return levels
