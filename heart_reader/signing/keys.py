"""Key files: a private key that signs, and lists of public keys that are trusted.

A private key is PKCS #8 in PEM, with or without a passphrase. A list of public keys has one key per
line, ``ed25519 BASE64 NAME``; empty lines and lines that begin with ``#`` are skipped. Lists can be
concatenated.
"""

from __future__ import annotations

import base64
import binascii
import getpass
import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from heart_reader.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = [
    "TRUSTED_KEYS", "TrustedKeys", "ask_passphrase", "create_key", "key_id", "named_keys", "public_bytes", "read_private_key",
    "without_library",
]  # fmt: skip

TRUSTED_KEYS = "HEART_READER_TRUSTED_KEYS"
ALGORITHM = "ed25519"
PUBLIC_BYTES = 32
MAX_FILE_BYTES = 1 << 16


@dataclass(frozen=True)
class TrustedKeys:
    """Public keys whose signatures are trusted.

    Parameters
    ----------
    keys
        Name and 32 bytes of each.
    """

    keys: tuple[tuple[str, bytes], ...]

    @classmethod
    def read(cls, path: Path) -> TrustedKeys:
        """Read a list of public keys.

        Raises
        ------
        ConfigError
            If the file is missing, holds no key, or has a line that is no key.
        """
        lines = [line.strip() for line in _read(path).splitlines()]
        keys = [_public_key(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line and line[0] != "#"]
        if not keys:
            raise ConfigError(f"{path}: no public key in it; one line a key is expected, '{ALGORITHM} BASE64 NAME'")
        return cls(tuple(keys))

    def find(self, identity: str) -> tuple[str, bytes] | None:
        """Return name and bytes of the key with an identity, or None."""
        return next(((name, value) for name, value in self.keys if key_id(value) == identity), None)

    def __str__(self) -> str:
        return ", ".join(f"{name} ({key_id(value)})" for name, value in self.keys)


def named_keys(path: Path | None) -> TrustedKeys | None:
    """Return the keys of a file, or of the one that ``HEART_READER_TRUSTED_KEYS`` names.

    None means that there is neither, and checkpoints need no signature.

    Raises
    ------
    ConfigError
        If the file is no list of public keys.
    """
    chosen = path or os.environ.get(TRUSTED_KEYS)
    return TrustedKeys.read(Path(chosen)) if chosen else None


def key_id(public: bytes) -> str:
    """Return the short name of a public key: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def create_key(path: Path, name: str, passphrase: str | None) -> Path:
    """Write a private key that only its owner may read, and its public key beside it.

    Parameters
    ----------
    path
        File of the private key; the public key's ends in ``.pub``.
    name
        Name of the key for those who trust it.
    passphrase
        Locks the private key; None leaves it open.

    Returns
    -------
    Path
        File of the public key.

    Raises
    ------
    ConfigError
        If the name is empty or not on one line, or a file exists or cannot be written.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
    except ImportError:
        raise without_library() from None
    if not name.strip() or not name.isprintable():
        raise ConfigError(f"key name {name!r}: a name on one line is needed: pass --name")
    key = Ed25519PrivateKey.generate()
    lock = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase.encode())
    public_path = path.with_name(path.name + ".pub")
    public_line = f"{ALGORITHM} {base64.b64encode(public_bytes(key)).decode()} {name.strip()}\n"
    if public_path.exists():
        raise ConfigError(f"{public_path}: is there already: pass another --key")
    _write_new(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock), 0o600)
    _write_new(public_path, public_line.encode(), 0o644)
    return public_path


def read_private_key(path: Path, ask_passphrase: Callable[[], str]) -> Ed25519PrivateKey:
    """Read a private key.

    Parameters
    ----------
    ask_passphrase
        Called if the key is locked.

    Raises
    ------
    ConfigError
        If the file is no such key, others may read it, or the passphrase is wrong.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise without_library() from None
    content = _read(path).encode()
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise ConfigError(f"{path}: others than its owner may read or change this private key: chmod 600 {path}")
    passphrase = ask_passphrase().encode() if b"ENCRYPTED" in content else None
    try:
        key = load_pem_private_key(content, passphrase)
    except (ValueError, TypeError):
        reason = "wrong passphrase, or a damaged key" if passphrase is not None else "not a private key in PEM: cut short or another file"
        raise ConfigError(f"{path}: {reason}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path}: a key of another kind; {ALGORITHM} is allowed: heart-reader keygen --key FILE")
    return key


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the 32 bytes of the public key of a private one."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def without_library() -> ConfigError:
    """Return the error of an installation without cryptography."""
    return ConfigError("signatures need the package cryptography: pip install 'heart-reader[signing]'")


def _public_key(line: str, where: str) -> tuple[str, bytes]:
    algorithm, _, rest = line.partition(" ")
    encoded, _, name = rest.strip().partition(" ")
    try:
        value = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if algorithm != ALGORITHM or len(value) != PUBLIC_BYTES or not name.strip():
        raise ConfigError(f"{where}: no public key; '{ALGORITHM} BASE64 NAME' is expected, as in the .pub file that keygen writes")
    return name.strip(), value


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error}): pass a key file") from None


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
            stream.write(content)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror or error}): pass another --key") from None


PASSPHRASE = "HEART_READER_SIGNING_PASSPHRASE"  # noqa: S105


def ask_passphrase(*, twice: bool = False) -> str:
    """Return the passphrase from the environment, or ask for it.

    Parameters
    ----------
    twice
        Ask twice, for a new key.

    Raises
    ------
    ConfigError
        If there is no terminal to ask on, the passphrase is empty, or the two differ.
    """
    if PASSPHRASE not in os.environ and not sys.stdin.isatty():
        raise ConfigError(f"the key has a passphrase, and there is no terminal to ask for it: set {PASSPHRASE}")
    passphrase = os.environ.get(PASSPHRASE) or getpass.getpass("Passphrase of the key: ")
    if not passphrase:
        raise ConfigError("an empty passphrase locks nothing: leave --passphrase out, or type one")
    if twice and PASSPHRASE not in os.environ and getpass.getpass("The same again: ") != passphrase:
        raise ConfigError("the two passphrases differ: run the command again")
    return passphrase
