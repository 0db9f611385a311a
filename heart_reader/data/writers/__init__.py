"""From an :class:`~heart_reader.data.record.EcgRecord` to a file, one module per format."""

from __future__ import annotations

from pathlib import Path

from heart_reader.data.record import EcgRecord
from heart_reader.data.writers.names import safe_name
from heart_reader.data.writers.registry import WRITERS, Writer, register_writer
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import Message, message

__all__ = ["WRITERS", "Writer", "register_writer", "safe_name", "write_record"]


def write_record(record: EcgRecord, folder: str | Path, kind: str, *, name: str | None = None) -> tuple[list[Path], list[Message]]:
    """Write one ECG.

    Parameters
    ----------
    folder
        Where to; made if it does not exist.
    kind
        One of :data:`WRITERS`, such as ``"dicom"``.
    name
        Of the files, without ending; None takes the record's. Signs that some format or file system
        does not take become underscores.

    Returns
    -------
    tuple
        The files, the one that is read again first, and what of the record the format has no place
        for.

    Raises
    ------
    ConfigError
        If there is no such format.
    LeadError
        If a lead has a name that the format does not take.
    UnreadableRecord
        If the format does not take such a record, or needs a package that is not installed.
    HeartReaderError
        If the files cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from heart_reader.data.formats import read_record
    >>> from heart_reader.data.record import build_record
    >>> record = build_record("a", [[0.0, 0.1], [0.2, 1.0]], 500.0, ("I", "II"), age=61.0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files, lost = write_record(record, folder, "wfdb")
    ...     again = read_record(files[0])
    >>> again.signal.tolist() == record.signal.tolist(), again.fs, again.age, lost
    (True, 500.0, 61.0, [])
    """
    writer = WRITERS[kind]
    try:
        return writer.write(record, Path(folder), safe_name(record.record_id if name is None else name))
    except ModuleNotFoundError as error:
        package = error.name or writer.package or ""
        raise UnreadableRecord(message("writing_needs_package", where=record.record_id, format=writer.title, package=package)) from None
