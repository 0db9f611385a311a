"""Names that DICOM gives: classes of ECGs, and identifiers that may become names of files.

References
----------
DICOM PS3.4, B.5 Standard SOP Classes; PS3.5, 9 Unique Identifiers; PS3.5, 6.2 (AE titles).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from heart_reader.errors import ArchiveError, ConfigError

__all__ = ["ECG_CLASSES", "AeAddress", "checked_ae", "checked_uid", "derived_uid"]

# Storage classes of ECG waveforms.
ECG_CLASSES: Mapping[str, str] = {
    "1.2.840.10008.5.1.4.1.1.9.1.1": "12-lead ECG",
    "1.2.840.10008.5.1.4.1.1.9.1.2": "general ECG",
    "1.2.840.10008.5.1.4.1.1.9.1.3": "ambulatory ECG",
    "1.2.840.10008.5.1.4.1.1.9.1.4": "general 32-bit ECG",
}
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
LONGEST_UID = 64
LONGEST_AE = 16


@dataclass(frozen=True)
class AeAddress:
    """Where an application entity listens.

    Parameters
    ----------
    title
        Its AE title.
    host, port
        Its address in the network.
    """

    title: str
    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> AeAddress:
        """Read ``TITLE@HOST:PORT``.

        Raises
        ------
        ConfigError
            If the text is none.

        Examples
        --------
        >>> AeAddress.of("ORTHANC@10.0.0.7:4242")
        AeAddress(title='ORTHANC', host='10.0.0.7', port=4242)
        """
        match = re.fullmatch(r"([^@]+)@\[?([^\s@\[\]]+)\]?:([0-9]{1,5})", text)
        if match is None or not 0 < int(match[3]) < 65536:
            raise ConfigError(f"{text!r} is no address of an archive: TITLE@HOST:PORT is needed, such as ORTHANC@10.0.0.7:4242")
        return cls(checked_ae(match[1]), match[2], int(match[3]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.title}@{host}:{self.port}"


def checked_ae(title: str) -> str:
    r"""Return an AE title without the spaces around it.

    Raises
    ------
    ConfigError
        If it is empty, longer than 16 characters or has others than ASCII allows.

    Examples
    --------
    >>> checked_ae(" HEART_READER ")
    'HEART_READER'
    """
    stripped = title.strip(" ")
    if not 0 < len(stripped) <= LONGEST_AE or not stripped.isascii() or not stripped.isprintable() or "\\" in stripped:
        raise ConfigError(f"{title!r} is no AE title: 1 to {LONGEST_AE} ASCII characters without backslash are needed")
    return stripped


def checked_uid(value: object, what: str) -> str:
    """Return a unique identifier, which is then safe as a name of a file and in an address.

    Parameters
    ----------
    what
        Whose it is, for the message.

    Raises
    ------
    ArchiveError
        If it is none.

    Examples
    --------
    >>> checked_uid("1.2.840.1", "study")
    '1.2.840.1'
    """
    text = str(value).rstrip(" \0")
    if len(text) > LONGEST_UID or not _UID.fullmatch(text):
        raise ArchiveError(
            f"{text[:LONGEST_UID]!r} identifies no {what}: numbers with dots between are needed, {LONGEST_UID} characters at most"
        )
    return text


def derived_uid(*parts: str) -> str:
    """Return the identifier of what was made of some things: the same of the same.

    So that an archive has what is sent to it twice once.

    References
    ----------
    DICOM PS3.5, B.2 UUID Derived UID; RFC 9562, 5.5 (UUID of version 5).

    Examples
    --------
    >>> derived_uid("1.2.3", "abc")
    '2.25.233512392894767884051150838196106251448'
    """
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, '/'.join(parts)).int}"
