"""Where a DICOMweb archive is and how one is let in: address, secret, trust, patience.

Secrets come from the environment or from a file, never from a command line, which every user of a
machine can see.
"""

from __future__ import annotations

import base64
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from heart_reader.errors import ConfigError
from heart_reader.machine import is_loopback

__all__ = ["TOKEN", "Access", "headers_of_environment", "headers_of_file"]

TOKEN, USER, PASSWORD = "HEART_READER_ARCHIVE_TOKEN", "HEART_READER_ARCHIVE_USER", "HEART_READER_ARCHIVE_PASSWORD"
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)[ \t]*")
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Access:
    """How to reach a DICOMweb archive.

    Parameters
    ----------
    url
        Root of its services, such as ``https://archive.example/dicom-web``.
    headers
        Sent with every request: what lets one in.
    ca
        File of the certificates that are trusted beside no others; None for those of the machine.
    timeout_s
        For a connection, and between two pieces of an answer.
    retries
        How often a request is repeated that found no answer, or an archive that was busy.
    max_bytes
        Size of an answer at most.
    insecure
        Whether secrets may go to another machine without TLS.

    Raises
    ------
    ConfigError
        If the address is none, holds a secret, or would carry one unprotected.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca: Path | None = None
    timeout_s: float = 20.0
    retries: int = 4
    max_bytes: int = 512 * MEGABYTE
    insecure: bool = False

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            parts, host = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
            shown = self.url.rpartition("@")[2]
            raise ConfigError(f"{shown!r} is no address of DICOMweb services: such as https://archive.example/dicom-web is needed")
        if parts.username is not None or parts.password is not None:
            raise ConfigError(f"no name and password in the address, please: set {USER} and {PASSWORD}, or name a file with --headers")
        if self.headers and parts.scheme == "http" and not self.insecure and not is_loopback(host):
            raise ConfigError(f"http://{host} would carry your secret in plain text: use https, or --insecure in a network that you trust")
        if self.ca is not None and not self.ca.is_file():
            raise ConfigError(f"{self.ca}: no such file of certificates")

    @classmethod
    def of(cls, url: str, *, headers_file: Path | None = None, environment: Mapping[str, str] = os.environ, **others: object) -> Access:
        """Make it with the secrets of a file, or else of the environment; the rest as it is named.

        Raises
        ------
        ConfigError
            As for the class, and if the file of headers cannot be used.
        """
        headers = headers_of_environment(environment) if headers_file is None else headers_of_file(headers_file)
        return cls(url.rstrip("/"), headers, **others)  # type: ignore[arg-type]


def headers_of_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the header of a token, or of a name and a password.

    Raises
    ------
    ConfigError
        If there is a name without a password, a password without a name, or a token beside them.
    """
    token, user, password = (environment.get(name) or None for name in (TOKEN, USER, PASSWORD))
    if token is not None and (user is not None or password is not None):
        raise ConfigError(f"{TOKEN} and {USER} are both set: one of them lets you in, unset the other")
    if (user is None) != (password is None):
        raise ConfigError(f"{USER} and {PASSWORD} belong together: set both")
    if token is not None:
        return dict([_header(f"Authorization: Bearer {token}", TOKEN)])
    if user is not None and password is not None:
        if ":" in user:
            raise ConfigError(f"{USER}: a name with a colon cannot be sent")
        return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
    return {}


def headers_of_file(path: Path) -> dict[str, str]:
    """Return headers, one a line: ``Authorization: Bearer ...`` or ``X-API-Key: ...``.

    Empty lines and those that begin with ``#`` are passed over.

    Raises
    ------
    ConfigError
        If it cannot be read, is readable by everyone, or holds something else.
    """
    try:
        if os.name == "posix" and path.stat().st_mode & stat.S_IROTH:
            raise ConfigError(f"{path}: everyone on this machine can read these headers: chmod o-r {path}")
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is no ASCII text"
        raise ConfigError(f"{path}: the headers cannot be read, {reason}") from None
    headers = dict(_header(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip() and line[0] != "#")
    if not headers:
        raise ConfigError(f"{path}: no header in it; a line such as Authorization: Bearer ... is needed")
    return headers


def _header(line: str, where: str) -> tuple[str, str]:
    """Take a header apart; what is wrong with it is said without it."""
    match = _HEADER.fullmatch(line.strip())
    if match is None:
        raise ConfigError(f"{where}: no header of HTTP; such as Authorization: Bearer ... is needed, in ASCII")
    return match[1], match[2]
