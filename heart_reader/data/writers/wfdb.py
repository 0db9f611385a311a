"""WFDB records: a text header and a signal file of 16-bit samples.

References
----------
WFDB Applications Guide, header(5) and signal(5). https://physionet.org/physiotools/wag/wag.htm
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from heart_reader.data.formats.wfdb_header import MAX_NAME
from heart_reader.data.record import EcgRecord
from heart_reader.data.writers.age import age_comment, lost_age
from heart_reader.data.writers.lost import acquired_at, lost_parts
from heart_reader.data.writers.names import refuse_names
from heart_reader.data.writers.quantise import quantise
from heart_reader.data.writers.registry import register_writer
from heart_reader.folders import write_text, write_whole
from heart_reader.messages import Message

__all__ = ["write_wfdb"]

_MISSING = -(1 << 15)
_MODULUS = 1 << 16


@register_writer("wfdb", title="WFDB", suffix=".hea")
def write_wfdb(record: EcgRecord, folder: Path, name: str) -> tuple[list[Path], list[Message]]:
    """Write ``NAME.hea`` and ``NAME.dat``; see :class:`~heart_reader.data.writers.registry.Writer`.

    Age and sex stand in comments, as in PhysioNet's data sets; name, number and date of birth have
    no place.

    Raises
    ------
    LeadError
        If a lead has a name that a header cannot hold.
    """
    refuse_names(record, "WFDB", _fits)
    made = quantise(record)
    samples = made.samples.astype("<i2")
    samples[made.masked] = _MISSING
    began = acquired_at(record)
    when = "" if began is None else f" {began:%H:%M:%S} {began:%d/%m/%Y}"
    lines = [f"{name} {len(samples)} {record.fs:.12g} {record.n_times}{when}"]
    sums = samples.sum(axis=1, dtype=np.int64)
    for row, lead in enumerate(record.lead_names):
        # An unsigned number, as some programs want it, and never 0, which stands for none.
        checksum = int(sums[row]) % _MODULUS
        gain = f"{made.gains[row]:.15g}({made.baselines[row]})/mV"
        lines.append(f"{name}.dat 16 {gain} 16 0 {samples[row, 0]} {checksum} 0 {lead}")
    comments = [] if record.age is None else [age_comment(record.age)]
    comments += [] if record.sex is None else [f"Sex: {record.sex.capitalize()}"]
    text = "\n".join([*lines, *(f"# {comment}" for comment in comments)]) + "\n"
    signal_file, header = folder / f"{name}.dat", folder / f"{name}.hea"
    content = np.ascontiguousarray(samples.T).data
    write_whole(signal_file, lambda new: new.write_bytes(content))
    # The header last: whoever sees it finds the samples.
    write_text(header, text)
    lost = [*made.lost, *lost_age(record.age, two_decimals=True), *lost_parts(record, kept=("acquired",) if began else ())]
    return [header, signal_file], lost


def _fits(lead: str) -> bool:
    """A name is the rest of its line, without blanks around."""
    return lead == lead.strip() != "" and lead.isprintable() and len(lead) <= MAX_NAME
