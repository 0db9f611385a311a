"""What an operator may set, by argument or by environment variable (``HEART_READER_PORT=8123``)."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["MEGABYTE", "Settings"]

MEGABYTE = 1024 * 1024
MIN_KEY_LENGTH = 16
_PROJECT = Path(__file__).resolve().parents[2]


def _usable_cores() -> int:
    """Cores this process may run on; a container often grants fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings(BaseSettings):
    """Settings of one server.

    Parameters
    ----------
    checkpoint
        Directory of the checkpoint to serve; None means the shipped one.
    explain_checkpoint
        Directory of the torch checkpoint that the served one was exported from; None means to look for it among the shipped ones.
    host, port
        Where to listen; port 0 takes any free one.
    api_key
        Clients must send it as ``X-API-Key``; needed where other machines can reach the server.
    allowed_hosts
        Names under which clients may address the server, separated by commas; None means this machine's own names where only this machine
        is served, and any name elsewhere.
    samples_dir
        Folder of the ECGs that the page offers; a folder that does not exist offers none.
    max_upload_mb
        Largest request body in MiB.
    max_files
        Most files of one record.
    upload_timeout_s
        Longest time a client may take to send a record, in seconds.
    max_concurrency
        Readings made at the same time; more than the cores only makes each of them slower.
    processes
        Whether they are made in as many processes, which takes more memory and reads on all cores; else in threads of the server. A thread
        cannot be ended: there a reading has no other bound than ``max_values``, and goes on when its client has left.
    max_values
        Most values of one record, leads times time points; the default is half an hour of twelve leads at 500 Hz.
    reading_timeout_s
        Longest time of one reading or explanation once it has begun, in seconds; the process of one that takes longer is replaced.
    reading_memory_mb
        Memory that one reading or explanation may take beyond what its process holds when it is idle, in MiB; bounded on Linux only.
    queue_limit
        Requests that may wait for their turn; the next one is answered 503.
    retry_after_s
        What a refused client is told to wait, in seconds.
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
    explain_checkpoint: Path | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    api_key: SecretStr | None = Field(default=None, min_length=MIN_KEY_LENGTH)
    allowed_hosts: str | None = None
    samples_dir: Path = _PROJECT / "test_files"
    max_upload_mb: int = Field(default=50, ge=1)
    max_files: int = Field(default=4, ge=1)
    upload_timeout_s: float = Field(default=120.0, gt=0)
    max_concurrency: int = Field(default_factory=_usable_cores, ge=1)
    processes: bool = True
    max_values: int = Field(default=10_800_000, ge=1)
    reading_timeout_s: float = Field(default=20.0, gt=0)
    reading_memory_mb: int = Field(default=320, ge=1)
    queue_limit: int = Field(default=16, ge=0)
    retry_after_s: int = Field(default=2, ge=1)
    debug: bool = False

    @model_validator(mode="after")
    def _key_beyond_this_machine(self) -> Settings:
        if self.api_key is None and not self.only_this_machine:
            raise ValueError(
                f"host {self.host} can be reached from other machines and no API key is set: "
                "set HEART_READER_API_KEY, or serve 127.0.0.1, this machine only"
            )
        return self

    @property
    def only_this_machine(self) -> bool:
        """Whether the address is a loopback one."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

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
