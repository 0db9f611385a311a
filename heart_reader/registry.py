"""What people add is found by name: models, file formats, sources of data, metrics, tasks.

A registry knows the package that its entries live in and imports all of its modules once, when it
is first asked, so that a new file there is all that a new entry needs.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from threading import RLock
from typing import Generic, TypeVar

from heart_reader.errors import ConfigError

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Entries by name, in the order in which they were registered.

    Parameters
    ----------
    word
        What an entry is, for error messages: ``"model"``.
    package
        The package whose modules register entries when they are imported.

    Examples
    --------
    >>> planets = Registry[float]("planet", "heart_reader.signing")
    >>> planets.add("Mars", 0.38)
    0.38
    >>> planets["Mars"], list(planets)
    (0.38, ['Mars'])
    >>> planets["Pluto"]
    Traceback (most recent call last):
    heart_reader.errors.ConfigError: no planet is called 'Pluto'; there is Mars
    """

    def __init__(self, word: str, package: str) -> None:
        self.word = word
        self._package = package
        self._entries: dict[str, T] = {}
        self._complete = self._importing = False
        self._completing = RLock()

    def add(self, name: str, entry: T) -> T:
        """Register an entry and return it.

        Raises
        ------
        ConfigError
            If another entry has the name.
        """
        if self._entries.get(name, entry) is not entry:
            raise ConfigError(f"two {self.word}s are called {name!r}: rename one of them")
        self._entries[name] = entry
        return entry

    def _complete_entries(self) -> dict[str, T]:
        if not self._complete:
            with self._completing:  # another thread waits until all are there
                # A module may ask the registry while it is imported.
                if not (self._complete or self._importing):
                    self._import_all()
        return self._entries

    def _import_all(self) -> None:
        self._importing = True
        try:
            for module in pkgutil.iter_modules(importlib.import_module(self._package).__path__):
                importlib.import_module(f"{self._package}.{module.name}")
            self._complete = True
        finally:
            self._importing = False

    def __getitem__(self, name: str) -> T:
        """Return an entry.

        Raises
        ------
        ConfigError
            If there is none of that name; the message lists those there are.
        """
        entries = self._complete_entries()
        if name not in entries:
            raise ConfigError(f"no {self.word} is called {name!r}; there is {', '.join(sorted(entries))}")
        return entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._complete_entries()

    def __iter__(self) -> Iterator[str]:
        return iter(self._complete_entries())

    def __len__(self) -> int:
        return len(self._complete_entries())
