"""Write a record as WFDB or CSV, the two formats every ECG tool reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.record import EcgRecord
from heart_reader.errors import DataError
from heart_reader.folders import atomic_directory

__all__ = ["new_folder", "to_microvolts", "write_csv", "write_wfdb"]

# The type of a MATLAB 4 matrix of 16-bit integers.
_INT16_MATRIX = 30
_UNITS_PER_MV = {"mV": 1.0, "uV": 1000.0}


@contextmanager
def new_folder(root: Path, n_records: int) -> Iterator[Path]:
    """Yield an empty folder that becomes ``root`` when the block ends without error.

    Raises
    ------
    DataError
        If ``root`` holds something already, ``n_records`` is not positive, or the disk is full or
        cannot be written.
    """
    root = Path(root)
    if n_records < 1:
        raise DataError(f"{root}: {n_records} records asked for; choose at least 1")
    with atomic_directory(root, DataError) as unfinished:
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise DataError(f"{root} is there already and not empty: choose another folder or remove it")
        yield unfinished


def to_microvolts(record: EcgRecord) -> NDArray[np.int16]:
    """Round a record to whole microvolts, (n_leads, n_times); beyond 32.767 mV it is clipped.

    Examples
    --------
    >>> from heart_reader.data.record import build_record
    >>> to_microvolts(build_record("a", [[0.0, 1.2341]], 100.0, ["I"])).tolist()
    [[0, 1234]]
    """
    return np.clip(np.rint(record.signal.astype(np.float64) * 1000.0), -32767, 32767).astype(np.int16)


def write_wfdb(
    record: EcgRecord, folder: Path, *, lead_names: Sequence[str] | None = None, comments: Sequence[str] = (), matrix: bool = False
) -> None:
    """Write ``<record_id>.hea`` and ``.dat``: format 16, 1000 units per mV, one file for all leads.

    Parameters
    ----------
    folder
        Must exist.
    lead_names
        Other spellings, such as PTB-XL's ``AVR``.
    comments
        Lines after the leads, without ``#``.
    matrix
        Write ``.mat`` in place of ``.dat``: the same samples as a MATLAB 4 matrix ``val``, as the
        PhysioNet Challenges have them.

    Raises
    ------
    OSError
        If the files cannot be written.
    """
    values = to_microvolts(record)
    names = record.lead_names if lead_names is None else lead_names
    name = record.record_id
    lines = [f"{name} {len(names)} {record.fs:g} {values.shape[1]}"]
    # The checksum is the sum of all samples modulo 2^16, unsigned as PTB-XL writes it.
    checksums = values.sum(axis=1, dtype=np.int64) % 65536
    for row, lead in enumerate(names):
        lines.append(f"{name}.{'mat 16+24' if matrix else 'dat 16'} 1000.0(0)/mV 16 0 {values[row, 0]} {checksums[row]} 0 {lead}")
    lines += [f"# {comment}" for comment in comments]
    head = np.array([_INT16_MATRIX, *values.shape, 0, 4], "<i4").tobytes() + b"val\0" if matrix else b""
    (folder / f"{name}.{'mat' if matrix else 'dat'}").write_bytes(head + np.ascontiguousarray(values.T).astype("<i2").tobytes())
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n", encoding="ascii")


def write_csv(record: EcgRecord, path: Path, *, unit: str = "mV", separator: str = ",", decimal: str = ".") -> None:
    """Write a table with one column per lead under ``# fs=`` and ``# unit=`` lines.

    Parameters
    ----------
    unit
        ``"mV"`` (three decimals) or ``"uV"`` (one decimal).
    separator, decimal
        Must differ.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    values = to_microvolts(record).T / 1000.0 * _UNITS_PER_MV[unit]
    digits = 3 if unit == "mV" else 1
    lines = [f"# fs={record.fs:g}", f"# unit={unit}", separator.join(record.lead_names)]
    lines += [separator.join(f"{value:.{digits}f}".replace(".", decimal) for value in row) for row in values.tolist()]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
