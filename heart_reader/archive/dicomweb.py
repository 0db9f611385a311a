"""A DICOMweb archive: ECGs are searched for, retrieved, and reports of them stored.

References
----------
DICOM PS3.18, 10.4 Retrieve (WADO-RS), 10.5 Store (STOW-RS), 10.6 Search (QIDO-RS).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pydicom
from dicomweb_client.web import DICOMwebClient

from heart_reader.archive.access import MEGABYTE, Access
from heart_reader.archive.http import Session
from heart_reader.archive.names import ECG_CLASSES, checked_uid
from heart_reader.errors import ArchiveError, ConfigError

__all__ = ["Archive", "FoundEcg", "Wanted"]

# Results asked for at a time; an archive may give fewer.
PAGE = 200
# An archive that gives the same results for ever is stopped here.
MOST_PAGES = 10_000
# Sent in one piece, so that a repetition has all of it.
_CHUNK_BYTES = 256 * MEGABYTE
_DATE, _MODALITY = re.compile(r"[0-9]{8}"), re.compile(r"[A-Z0-9 _]{1,16}")
_TAGS = {
    "study": "0020000D", "series": "0020000E", "instance": "00080018", "sop_class": "00080016",
    "date": "00080020", "patient_id": "00100020", "patient_name": "00100010",
}  # fmt: skip
# A deflated object of a few bytes may swell to gigabytes: it is not asked for.
_ACCEPT = ", ".join(f'multipart/related; type="application/dicom"; transfer-syntax={syntax}' for syntax in ("*", "1.2.840.10008.1.2.1"))


@dataclass(frozen=True)
class Wanted:
    """Which ECGs to search for; what is None or empty does not matter.

    Parameters
    ----------
    first, last
        Dates of the study.
    patient
        Number of the patient, as the archive has it.
    studies
        Identifiers of studies.
    modalities
        Of their series; ECG, and HD where a catheter laboratory stores.
    limit
        How many at most.

    Raises
    ------
    ConfigError
        If something would be understood as a pattern or as another question.
    """

    first: date | None = None
    last: date | None = None
    patient: str | None = None
    studies: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ("ECG",)
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ConfigError(f"--to {self.last} lies before --from {self.first}: exchange them")
        if self.patient is not None and (not self.patient.strip() or re.search(r"[*?\\]", self.patient)):
            raise ConfigError("--patient takes one number as the archive has it, without * and ?")
        for modality in self.modalities:
            if not _MODALITY.fullmatch(modality):
                raise ConfigError(f"--modality {modality}: capitals such as ECG or HD are needed")
        for study in self.studies:
            try:
                checked_uid(study, "study")
            except ArchiveError as error:
                raise ConfigError(f"--study: {error.message}") from None

    def filters(self) -> dict[str, str]:
        """Return what a search for studies is narrowed by."""
        found: dict[str, str] = {}
        if self.first is not None or self.last is not None:
            ends = ("" if day is None else f"{day:%Y%m%d}" for day in (self.first, self.last))
            found["StudyDate"] = "-".join(ends)
        if self.patient is not None:
            found["PatientID"] = self.patient
        return found


@dataclass(frozen=True)
class FoundEcg:
    """An ECG in an archive.

    Parameters
    ----------
    study, series, instance
        Its identifiers.
    sop_class
        What kind of ECG, a key of :data:`~heart_reader.archive.names.ECG_CLASSES`.
    date
        Of the study, YYYY-MM-DD; None where the archive does not say.
    patient_id, patient_name
        Whose it is; shown on request only.
    """

    study: str
    series: str
    instance: str
    sop_class: str
    date: str | None = None
    patient_id: str | None = None
    patient_name: str | None = None

    def to_json(self, *, identity: bool = False) -> dict[str, str | None]:
        """Return plain values; who was recorded only if asked."""
        facts = {
            "study_instance_uid": self.study,
            "series_instance_uid": self.series,
            "sop_instance_uid": self.instance,
            "kind": ECG_CLASSES[self.sop_class],
            "study_date": self.date,
        }
        return {**facts, "patient_id": self.patient_id, "patient_name": self.patient_name} if identity else facts


class Archive:
    """A DICOMweb archive.

    Parameters
    ----------
    access
        Where it is and how one is let in.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self._session = Session(access)
        self._client = DICOMwebClient(access.url, session=self._session, chunk_size=_CHUNK_BYTES, permissive_uid=True)
        self._client.set_http_retry_params(retry=False)  # the session does that

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *args: object) -> None:
        self._session.close()

    def find(self, wanted: Wanted) -> Iterator[FoundEcg]:
        """Search studies, their series and these for ECG waveforms; yield each once.

        Raises
        ------
        ArchiveError
            If the archive is out of reach, refuses, or answers what is no answer.
        """
        seen: set[str] = set()
        for study in self._studies(wanted):
            for series in self._series(study["study"], wanted):
                for found in self._instances(study, series):
                    if found.instance not in seen:
                        seen.add(found.instance)
                        yield found
                    if len(seen) == wanted.limit:
                        return

    def _studies(self, wanted: Wanted) -> Iterator[dict[str, str]]:
        seen: set[str] = set()
        narrowed = [{"StudyInstanceUID": study} for study in wanted.studies] or [{"ModalitiesInStudy": one} for one in wanted.modalities]
        for one in narrowed:
            filters = {**wanted.filters(), **one}
            for study in self._search("study", self._client.search_for_studies, search_filters=filters):
                if study["study"] not in seen and (not wanted.studies or study["study"] in wanted.studies):
                    seen.add(study["study"])
                    yield study

    def _series(self, study: str, wanted: Wanted) -> Iterator[str]:
        seen: set[str] = set()
        for modality in wanted.modalities:
            filters = {"Modality": modality}
            for series in self._search("series", self._client.search_for_series, study_instance_uid=study, search_filters=filters):
                if series["series"] not in seen:
                    seen.add(series["series"])
                    yield series["series"]

    def _instances(self, study: Mapping[str, str], series: str) -> Iterator[FoundEcg]:
        whose = {"study_instance_uid": study["study"], "series_instance_uid": series}
        for one in self._search("instance", self._client.search_for_instances, **whose):
            # The class is looked at here: not every archive narrows by it.
            if one.get("sop_class") in ECG_CLASSES:
                day = study.get("date", "")
                yield FoundEcg(
                    study["study"],
                    series,
                    one["instance"],
                    one["sop_class"],
                    f"{day[:4]}-{day[4:6]}-{day[6:]}" if _DATE.fullmatch(day) else None,
                    study.get("patient_id"),
                    study.get("patient_name"),
                )

    def _search(self, level: str, search: Any, **query: Any) -> Iterator[dict[str, str]]:
        """Yield all results of a query by page, each with its identifier checked."""
        seen: set[str] = set()
        for page in range(MOST_PAGES):
            try:
                results = search(limit=PAGE, offset=len(seen) if page else None, **query)
                found = [_facts(result) for result in results]
                names = [checked_uid(facts.get(level, ""), level) for facts in found]
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ArchiveError(f"{self.access.url}: no answer to a search ({type(error).__name__}): is this DICOMweb?") from None
            fresh = [{**facts, level: name} for facts, name in zip(found, names, strict=True) if name not in seen]
            seen.update(names)
            yield from fresh
            # An archive that does not know offsets begins anew.
            if not fresh:
                return

    def retrieve(self, ecg: FoundEcg) -> bytes:
        """Return an ECG as a file of DICOM, as the archive has it.

        Raises
        ------
        ArchiveError
            If it cannot be had.
        """
        # dicomweb-client would take it apart before anybody looked at it, and write another file.
        url = f"{self.access.url}/studies/{ecg.study}/series/{ecg.series}/instances/{ecg.instance}"
        answer = self._session.get(url, headers={"Accept": _ACCEPT})
        content = _only_part(answer.content, answer.headers.get("Content-Type", ""))
        if content[128:132] != b"DICM":
            raise ArchiveError(f"{self.access.url}: what came for {ecg.instance} is no DICOM file")
        return content

    def store(self, report: bytes) -> None:
        """Store a report, a file of DICOM.

        Raises
        ------
        ArchiveError
            If the archive does not take it.
        """
        # Taken from a file, it has all that belongs to one; dicomweb-client adds nothing.
        dataset = pydicom.dcmread(io.BytesIO(report))
        study = checked_uid(dataset.StudyInstanceUID, "study")
        try:
            said = self._client.store_instances([dataset], study)
            refused = [f"{int(item.get('FailureReason', 0)):04X}" for item in said.get("FailedSOPSequence") or ()]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArchiveError(f"{self.access.url}: no answer to storing ({type(error).__name__}): is this DICOMweb?") from None
        if refused:
            raise ArchiveError(f"{self.access.url}: the report was refused (reason {', '.join(refused)})")


def _facts(result: Mapping[str, Any]) -> dict[str, str]:
    """Return the first value of what matters of a result in the DICOM JSON model, as text."""
    found = {}
    for name, tag in _TAGS.items():
        values = result.get(tag, {}).get("Value") or ()
        if values and values[0] is not None:
            value = values[0]
            found[name] = str(value.get("Alphabetic", "") if isinstance(value, Mapping) else value)
    return found


def _only_part(body: bytes, kind: str) -> bytes:
    r"""Return the one part of a multipart answer; some archives send it bare.

    Examples
    --------
    >>> body = b"--x\r\nContent-Type: application/dicom\r\n\r\nDATA\r\n--x--\r\n"
    >>> _only_part(body, 'multipart/related; boundary="x"')
    b'DATA'
    """
    match = re.search(r'boundary="?([^";\s]+)"?', kind, re.IGNORECASE)
    if not kind.lower().startswith("multipart/related") or match is None:
        return body
    marker = b"--" + match[1].encode()
    begin = body.find(b"\r\n\r\n", body.find(marker)) + 4
    end = body.find(b"\r\n" + marker, begin)
    return body[begin:end] if begin >= 4 and end >= 0 else b""
