"""A reading as a FHIR R4 bundle: a report, its observations, the reader as a device.

The waveform is referred to, never embedded: as numbers in text it would make megabytes of a page.

References
----------
HL7 FHIR R4 (4.0.1): Bundle, DiagnosticReport, Observation, Device, Media, Patient.
"""

from __future__ import annotations

import html
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import heart_reader
from heart_reader.diagnosis import NOTICE, Diagnosis
from heart_reader.exchange.codes import DEMANDED, MEASURED, SYSTEMS, Code, concept, mdc_number, measurement_codes, unit_code, unit_of
from heart_reader.exchange.facts import acquired_at, fhir_time, is_twelve_leads, patient_of
from heart_reader.exchange.statements import Statement, in_words, not_stated, overall, statements_of

if TYPE_CHECKING:
    from pydicom import Dataset

    from heart_reader.features.measurement import Measurement

__all__ = ["to_fhir"]

Resource = dict[str, Any]
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
# Nobody has looked at it.
_STATUS = "preliminary"
_MAKER = "heart_reader"
_PER_MINUTE = Code("UCUM", "/min", "/min")
_DIGITS = 1


def to_fhir(diagnosis: Diagnosis, *, source: Dataset | None = None, identity: bool = False, written: datetime | None = None) -> Resource:
    """Return a reading as a bundle of type ``collection``, in plain values for JSON.

    Measurements and statements are ours alone; what the recorder stated stays with its own file.

    Parameters
    ----------
    source
        The DICOM object that was read, with or without its samples; None for other formats.
    identity
        Whether to say whose ECG it is, as the source or the record has it.
    written
        When the report was made; None means now.

    Returns
    -------
    dict
        Codes are given where a public one exists; a statement without one is there in words.
    """
    when = (written or datetime.now()).astimezone().isoformat(timespec="seconds")
    return _Bundle(diagnosis, source, identity).to_json(when)


class _Bundle:
    """Resources that refer to each other by addresses of their own."""

    def __init__(self, diagnosis: Diagnosis, source: Dataset | None, identity: bool) -> None:
        self._diagnosis, self._source, self._identity = diagnosis, source, identity
        self._space = uuid.uuid4()
        self._acquired = fhir_time(acquired_at(diagnosis))

    def to_json(self, when: str) -> Resource:
        observations = dict(self._observations())
        resources = {
            "report": self._report(when, list(observations)),
            "patient": self._patient(),
            "device": self._device(),
            "waveform": self._waveform(),
            "age": self._age(),
            **observations,
        }
        entries = [{"fullUrl": self._address(name), "resource": resource} for name, resource in resources.items() if resource]
        return {"resourceType": "Bundle", "type": "collection", "timestamp": when, "entry": entries}

    def _address(self, name: str) -> str:
        return uuid.uuid5(self._space, name).urn

    def _reference(self, name: str) -> Resource:
        return {"reference": self._address(name)}

    def _report(self, when: str, results: list[str]) -> Resource:
        diagnosis = self._diagnosis
        codes = [code for statement in statements_of(diagnosis) for code in statement.codes]
        twelve = {"coding": [_coding(concept("ecg_panel"))]} if is_twelve_leads(diagnosis) else {}
        return _without_none({
            "resourceType": "DiagnosticReport",
            "text": self._narrative(),
            "status": _STATUS,
            "category": [{"coding": [{"system": f"{_TERMINOLOGY}/v2-0074", "code": "EC"}]}],
            "code": {**twelve, "text": "ECG, read automatically"},
            "subject": self._reference("patient"),
            "effectiveDateTime": self._acquired,
            "issued": when,
            "result": [self._reference(name) for name in results],
            "media": [{"comment": "The recording that was read", "link": self._reference("waveform")}],
            "conclusion": in_words(diagnosis),
            "conclusionCode": [_concept(code) for code in dict.fromkeys((overall(diagnosis), *codes))],
        })  # fmt: skip

    def _narrative(self) -> Resource:
        """The report in words, for systems that show nothing else."""
        diagnosis = self._diagnosis
        lines = [_with_share(statement) for statement in statements_of(diagnosis)] + not_stated(diagnosis)
        cautions = dict.fromkeys((*diagnosis.quality.findings, *diagnosis.warnings))
        items = "".join(f"<li>{html.escape(line)}</li>" for line in (*lines, *(f"! {caution}" for caution in cautions)))
        words = f"<p><b>{html.escape(NOTICE)}</b></p><p>{html.escape(diagnosis.conclusion.headline)}</p>"
        body = words + (f"<ul>{items}</ul>" if items else "")
        return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>'}

    def _patient(self) -> Resource:
        patient = patient_of(self._diagnosis, self._source) if self._identity else None
        told: Resource = {}
        if patient is not None:
            told = {
                "identifier": [{"value": patient.patient_id}] if patient.patient_id else None,
                "name": [_name(patient.name)] if patient.name else None,
                "birthDate": patient.birth_date,
            }
        return _without_none({"resourceType": "Patient", **told, "gender": self._diagnosis.sex or "unknown"})

    def _device(self) -> Resource:
        model = self._diagnosis.model
        versions = {"software": heart_reader.__version__, "SHA-256 of the weights": model["checkpoint_sha256"]}
        return {
            "resourceType": "Device",
            "status": "active",
            "manufacturer": _MAKER,
            "deviceName": [{"name": _MAKER, "type": "user-friendly-name"}],
            "modelNumber": model["name"],
            "version": [{"type": {"text": name}, "value": value} for name, value in versions.items()],
            "note": [{"text": NOTICE}],
        }

    def _waveform(self) -> Resource:
        """Refer to what was read: by its identifier in an archive, or by its name."""
        diagnosis = self._diagnosis
        content: Resource = {"title": f"{diagnosis.record_id} ({diagnosis.source_format}, {diagnosis.fs:g} Hz)"}
        identifier = None
        if self._source is not None:
            urn = f"urn:oid:{self._source.SOPInstanceUID}"
            content |= {"contentType": "application/dicom", "url": urn}
            identifier = [{"system": "urn:dicom:uid", "value": urn}]
        recorder = None if diagnosis.device_report is None else diagnosis.device_report.device
        return _without_none({
            "resourceType": "Media",
            "identifier": identifier,
            "status": "completed",
            "type": {"text": "ECG waveform"},
            "subject": self._reference("patient"),
            "createdDateTime": self._acquired,
            "deviceName": recorder or None,
            "duration": round(diagnosis.duration_s, 3),
            "content": content,
        })  # fmt: skip

    def _age(self) -> Resource | None:
        """The age as the file has it: nobody measured it, and a birth date is identity."""
        if self._diagnosis.age is None:
            return None
        return _without_none({
            "resourceType": "Observation",
            "status": "final",
            "code": _concept(concept("age")),
            "subject": self._reference("patient"),
            "effectiveDateTime": self._acquired,
            "valueQuantity": _quantity(self._diagnosis.age, unit_code("a")),
        })  # fmt: skip

    def _observations(self) -> Iterator[tuple[str, Resource]]:
        diagnosis = self._diagnosis
        values = {} if diagnosis.measurements is None else diagnosis.measurements.values
        for name in MEASURED:
            if name in values and (values[name].value is not None or name in DEMANDED):
                yield name, self._measured(name, values[name])
        for number, statement in enumerate(statements_of(diagnosis)):
            yield f"statement {number}", self._stated(statement)

    def _observed(self, code: Resource, **values: Any) -> Resource:
        return _without_none({
            "resourceType": "Observation",
            "status": _STATUS,
            "category": [{"coding": [{"system": f"{_TERMINOLOGY}/observation-category", "code": "procedure"}]}],
            "code": code,
            "subject": self._reference("patient"),
            "effectiveDateTime": self._acquired,
            "device": self._reference("device"),
            "derivedFrom": [self._reference("waveform")],
            **values,
        })  # fmt: skip

    def _measured(self, name: str, measured: Measurement) -> Resource:
        codes = measurement_codes(name)
        # What reads FHIR looks for LOINC.
        code = {"coding": [_coding(one) for one in sorted(codes, key=lambda one: one.scheme != "LN")], "text": codes[0].meaning}
        method = {"text": "Fridericia"} if "fridericia" in name else {"text": "Bazett"} if "bazett" in name else None
        note = [{"text": str(measured.reason)}] if measured.reason else None
        if measured.value is None:
            absent = {"coding": [{"system": f"{_TERMINOLOGY}/data-absent-reason", "code": "unknown"}], "text": measured.reason}
            return self._observed(code, dataAbsentReason=_without_none(absent), method=method)
        unit = _PER_MINUTE if name == "heart_rate_bpm" else unit_of(name)
        return self._observed(code, valueQuantity=_quantity(measured.value, unit), note=note, method=method)

    def _stated(self, statement: Statement) -> Resource:
        value = _without_none({"coding": [_coding(code) for code in statement.codes] or None, "text": statement.text})
        share = None
        if statement.probability is not None:
            quantity = _quantity(100 * statement.probability, unit_code("%"))
            share = [{"code": {**_concept(concept("certainty")), "text": "Probability that the label applies"}, "valueQuantity": quantity}]
        return self._observed(_concept(concept("impression")), valueCodeableConcept=value, component=share, note=[{"text": NOTICE}])


def _coding(code: Code) -> Resource:
    value = mdc_number(code) if code.scheme == "MDC" else code.value
    return {"system": SYSTEMS[code.scheme], "code": value, "display": code.meaning}


def _concept(code: Code) -> Resource:
    return {"coding": [_coding(code)]}


def _quantity(value: float, unit: Code) -> Resource:
    return {"value": round(float(value), _DIGITS), "unit": unit.value, "system": SYSTEMS[unit.scheme], "code": unit.value}


def _name(text: str) -> Resource:
    """A name as a file has it; DICOM and others put ``^`` between family and given names."""
    family, *given = (part.strip() for part in text.split("^"))
    if not given:
        return {"text": text}
    return _without_none(
        {"text": " ".join(filter(None, (*given, family))), "family": family or None, "given": [*filter(None, given)] or None}
    )


def _with_share(statement: Statement) -> str:
    return statement.text if statement.probability is None else f"{statement.text} ({statement.probability:.0%})"


def _without_none(values: Mapping[str, Any]) -> Resource:
    """FHIR has no null: what is not known is left out."""
    return {name: value for name, value in values.items() if value is not None}
