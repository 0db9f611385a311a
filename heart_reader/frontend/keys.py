"""The keys of a server: named, kept as hashes, in a file that may change while it runs."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from pathlib import Path

from pydantic import SecretStr

from heart_reader.errors import ConfigError

__all__ = ["KeyRing", "file_stamp", "key_hash", "new_key"]

log = logging.getLogger("heart_reader.frontend")

# The key of HEART_READER_API_KEY, which has no name of its own.
DEFAULT = "default"
MAX_FILE_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HASH = re.compile(r"[0-9a-f]{64}")


def key_hash(key: str) -> str:
    """SHA-256 of a key in hexadecimal.

    A hash without salt and stretching is enough: keys are random and long, nobody chooses them from
    a dictionary.

    Examples
    --------
    >>> key_hash("correct horse battery staple")[:16]
    'c4bbcb1fbec99d65'
    """
    return hashlib.sha256(key.encode()).hexdigest()


def new_key(name: str) -> tuple[str, str]:
    """Make a key.

    Returns
    -------
    key
        What the client sends; it is kept nowhere.
    line
        What the file of keys needs.

    Raises
    ------
    ConfigError
        If the file cannot hold the name.
    """
    if not _NAME.fullmatch(name) or name == DEFAULT:
        raise ConfigError(
            f"a key cannot be named {name!r}: take up to 64 letters, digits, '.', '_' and '-', and not {DEFAULT!r}, "
            "which is the key of HEART_READER_API_KEY"
        )
    key = secrets.token_urlsafe(32)
    return key, f"{name} {key_hash(key)}"


class KeyRing:
    """The keys that a server takes.

    Parameters
    ----------
    own
        Key of the environment, named ``default``.
    file
        Lines of a name and the SHA-256 of its key, see :func:`new_key`. It is read again when it
        changes; one that cannot be read leaves the keys as they are.

    Raises
    ------
    ConfigError
        If the file cannot be read when the server starts.
    """

    def __init__(self, own: SecretStr | None, file: Path | None) -> None:
        self._own = {} if own is None else {DEFAULT: key_hash(own.get_secret_value())}
        self._file = file
        self._stamp = None if file is None else file_stamp(file)
        self._hashes = self._own if file is None else {**self._own, **_read(file)}

    def __bool__(self) -> bool:
        """Whether a key is needed."""
        return bool(self._hashes)

    def name_of(self, sent_hash: str) -> str | None:
        """Name of the key with that hash, or None."""
        self._look()
        found = None
        # Every hash is compared and each in constant time: how long it takes reveals nothing about
        # a guess.
        for name, known in self._hashes.items():
            if hmac.compare_digest(known, sent_hash):
                found = name
        return found

    def _look(self) -> None:
        """Read the file again if it is another one than before."""
        if self._file is None or (stamp := file_stamp(self._file)) == self._stamp:
            return
        self._stamp = stamp
        try:
            self._hashes = {**self._own, **_read(self._file)}
        except ConfigError as error:
            log.error("the keys stay as they were: the file of keys cannot be used", extra={"reason": error.message})
        else:
            log.info("keys read again", extra={"names": list(self._hashes)})


def file_stamp(file: Path) -> tuple[int, ...] | None:
    """What changes when a file is written or replaced; None for one that cannot be looked at."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _read(file: Path) -> dict[str, str]:
    """Hashes by name."""
    try:
        with file.open("rb") as source:
            text = source.read(MAX_FILE_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the file of keys {file} cannot be read: {error}") from None
    hashes: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, known = line.strip().partition(" ")
        known = known.strip().lower()
        if not (_NAME.fullmatch(name) and name != DEFAULT and name not in hashes and _HASH.fullmatch(known)):
            # The line itself is not repeated: it may hold a key by mistake.
            raise ConfigError(
                f"line {number} of the file of keys {file} is not a name of its own and the SHA-256 of a key, separated by a space: "
                "make one with `heart-reader serve --new-key NAME`"
            )
        hashes[name] = known
    if not hashes:
        raise ConfigError(f"the file of keys {file} holds no key: add one with `heart-reader serve --new-key NAME`")
    return hashes
