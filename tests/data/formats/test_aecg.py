"""HL7 aECG: what is read beside the signal, and speed; misreadings are in ``tests/hostile``."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heart_reader.data.formats import find_records, read_record
from heart_reader.data.formats.number_text import count_numbers, parse_numbers
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import EcgParameters, simulate
from tests.hostile.case import reference
from tests.hostile.write_aecg import Aecg, annotation, document, filter_of, series, write

DEVICE = (
    "<author><seriesAuthor><manufacturedSeriesDevice><manufacturerModelName>Model 3</manufacturerModelName><softwareName>1.2</softwareName>"
    "</manufacturedSeriesDevice><manufacturerOrganization><name>A maker</name></manufacturerOrganization></seriesAuthor></author>"
)
MOST_MS = 10.0


def pq(value: str, unit: str) -> str:
    return f'<value xsi:type="PQ" value="{value}" unit="{unit}"/>'


def annotations(*parts: str) -> str:
    return f"<subjectOf><annotationSet>{''.join(parts)}</annotationSet></subjectOf>"


def beat(*parts: str) -> str:
    return annotation("MDC_ECG_BEAT", '<value code="MDC_ECG_BEAT_NORMAL"/>', "".join(parts))


def read(folder: Path, spec: Aecg, **arguments: object) -> EcgRecord:
    return read_record(write(folder, spec), **arguments)  # type: ignore[arg-type]


def test_a_file_gives_its_signal_and_its_person(tmp_path: Path) -> None:
    record = read(tmp_path, Aecg())
    np.testing.assert_array_equal(record.signal, reference().signal)
    assert (record.lead_names, record.fs, record.source_format, record.warnings) == (STANDARD_LEADS, 250.0, "aecg", ())
    assert (record.age, record.sex) == (62.0, "female")


def test_device_time_and_filters(tmp_path: Path) -> None:
    filters = filter_of("HIGH_PASS", 'value="0.05" unit="Hz"') + filter_of("LOW_PASS", 'value="150" unit="Hz"')
    spec = Aecg(filters=DEVICE + filters + filter_of("NOTCH", 'value="50" unit="Hz"', "NOTCH_FREQ"))
    report = read(tmp_path, spec).device_report
    assert report is not None
    assert (report.device, report.acquired) == ("A maker Model 3 1.2", "2020-05-31T12:00:00")
    assert (report.low_hz, report.high_hz, report.notch_hz, report.confirmed) == (0.05, 150.0, 50.0, None)


def test_a_filter_of_one_lead_is_said_of_that_lead(tmp_path: Path) -> None:
    quick = filter_of("LOW_PASS", 'value="25" unit="Hz"')
    text = document(reference(), Aecg())
    place = text.index("</sequence>", text.index("MDC_ECG_LEAD_V2"))
    Path(tmp_path, "a.xml").write_text(text[:place] + quick + text[place:])
    record = read_record(tmp_path / "a.xml")
    assert [(said.code, said.values["leads"]) for said in record.warnings] == [("filtered_above", ("V2",))]
    assert record.device_report is not None
    assert record.device_report.high_hz == 25.0


@pytest.mark.parametrize(
    ("acquired", "stated"),
    [("20200531", "2020-05-31"), ("202005311200", "2020-05-31T12:00:00"), ("20200531120000.5+0230", "2020-05-31T12:00:00.500000+02:30")],
)
def test_the_time_as_exact_as_it_is_stated(tmp_path: Path, acquired: str, stated: str) -> None:
    report = read(tmp_path, Aecg(axes=[("TIME_ABSOLUTE", f'value="{acquired}"', 'value="4" unit="ms"')])).device_report
    assert report is not None
    assert report.acquired == stated


def test_measurements_under_our_names_and_in_our_units(tmp_path: Path) -> None:
    stated = annotations(
        annotation("MDC_ECG_HEART_RATE", pq("1.25", "Hz")),
        annotation("MDC_ECG_TIME_PD_PR", pq("0.16", "s")),
        annotation("MDC_ECG_TIME_PD_QRS_GL", pq("96", "ms")),
        annotation("MDC_ECG_TIME_PD_QT", pq("400000", "us")),
        annotation("MDC_ECG_TIME_PD_QTcF", pq("410", "ms")),
        annotation("MDC_ECG_TIME_PD_QTc", pq("431", "ms")),
        annotation("MDC_ECG_ANGLE_QRS_FRONT", pq("-30", "deg")),
        annotation("MDC_ECG_ANGLE_T_FRONT", pq("0.5", "turns")),
        annotation("MDC_ECG_TIME_PD_P", pq("--", "ms")),
    )
    report = read(tmp_path, Aecg(after=stated)).device_report
    assert report is not None
    assert report.measurements == {
        "heart_rate_bpm": 75.0, "pr_ms": 160.0, "qrs_ms": 96.0, "qt_ms": 400.0, "qtc_fridericia_ms": 410.0, "qrs_axis_deg": -30.0,
    }  # fmt: skip


def test_global_values_come_before_those_of_beats_and_of_leads(tmp_path: Path) -> None:
    of_lead = '<support><supportingROI><component><boundary><code code="MDC_ECG_LEAD_II"/></boundary></component></supportingROI></support>'
    qt = [annotation("MDC_ECG_TIME_PD_QT", pq(value, "ms")) for value in ("390", "400", "420")]
    rhythm = annotations(
        *(beat(part, annotation("MDC_ECG_TIME_PD_QRS", pq("80", "ms"))) for part in qt),
        annotation("MDC_ECG_TIME_PD_PR", pq("300", "ms"), of_lead),
    )
    derived = series(
        replace(reference(), signal=reference().signal[:, :100]),
        Aecg(series_code="REPRESENTATIVE_BEAT", after=annotations(annotation("MDC_ECG_TIME_PD_QRS", pq("100", "ms")))),
        "derivedSeries",
    )
    report = read(tmp_path, Aecg(after=f"{rhythm}<derivation>{derived}</derivation>")).device_report
    assert report is not None
    assert report.measurements == {"qt_ms": 400.0, "qrs_ms": 100.0}


def test_statements_in_order_and_a_rhythm_once(tmp_path: Path) -> None:
    rhythm = annotation("MDC_ECG_RHY", '<value code="MDC_ECG_RHY_SINUS_RHY" displayName="Sinus rhythm"/>')
    said = [annotation("MDC_ECG_INTERPRETATION_STATEMENT", f"<value>{text}</value>") for text in ("Left  axis\n deviation", "Abnormal ECG")]
    stated = annotations(beat(rhythm), beat(rhythm), annotation("MDC_ECG_INTERPRETATION", "", "".join(said)))
    report = read(tmp_path, Aecg(after=stated)).device_report
    assert report is not None
    assert report.statements == ("Sinus rhythm", "Left axis deviation", "Abnormal ECG")


def test_representative_beats(tmp_path: Path) -> None:
    beats = replace(reference(), signal=reference().signal[:, 50:250])
    derived = series(beats, Aecg(units_per_mv=400.0, scale='value="2.5" unit="uV"', series_code="REPRESENTATIVE_BEAT"), "derivedSeries")
    report = read(tmp_path, Aecg(after=f"<derivation>{derived}</derivation>")).device_report
    assert report is not None
    assert report.medians is not None
    assert (report.medians.lead_names, report.medians.fs) == (STANDARD_LEADS, 250.0)
    np.testing.assert_allclose(report.medians.signal, beats.signal, atol=0.00126)


def test_who_was_recorded_is_read_on_request_alone(tmp_path: Path) -> None:
    spec = Aecg(subject="<name><given>Jane</given> <family>Doe</family></name><birthTime value='19580301'/>")
    assert read(tmp_path, spec).device_report.patient is None  # type: ignore[union-attr]
    patient = read(tmp_path, spec, identity=True).device_report.patient  # type: ignore[union-attr]
    assert patient is not None
    assert (patient.name, patient.patient_id, patient.birth_date) == ("Jane Doe", "7", "1958-03-01")


def test_leads_at_half_the_rate_are_brought_to_that_of_the_others(tmp_path: Path) -> None:
    smooth = reference()
    slow = replace(smooth, signal=np.ascontiguousarray(smooth.signal[:, ::2]), fs=125.0)
    text = series(slow, Aecg(groups=[STANDARD_LEADS[6:]], axes=[("TIME_ABSOLUTE", 'value="20200531120000"', 'value="8" unit="ms"')]))
    sets = text[text.index("<component>") : text.rindex("</series>")]
    record = read(tmp_path, Aecg(groups=[STANDARD_LEADS[:6]], after=sets))
    assert (record.fs, record.n_times, set(record.lead_names)) == (250.0, 1000, set(STANDARD_LEADS))
    assert [said.code for said in record.warnings] == ["resampled"]
    assert np.abs(record.lead("V3") - smooth.lead("V3"))[50:-50].mean() < 0.01


def test_the_chosen_series_and_all_others_are_named(tmp_path: Path) -> None:
    other = f"<component>{series(reference(), Aecg(series_code='STRESS', groups=[['II', 'V5']]))}</component>"
    record = read(tmp_path, Aecg(before=other))
    assert list(record.warnings) == ["read waveform RHYTHM (12 channels, 4 s); left out: STRESS (2 channels, 4 s)"]


def test_a_file_that_is_longer_than_allowed_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="12000 values") as refused:
        read(tmp_path, Aecg(), max_values=11_000)
    assert refused.value.args[0].code == "record_too_long"


def test_folders_list_aecg_files_and_no_other_xml(tmp_path: Path) -> None:
    write(tmp_path, Aecg())
    (tmp_path / "b.xml").write_text("<html/>")
    assert find_records(tmp_path) == [tmp_path / "a.xml"]


def test_ten_seconds_are_read_in_ten_milliseconds(tmp_path: Path) -> None:
    record = simulate(EcgParameters(), rng=np.random.default_rng(1), fs=500.0, duration_s=10.0)
    spec = Aecg(axes=[("TIME_RELATIVE", 'value="0" unit="s"', 'value="2" unit="ms"')])
    path = tmp_path / "a.xml"
    path.write_text(document(record, spec))

    def once() -> float:
        started = time.process_time()
        read_record(path)
        return 1000 * (time.process_time() - started)

    assert min(once() for _ in range(20)) < MOST_MS


@pytest.mark.parametrize(
    "text", ["", " ", "0", "-0", "7 -7", "+5 6", "1.5 2", "1e3", "\n12\t-345  6789\r\n", "123456789012345678 1", "nan 1"]
)
def test_numbers_in_text_are_those_of_python(text: str) -> None:
    np.testing.assert_array_equal(parse_numbers(text), np.array([float(word) for word in text.split()]))
    assert count_numbers(text) == len(text.split())


@pytest.mark.parametrize(
    ("text", "word"),
    [("1 x 2", "x"), ("-", "-"), ("1-2", "1-2"), ("1_0", "1_0"), ("٣", "٣"), ("1\xa02", "\xa0"), ("--1", "--1"), ("1,5", "1,5")],
)
def test_words_that_are_no_numbers_are_named(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=f"^{word}$"):
        parse_numbers(text)


def test_many_whole_numbers() -> None:
    values = np.random.default_rng(3).integers(-(10**6), 10**6, 5000)
    np.testing.assert_array_equal(parse_numbers(" ".join(map(str, values.tolist()))), values)
