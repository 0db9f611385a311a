"""HL7 aECG as it is written: read back equal, in the order of the schema, and what is lost."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heart_reader.data.device_report import DeviceReport, MedianBeats, Patient
from heart_reader.data.formats import read_record
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.data.writers import WRITERS
from heart_reader.errors import LeadError
from tests.hostile.case import reference

HL7 = "{urn:hl7-org:v3}"
KIND = "{http://www.w3.org/2001/XMLSchema-instance}type"
# What may stand in an element, by the schema PORT_MT020001 (ANSI/HL7 V3 ECG, R1-2004): names in
# order, as a regular expression over them.
CONTENT = {
    "AnnotatedECG": "id code (text )?effectiveTime (confidentialityCode )?(reasonCode )?componentOf (definition )?(location )?"
    "(controlVariable )*(pertainsTo )*(component )*",
    "componentOf": "(timepointEvent |subjectAssignment |clinicalTrial )",
    "timepointEvent": "(code )?(effectiveTime )?(reasonCode )*(performer )?componentOf ",
    "subjectAssignment": "subject (definition )?componentOf ",
    "subject": "trialSubject ",
    "trialSubject": "id (code )?(subjectDemographicPerson )?",
    "subjectDemographicPerson": "(name )?(administrativeGenderCode )?(birthTime )?(raceCode )?",
    "clinicalTrial": "id (title )?(activityTime )?(componentOf )?(author )?(location )*(responsibleParty )*",
    "relatedObservation": "(code )?(text )?(value )?(author )*",
    "controlVariable": "(relatedObservation |controlVariable |code (value )?(component )*)",
    "series": "(id )?code effectiveTime (author )?(secondaryPerformer )*(support )?(controlVariable )*(component )+"
    "(subjectOf )*(derivation )*",
    "component": "(series |sequenceSet |sequence |(sequenceNumber )?annotation |controlVariable )",
    "author": "seriesAuthor ",
    "seriesAuthor": "(id )?manufacturedSeriesDevice (manufacturerOrganization )?",
    "manufacturedSeriesDevice": "(id )*(code )?(manufacturerModelName )?(softwareName )?",
    "sequenceSet": "(controlVariable )*(component )+",
    "sequence": "code value (controlVariable )*",
    "subjectOf": "annotationSet ",
    "annotationSet": "(code )?(activityTime )?(methodCode )*(author )*(controlVariable )*(component )*",
    "annotation": "code (text )?(value )?(support )?(component )*",
    "derivation": "derivedSeries ",
    "effectiveTime": "(low (high )?)?",
    "value": "(origin scale digits |head increment )?",
}
CONTENT["derivedSeries"] = CONTENT["series"]


def written(record: EcgRecord, folder: Path) -> tuple[EcgRecord, list[str]]:
    """Write a record and read it back; return it, and the codes of what was lost."""
    files, lost = WRITERS["aecg"].write(record, folder, "a")
    assert files == [folder / "a.xml"]
    return read_record(files[0], identity=True), [said.code for said in lost]


def full() -> EcgRecord:
    """Return a record of which everything is known."""
    medians = MedianBeats(reference().signal[:, 100:300], 250.0, STANDARD_LEADS)
    report = DeviceReport(
        device="A maker Model 3",
        acquired="2020-05-31T12:00:00.250000+02:00",
        low_hz=0.05,
        high_hz=150.0,
        notch_hz=50.0,
        measurements={"heart_rate_bpm": 71.5, "pr_ms": 160.0, "qtc_bazett_ms": 431.0, "qrs_axis_deg": -30.0},
        statements=("Sinus rhythm", "P < 120 ms & QRS > 110 ms", "Sinus rhythm"),
        medians=medians,
        patient=Patient("Jane Doe", "A-7", "1958-03-01"),
    )
    return replace(reference(), device_report=report)


def test_everything_that_is_known_comes_back(tmp_path: Path) -> None:
    record = full()
    back, lost = written(record, tmp_path)
    assert lost == []
    np.testing.assert_array_equal(back.signal, record.signal)
    assert (back.fs, back.lead_names, back.age, back.sex, back.warnings) == (250.0, STANDARD_LEADS, 62.0, "female", ())
    assert back.device_report is not None
    assert record.device_report is not None
    assert back.device_report.to_json() == record.device_report.to_json()
    assert back.device_report.patient == record.device_report.patient
    assert back.device_report.medians is not None
    np.testing.assert_array_equal(back.device_report.medians.signal, reference().signal[:, 100:300])


def test_nothing_of_the_person_is_written_that_the_record_has_not(tmp_path: Path) -> None:
    report = full().device_report
    assert report is not None
    back, _ = written(replace(full(), device_report=replace(report, patient=None), age=None, sex=None), tmp_path)
    text = (tmp_path / "a.xml").read_text()
    assert not any(word in text for word in ("Jane", "A-7", "1958", "subjectDemographicPerson", "21612-7"))
    assert (back.age, back.sex) == (None, None)


@pytest.mark.parametrize(
    ("acquired", "kind"),
    [(None, "TIME_RELATIVE"), ("2020-05-31", "TIME_RELATIVE"), ("2020-05-31T12:00:00", "TIME_ABSOLUTE"), ("soon", "TIME_RELATIVE")],
)
def test_the_time_is_absolute_where_it_is_known(tmp_path: Path, acquired: str | None, kind: str) -> None:
    back, _ = written(replace(reference(), device_report=DeviceReport(acquired=acquired)), tmp_path)
    assert f'code="{kind}"' in (tmp_path / "a.xml").read_text()
    assert back.device_report is not None
    assert back.device_report.acquired == (None if acquired == "soon" else acquired)


@pytest.mark.parametrize("record", [reference(), full(), replace(full(), lead_names=("MCL1", *STANDARD_LEADS[1:]))])
def test_elements_stand_in_the_order_of_the_schema(record: EcgRecord, tmp_path: Path) -> None:
    WRITERS["aecg"].write(record, tmp_path, "a")
    root = ElementTree.parse(tmp_path / "a.xml").getroot()
    for element in root.iter():
        assert element.tag.startswith(HL7)
        name, children = element.tag.removeprefix(HL7), "".join(f"{child.tag.removeprefix(HL7)} " for child in element)
        assert re.fullmatch(CONTENT.get(name, ""), children), (name, children)
        assert name != "value" or element.get(KIND) in {"PQ", "ST", "GLIST_TS", "GLIST_PQ", "SLIST_PQ"}
        if name == "digits":
            assert all(re.fullmatch(r"-?\d+", word) for word in (element.text or "").split())


def test_other_leads_keep_their_names(tmp_path: Path) -> None:
    names = ("MCL1", "V4R", "resp <2>")
    record = build_record("a", reference().signal[:3], 250.0, names)
    assert written(record, tmp_path)[0].lead_names == names


@pytest.mark.parametrize("name", ["", " V4R", "a\nb", "a\x01b", "TIME_RELATIVE"])
def test_names_that_would_come_back_as_others_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LeadError, match="no place for a lead called"):
        WRITERS["aecg"].write(replace(reference(), lead_names=(name, *STANDARD_LEADS[1:])), tmp_path, "a")


def test_what_has_no_place_is_said(tmp_path: Path) -> None:
    report = DeviceReport(measurements={"qrs_ms": 90.0, "sokolow_lyon_mv": 2.1}, confirmed=True)
    record = replace(reference(), device_report=report, published_features=np.zeros(1313, np.float32), masked_leads=("V2",))
    files, lost = WRITERS["aecg"].write(record, tmp_path, "a")
    assert [str(said) for said in lost] == [
        "the published features",
        "the device's measurements (sokolow_lyon_mv)",
        "that nothing was measured in V2, written as flat lines",
    ]
    report = read_record(files[0]).device_report
    assert report is not None
    assert report.measurements == {"qrs_ms": 90.0}


def test_a_record_gives_the_same_file_every_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        WRITERS["aecg"].write(full(), tmp_path, name)
    assert (tmp_path / "a.xml").read_bytes() == (tmp_path / "b.xml").read_bytes()


@pytest.mark.parametrize("step_uv", [5.0, 2.5, 1.0, 0.1])
def test_the_coarsest_step_that_is_exact_is_written(tmp_path: Path, step_uv: float) -> None:
    digits = np.rint(reference().signal.astype(np.float64) * 1000 / step_uv) + 1
    record = build_record("a", digits * step_uv, 250.0, STANDARD_LEADS, unit="uV")
    back, _ = written(record, tmp_path)
    np.testing.assert_array_equal(back.signal, record.signal)
    assert f'<scale value="{step_uv:g}" unit="uV" />' in (tmp_path / "a.xml").read_text()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    fs=st.sampled_from([100.0, 128.0, 240.0, 256.41, 257.0, 360.0, 500.0, 977.0, 1000.0]),
    n_times=st.integers(1, 40),
    leads=st.permutations(STANDARD_LEADS).map(lambda names: tuple(names[:5])),
    age=st.one_of(st.none(), st.floats(0.01, 120)),
    sex=st.sampled_from([None, "male", "female"]),
)
def test_any_record_comes_back(tmp_path_factory, seed, fs, n_times, leads, age, sex) -> None:
    signal = np.random.default_rng(seed).normal(0, 1, (5, n_times)).astype(np.float32)
    record = EcgRecord("a", signal, fs, leads, age=age, sex=sex)
    back, _ = written(record, tmp_path_factory.mktemp("aecg"))
    assert np.abs(back.signal - record.signal).max() <= 1e-6
    assert (back.fs, back.lead_names, back.sex) == (fs, leads, sex)
    assert back.age == (None if age is None else pytest.approx(age, rel=1e-9))
