"""The bundle of a reading: lawful, closed in itself, with codes where there are some."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heart_reader.classifier import EcgClassifier
from heart_reader.data.device_report import DeviceReport
from heart_reader.diagnosis import NOTICE, Diagnosis
from heart_reader.exchange import to_fhir
from heart_reader.exchange.codes import SYSTEMS
from tests.exchange.readings import REPORT, dicom_source, reading_of

# Elements of HL7 FHIR 4.0.1 that are used, and those that it demands.
ELEMENTS = {
    "DiagnosticReport": "text status! category code! subject effectiveDateTime issued result media conclusion conclusionCode",
    "Patient": "identifier name gender birthDate",
    "Device": "status manufacturer deviceName modelNumber version note",
    "Media": "identifier status! type subject createdDateTime deviceName duration content!",
    "Observation": (
        "status! category code! subject effectiveDateTime device derivedFrom method note component "
        "valueQuantity valueCodeableConcept dataAbsentReason"
    ),
}
DATETIME = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?")


@pytest.fixture(scope="module")
def classifier(tiny_checkpoint: Path) -> EcgClassifier:
    return EcgClassifier.load(tiny_checkpoint)


@pytest.fixture(scope="module")
def diagnosis(classifier: EcgClassifier) -> Diagnosis:
    return reading_of(classifier)


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def values(node: Any) -> Iterator[tuple[str, Any]]:
    """Every name with its value, at any depth."""
    for name, value in node.items() if isinstance(node, dict) else (("", item) for item in node):
        yield name, value
        if isinstance(value, dict | list):
            yield from values(value)


def by_loinc(bundle: dict[str, Any], code: str) -> list[dict[str, Any]]:
    return [one for one in resources(bundle, "Observation") if any(coding["code"] == code for coding in one["code"]["coding"])]


@pytest.mark.parametrize("name", ["norm", "rhythm_afib", "noisy", "leads_11", "long_30s"])
@pytest.mark.parametrize("with_source", [False, True])
def test_a_bundle_is_lawful_and_closed_in_itself(classifier: EcgClassifier, name: str, with_source: bool) -> None:
    bundle = json.loads(json.dumps(to_fhir(reading_of(classifier, name), source=dicom_source() if with_source else None), allow_nan=False))
    addresses = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(addresses) == len(set(addresses))
    for entry in bundle["entry"]:
        resource = entry["resource"]
        listed = ELEMENTS[resource["resourceType"]].split()
        assert resource.keys() - {"resourceType"} <= {element.rstrip("!") for element in listed}
        assert {element.rstrip("!") for element in listed if element.endswith("!")} <= resource.keys()
        assert not ("valueQuantity" in resource and "dataAbsentReason" in resource)
    for key, value in values(bundle):
        assert value is not None
        assert value not in ({}, [], "")
        if key == "reference":
            assert value in addresses
        if key in ("effectiveDateTime", "createdDateTime", "issued", "timestamp"):
            assert DATETIME.fullmatch(value)
        if key == "coding":
            assert all(
                coding["system"] in SYSTEMS.values() or coding["system"].startswith("http://terminology.hl7.org/") for coding in value
            )


def test_intervals_have_the_codes_of_loinc_and_our_values(diagnosis: Diagnosis) -> None:
    bundle = to_fhir(diagnosis)
    assert diagnosis.measurements is not None
    codes = {"8867-4": "heart_rate_bpm", "44976-9": "pr_ms", "44973-6": "qrs_ms", "44975-1": "qt_ms", "8632-2": "qrs_axis_deg"}
    for code, name in codes.items():
        (observed,) = by_loinc(bundle, code)
        assert observed["valueQuantity"]["value"] == pytest.approx(diagnosis.measurements.values[name].value, abs=0.05)
        assert observed["valueQuantity"]["system"] == "http://unitsofmeasure.org"
        assert observed["code"]["coding"][0]["system"] == "http://loinc.org"
    assert [one["method"]["text"] for one in by_loinc(bundle, "8636-3")] == ["Fridericia", "Bazett"]


def test_what_could_not_be_measured_says_why(classifier: EcgClassifier) -> None:
    (observed,) = by_loinc(to_fhir(reading_of(classifier, "rhythm_afib")), "8625-6")
    assert "valueQuantity" not in observed
    assert "P wave" in observed["dataAbsentReason"]["text"]


def test_no_voltage_is_in_it_and_it_says_what_it_is(diagnosis: Diagnosis) -> None:
    bundle = to_fhir(diagnosis, source=dicom_source())
    text = json.dumps(bundle)
    assert len(text) < 40_000
    assert not {"data", "valueSampledData"} & {name for name, _ in values(bundle)}
    (report,), (device,), (media,) = (resources(bundle, kind) for kind in ("DiagnosticReport", "Device", "Media"))
    assert NOTICE in report["conclusion"]
    assert NOTICE in report["text"]["div"]
    assert report["status"] == "preliminary"
    assert {one["value"] for one in device["version"]} >= {diagnosis.model["checkpoint_sha256"]}
    assert media["content"]["url"] == "urn:oid:2.25.3"
    assert all(statement not in text for statement in REPORT.statements)


def test_whose_ecg_it_is_is_said_only_where_it_was_asked_for(diagnosis: Diagnosis) -> None:
    assert not any(name in json.dumps(to_fhir(diagnosis), ensure_ascii=False) for name in ("Erika", "ID-4711-X", "1960"))
    assert "Müller" not in json.dumps(to_fhir(diagnosis, source=dicom_source()), ensure_ascii=False)
    (patient,) = resources(to_fhir(diagnosis, identity=True), "Patient")
    assert patient["name"] == [{"text": "Erika Testperson", "family": "Testperson", "given": ["Erika"]}]
    assert (patient["birthDate"], patient["identifier"]) == ("1960-01-02", [{"value": "ID-4711-X"}])
    (patient,) = resources(to_fhir(diagnosis, source=dicom_source(), identity=True), "Patient")
    assert (patient["name"][0]["family"], patient["birthDate"]) == ("Müller", "1960-01-02")


@pytest.mark.parametrize(
    ("acquired", "said"),
    [
        ("2024-05-06T07:08:09+02:00", "2024-05-06T07:08:09+02:00"),
        ("2024-05-06T07:08:09Z", "2024-05-06T07:08:09+00:00"),
        ("2024-05-06T07:08:09", "2024-05-06"),  # nobody knows in which time zone
        ("2024-02-30", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_a_time_is_said_as_far_as_it_is_known(diagnosis: Diagnosis, acquired: str | None, said: str | None) -> None:
    (report,) = resources(to_fhir(replace(diagnosis, device_report=DeviceReport(acquired=acquired))), "DiagnosticReport")
    assert report.get("effectiveDateTime") == said


def test_words_of_a_file_are_no_markup(diagnosis: Diagnosis) -> None:
    (report,) = resources(to_fhir(replace(diagnosis, warnings=("<script>alert(1)</script> & more",))), "DiagnosticReport")
    assert "&lt;script&gt;" in report["text"]["div"]
    assert "<script" not in report["text"]["div"]
