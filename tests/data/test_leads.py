"""What a name says about a lead, and that a lead upside down is turned."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heart_reader.data.leads import STANDARD_LEADS, canonical_lead, canonical_leads, modified_lead, without_channel
from heart_reader.data.record import build_record
from heart_reader.errors import LeadError


@pytest.mark.parametrize("lead", STANDARD_LEADS)
def test_a_lead_upside_down_is_turned_and_said(lead):
    values = np.array([[0.0, 1.0, -0.5], [0.0, 0.3, 0.1]])
    record = build_record("a", values, 500.0, [f"{lead} (inverted)", "X"])
    assert record.lead_names == (lead, "X")
    assert record.lead(lead).tolist() == [0.0, -1.0, 0.5]
    assert [said.code for said in record.warnings if "turned" in said] == ["leads_turned"]
    # The caller's array is the caller's.
    assert values[0, 1] == 1.0


def test_microvolts_and_gaps_of_a_lead_upside_down():
    record = build_record("a", [[0.0, 1000.0, np.nan, 500.0]], 500.0, ["-aVR"], unit="uV")
    assert record.signal.tolist() == [[0.0, -1.0, -0.75, -0.5]]


def test_one_lead_in_both_polarities_is_one_too_many():
    with pytest.raises(LeadError, match="lead aVR appears twice among aVR, -aVR"):
        build_record("a", np.zeros((2, 10)), 500.0, ["aVR", "-aVR"])


@pytest.mark.parametrize("name", ["I-II", "I II", "I I", "V4R", "V4 (right)", "Channel I", "MLII", "", "-", "()", "-(-I)", "--I", "I" * 65])
def test_what_is_not_one_of_the_twelve_stays_what_it_is(name):
    assert canonical_lead(name) is None
    assert canonical_leads([name]) == (name.strip(),)


@given(st.text(max_size=80))
def test_a_spelled_name_is_spelled_as_it_is(name):
    spelled = canonical_lead(name)
    if spelled is not None:
        assert spelled.removeprefix("-") in STANDARD_LEADS
        assert canonical_lead(spelled) == spelled


@pytest.mark.parametrize("between", ["-", " - ", " ", "_", "/", "+", ", ", "&", " (", " vs "])
def test_two_leads_in_one_name_are_no_lead(between):
    for first, second in itertools.product(STANDARD_LEADS, repeat=2):
        end = ")" if between == " (" else ""
        spelled = canonical_lead(f"{first}{between}{second}{end}")
        assert spelled is None or (end and first == second), (first, second)


def test_channels_are_leads_where_all_twelve_are_called_so():
    names = tuple(f"Channel {name}" for name in STANDARD_LEADS)
    assert canonical_leads(names) == STANDARD_LEADS
    assert canonical_leads(names[:3]) == names[:3]
    assert without_channel(("CH I", "V1")) == ("CH I", "V1")


def test_a_modified_lead_is_offered_only_where_there_is_no_lead_ii():
    assert modified_lead(("MLII", "V5")).code == "modified_lead"
    assert modified_lead(("MLII", "ii")) is None
    assert modified_lead(("V1", "V5")) is None
    record = build_record("a", np.ones((2, 10)), 360.0, ["MLII", "V5"])
    assert record.lead_names == ("MLII", "V5")
    assert "modified_lead" in [said.code for said in record.warnings]
