"""What comments state: age, sex, rate, unit, in one statement or several of a line."""

from __future__ import annotations

import pytest

from heart_reader.data.formats.comments import age_and_sex, statements
from heart_reader.data.formats.stated import mv_per_unit, stated_rates, unclear_rate
from heart_reader.errors import UnreadableRecord


@pytest.mark.parametrize(
    ("line", "age"),
    [
        ("Age: 18 months", 1.5), ("age (months): 6", 0.5), ("age=006M", 0.5), ("Age: 6 mo", 0.5), ("age_months=18", 1.5),
        ("Age: 26 weeks", 26 * 7 / 365.25),
        ("Age: 10 days", 10 / 365.25), ("age=062", 62), ("age=062Y", 62), ("Patient age: 62 years old", 62), ("Age: 62,5", 62.5),
        ("Age: 18M", None),
        ("Age: 18 M", None), ("age (months): 6 years", None), ("born 1950", None), ("Stage: 3", None), ("Age group: 3", None),
        ("Age: >89", None),
        ("age=62 age=63", None), ("age=62 age=62", 62),
    ],
)  # fmt: skip
def test_age(line, age):
    assert age_and_sex([line])[0] == pytest.approx(age)


@pytest.mark.parametrize(
    ("line", "sex"),
    [
        ("Gender: M", "male"),
        ("patient_sex=Female", "female"),
        ("sex: 0", None),
        ("Sex: Unknown", None),
        ("Age: 62 Sex: F", "female"),
        ("sex=F sex=M", None),
    ],
)
def test_sex(line, sex):
    assert age_and_sex([line])[1] == sex


def test_a_line_of_the_mit_bih_database_among_others():
    assert age_and_sex(["Aldomet, dosage not known", "69 M 1085 1629 x1"]) == (69.0, "male")
    assert age_and_sex(["69 M"]) == (69.0, "male")


def test_statements_of_one_line():
    stated = [(key, value) for key, value, _ in statements(["a=1 b = 2 mV c: x y", "2020-01-01 12:30:00", "k1=250,5;k2=1, k3=2"])]
    assert stated[:3] == [("a", "1"), ("b", "2 mV"), ("c", "x y")]
    assert stated[-3:] == [("k1", "250,5"), ("k2", "1"), ("k3", "2")]


def test_a_rate_beside_others_and_one_that_is_none():
    assert stated_rates("a", statements(["Mains frequency: 50 Hz", "Lowpass frequency: 150", "Sample Rate (Hz): 360"])) == [360.0]
    assert unclear_rate(statements(["Mains frequency: 50 Hz", "Filter: 0.05 to 150 Hz"])) is None
    assert unclear_rate(statements(["digitized with 360 Hz"])) == "digitized with 360 Hz"
    with pytest.raises(UnreadableRecord, match="'250,500' in the comments is not a number"):
        stated_rates("a", statements(["fs=250,500"]))


@pytest.mark.parametrize("text", ["", "mV x 10", "mV/10", "mm", "LSB", "1,000 uV", "uV per", "0 adu/mV", "-1 mV", "mVV", "10 mm/mV"])
def test_a_unit_that_is_not_certain(text):
    assert mv_per_unit(text) is None
