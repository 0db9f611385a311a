"""The diagnosis in words: order, one rhythm, normal only as a whole, no contradictions."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heart_reader.conclusion.conclude import Conclusion, conclude
from heart_reader.conclusion.contradictions import LEAST_PRESENT, find_contradictions
from heart_reader.conclusion.findings import Facts
from heart_reader.conclusion.reconcile import ClassReading
from heart_reader.conclusion.table import GROUPS
from heart_reader.data.labels import ALL, SUPERCLASSES, SUPERDIAGNOSTIC, LabelSpace, Level
from heart_reader.data.scp_statements import SCP_STATEMENTS
from heart_reader.data.tasks import build_levels
from heart_reader.features.rhythm import RHYTHM_FINDINGS, RHYTHMS, Rhythm
from heart_reader.messages import Message, coded, message

CODES = tuple(statement.code for statement in SCP_STATEMENTS)
SUBCLASSES = tuple(dict.fromkeys(statement.subclass for statement in SCP_STATEMENTS if statement.subclass))


def members(field: str, names: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(n for n, statement in enumerate(SCP_STATEMENTS) if getattr(statement, field) == name) for name in names)


SPACE = LabelSpace(
    {
        ALL: Level(ALL, CODES),
        SUPERDIAGNOSTIC: Level(SUPERDIAGNOSTIC, SUPERCLASSES, members("superclass", SUPERCLASSES)),
        "subdiagnostic": Level("subdiagnostic", SUBCLASSES, members("subclass", SUBCLASSES)),
        "frequent": build_levels(SCP_STATEMENTS)["frequent"],
    },
    (ALL, SUPERDIAGNOSTIC),
)
SINUS = Rhythm("sinus", message("no_p"))
NUMBERS = {"n_beats": 12.0, "heart_rate_bpm": 72.0, "pr_ms": 160.0, "qrs_ms": 90.0, "qtc_fridericia_ms": 410.0, "qrs_axis_deg": 40.0}


def answer(probability: float, threshold: float = 0.3, zone: float = 0.1) -> ClassReading:
    above, below = probability >= threshold + zone, probability < threshold - zone
    return ClassReading(probability, threshold, "present" if above else "absent" if below else "uncertain")


def reading(probability: Mapping[str, float], facts: Facts) -> tuple[dict[str, dict[str, str]], Conclusion]:
    """Conclude from these probabilities, with all other classes improbable."""
    levels = {name: {label: answer(probability.get(label, 0.01)) for label in level.class_names} for name, level in SPACE.levels.items()}
    return conclude(levels, SPACE, facts)


def facts(rhythm: Rhythm | None = SINUS, *, sex: str | None = None, good: bool = True, **numbers: float) -> Facts:
    return Facts({**NUMBERS, **numbers}, rhythm, sex, None, good)


NORMAL = {"NORM": 0.95, "SR": 0.9}


def test_a_normal_reading() -> None:
    decisions, conclusion = reading(NORMAL, facts())
    assert (conclusion.kind, conclusion.headline) == ("normal", "Normal ECG. Sinus rhythm, rate 72/min.")
    assert {level: of["NORM"] for level, of in decisions.items()} == dict.fromkeys(decisions, "present")
    assert conclusion.yielded == ()


def test_groups_come_in_the_order_in_which_a_clinician_writes() -> None:
    probability = {"AFIB": 0.9, "CLBBB": 0.9, "CD": 0.9, "ASMI": 0.8, "MI": 0.8, "LVH": 0.7, "HYP": 0.7, "NDT": 0.6, "STTC": 0.6}
    numbers = {"heart_rate_bpm": 98.0, "qrs_ms": 148.0, "qrs_axis_deg": -40.0}
    conclusion = conclude_all(probability, facts(Rhythm("atrial_fibrillation", message("no_p")), **numbers))
    places = [GROUPS.index(line.group) for line in conclusion.lines]
    assert places == sorted(places)
    assert conclusion.headline == (
        "Atrial fibrillation, ventricular rate 98/min. Complete left bundle branch block (QRS 148 ms). Left axis deviation (-40 degrees). "
        "Anteroseptal myocardial infarction. Non-diagnostic T abnormalities. Left ventricular hypertrophy."
    )


def conclude_all(probability: Mapping[str, float], known: Facts) -> Conclusion:
    return reading(probability, known)[1]


@pytest.mark.parametrize(
    ("name", "probability", "known"),
    [
        ("no statement of normal", {"SR": 0.9}, facts()),
        ("a limited signal", NORMAL, facts(good=False)),
        ("nothing was measured", NORMAL, facts(None)),
        ("the superclass is uncertain", {"NORM": 0.35, "SR": 0.9}, facts()),
        ("the rhythm is not decided", {"NORM": 0.95}, facts(Rhythm(None, message("no_p_rhythm")))),
    ],
)
def test_nothing_abnormal_is_not_yet_normal(name: str, probability: dict[str, float], known: Facts) -> None:
    assert conclude_all(probability, known).kind == "undecided", name


@pytest.mark.parametrize(
    "numbers",
    [
        {"pr_ms": 230.0}, {"qrs_ms": 125.0}, {"qtc_fridericia_ms": 470.0}, {"qrs_axis_deg": -50.0}, {"qrs_axis_deg": 120.0},
        {"heart_rate_bpm": 120.0}, {"heart_rate_bpm": 45.0},
    ],
)  # fmt: skip
def test_a_measurement_beyond_its_limit_is_stated_and_the_rest_may_be_normal(numbers: dict[str, float]) -> None:
    conclusion = conclude_all(NORMAL, facts(**numbers))
    assert conclusion.kind == "abnormal"
    assert conclusion.headline.endswith("Otherwise normal ECG.")
    assert f"{next(iter(numbers.values())):.0f}" in conclusion.headline


def test_limits_of_qtc_depend_on_the_sex() -> None:
    assert conclude_all(NORMAL, facts(sex="male", qtc_fridericia_ms=455.0)).kind == "abnormal"
    assert conclude_all(NORMAL, facts(sex="female", qtc_fridericia_ms=455.0)).kind == "normal"
    assert "limit 460 ms" in conclude_all(NORMAL, facts(qtc_fridericia_ms=465.0)).headline


@pytest.mark.parametrize("name", [name for name in RHYTHMS if name != "sinus"])
def test_no_reading_is_normal_over_an_abnormal_measured_rhythm(name: str) -> None:
    decisions, conclusion = reading({"NORM": 0.99}, facts(Rhythm(name, message("no_p"))))
    assert conclusion.kind == "abnormal"
    assert "present" not in {of["NORM"] for of in decisions.values()}
    assert any(text.startswith("Normal ECG not stated") for _, _, text in conclusion.yielded)


@pytest.mark.parametrize("finding", ["av_block_2", "av_block_3", "ventricular_run"])
def test_no_reading_is_normal_over_a_block_or_a_run(finding: str) -> None:
    decisions, conclusion = reading(NORMAL, facts(Rhythm("sinus", message("no_p"), (finding,))))
    assert (conclusion.kind, decisions[SUPERDIAGNOSTIC]["NORM"]) == ("abnormal", "uncertain")


def test_what_was_measured_decides_what_the_model_is_not_certain_of() -> None:
    decisions, conclusion = reading({"AFIB": 0.25}, facts(Rhythm("atrial_fibrillation", message("no_p"))))
    assert decisions[ALL]["AFIB"] == "present"
    assert conclusion.lines[0].codes == ("AFIB",)
    decisions, conclusion = reading({}, facts(Rhythm("atrial_fibrillation", message("no_p"))))
    assert decisions[ALL]["AFIB"] == "uncertain"
    assert (conclusion.lines[0].codes, conclusion.lines[0].probability) == ((), None)


def test_the_statement_names_the_rhythm_where_the_measured_one_differs() -> None:
    conclusion = conclude_all({"SR": 0.95}, facts(Rhythm("atrial_fibrillation", message("no_p"))))
    assert conclusion.lines[0].text == "Sinus rhythm, rate 72/min"
    assert conclusion.kind != "normal"


def test_extra_beats_are_counted() -> None:
    beats = ("normal", "ventricular", "normal", "ventricular", "ventricular")
    rhythm = Rhythm("sinus", message("no_p"), ("premature_ventricular", "couplet"), beats=beats)
    conclusion = conclude_all({"SR": 0.9, "PVC": 0.9}, facts(rhythm))
    assert "Ventricular premature complex (3 in the recording). Ventricular couplet." in conclusion.headline


def test_what_yields_says_to_what() -> None:
    _, conclusion = reading({"LAFB": 0.41, "CD": 0.6, "CRBBB": 0.9}, facts(qrs_axis_deg=140.0, qrs_ms=130.0))
    assert [(code, text) for code, _, text in conclusion.yielded] == [
        ("LAFB", "Left anterior fascicular block not stated: QRS axis +140 degrees")
    ]
    _, conclusion = reading({"IMI": 0.41}, facts())
    assert conclusion.yielded[0][2] == "Inferior myocardial infarction not stated: Myocardial infarction is not stated"


def test_a_superclass_may_stand_without_a_statement_and_little_is_only_possible() -> None:
    assert "Myocardial infarction, type not specified." in conclude_all({"MI": 0.9}, facts()).headline
    levels = {ALL: {"QWAVE": ClassReading(0.12, 0.1, "present")}}
    _, conclusion = conclude(levels, LabelSpace({ALL: Level(ALL, ("QWAVE",))}, (ALL,)), facts())
    assert "Q waves present (possible)." in conclusion.headline


def test_a_poor_signal_is_not_decided_and_says_why() -> None:
    _, conclusion = reading({"AFIB": 0.9}, Facts(poor=message("no_measurements", reason=message("no_beat")), good=False))
    assert (conclusion.kind, conclusion.lines) == ("undecided", ())
    assert "no heartbeat found" in conclusion.headline


def test_a_model_of_one_unknown_level_still_concludes() -> None:
    levels = {"own": {"A": ClassReading(0.9, 0.5, "present"), "B": ClassReading(0.1, 0.5, "absent")}}
    decisions, conclusion = conclude(levels, LabelSpace({"own": Level("own", ("A", "B"))}, ("own",)), facts())
    assert decisions == {"own": {"A": "present", "B": "absent"}}
    assert [line.codes for line in conclusion.lines] == [(), ("A",)]


probabilities = st.dictionaries(st.sampled_from([*CODES, *SUPERCLASSES, *SUBCLASSES]), st.floats(LEAST_PRESENT, 1.0), max_size=12)
rhythms = st.builds(
    lambda name, findings: Rhythm(name, message("no_p"), tuple(findings)),
    st.sampled_from([None, *RHYTHMS]),
    st.sets(st.sampled_from(RHYTHM_FINDINGS), max_size=3),
)
measured = st.fixed_dictionaries(
    {"heart_rate_bpm": st.floats(30, 220), "pr_ms": st.floats(90, 320), "qrs_ms": st.floats(60, 200), "qrs_axis_deg": st.floats(-180, 180)}
)


@given(probabilities, rhythms, measured)
def test_no_reading_contradicts_itself(probability: dict[str, float], rhythm: Rhythm, numbers: dict[str, float]) -> None:
    decisions, conclusion = reading(probability, facts(rhythm, **numbers))
    probabilities = {level: {name: probability.get(name, 0.01) for name in of} for level, of in decisions.items()}
    assert find_contradictions(decisions, probabilities, numbers, rhythm, conclusion.kind) == ()
    assert all(isinstance(sentence, Message) for sentence in conclusion.sentences())
    assert set(map(str, conclusion.sentences())) <= coded(conclusion.sentences()).keys()


@pytest.mark.parametrize(
    ("stated", "superclasses", "numbers", "kind", "code"),
    [
        ({"CLBBB", "CRBBB"}, {"CD"}, {}, "abnormal", "exclusion:CLBBB+CRBBB"),
        ({"1AVB"}, {"CD"}, {"pr_ms": 171.0}, "abnormal", "measured:1AVB"),
        ({"LAFB"}, {"CD"}, {"qrs_axis_deg": 140.0}, "abnormal", "measured:LAFB"),
        ({"IMI"}, set(), {}, "abnormal", "levels:IMI"),
        ({"IMI"}, {"MI"}, {}, "abnormal", "levels:IMI"),
        ({"AFIB"}, {"NORM"}, {}, "normal", "normal_over:AFIB"),
        ({"AFIB"}, {"NORM"}, {}, "abnormal", "exclusion:NORM+AFIB"),
        (set(), {"NORM", "MI"}, {}, "abnormal", "exclusion:NORM+MI"),
    ],
)
def test_contradictions_are_reported(stated: set[str], superclasses: set[str], numbers: dict[str, float], kind: str, code: str) -> None:
    def decided(names: tuple[str, ...], present: set[str]) -> dict[str, str]:
        return {name: "present" if name in present else "absent" for name in names}

    levels = {
        ALL: decided(CODES, stated),
        SUPERDIAGNOSTIC: decided(SUPERCLASSES, superclasses),
        "subdiagnostic": decided(SUBCLASSES, set()),
    }
    sure = {level: dict.fromkeys(of, 0.9) for level, of in levels.items()}
    assert code in find_contradictions(levels, sure, numbers, SINUS, kind)


def test_what_is_improbable_or_normal_over_a_measured_rhythm_is_reported() -> None:
    levels = {ALL: {"PVC": "present"}}
    assert find_contradictions(levels, {ALL: {"PVC": 0.003}}, {}, None, None) == ("improbable:PVC",)
    rhythm = Rhythm("atrial_flutter", message("no_p"))
    assert find_contradictions({}, {}, {}, rhythm, "normal") == ("normal_over:atrial_flutter",)
    assert find_contradictions({}, {}, {"pr_ms": None}, None, None) == ()


@pytest.mark.parametrize(
    ("n_beats", "kind", "said"), [(2.0, "undecided", "2 heartbeats"), (4.0, "undecided", "Sinus rhythm"), (5.0, "normal", "Normal ECG")]
)
def test_a_few_beats_are_no_rhythm_and_no_normal_ecg(n_beats: float, kind: str, said: str) -> None:
    rhythm = Rhythm(None, message("rhythm_few_beats", count=2)) if n_beats < 3 else None
    measured = facts(n_beats=n_beats) if rhythm is None else facts(rhythm, n_beats=n_beats)
    conclusion = conclude_all({**NORMAL, "SR": 0.95}, measured)
    assert conclusion.kind == kind
    assert said in conclusion.headline
    assert ("Sinus rhythm" in conclusion.headline) == (n_beats >= 3)


def test_of_paced_beats_nothing_but_the_rhythm_is_stated() -> None:
    conclusion = conclude_all({"PACE": 0.35, "CLBBB": 0.97, "1AVB": 0.9, "LVH": 0.9}, facts(Rhythm("paced", message("no_p"))))
    assert [line.codes for line in conclusion.lines] == [("PACE",)]
    assert {code for code, _, _ in conclusion.yielded} >= {"CLBBB", "1AVB", "LVH"}
