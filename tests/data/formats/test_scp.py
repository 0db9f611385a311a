"""SCP-ECG: what every way of compression gives back, and what stands beside the rhythm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heart_reader.data.device_report import Patient
from heart_reader.data.formats import read_record
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.errors import UnreadableRecord
from tests.hostile.case import reference
from tests.hostile.write_scp import Scp, scp_bytes, write


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.integers(-3000, 3000), min_size=300, max_size=400),
    differences=st.integers(0, 2),
    tables=st.sampled_from([None, "default"]),
    step_nv=st.sampled_from([1000, 2500, 4880]),
)
def test_every_number_comes_out_again(tmp_path: Path, values: list[int], differences: int, tables: str | None, step_nv: int) -> None:
    digital = np.array([values, values[::-1]])
    record = read_record(write(tmp_path, Scp(digital, ("V1", "V2"), 500.0, step_nv, differences=differences, tables=tables, beats=(150,))))
    np.testing.assert_allclose(record.signal, digital * (step_nv * 1e-6), atol=1e-6)


def test_what_stands_beside_the_rhythm(tmp_path: Path) -> None:
    path = write(tmp_path, Scp(subtracted=True))
    record = read_record(path)
    assert (record.source_format, record.lead_names, record.age, record.sex) == ("scp", STANDARD_LEADS, 62.0, "female")
    assert np.abs(record.signal - reference().signal).max() < 1e-5
    report = record.device_report
    assert report is not None
    assert (report.acquired, report.low_hz, report.high_hz, report.patient) == ("2020-05-31T12:00:00+02:00", 0.05, 150.0, None)
    assert report.device == "Schiller AT-10 v2"
    assert report.medians is not None
    assert report.medians.lead_names == STANDARD_LEADS
    named = read_record(path, identity=True).device_report
    assert named is not None
    assert named.patient == Patient("Jane Doe", "4711", "1958-04-01")


def test_leads_that_a_recorder_leaves_out_are_derived_and_said(tmp_path: Path) -> None:
    record = read_record(write(tmp_path, Scp(leads=("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"))))
    assert record.lead_names == STANDARD_LEADS
    assert record.warnings == ("derived from I and II: III, aVR, aVL, aVF",)
    assert np.abs(record.signal - reference().signal).max() < 0.002


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    content = bytearray(scp_bytes(Scp()))
    content[-10] ^= 1
    path = tmp_path / "a.scp"
    path.write_bytes(content)
    with pytest.raises(UnreadableRecord, match="checksum of section 6"):
        read_record(path)
