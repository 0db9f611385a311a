"""Bytes and text from disk, with every limit checked before anything is read."""

from __future__ import annotations

import codecs
import math
import os
import re
import stat
from datetime import date
from typing import NamedTuple

from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = [
    "HEAD_BYTES",
    "MAX_FILE_BYTES",
    "Given",
    "check_fs",
    "check_length",
    "damaged",
    "decode_text",
    "file_size",
    "foreign_kind",
    "is_text",
    "plausible_age",
    "read_bytes",
    "refuse_remote",
    "sex_of",
    "years_between",
]

# What formats see of a file before one of them reads it. No WFDB header is longer: 256 signals need
# a quarter of it.
HEAD_BYTES = 1 << 16

# A day of 12 leads at 500 Hz in 16 bits is just under this.
MAX_FILE_BYTES = 1 << 30
# Slower than this no QRS complex is left; faster than this it is not an ECG.
MIN_FS_HZ, MAX_FS_HZ = 10.0, 100_000.0
# Leads times time points of one record: two leads of 12 days at 1000 Hz. No second counts for less
# than one of twelve leads at 100 Hz, for every record is read as that.
MAX_VALUES = 1 << 31
VALUES_PER_S = 1200

# Two letters or more: "C:" is a drive. One slash is enough, for pathlib turns s3://a into s3:/a.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# What text may hold below the blank: tab, line feed, vertical tab, form feed, carriage return.
_NOT_TEXT = bytes(set(range(32)) - {9, 10, 11, 12, 13})
# How files begin that people take for ECG records, and which message says so.
_FOREIGN = (("MATLAB ", "matlab_file"), ("<", "xml_file"), ("%PDF", "pdf_file"), ("%!PS", "picture_file"))
_SVG = re.compile(r"(?:<\?.*?\?>|<!.*?>|\s)*<(?:\w+:)?svg[\s>]", re.DOTALL)
_FOREIGN_BYTES = {
    # JPEG, PNG, GIF, TIFF of both kinds, and JPEG 2000.
    **dict.fromkeys((b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\0\0\0\x0cjP  "), "picture_file"),
    **dict.fromkeys((b"PK\x03\x04", b"\x1f\x8b\x08", b"\xd0\xcf\x11\xe0"), "packed_file"),
}
_MAX_AGE = 130.0
_SEXES = {"m": "male", "male": "male", "f": "female", "female": "female"}


class Given(NamedTuple):
    """What the caller says of a file; None where the file is to say it.

    ``fs`` is in Hz, ``leads`` in the file's order, ``max_values`` the longest record that is read,
    see :func:`check_length`; ``identity`` asks for who was recorded, which is not read otherwise.
    """

    fs: float | None = None
    unit: str | None = None
    leads: tuple[str, ...] | None = None
    max_values: int | None = None
    identity: bool = False


def refuse_remote(path: str) -> None:
    """Raise UnreadableRecord for a name with a scheme, such as ``s3://``."""
    if _SCHEME.match(path):
        raise UnreadableRecord(f"{path}: a remote name; only local files are read: download the record first")


def file_size(path: str) -> int:
    """Return the size of a regular, non-empty file in bytes.

    Raises
    ------
    UnreadableRecord
        If there is no such file, or it is a folder, a device, empty or larger than
        :data:`MAX_FILE_BYTES`.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise UnreadableRecord(message("no_such_file", where=path)) from None
    except (OSError, ValueError) as error:
        raise UnreadableRecord(f"{path}: cannot be opened ({error}): check the name and the permissions") from None
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableRecord(f"{path}: not a file but a folder or a device: name one record")
    if status.st_size == 0:
        raise UnreadableRecord(message("empty_file", where=path))
    if status.st_size > MAX_FILE_BYTES:
        raise UnreadableRecord(
            f"{path}: {status.st_size / 1e9:.1f} GB; at most {MAX_FILE_BYTES / 1e9:.1f} GB is read: cut the recording into parts"
        )
    return status.st_size


def read_bytes(path: str, n_bytes: int, offset: int = 0) -> bytes:
    """Return up to ``n_bytes`` bytes from ``offset`` on; ask :func:`file_size` first.

    Raises
    ------
    UnreadableRecord
        If the file cannot be read.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            if offset:
                file.seek(offset)
            content = file.read(n_bytes)
            # One read call stops short of very long requests.
            while len(content) < n_bytes and (more := file.read(n_bytes - len(content))):
                content += more
            return content
    except OSError as error:
        raise UnreadableRecord(f"{path}: cannot be read ({error}): check the permissions and the disk") from None


def is_text(content: bytes) -> bool:
    """Distinguish text in an encoding of :func:`decode_text` from binary data by first bytes."""
    return content.startswith(_UTF16) or len(content.translate(None, _NOT_TEXT)) == len(content)


def decode_text(content: bytes) -> str:
    r"""Decode UTF-8 or UTF-16 by its mark, plain UTF-8, or else Latin-1, which never fails.

    Examples
    --------
    >>> decode_text(b"\xef\xbb\xbfI"), decode_text(b"\xb5V")
    ('I', 'µV')
    """
    encoding = "utf-16" if content.startswith(_UTF16) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return content.decode("latin-1")


def foreign_kind(head: bytes) -> str | None:
    """Return the code of the message about a file that people take for an ECG record."""
    start = decode_text(head[:1024]).lstrip()
    if _SVG.match(start):
        return "picture_file"
    if code := next((code for magic, code in _FOREIGN if start.startswith(magic)), None):
        return code
    code = next((code for magic, code in _FOREIGN_BYTES.items() if head.startswith(magic)), None)
    code = code or ("picture_file" if _is_framed_picture(head) else None)
    return None if code is None or is_text(head) else code


def _is_framed_picture(head: bytes) -> bool:
    """Recognise a picture whose mark does not come first: HEIC and AVIF, WebP, and BMP."""
    if head[4:8] == b"ftyp":
        return head[8:12] in {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis"}
    # A BMP has the size of its second header at the place of the first.
    return (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or (
        head[:2] == b"BM" and head[14:18] in {bytes([n, 0, 0, 0]) for n in (12, 40, 64, 108, 124)}
    )


def plausible_age(years: float | None) -> float | None:
    """Return an age in years, or None for one that no person can have."""
    return years if years is not None and 0 <= years <= _MAX_AGE else None


def years_between(born: date | None, recorded: date | None) -> float | None:
    """Return completed years from a birth to a recording, None where no person can have them.

    Examples
    --------
    >>> years_between(date(1950, 1, 20), date(2010, 1, 19)), years_between(None, date(2010, 1, 19))
    (59.0, None)
    """
    if born is None or recorded is None:
        return None
    before_birthday = (recorded.month, recorded.day) < (born.month, born.day)
    return plausible_age(float(recorded.year - born.year - before_birthday))


def sex_of(word: str | None) -> str | None:
    """Return ``"male"`` or ``"female"`` by the English word or its first letter; None for others.

    Examples
    --------
    >>> sex_of("Male"), sex_of("f"), sex_of("unknown"), sex_of(None)
    ('male', 'female', None, None)
    """
    return _SEXES.get((word or "").strip().lower())


def damaged(path: str, problem: str) -> UnreadableRecord:
    """Return the refusal of a file that contradicts itself, for a reason given in words."""
    return UnreadableRecord(message("damaged_file", where=path, problem=problem))


def check_fs(path: str, fs: float) -> float:
    """Return a sampling rate in Hz if an ECG can have it.

    Raises
    ------
    UnreadableRecord
        If it is outside 10 to 100,000 Hz or not a number.
    """
    if not (math.isfinite(fs) and MIN_FS_HZ <= fs <= MAX_FS_HZ):
        raise UnreadableRecord(message("rate_impossible", where=path, fs=fs, least=MIN_FS_HZ, most=MAX_FS_HZ))
    return float(fs)


def check_length(path: str, n_leads: int, n_times: int, fs: float | None, given: Given) -> None:
    """Refuse a record that is longer than the caller allows, before memory is taken for it.

    A record counts as its leads times its time points, as the file declares them, and as
    :data:`VALUES_PER_S` values per second at least, where the rate in Hz is known.

    Raises
    ------
    UnreadableRecord
        If the record has more values than ``given.max_values``.

    Examples
    --------
    >>> check_length("a.csv", 2, 5000, 500.0, Given(max_values=12_000))
    """
    most = MAX_VALUES if given.max_values is None else given.max_values
    got = max(n_leads * n_times, 0 if fs is None else math.ceil(VALUES_PER_S * n_times / fs))
    if got > most:
        raise UnreadableRecord(
            message("record_too_long", where=path, got=got, leads=n_leads, times=n_times, per_second=VALUES_PER_S, allowed=most)
        )
