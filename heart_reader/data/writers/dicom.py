"""DICOM waveforms: 12-lead ECG where the recording keeps its limits, else general or ambulatory.

References
----------
DICOM PS3.3, A.34.3 to A.34.5 (what each object may hold), C.10.8 to C.10.10 (waveform and
annotation modules); PS3.15, E.1 (what de-identified objects say of themselves); PS3.16, CID 3001
and TID 3713 (codes of leads and measurements).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from heart_reader.data.codes import codes_of
from heart_reader.data.device_report import DeviceReport, MedianBeats, Patient
from heart_reader.data.record import EcgRecord
from heart_reader.data.writers.age import age_in_units, lost_age
from heart_reader.data.writers.dicom_items import annotation_items, channel_item, encoded, item, sequence
from heart_reader.data.writers.lost import acquired_at, lost_parts
from heart_reader.data.writers.names import refuse_names
from heart_reader.data.writers.quantise import quantise
from heart_reader.data.writers.registry import register_writer
from heart_reader.errors import UnreadableRecord
from heart_reader.folders import write_whole
from heart_reader.messages import Message, message

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["STAND_IN", "write_dicom"]

# An object must say when it was acquired; where nobody knows, this says so.
STAND_IN = datetime(1900, 1, 1)
_PADDING = -(1 << 15)
_MOST_LABEL = 16
_ANNOTATIONS, _WAVEFORMS, _CHANNELS = (0x0040, 0xB020), (0x5400, 0x0100), (0x003A, 0x0200)


class _Kind(NamedTuple):
    """What one kind of object may hold."""

    uid: str
    title: str
    most_leads: int
    most_times: int
    slowest_hz: float
    fastest_hz: float
    medians: bool
    coded_only: bool

    def takes(self, n_leads: int, n_times: int, fs: float) -> bool:
        return n_leads <= self.most_leads and n_times <= self.most_times and self.slowest_hz <= fs <= self.fastest_hz


_ANY = 1 << 40
_KINDS = (
    _Kind("1.2.840.10008.5.1.4.1.1.9.1.1", "12-Lead ECG", 13, 16_384, 200.0, 1000.0, medians=True, coded_only=True),
    _Kind("1.2.840.10008.5.1.4.1.1.9.1.2", "General ECG", 24, _ANY, 200.0, 1000.0, medians=True, coded_only=False),
    _Kind("1.2.840.10008.5.1.4.1.1.9.1.3", "Ambulatory ECG", 12, _ANY, 50.0, 1000.0, medians=False, coded_only=False),
)


@register_writer("dicom", title="DICOM", suffix=".dcm", package="pydicom")
def write_dicom(record: EcgRecord, folder: Path, name: str) -> tuple[list[Path], list[Message]]:
    """Write ``NAME.dcm``; see :class:`~heart_reader.data.writers.registry.Writer`.

    Raises
    ------
    LeadError
        If a name of a lead does not fit.
    UnreadableRecord
        If no ECG object takes so many leads at such a rate.
    """
    from pydicom import Dataset

    kind = _kind(record)
    refuse_names(record, "DICOM", _fits)
    report = record.device_report or DeviceReport()
    dataset = Dataset()
    began = acquired_at(record)
    _patient(dataset, record, report.patient or Patient())
    _study(dataset, kind, report, began or STAND_IN)
    groups, lost = _groups(record, report, kind, known=("acquired",) if began else ())
    noted, uncoded = annotation_items(report)
    # In the order of their tags, of which these are the highest.
    parts = [encoded(dataset), sequence(_ANNOTATIONS, noted) if noted else b"", sequence(_WAVEFORMS, groups)]
    lost += [message("lost_measurements", names=uncoded)] if uncoded else []
    lost += [] if began else [message("lost_date", format="DICOM", stand_in=f"{STAND_IN:%Y-%m-%d}")]
    path = folder / f"{name}.dcm"
    write_whole(path, lambda new: _save(new, dataset, parts))
    return [path], lost


def _kind(record: EcgRecord) -> _Kind:
    coded = codes_of("leads", "dicom")
    all_coded = all(lead in coded for lead in record.lead_names)
    for kind in _KINDS:
        if kind.takes(len(record.lead_names), record.n_times, record.fs) and (all_coded or not kind.coded_only):
            return kind
    there: dict[str, int | float] = {"leads": len(record.lead_names), "fs": record.fs}
    _, general, ambulatory = _KINDS
    most = {"most": general.most_leads, "few": ambulatory.most_leads, "fastest": general.fastest_hz}
    allowed = {**most, "slow": general.slowest_hz, "slowest": ambulatory.slowest_hz}
    raise UnreadableRecord(message("record_does_not_fit", where=record.record_id, format="DICOM", **there, **allowed))


def _fits(lead: str) -> bool:
    """A name is the meaning of a code and a label; DICOM takes blanks around away."""
    coded = lead in codes_of("leads", "dicom")
    return coded or (lead == lead.strip() != "" and lead.isprintable() and "\\" not in lead and len(lead) <= _MOST_LABEL)


def _patient(dataset: Dataset, record: EcgRecord, patient: Patient) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = _text(patient.name, 64)
    dataset.PatientID = _text(patient.patient_id, 64)
    dataset.PatientBirthDate = (patient.birth_date or "").replace("-", "")[:8]
    dataset.PatientSex = {"male": "M", "female": "F"}.get(record.sex or "", "")
    if record.age is not None:
        age = age_in_units(record.age)
        dataset.PatientAge = f"{age.number:03}{age.unit[0].upper()}"


def _study(dataset: Dataset, kind: _Kind, report: DeviceReport, began: datetime) -> None:
    from pydicom.uid import generate_uid

    day, clock = f"{began:%Y%m%d}", f"{began:%H%M%S}"
    known = began is not STAND_IN
    dataset.SOPClassUID = kind.uid
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = (generate_uid(prefix=None) for _ in range(3))
    dataset.StudyDate, dataset.StudyTime = (day, clock) if known else ("", "")
    dataset.ReferringPhysicianName = dataset.StudyID = dataset.AccessionNumber = ""
    dataset.Modality = "ECG"
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    dataset.Manufacturer = ""
    if report.device:
        dataset.ManufacturerModelName = _text(report.device, 64)
    dataset.ContentDate, dataset.ContentTime = day, clock
    offset = f"{began:%z}"[:5]
    fraction = f".{began.microsecond:06}" if began.microsecond else ""
    dataset.AcquisitionDateTime = f"{day}{clock}{fraction}{offset}"
    dataset.AcquisitionContextSequence = []
    if report.patient is None and not known:
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = "Only the signal and what the device measured were read"


def _groups(record: EcgRecord, report: DeviceReport, kind: _Kind, known: Sequence[str]) -> tuple[list[bytes], list[Message]]:
    """Return the multiplex groups, and what is not in them."""
    rhythm, lost = _group(record, report, "RHYTHM", "ORIGINAL")
    groups, kept = [rhythm], ["device", "filters", "identity", "measurements", "statements", *known]
    beats = report.medians
    if (
        beats is not None
        and kind.medians
        and kind.takes(len(beats.signal), beats.signal.shape[1], beats.fs)
        and all(map(_fits, beats.lead_names))
    ):
        medians, coarser = _group(_of_beats(record, beats), report, "MEDIAN BEAT", "DERIVED")
        groups.append(medians)
        lost += coarser
        kept.append("medians")
    return groups, [*lost, *lost_age(record.age), *lost_parts(record, kept)]


def _of_beats(record: EcgRecord, beats: MedianBeats) -> EcgRecord:
    return EcgRecord(record.record_id, np.ascontiguousarray(beats.signal, dtype=np.float32), beats.fs, beats.lead_names)


def _group(record: EcgRecord, report: DeviceReport, label: str, originality: str) -> tuple[bytes, list[Message]]:
    """Return a multiplex group as an item, and what is coarser than it was."""
    from pydicom import Dataset

    made = quantise(record)
    samples = made.samples.astype("<i2")
    head, tail = Dataset(), Dataset()
    head.WaveformOriginality = originality
    head.NumberOfWaveformChannels, head.NumberOfWaveformSamples = samples.shape
    head.SamplingFrequency = f"{record.fs:.12g}"
    head.MultiplexGroupLabel = label
    steps_uv = 1000.0 / made.gains
    rows = zip(record.lead_names, steps_uv.tolist(), (-made.baselines * steps_uv).tolist(), strict=True)
    channels = [channel_item(*row, (report.low_hz, report.high_hz), report.notch_hz) for row in rows]
    tail.WaveformBitsAllocated = 16
    tail.WaveformSampleInterpretation = "SS"
    if made.masked.any():
        samples[made.masked] = _PADDING
        tail.add_new("WaveformPaddingValue", "OW", np.int16(_PADDING).tobytes())
    tail.add_new("WaveformData", "OW", np.ascontiguousarray(samples.T).tobytes())
    return item(encoded(head), sequence(_CHANNELS, channels), encoded(tail)), list(made.lost)


def _text(text: str | None, most: int) -> str:
    """Return a text as DICOM takes it; a backslash would part it in two."""
    return " ".join((text or "").replace("\\", "/").split())[:most]


def _save(path: Path, dataset: Dataset, parts: Sequence[bytes]) -> None:
    from pydicom import FileMetaDataset
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_file_meta_info
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    head = DicomBytesIO()
    head.is_little_endian, head.is_implicit_VR = True, False
    write_file_meta_info(head, meta, enforce_standard=True)
    with path.open("wb") as file:
        file.writelines([bytes(128), b"DICM", head.getvalue(), *parts])
