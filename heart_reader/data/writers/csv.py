"""CSV files as our own reader reads them: comments, a row of names, a row per time point."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.csv import ALL_LEADS, read_header
from heart_reader.data.leads import canonical_lead
from heart_reader.data.record import EcgRecord
from heart_reader.data.writers.age import age_comment, lost_age
from heart_reader.data.writers.lost import lost_parts
from heart_reader.data.writers.names import refuse_names
from heart_reader.data.writers.quantise import quantise
from heart_reader.data.writers.registry import register_writer
from heart_reader.folders import write_whole
from heart_reader.messages import Message

__all__ = ["write_csv"]

# Lines that are made at once.
_ROWS = 1 << 12
# A tenth of a nanovolt; three decimals would look like thousands.
_FRACTION = "%.4f"


@register_writer("csv", title="CSV", suffix=".csv")
def write_csv(record: EcgRecord, folder: Path, name: str) -> tuple[list[Path], list[Message]]:
    """Write ``NAME.csv`` in microvolts; see :class:`~heart_reader.data.writers.registry.Writer`.

    Rate, unit, age and sex stand in comments. Where the recorder's step is a whole number of
    microvolts, so are the values; else they have four decimals. A lead without
    information is empty.

    Raises
    ------
    LeadError
        If a lead has a name that no column of a lead may have.
    """
    header = _header(record)
    made = quantise(record)
    values: NDArray[np.number]
    steps = 1000.0 / made.gains
    lost = lost_parts(record)
    if (np.abs(steps - np.rint(steps)) < 1e-9).all() and (steps >= 0.5).all() and not made.lost:
        values = (made.samples - made.baselines[:, None]) * np.rint(steps).astype(np.int64)[:, None]
        cells = ["%d"] * len(values)
    else:
        values, cells = np.asarray(record.signal).astype(np.float64) * 1000.0, [_FRACTION] * len(record.lead_names)
    cells = ["" if masked else cell for cell, masked in zip(cells, made.masked, strict=True)]
    path = folder / f"{name}.csv"
    write_whole(path, lambda new: _write(new, header, ",".join(cells) + "\n", values[~made.masked]))
    return [path], [*lost, *lost_age(record.age, two_decimals=True)]


def _header(record: EcgRecord) -> str:
    comments = [f"fs={record.fs:.12g}", "unit=uV", ALL_LEADS]
    comments += [] if record.age is None else [age_comment(record.age)]
    comments += [] if record.sex is None else [f"Sex: {record.sex}"]
    row = io.StringIO()
    csv.writer(row, lineterminator="\n").writerow(record.lead_names)
    text = "".join(f"# {comment}\n" for comment in comments) + row.getvalue()
    if any(canonical_lead(name) != name for name in record.lead_names):
        read = read_header(text + ",".join("1" for _ in record.lead_names) + "\n")
        refuse_names(record, "CSV", lambda lead: read == record.lead_names)
    return text


def _write(path: Path, header: str, row: str, values: NDArray[np.number]) -> None:
    """Write (n_leads, n_times) values, some thousand lines at a time."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(header)
        for start in range(0, values.shape[1], _ROWS):
            part = values[:, start : start + _ROWS]
            file.write((row * part.shape[1]) % tuple(part.T.ravel().tolist()))
