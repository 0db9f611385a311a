"""Simulated ECGs as DICOM files, each with a patient, a study and identifiers of its own."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from heart_reader.data.formats import read_record
from heart_reader.samples import sample

__all__ = ["ROOT", "TWELVE_LEAD", "ecg", "ecg_bytes"]

ROOT = "1.2.826.0.1.3680043.8.498"
TWELVE_LEAD = "1.2.840.10008.5.1.4.1.1.9.1.1"
_CODES = {"I": 1, "II": 2, "III": 61, "aVR": 62, "aVL": 63, "aVF": 64, "V1": 3, "V2": 4, "V3": 5, "V4": 6, "V5": 7, "V6": 8}


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def ecg(
    number: int,
    *,
    study: int = 1,
    patient: str = "P-0042",
    name: str = "norm",
    sop_class: str = TWELVE_LEAD,
    date: str = "20240117",
    implicit: bool = False,
    change: Callable[[FileDataset], object] | None = None,
) -> FileDataset:
    """Return a sample of the package as a DICOM object, the ``number``-th of its study."""
    record = read_record(sample(name))
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, f"{ROOT}.{study}.1.{number}"
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, f"{ROOT}.{study}.1.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.{study}", f"{ROOT}.{study}.1"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Nimrod^Zacharias", patient, "19610203"
    dataset.PatientSex, dataset.PatientAge = "F", "062Y"
    dataset.Modality, dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber = "ECG", date, "101500", "A-77"
    dataset.ContentDate, dataset.ContentTime, dataset.AcquisitionDateTime = date, "101500", f"{date}101500"
    dataset.SeriesNumber, dataset.InstanceNumber, dataset.StudyID = "1", str(number), str(study)
    dataset.ReferringPhysicianName, dataset.Manufacturer = "", "heart_reader tests"
    group = Dataset()
    group.WaveformOriginality, group.MultiplexGroupLabel = "ORIGINAL", "RHYTHM"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = record.signal.shape
    group.SamplingFrequency = str(record.fs)
    group.ChannelDefinitionSequence = [_channel(lead) for lead in record.lead_names]
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.WaveformData = np.rint(record.signal * 1000).astype("<i2").T.tobytes()
    group["WaveformData"].VR = "OW"
    dataset.WaveformSequence = [group]
    if change is not None:
        change(dataset)
    return dataset


def _channel(lead: str) -> Dataset:
    channel = Dataset()
    channel.ChannelSourceSequence = [_code(f"5.6.3-9-{_CODES[lead]}", "SCPECG", f"Lead {lead}")]
    channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor = "1", "1"
    channel.ChannelSensitivityUnitsSequence = [_code("uV", "UCUM", "microvolt")]
    channel.ChannelBaseline, channel.ChannelSampleSkew, channel.WaveformBitsStored = "0", "0", 16
    return channel


def ecg_bytes(number: int, **others: object) -> bytes:
    """Return such an object as the bytes of a file."""
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, ecg(number, **others))  # type: ignore[arg-type]
    return stream.getvalue()
