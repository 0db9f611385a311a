"""Sign checkpoints and check signatures.

A signature is a file of its own, ``manifest.sig``, so that a checkpoint is the same with and
without it. It signs the checkpoint's hash, which covers the manifest and, through the manifest's
hash of them, the weights: a change of either invalidates it.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heart_reader.checkpoint import Checkpoint, load_checkpoint
from heart_reader.errors import CheckpointError, HeartReaderError, Integrity, NotTrusted
from heart_reader.folders import write_text
from heart_reader.signing.keys import ALGORITHM, TrustedKeys, key_id, public_bytes, without_library

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["SIGNATURE", "check_signature", "sign_checkpoint", "signature_facts"]

SIGNATURE = "manifest.sig"
FORMAT = 1
MAX_FILE_BYTES = 4096
# Precedes the hash, so that a signature made for another purpose is not valid for a checkpoint.
PURPOSE = b"heart_reader checkpoint 1\n"


@dataclass(frozen=True)
class _Signature:
    key: str
    checkpoint_sha256: str
    value: bytes


def sign_checkpoint(directory: Path, key: Ed25519PrivateKey) -> Checkpoint:
    """Verify a checkpoint's hashes and write its signature, in place of any other.

    Raises
    ------
    CheckpointError
        If the checkpoint is damaged, or its folder cannot be written.
    """
    checkpoint = load_checkpoint(directory)
    content = {
        "format": FORMAT,
        "algorithm": ALGORITHM,
        "key": key_id(public_bytes(key)),
        "checkpoint_sha256": checkpoint.sha256,
        "signature": base64.b64encode(key.sign(_signed(checkpoint.sha256))).decode(),
    }
    path = checkpoint.directory / SIGNATURE
    try:
        write_text(path, json.dumps(content, indent=2) + "\n")
    except HeartReaderError as error:
        raise CheckpointError(error.message) from error
    return checkpoint


def check_signature(checkpoint: Checkpoint, trusted: TrustedKeys) -> str:
    """Return the name of the trusted key that signed a checkpoint.

    Raises
    ------
    ConfigError
        If the package that verifies signatures is not installed.
    Integrity
        If the signature file is damaged.
    NotTrusted
        If the checkpoint is unsigned, was changed since, or is signed with another key.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise without_library() from None
    path = checkpoint.directory / SIGNATURE
    signature = _read(checkpoint.directory)
    if signature is None:
        raise NotTrusted(f"{checkpoint.directory}: not signed (no {SIGNATURE}); only checkpoints signed by {trusted} are read here")
    found = trusted.find(signature.key)
    if found is None:
        raise NotTrusted(f"{path}: signed with key {signature.key}; only checkpoints signed by {trusted} are read here")
    if signature.checkpoint_sha256 != checkpoint.sha256:
        raise NotTrusted(
            f"{path}: the signature of checkpoint {signature.checkpoint_sha256}, and this is {checkpoint.sha256}: it was changed after it "
            "was signed; copy it again from whoever signed it"
        )
    name, public = found
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature.value, _signed(checkpoint.sha256))
    except InvalidSignature:
        raise NotTrusted(f"{path}: not a signature of this checkpoint by {name}: forged or damaged; do not use it") from None
    return name


def signature_facts(checkpoint: Checkpoint, signer: str | None) -> dict[str, Any]:
    """Return what is known of who made a checkpoint.

    Parameters
    ----------
    signer
        The name from :func:`check_signature`; None if the signature was not checked.

    Returns
    -------
    dict
        ``state``: ``"verified"``, ``"not_verified"`` or ``"unsigned"``; ``by``, name of the trusted
        key; ``key``, identity of the key that signed or claims to have.
    """
    try:
        signature = _read(checkpoint.directory)
    except Integrity:
        return {"state": "not_verified", "by": None, "key": None}
    if signature is None:
        return {"state": "unsigned", "by": None, "key": None}
    return {"state": "not_verified" if signer is None else "verified", "by": signer, "key": signature.key}


def _signed(sha256: str) -> bytes:
    return PURPOSE + sha256.encode("ascii")


def _read(directory: Path) -> _Signature | None:
    """Return the signature in a checkpoint's folder, None where there is none."""
    path = directory / SIGNATURE
    try:
        with path.open("rb") as stream:
            content = json.loads(stream.read(MAX_FILE_BYTES))
        if (content["format"], content["algorithm"]) != (FORMAT, ALGORITHM):
            raise Integrity(f"{path}: format {content['format']} of {content['algorithm']}; {FORMAT} of {ALGORITHM} is read")
        key, sha256, value = content["key"], content["checkpoint_sha256"], base64.b64decode(content["signature"], validate=True)
        if not re.fullmatch("[0-9a-f]{16}", key) or not re.fullmatch("[0-9a-f]{64}", sha256):
            raise ValueError("a key or a hash that is none")
        return _Signature(key, sha256, value)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise Integrity(f"{path}: not a signature file: changed or cut short; copy it again, or have the checkpoint signed again") from None
