"""From a file on disk to an :class:`~heart_reader.data.record.EcgRecord`, one module per format.

What a file is, its content decides; its name is only asked which file lies beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from heart_reader.data.formats.csv import names_a_lead, read_csv
from heart_reader.data.formats.dicom import looks_like_dicom, read_dicom
from heart_reader.data.formats.edf import looks_like_edf, read_edf
from heart_reader.data.formats.files import Given, decode_text, file_size, is_text, read_bytes, refuse_remote
from heart_reader.data.formats.wfdb import read_wfdb
from heart_reader.data.formats.wfdb_header import looks_like_header
from heart_reader.data.record import EcgRecord
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["find_records", "read_record"]

# No WFDB header is longer: 256 signals need a quarter of it.
MAX_HEADER_BYTES = 1 << 16
_TABLE_SUFFIXES = {".csv", ".tsv", ".txt"}
_RECORD_SUFFIXES = {".hea", ".edf", ".dcm"}
# How files begin that people take for ECG records, and which message tells them.
_FOREIGN = (("MATLAB ", "matlab_file"), ("<", "xml_file"), ("%PDF", "pdf_file"))
_FOREIGN_BYTES = (
    (b"\xff\xd8\xff", "picture_file"),
    (b"\x89PNG\r\n", "picture_file"),
    (b"GIF8", "picture_file"),
    (b"II*\0", "picture_file"),
    (b"MM\0*", "picture_file"),
    (b"PK\x03\x04", "packed_file"),
    (b"\x1f\x8b\x08", "packed_file"),
    (b"\xd0\xcf\x11\xe0", "packed_file"),
)


# A number that a damaged file makes too large becomes infinite, which is a missing value: nothing
# to warn of twice.
@np.errstate(over="ignore", invalid="ignore")
def read_record(
    path: str | Path,
    *,
    fs: float | None = None,
    unit: str | None = None,
    leads: tuple[str, ...] | None = None,
    max_values: int | None = None,
) -> EcgRecord:
    r"""Read one ECG.

    Parameters
    ----------
    path
        A WFDB header, one of its signal files, the record's name without extension, or a CSV, EDF
        or DICOM file.
    fs
        Sampling rate in Hz, where the file does not state it; contradicting the file is an error.
    unit
        mV, uV, nV or V; overrides what the file states, with a warning.
    leads
        Names for the file's leads, in order.
    max_values
        Leads times time points that are read at most, each second counted as 1200 of them at least;
        None leaves only the size of the file as a limit, and 20 days.

    Returns
    -------
    EcgRecord
        (n_leads, n_times) in mV at the file's own rate, with warnings about everything that was
        assumed or mended.

    Raises
    ------
    LeadError
        If the leads are unknown, repeated, or not as many as ``leads`` names.
    NonFiniteSignal
        If no lead holds enough finite values.
    UnitError
        If the unit is unknown or the amplitudes cannot be in that unit.
    UnreadableRecord
        If the file is missing, truncated, empty, too large, malformed or of a format that is not
        read.

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
    given = Given(fs, unit, None if leads is None else tuple(leads), max_values)
    name = os.fspath(path)
    refuse_remote(name)
    if not os.path.exists(name) and os.path.exists(name + ".hea"):
        name += ".hea"
    size = file_size(name)
    head = read_bytes(name, MAX_HEADER_BYTES)
    if looks_like_edf(head):
        return read_edf(name, size, given)
    if looks_like_dicom(head):
        return read_dicom(name, size, given)
    if is_text(head):
        text = decode_text(head)
        if _is_header(name, text):
            return _read_header(name, size, text, given)
    header = _header_beside(name)
    if header is not None:
        return _read_header(header, file_size(header), decode_text(read_bytes(header, MAX_HEADER_BYTES)), given)
    _refuse_foreign(name, head)
    # The whole file, for a multi-byte character may be cut at the end of the head.
    return read_csv(name, decode_text(head if size == len(head) else read_bytes(name, size)), given)


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
        found += [Path(folder, name) for name in files if not name.startswith(".") and _is_record(os.path.join(folder, name))]
    return sorted(found)


def _is_record(path: str) -> bool:
    suffix = os.path.splitext(path)[1].lower()
    if suffix in _RECORD_SUFFIXES:
        return True
    if suffix not in _TABLE_SUFFIXES:
        return False
    try:
        head = read_bytes(path, min(file_size(path), MAX_HEADER_BYTES))
    except UnreadableRecord:
        # An empty or locked table is one that reading must complain about, not one to lose
        # silently.
        return suffix == ".csv"
    return is_text(head) and names_a_lead(decode_text(head))


def _is_header(name: str, text: str) -> bool:
    """Tell a header by its content; a file called .hea is one even when its content is damaged,
    unless it is plainly a table.
    """
    if name.endswith(".hea"):
        first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
        return "," not in first and ";" not in first
    return looks_like_header(text)


def _header_beside(name: str) -> str | None:
    """The header of the same stem, if it names this file as a signal file."""
    header = os.path.splitext(name)[0] + ".hea"
    if header == name or not os.path.isfile(header):
        return None
    lines = decode_text(read_bytes(header, MAX_HEADER_BYTES)).splitlines()
    return header if any(line.split(None, 1)[:1] == [os.path.basename(name)] for line in lines) else None


def _read_header(name: str, size: int, text: str, given: Given) -> EcgRecord:
    if size > MAX_HEADER_BYTES:
        raise UnreadableRecord(f"{name}: a header of {size} bytes; at most {MAX_HEADER_BYTES} are read: mend the header")
    return read_wfdb(name, text, given)


def _refuse_foreign(name: str, head: bytes) -> None:
    """Say what a file is that is neither WFDB nor a table."""
    start = decode_text(head[:1024]).lstrip()
    codes = [code for magic, code in _FOREIGN if start.startswith(magic)]
    if not is_text(head):
        codes += [code for magic, code in _FOREIGN_BYTES if head.startswith(magic)]
    if codes:
        raise UnreadableRecord(message(codes[0], where=name))
    if not is_text(head):
        header = os.path.splitext(os.path.basename(name))[0] + ".hea"
        raise UnreadableRecord(message("not_an_ecg_file", where=name, header=header))
