"""What an operator may set, by argument or by environment variable (``HEART_READER_PORT=8123``)."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from heart_reader.machine import MEGABYTE, is_loopback, usable_cores

__all__ = ["MEGABYTE", "Settings", "first_complaint"]

MIN_KEY_LENGTH = 16
SAMPLES = Path(__file__).resolve().parent.parent / "samples"


class Settings(BaseSettings):
    """Settings of one server.

    Parameters
    ----------
    checkpoint
        Name or directory of the reader to serve; None means the shipped one.
    readers
        Several readers instead, with commas between them: names, directories, ``NAME=DIRECTORY``;
        the first reads where a request asks for none.
    explain_checkpoint
        Directory of the torch checkpoint that the first was exported from; None means to look for
        it.
    trusted_keys
        File of public keys, one of which must have signed the checkpoint; None means no signature.
    host, port
        Where to listen; port 0 takes any free one.
    api_key
        What clients send as ``X-API-Key``; where others reach the server, it or a file is needed.
    api_keys_file
        File of named keys, see :class:`~heart_reader.frontend.keys.KeyRing`.
    allowed_hosts
        Host names of the server, separated by commas; None means this machine's own names where
        only this machine is served, and any name elsewhere.
    trusted_proxies
        Addresses and networks of proxies whose ``X-Forwarded-For`` is believed, with commas.
    audit_log
        File of the audit lines; None means the standard error, among the other lines.
    max_connections
        Connections open at a time; for one more, the longest idle one is closed.
    max_per_address
        Requests of one address that are answered at a time; None means half of the places of the
        queue, and no limit where only this machine is served.
    patience_s
        How long a client is waited for, in seconds: for the whole head of a request, and for
        ``patience_s * min_bytes_per_s`` bytes of a recording or of the answer that it takes.
    min_bytes_per_s
        The slowest that a client may send or take.
    max_uploads
        Uploads that may be under way at a time; for one more, the slowest is refused.
    samples_dir
        Folder of the ECGs that the page offers; a folder that does not exist offers none.
    max_upload_mb
        Largest request body in MiB.
    max_files
        Most files of one record.
    upload_timeout_s
        Longest time a client may take to send a record, in seconds.
    max_concurrency
        Readings made at the same time. One more than the cores keeps these busy while answers and
        recordings are handed over; more than that only makes each of them slower.
    processes
        Whether they are made in as many processes, which takes more memory and reads on all cores;
        else in threads of the server. A thread cannot be ended: there a reading has no other bound
        than ``max_values``, and goes on when its client has left.
    max_values
        Most values of one record, leads times time points, each second counted as 1200 of them at
        least; the default is a day of two leads, or hours of twelve.
    reading_timeout_s
        Longest time of one reading or explanation once it has begun, in seconds, as often as its
        files have 24 MiB or a part of it; the process of one that takes longer is replaced.
    reading_memory_mb
        Memory that one reading or explanation may take beyond what its process holds when it is
        idle, in MiB; bounded on Linux only.
    queue_limit
        Requests that may wait for their turn; the next one is answered 503.
    retry_after_s
        How long a refused client is asked to wait, in seconds.
    debug
        Log tracebacks with their messages.

    Raises
    ------
    ValidationError
        If a value is out of range, or other machines can reach the server without a key.

    Examples
    --------
    >>> Settings(port=8123).port
    8123
    """

    model_config = SettingsConfigDict(env_prefix="HEART_READER_", frozen=True, extra="forbid")

    checkpoint: Path | None = None
    readers: Annotated[tuple[str, ...], NoDecode] = ()
    explain_checkpoint: Path | None = None
    trusted_keys: Path | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    api_key: SecretStr | None = Field(default=None, min_length=MIN_KEY_LENGTH)
    api_keys_file: Path | None = None
    allowed_hosts: str | None = None
    trusted_proxies: str | None = None
    audit_log: Path | None = None
    max_connections: int = Field(default=512, ge=1)
    max_per_address: int | None = Field(default=None, ge=1)
    patience_s: float = Field(default=10.0, gt=0)
    min_bytes_per_s: int = Field(default=4096, ge=1)
    max_uploads: int = Field(default=64, ge=1)
    samples_dir: Path = SAMPLES
    max_upload_mb: int = Field(default=128, ge=1)
    max_files: int = Field(default=4, ge=1)
    upload_timeout_s: float = Field(default=300.0, gt=0)
    max_concurrency: int = Field(default_factory=lambda: usable_cores() + 1, ge=1)
    processes: bool = True
    max_values: int = Field(default=104_000_000, ge=1)
    reading_timeout_s: float = Field(default=20.0, gt=0)
    reading_memory_mb: int = Field(default=512, ge=1)
    queue_limit: int = Field(default=16, ge=0)
    retry_after_s: int = Field(default=2, ge=1)
    debug: bool = False

    @field_validator("readers", mode="before")
    @classmethod
    def _apart(cls, readers: object) -> object:
        return tuple(name.strip() for name in readers.split(",") if name.strip()) if isinstance(readers, str) else readers

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, proxies: str | None) -> str | None:
        for proxy in [] if proxies is None else proxies.split(","):
            try:
                ip_network(proxy.strip())
            except ValueError:
                raise ValueError(f"{proxy.strip()!r} is no address and no network, such as 10.0.0.5 or 10.0.0.0/24") from None
        return proxies

    @model_validator(mode="after")
    def _one_list(self) -> Settings:
        if self.readers and self.checkpoint is not None:
            raise ValueError("checkpoint and readers are both set: name every reader in readers, the default one first")
        return self

    @model_validator(mode="after")
    def _key_beyond_this_machine(self) -> Settings:
        if self.api_key is None and self.api_keys_file is None and not self.only_this_machine:
            where = f"host {self.host}" if self.trusted_proxies is None else "a server behind a proxy"
            raise ValueError(
                f"{where} can be reached from other machines and no API key is set: "
                "set HEART_READER_API_KEY or HEART_READER_API_KEYS_FILE, or serve 127.0.0.1 without proxies, this machine only"
            )
        return self

    @property
    def asked_readers(self) -> tuple[str, ...]:
        """The readers to serve; nothing means the shipped one.

        Examples
        --------
        >>> Settings(readers="ptbxl-int8, mine=runs/mine/checkpoint").asked_readers
        ('ptbxl-int8', 'mine=runs/mine/checkpoint')
        """
        return self.readers if self.checkpoint is None else (str(self.checkpoint),)

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks of the proxies that are believed."""
        return tuple(ip_network(proxy.strip()) for proxy in self.trusted_proxies.split(",")) if self.trusted_proxies is not None else ()

    @property
    def share_of_an_address(self) -> int | None:
        """Requests of one address that are answered at a time; None means any number.

        Examples
        --------
        >>> Settings().share_of_an_address
        >>> proxied = Settings(trusted_proxies="::1", api_key="0123456789abcdef", max_concurrency=2)
        >>> proxied.share_of_an_address
        9
        """
        if self.max_per_address is not None or self.only_this_machine:
            return self.max_per_address
        return max(1, (self.max_concurrency + self.queue_limit) // 2)

    @property
    def only_this_machine(self) -> bool:
        """Whether the address is a loopback one, and no proxy stands before it."""
        return self.trusted_proxies is None and is_loopback(self.host)

    @property
    def host_names(self) -> tuple[str, ...] | None:
        """Names under which the server may be addressed; None means any.

        Examples
        --------
        >>> Settings().host_names
        ('127.0.0.1', 'localhost', '[::1]')
        """
        if self.allowed_hosts is not None:
            return tuple(name.strip().lower() for name in self.allowed_hosts.split(","))
        own = f"[{self.host}]" if ":" in self.host else self.host.lower()
        return tuple(dict.fromkeys((own, "127.0.0.1", "localhost", "[::1]"))) if self.only_this_machine else None

    @property
    def max_upload_bytes(self) -> int:
        """Largest request body in bytes."""
        return self.max_upload_mb * MEGABYTE


def first_complaint(error: ValidationError) -> str:
    """Say which setting is wrong and why, without what it was set to: that may be a key."""
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))
    words = first["msg"].removeprefix("Value error, ")
    if name == "api_key":
        words = f"a key has at least {MIN_KEY_LENGTH} characters"
    return f"{name} (HEART_READER_{name.upper()}): {words}" if name else words
