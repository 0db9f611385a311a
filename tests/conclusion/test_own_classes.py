"""Readers with other classes than PTB-XL: a coherent diagnosis, never normal by silence."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heart_reader.conclusion.conclude import Conclusion, conclude
from heart_reader.conclusion.findings import Facts
from heart_reader.conclusion.reconcile import ClassReading
from heart_reader.data.labels import LabelSpace, Level
from heart_reader.data.scp_statements import SCP_STATEMENTS
from heart_reader.data.tasks import build_levels
from heart_reader.features.rhythm import RHYTHMS, Rhythm
from heart_reader.messages import message

CPSC2018 = ("SNR", "AF", "IAVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE")
LEVELS = {
    "cpsc2018": Level("cpsc2018", CPSC2018),
    "rhythm": Level("rhythm", ("N", "AFIB", "VT")),
    "dominant_beat": Level("dominant_beat", ("N", "S", "V", "F", "Q")),
    "mine": Level("mine", ("healthy", "<b>odd</b>", "نوبة"), titles={"healthy": "A healthy heart"}),
    "frequent": build_levels(SCP_STATEMENTS)["frequent"],
    "mi_vs_norm": build_levels(SCP_STATEMENTS)["mi_vs_norm"],
}
NUMBERS = {"n_beats": 12.0, "heart_rate_bpm": 72.0, "pr_ms": 160.0, "qrs_ms": 130.0, "qtc_fridericia_ms": 410.0, "qrs_axis_deg": 40.0}


def read(present: Mapping[str, str], rhythm: str | None = "sinus", **numbers: float) -> tuple[dict[str, dict[str, str]], Conclusion]:
    """Conclude where these classes, named by level with blanks between them, are present."""
    space = LabelSpace({level: LEVELS[level] for level in present}, tuple(present))
    levels = {
        level: {
            name: ClassReading(0.9, 0.5, "present") if name in of.split("|") else ClassReading(0.1, 0.5, "absent")
            for name in LEVELS[level].class_names
        }
        for level, of in present.items()
    }
    facts = Facts({**NUMBERS, **numbers}, Rhythm(rhythm, message("no_p")), None, None, True)
    return conclude(levels, space, facts)


def test_present_classes_are_stated_by_title_under_their_own_codes() -> None:
    decisions, conclusion = read({"cpsc2018": "LBBB|STD"})
    assert conclusion.kind == "abnormal"
    assert conclusion.headline == "Sinus rhythm, rate 72/min. Complete left bundle branch block (QRS 130 ms). ST depression."
    assert [line.codes for line in conclusion.lines] == [(), ("LBBB",), ("STD",)]
    assert {name for name, decision in decisions["cpsc2018"].items() if decision == "present"} == {"LBBB", "STD"}


def test_a_class_that_is_a_rhythm_is_the_rhythm() -> None:
    _, conclusion = read({"cpsc2018": "AF"}, "atrial_fibrillation", qrs_ms=90.0)
    assert conclusion.headline == "Atrial fibrillation, ventricular rate 72/min."
    assert conclusion.lines[0].codes == ("AF",)


def test_a_normal_class_yields_to_what_was_measured_and_to_what_is_abnormal() -> None:
    for present, rhythm, reason in (("SNR", "atrial_fibrillation", "Atrial fibrillation"), ("SNR|STE", "sinus", "ST elevation")):
        decisions, conclusion = read({"cpsc2018": present}, rhythm, qrs_ms=90.0)
        assert decisions["cpsc2018"]["SNR"] == "uncertain"
        assert conclusion.kind == "abnormal"
        ((code, _, text),) = conclusion.yielded
        assert (code, reason in text) == ("SNR", True)


def test_nothing_stated_is_not_normal() -> None:
    for level in LEVELS.keys() - {"frequent"}:
        _, conclusion = read({level: ""}, qrs_ms=90.0)
        assert conclusion.kind == "undecided", level
        assert "does not make it a normal ECG" in conclusion.headline


def test_a_normal_rhythm_alone_is_no_normal_ecg() -> None:
    _, conclusion = read({"rhythm": "N", "dominant_beat": "N"}, qrs_ms=90.0)
    assert conclusion.kind == "undecided"
    assert "Normal sinus rhythm. Beat of normal origin." in conclusion.headline


def test_classes_that_nobody_described_are_neither_normal_nor_abnormal() -> None:
    decisions, conclusion = read({"mine": "healthy|<b>odd</b>|نوبة"}, qrs_ms=90.0)
    assert conclusion.kind == "undecided"
    assert [str(line.text) for line in conclusion.lines[1:]] == ["A healthy heart", "<b>odd</b>", "نوبة"]
    assert "Whether these classes of the reader are abnormal is not known." in conclusion.headline
    assert set(decisions["mine"].values()) == {"present"}


def test_several_levels_of_own_classes_are_all_stated() -> None:
    decisions, conclusion = read({"rhythm": "AFIB", "dominant_beat": "V"}, "atrial_fibrillation", qrs_ms=90.0)
    assert conclusion.headline == "Atrial fibrillation, ventricular rate 72/min. Ventricular ectopic beat."
    assert (decisions["rhythm"]["AFIB"], decisions["dominant_beat"]["V"]) == ("present", "present")


def test_a_level_of_statements_alone_is_reconciled_as_statements() -> None:
    decisions, _ = read({"frequent": "LBBB|RBBB"})
    assert sorted(decisions["frequent"][name] for name in ("LBBB", "RBBB")) == ["present", "uncertain"]
    assert read({"frequent": "NORM"}, qrs_ms=90.0)[1].kind == "normal"
    assert read({"mi_vs_norm": "MI"}, qrs_ms=90.0)[1].kind == "abnormal"


@given(
    st.sampled_from(sorted(LEVELS)).flatmap(lambda level: st.tuples(st.just(level), st.sets(st.sampled_from(LEVELS[level].class_names)))),
    st.sampled_from([None, *RHYTHMS]),
)
def test_normal_needs_a_class_that_says_so(chosen: tuple[str, set[str]], rhythm: str | None) -> None:
    level, present = chosen
    decisions, conclusion = read({level: "|".join(present)}, rhythm, qrs_ms=90.0)
    assert decisions[level].keys() == set(LEVELS[level].class_names)
    if conclusion.kind == "normal":
        assert decisions[level].get("NORM") == "present"
    stated = {code for line in conclusion.lines for code in line.codes} | {code for code, _, _ in conclusion.yielded}
    assert {name for name, decision in decisions[level].items() if decision == "present"} <= stated | {"NORM"}


@pytest.mark.parametrize("level", sorted(LEVELS))
def test_a_recording_that_is_worth_nothing_says_nothing(level: str) -> None:
    space = LabelSpace({level: LEVELS[level]}, (level,))
    answers = {name: ClassReading(0.9, 0.5, "uncertain") for name in LEVELS[level].class_names}
    _, conclusion = conclude({level: answers}, space, Facts({}, None, None, message("not_measured"), False))
    assert (conclusion.kind, conclusion.lines) == ("undecided", ())
