"""A reading as a DICOM Structured Report that an archive keeps beside the waveform.

References
----------
DICOM PS3.16, TID 3700 ECG Report with TID 1001, 3704, 3708, 3713, 3717 and 3719; PS3.3, A.35.2
Enhanced SR.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import heart_reader
from heart_reader.diagnosis import NOTICE, Diagnosis
from heart_reader.exchange.codes import DEMANDED, MEASURED, concept, measurement_codes, unit_code, unit_of
from heart_reader.exchange.dicom_source import OF_PATIENT, OF_STUDY
from heart_reader.exchange.facts import acquired_at, dicom_time, is_twelve_leads, patient_of
from heart_reader.exchange.statements import Statement, in_words, not_stated, overall, statements_of
from heart_reader.extras import missing

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["to_dicom_sr"]

ENHANCED_SR = "1.2.840.10008.5.1.4.1.1.88.22"
MAKER = "heart_reader"
# By which formula.
_QTC = {"qtc_fridericia_ms": "fridericia", "qtc_bazett_ms": "bazett"}
_LONGEST_NAME = 64


def to_dicom_sr(diagnosis: Diagnosis, *, source: Dataset | None = None, identity: bool = False, written: datetime | None = None) -> Dataset:
    """Return a reading as an Enhanced SR object of template 3700, ready to be sent or saved.

    Measurements and statements are ours alone; what the recorder stated stays with its own file.

    Parameters
    ----------
    source
        The DICOM object that was read, with or without its samples: the report refers to it and
        joins its study. None for a file of another format, whose report is a study of its own.
    identity
        Whether to say whose ECG it is, as the source or the record has it. An archive files a
        report under its patient only with it.
    written
        When the report was made; None means now.

    Returns
    -------
    Dataset
        With file meta information; ``save_as(path, enforce_file_format=True)`` writes it.

    Raises
    ------
    HeartReaderError
        If pydicom is not installed.
    """
    try:
        from pydicom import Dataset
        from pydicom.dataset import FileMetaDataset
        from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, ExplicitVRLittleEndian, generate_uid
    except ImportError as error:
        raise missing(error.name or "pydicom") from None
    from heart_reader.exchange.dicom_items import container

    when = written or datetime.now().astimezone()
    report = Dataset()
    report.SpecificCharacterSet = "ISO_IR 192"
    report.SOPClassUID, report.SOPInstanceUID = ENHANCED_SR, generate_uid(prefix=None)
    _patient_and_study(report, diagnosis, source, identity)
    _series(report, diagnosis, when, generate_uid(prefix=None), source)
    root = container(concept("ecg_report"), _content(diagnosis, source), template="3700", relation=None)
    report.update(root)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = report.SOPClassUID, report.SOPInstanceUID
    meta.TransferSyntaxUID, meta.ImplementationClassUID = ExplicitVRLittleEndian, PYDICOM_IMPLEMENTATION_UID
    report.file_meta = meta
    return report


def _patient_and_study(report: Dataset, diagnosis: Diagnosis, source: Dataset | None, identity: bool) -> None:
    from pydicom.uid import generate_uid

    shared = ("StudyInstanceUID", *OF_STUDY, *(OF_PATIENT if identity else ()))
    for keyword in ("StudyInstanceUID", *OF_STUDY, *OF_PATIENT):
        # Empty where it is not known: all but the issuer must be there.
        if keyword not in ("StudyInstanceUID", "IssuerOfPatientID"):
            setattr(report, keyword, None)
        value = None if source is None or keyword not in shared else source.get(keyword)
        if value:
            setattr(report, keyword, str(value))  # in Unicode, whatever it was
    if "StudyInstanceUID" not in report:
        report.StudyInstanceUID = generate_uid(prefix=None)
    patient = patient_of(diagnosis, None) if identity and source is None else None
    if patient is not None:
        report.PatientName, report.PatientID = patient.name, (patient.patient_id or "")[:_LONGEST_NAME] or None
        report.PatientBirthDate = (patient.birth_date or "").replace("-", "") or None
    report.PatientSex = {"male": "M", "female": "F"}.get(diagnosis.sex or "")
    if diagnosis.age is not None and diagnosis.age >= 1:
        report.PatientAge = f"{int(diagnosis.age):03d}Y"
    acquired = dicom_time(acquired_at(diagnosis))
    if acquired is not None and not report.StudyDate:
        report.StudyDate, report.StudyTime = acquired[:8], acquired[8:14] or None


def _series(report: Dataset, diagnosis: Diagnosis, when: datetime, series: str, source: Dataset | None) -> None:
    from pydicom import Dataset

    report.Modality, report.SeriesInstanceUID, report.SeriesNumber = "SR", series, 1
    report.SeriesDescription = "Automatic ECG reading, research use only"
    report.ReferencedPerformedProcedureStepSequence = []
    report.Manufacturer, report.ManufacturerModelName = MAKER, diagnosis.model["name"][:_LONGEST_NAME]
    report.SoftwareVersions = heart_reader.__version__
    report.DeviceSerialNumber = diagnosis.model["checkpoint_sha256"][:_LONGEST_NAME]
    report.InstanceNumber = 1
    report.ContentDate, report.ContentTime = when.strftime("%Y%m%d"), when.strftime("%H%M%S")
    if when.tzinfo is not None:
        report.TimezoneOffsetFromUTC = when.strftime("%z")[:5]
    # Nobody has looked at it.
    report.PreliminaryFlag, report.CompletionFlag, report.VerificationFlag = "PRELIMINARY", "COMPLETE", "UNVERIFIED"
    report.PerformedProcedureCodeSequence = []
    if source is None:
        return
    instance, in_series, study = Dataset(), Dataset(), Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    in_series.SeriesInstanceUID, in_series.ReferencedSOPSequence = source.SeriesInstanceUID, [instance]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = report.StudyInstanceUID, [in_series]
    report.CurrentRequestedProcedureEvidenceSequence = [study]


def _content(diagnosis: Diagnosis, source: Dataset | None) -> Iterator[Dataset]:
    """Yield what stands below the title, in the order of the template."""
    from heart_reader.exchange.codes import Code
    from heart_reader.exchange.dicom_items import code_item, container, text

    yield code_item(concept("language"), Code("RFC5646", "en", "English"), "HAS CONCEPT MOD")
    if is_twelve_leads(diagnosis):
        yield code_item(concept("procedure_reported"), concept("twelve_leads"), "HAS CONCEPT MOD")
    yield from _observer(diagnosis)
    yield text(concept("comment"), NOTICE)
    yield from _patient_characteristics(diagnosis)
    yield _waveform_information(diagnosis, source)
    yield container(
        concept("quantitative"), [container(concept("global"), _measurements(diagnosis), template="3713")] if diagnosis.measurements else []
    )
    yield container(concept("qualitative"), _findings(diagnosis), template="3717")
    summary = [text(concept("summary"), in_words(diagnosis)), code_item(concept("overall"), overall(diagnosis))]
    yield container(concept("summary"), summary, template="3719")


def _observer(diagnosis: Diagnosis) -> Iterator[Dataset]:
    """Yield who observed, TID 1004: the device whose number is the hash of its weights."""
    from heart_reader.exchange.dicom_items import code_item, text, uid

    context, sha256 = "HAS OBS CONTEXT", diagnosis.model["checkpoint_sha256"]
    yield code_item(concept("observer_type"), concept("device"), context)
    yield uid(concept("observer_uid"), f"2.25.{int(sha256[:32], 16)}", context)
    for name, value in (("name", MAKER), ("maker", MAKER), ("model", diagnosis.model["name"]), ("serial", sha256)):
        yield text(concept(f"observer_{name}"), value, context)


def _patient_characteristics(diagnosis: Diagnosis) -> Iterator[Dataset]:
    from heart_reader.exchange.dicom_items import code_item, container, number

    known = []
    if diagnosis.age is not None:
        known.append(number(concept("age"), diagnosis.age, unit_code("a")))
    if diagnosis.sex in ("male", "female"):
        known.append(code_item(concept("sex"), concept(diagnosis.sex)))
    if known:
        yield container(concept("patient"), known, template="3704")


def _waveform_information(diagnosis: Diagnosis, source: Dataset | None) -> Dataset:
    from heart_reader.exchange.dicom_items import container, datetime_item, number, text, waveform

    acquired, recorder = dicom_time(acquired_at(diagnosis)), None if diagnosis.device_report is None else diagnosis.device_report.device
    read = f"{diagnosis.record_id} ({diagnosis.source_format}, {diagnosis.fs:g} Hz, {diagnosis.duration_s:.1f} s)"
    noticed = dict.fromkeys((*diagnosis.quality.findings, *diagnosis.warnings))
    items = [
        None if acquired is None else datetime_item(concept("acquired"), acquired),
        None if source is None else waveform(concept("source"), source),
        text(concept("equipment"), recorder) if recorder else None,
        number(concept("sample_rate"), diagnosis.fs, unit_code("Hz")),
        text(concept("algorithm_name"), f"{MAKER}, {diagnosis.model['name']}"),
        text(concept("algorithm_version"), f"{heart_reader.__version__}, weights {diagnosis.model['checkpoint_sha256']}"),
        # Without a source the file is all that names the waveform.
        text(concept("comment"), f"Read from {read}") if source is None else None,
        *(text(concept("comment"), str(sentence)) for sentence in noticed),
    ]
    return container(concept("procedures"), items, template="3708")


def _measurements(diagnosis: Diagnosis) -> Iterator[Dataset]:
    from heart_reader.exchange.dicom_items import code_item, number, text, with_children

    values = {} if diagnosis.measurements is None else diagnosis.measurements.values
    for name in MEASURED:
        measured = values.get(name)
        value = None if measured is None else measured.value
        if value is None and name not in DEMANDED:
            continue
        code = concept("qtc") if name in _QTC else measurement_codes(name)[0]
        formula = code_item(concept("algorithm_name"), concept(_QTC[name]), "HAS PROPERTIES") if name in _QTC else None
        reason = None if measured is None or not measured.reason else text(concept("comment"), str(measured.reason), "HAS PROPERTIES")
        yield with_children(number(code, value, unit_of(name)), [formula, reason])


def _findings(diagnosis: Diagnosis) -> Iterator[Dataset]:
    from heart_reader.exchange.dicom_items import text

    for statement in statements_of(diagnosis):
        yield from _finding(statement)
    for sentence in not_stated(diagnosis):
        yield text(concept("comment"), sentence)


def _finding(statement: Statement) -> Iterator[Dataset]:
    """Yield a line as a text, or under each of its codes; the words are ours in either case."""
    from heart_reader.exchange.dicom_items import code_item, number, text, with_children

    share = statement.probability
    certainty = None if share is None else number(concept("certainty"), 100 * share, unit_code("%"), "HAS PROPERTIES")
    if not statement.codes:
        yield with_children(text(concept("finding"), statement.text), [certainty])
    for code in statement.codes:
        words = text(concept("equivalent"), statement.text, "HAS CONCEPT MOD")
        yield with_children(code_item(concept("finding"), code), [words, certainty])
