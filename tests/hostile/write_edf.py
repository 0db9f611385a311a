"""Write EDF files to the byte: any header field, sample or onset can differ from the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import reference

__all__ = ["Edf", "write"]

Digital = NDArray[np.int64]
_ANNOTATIONS = "EDF Annotations"
_ANNOTATION_SAMPLES = 30
_WIDTHS = {
    "label": 16, "transducer": 80, "unit": 8, "physical_min": 8, "physical_max": 8, "digital_min": 8, "digital_max": 8,
    "prefilter": 80, "n_samples": 8, "reserved": 32,
}  # fmt: skip
_COMMON = {"unit": "mV", "physical_min": "-32.768", "physical_max": "32.767", "digital_min": "-32768", "digital_max": "32767"}


@dataclass(frozen=True)
class Edf:
    """How to write the reference; by default a unit of the samples is a microvolt.

    Parameters
    ----------
    units_per_mv
        Samples of 1 mV.
    zero
        Sample of 0 mV.
    record_s
        Length of a data record; a divisor of 4 s.
    fields
        Fields of all signals.
    of_lead
        Fields of single leads.
    head
        Fields of the fixed part: patient, recording, start_date, n_bytes, reserved, n_records,
        record_s, n_signals.
    stored
        Changes the samples, (12, 1000).
    onsets
        Text at the start of the annotations of each data record; None for a file without
        annotations.
    annotations_at
        Which signal the annotations are.
    slower
        Leads of which every second sample is written.
    tail
        Bytes behind the samples; a negative number cuts.
    """

    units_per_mv: float = 1000.0
    zero: int = 0
    record_s: float = 1.0
    fields: Mapping[str, str] = field(default_factory=dict)
    of_lead: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    head: Mapping[str, str] = field(default_factory=dict)
    stored: Callable[[Digital], Digital] | None = None
    onsets: Sequence[str] | None = None
    annotations_at: int = 12
    slower: Sequence[str] = ()
    tail: int = 0


def write(folder: Path, spec: Edf) -> Path:
    """Write the file."""
    truth = np.rint(reference().signal.astype(np.float64) * spec.units_per_mv).astype(np.int64) + spec.zero
    digital = truth if spec.stored is None else spec.stored(truth)
    n_records = round(4 / spec.record_s)
    signals, blocks = [], []
    for lead, row in zip(STANDARD_LEADS, digital, strict=True):
        kept = row[::2] if lead in spec.slower else row
        samples = kept.reshape(n_records, -1)
        blocks.append(samples.astype("<i2").view(np.uint8))
        signals.append({"label": lead, **_COMMON, "n_samples": str(samples.shape[1]), **spec.fields, **spec.of_lead.get(lead, {})})
    if spec.onsets is not None:
        texts = [text.encode("latin-1").ljust(2 * _ANNOTATION_SAMPLES, b"\0") for text in spec.onsets]
        blocks.insert(spec.annotations_at, np.frombuffer(b"".join(texts), np.uint8).reshape(n_records, -1))
        one = {
            "label": _ANNOTATIONS,
            **_COMMON,
            "unit": "",
            "physical_min": "-1",
            "physical_max": "1",
            "n_samples": str(_ANNOTATION_SAMPLES),
        }
        signals.insert(spec.annotations_at, one)
    content = _header(signals, n_records, spec) + np.concatenate(blocks, axis=1).tobytes()
    content = content[: spec.tail] if spec.tail < 0 else content + bytes(spec.tail)
    path = folder / "a.edf"
    path.write_bytes(content)
    return path


def _header(signals: Sequence[Mapping[str, str]], n_records: int, spec: Edf) -> bytes:
    head = {
        "version": "0", "patient": "", "recording": "", "start_date": "01.02.20", "start_time": "03.04.05",
        "n_bytes": str(256 * (1 + len(signals))), "reserved": "EDF+C" if spec.onsets is not None else "",
        "n_records": str(n_records), "record_s": f"{spec.record_s:g}", "n_signals": str(len(signals)), **spec.head,
    }  # fmt: skip
    widths = (8, 80, 80, 8, 8, 8, 44, 8, 8, 4)
    text = "".join(value.ljust(width)[:width] for value, width in zip(head.values(), widths, strict=True))
    for name, width in _WIDTHS.items():
        text += "".join(signal.get(name, "").ljust(width)[:width] for signal in signals)
    return text.encode("latin-1")
