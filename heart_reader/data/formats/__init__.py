"""From a file on disk to an :class:`~heart_reader.data.record.EcgRecord`, one module per format.

A file's content decides what it is; its name only matters for the files beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from heart_reader.data.formats.files import HEAD_BYTES, Given, file_size, foreign_kind, read_bytes, refuse_remote
from heart_reader.data.formats.registry import FORMATS, Format, format_titles, formats_in_order, register_format
from heart_reader.data.record import EcgRecord
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import Value, message, template_fields
from heart_reader.stages import staged

__all__ = ["FORMATS", "Format", "find_records", "format_titles", "listed_format", "read_record", "register_format"]


@staged("read")
# A number that a damaged file makes too large becomes infinite, which is a missing value: no
# second warning is needed.
@np.errstate(over="ignore", invalid="ignore")
def read_record(
    path: str | Path,
    *,
    fs: float | None = None,
    unit: str | None = None,
    leads: tuple[str, ...] | None = None,
    max_values: int | None = None,
    identity: bool = False,
) -> EcgRecord:
    r"""Read one ECG.

    Parameters
    ----------
    path
        A file of one of :data:`FORMATS`; of a WFDB record the header, a signal file or the name
        without extension.
    fs
        Sampling rate in Hz, where the file does not state it; contradicting the file is an error.
    unit
        mV, uV, nV or V; overrides what the file states, with a warning.
    leads
        Names for the file's leads, in order.
    max_values
        Leads times time points that are read at most, each second counted as 1200 of them at least;
        None leaves only the size of the file as a limit, and 20 days.
    identity
        Whether to keep who was recorded, where the file says so: name, number, date of birth.

    Returns
    -------
    EcgRecord
        (n_leads, n_times) in mV at the file's own rate, with warnings about everything that was
        assumed or repaired.

    Raises
    ------
    LeadError
        If the leads are unknown, repeated, or not as many as ``leads`` names.
    NonFiniteSignal
        If no lead holds enough finite values.
    UnitError
        If the unit is unknown or the amplitudes cannot be in that unit.
    UnreadableRecord
        If the file is missing, truncated, empty, too large, malformed or of an unknown format, or
        its format needs a package that is not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.csv")
    ...     _ = path.write_text("# fs=500\n# unit=uV\nI,II\n0,100\n50,1000\n")
    ...     record = read_record(path)
    >>> record.record_id, record.lead_names, record.fs, record.signal.tolist()
    ('a', ('I', 'II'), 500.0, [[0.0, 0.05000000074505806], [0.10000000149011612, 1.0]])
    """
    given = Given(fs, unit, None if leads is None else tuple(leads), max_values, identity)
    name = os.fspath(path)
    refuse_remote(name)
    if not os.path.exists(name):
        # A WFDB record may be named without the extension of its header.
        named = (name + suffix for entry in formats_in_order() if entry.companions for suffix in entry.suffixes)
        name = next(filter(os.path.exists, named), name)
    file_size(name)
    head = read_bytes(name, HEAD_BYTES)
    for entry in formats_in_order():
        if entry.sniff(head, name):
            try:
                return entry.read(name, head, given)
            except ModuleNotFoundError as error:
                package = error.name or entry.package or ""
                raise UnreadableRecord(message("format_needs_package", where=name, format=entry.title, package=package)) from None
    kind = foreign_kind(head) or "not_an_ecg_file"
    values: dict[str, Value] = {"where": name, "header": os.path.splitext(os.path.basename(name))[0] + ".hea", "formats": format_titles()}
    raise UnreadableRecord(message(kind, **{field: values[field] for field in template_fields(kind)}))


def find_records(path: str | Path) -> list[Path]:
    """List the records in a folder and below, sorted; a file is its own list.

    A WFDB record counts once, under its header. Tables count if one of their columns is a lead.
    Hidden files are passed over.

    Raises
    ------
    UnreadableRecord
        If there is no such file or folder.
    """
    refuse_remote(os.fspath(path))
    root = Path(path)
    if not root.is_dir():
        file_size(os.fspath(path))
        return [root]
    found = []
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        found += [Path(folder, name) for name in files if not name.startswith(".") and listed_format(os.path.join(folder, name))]
    return sorted(found)


def listed_format(path: str | Path) -> Format | None:
    """Return the format that makes a file count as a record in its folder, if any."""
    name = os.fspath(path)
    stem, suffix = os.path.splitext(name)
    suffix = suffix.lower()
    if any(suffix in entry.companions and os.path.exists(stem + header) for entry in formats_in_order() for header in entry.suffixes):
        return None
    for entry in formats_in_order():
        if suffix in entry.suffixes and (entry.lists is None or entry.lists(_head(name), name)):
            return entry
    return None


def _head(name: str) -> bytes:
    try:
        return read_bytes(name, min(file_size(name), HEAD_BYTES))
    except UnreadableRecord:
        return b""
