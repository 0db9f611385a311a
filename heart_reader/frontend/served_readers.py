"""The readers of one server: what each is called, its checkpoint, and whether that is unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from heart_reader.checkpoint import Checkpoint, load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.data.batch import Batch
from heart_reader.errors import CheckpointError, ConfigError
from heart_reader.frontend.error_answers import RequestRefused
from heart_reader.frontend.keys import file_stamp
from heart_reader.frontend.model_facts import model_facts
from heart_reader.signing import TrustedKeys, check_signature
from heart_reader.signing.signature import SIGNATURE
from heart_reader.weights import DEFAULT_READER, find_reader, shipped_readers

__all__ = ["ServedReader", "ServedReaders", "name_readers"]

# A run keeps its checkpoint in a folder of this name: the run's own name says more.
CHECKPOINT_FOLDER = "checkpoint"
NAME = re.compile(r"[\w.+-]{1,64}")


def name_readers(asked: tuple[str, ...]) -> dict[str, Path]:
    """Return name to directory of the readers that are asked for, in their order.

    Parameters
    ----------
    asked
        Each the name of a shipped reader, a checkpoint directory, which is named after its folder,
        or ``NAME=`` before one of these; nothing means the default reader.

    Raises
    ------
    ConfigError
        If there is no such reader, or two of one name.
    """
    named: dict[str, Path] = {}
    for one in asked or (DEFAULT_READER,):
        given, _, place = one.partition("=") if "=" in one and not Path(one).is_dir() else ("", "", one)
        directory = find_reader(place)
        folder = directory.resolve()
        name = given or (place if place in shipped_readers() else folder.parent.name if folder.name == CHECKPOINT_FOLDER else folder.name)
        if not NAME.fullmatch(name):
            raise ConfigError(f"{one}: a reader cannot be called {name!r}: name it with letters, digits, . + - or _, as NAME={place}")
        if name in named:
            raise ConfigError(f"two readers are called {name}: name one of them otherwise, as NAME={place}")
        named[name] = directory
    return named


@dataclass(frozen=True)
class ServedReader:
    """One reader.

    Parameters
    ----------
    name
        What requests ask for it by.
    checkpoint
        As it was loaded.
    facts
        Its model card.
    watch
        Says whether its files are still the same.
    """

    name: str
    checkpoint: Checkpoint
    facts: Mapping[str, Any]
    watch: CheckpointWatch

    @classmethod
    def load(cls, name: str, directory: Path, trusted: TrustedKeys | None) -> ServedReader:
        """Load what a checkpoint says of itself; whoever reads with it opens its weights.

        Raises
        ------
        CheckpointError
            If it cannot be served.
        """
        checkpoint = load_checkpoint(directory)
        signer = None if trusted is None else check_signature(checkpoint, trusted)
        described = EcgClassifier(checkpoint, _not_here, signer)
        return cls(name, checkpoint, model_facts(described), CheckpointWatch(checkpoint, trusted))

    def listed(self) -> dict[str, Any]:
        """What a list of readers says of it."""
        sha256 = self.checkpoint.sha256
        title = next((reader.title for reader in shipped_readers().values() if reader.sha256 == sha256), None)
        keys = ("level", "levels", "leads", "checkpoint_sha256")
        return {
            "name": self.name,
            "title": title,
            "model": self.facts["name"],
            "fs": self.facts["preprocessor"]["fs"],
            "intact": self.watch.is_intact(),
            **{key: self.facts[key] for key in keys},
        }


def _not_here(batch: Batch) -> NoReturn:
    raise AssertionError("the server itself reads nothing")


class ServedReaders:
    """The readers of one server by name; the first is the default.

    Raises
    ------
    CheckpointError
        If one of them cannot be served.
    """

    def __init__(self, directories: Mapping[str, Path], trusted: TrustedKeys | None) -> None:
        self._readers = {name: ServedReader.load(name, directory, trusted) for name, directory in directories.items()}

    def __iter__(self) -> Iterator[ServedReader]:
        """Yield them, the default first."""
        return iter(self._readers.values())

    @property
    def default(self) -> ServedReader:
        """Who reads where nobody is asked for."""
        return next(iter(self))

    def get(self, name: str | None) -> ServedReader:
        """Return a reader, the default one for None.

        Raises
        ------
        RequestRefused
            404 if there is none of this name.
        """
        reader = self.default if name is None else self._readers.get(name)
        if reader is None:
            words = f"There is no such reader here: choose among {', '.join(self._readers)}, see GET /api/v1/readers."
            raise RequestRefused(404, "unknown_reader", words)
        return reader


class CheckpointWatch:
    """Says whether a checkpoint is unchanged; it is hashed again if a file's status changed."""

    def __init__(self, checkpoint: Checkpoint, trusted: TrustedKeys | None = None) -> None:
        self._checkpoint, self._trusted = checkpoint, trusted
        self._files = (checkpoint.directory / "manifest.json", checkpoint.weights_path, checkpoint.directory / SIGNATURE)
        self._verified = self._state()

    def is_intact(self) -> bool:
        """Return whether a process that started now would load the same checkpoint."""
        state = self._state()
        if state != self._verified:
            try:
                found = load_checkpoint(self._checkpoint.directory)
                if found.sha256 != self._checkpoint.sha256:
                    return False
                if self._trusted is not None:
                    check_signature(found, self._trusted)
            except (CheckpointError, OSError):
                return False
            self._verified = state
        return True

    def _state(self) -> list[tuple[int, ...] | None]:
        return [file_stamp(file) for file in self._files]
