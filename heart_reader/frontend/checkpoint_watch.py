"""Whether the checkpoint that is served still lies on disk as it was loaded."""

from __future__ import annotations

from heart_reader.checkpoint import Checkpoint, load_checkpoint
from heart_reader.errors import CheckpointError
from heart_reader.signing import TrustedKeys, check_signature
from heart_reader.signing.signature import SIGNATURE

__all__ = ["CheckpointWatch"]


class CheckpointWatch:
    """Looks at the files of a checkpoint; they are hashed again only where the file system says
    that they changed.

    Parameters
    ----------
    checkpoint
        As it was loaded.
    trusted
        Whose signature a process asks for before it reads with the checkpoint; None if it asks for
        none.
    """

    def __init__(self, checkpoint: Checkpoint, trusted: TrustedKeys | None = None) -> None:
        self._checkpoint, self._trusted = checkpoint, trusted
        self._files = (checkpoint.directory / "manifest.json", checkpoint.weights_path, checkpoint.directory / SIGNATURE)
        self._verified = self._state()

    def is_intact(self) -> bool:
        """Tell whether a process that started now would load the same checkpoint."""
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

    def _state(self) -> list[tuple[int, int, int, int] | None]:
        """What changes when somebody writes to or replaces a file; None for one that cannot be
        looked at.
        """
        states: list[tuple[int, int, int, int] | None] = []
        for file in self._files:
            try:
                status = file.stat()
            except OSError:
                states.append(None)
            else:
                states.append((status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))
        return states
