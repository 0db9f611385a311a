"""Doubts about rate and leads: few about unchanged patients, most changes named correctly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import random_parameters, simulate
from heart_reader.evaluation.stress import perturbations
from heart_reader.features import assess_signal
from heart_reader.features.measured import measure
from heart_reader.features.plausibility import arrangement_inputs, find_doubt, rate_inputs
from heart_reader.messages import TEMPLATES
from heart_reader.studies.plausibility_fit import ARRANGEMENTS, RATES


@pytest.fixture(scope="module")
def patients() -> list[EcgRecord]:
    """Simulated adults of every superclass."""
    records = []
    for number in range(15):
        superclass = ("NORM", "MI", "STTC", "CD", "HYP")[number % 5]
        parameters = random_parameters((superclass,), np.random.default_rng([3, number]))
        records.append(simulate(parameters, rng=np.random.default_rng(number), fs=500.0, duration_s=10.0))
    return records


def said(record: EcgRecord) -> str:
    """Code of the doubt, or nothing."""
    found = find_doubt(measure(record))
    return "" if found is None else found.text.code


def test_few_doubts_about_files_that_are_right(patients):
    assert sum(said(record) != "" for record in patients) <= 1


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (lambda record: perturbations.misstate_rate(record, 2.0), {"too_quick"}),
        (lambda record: perturbations.misstate_rate(record, 0.5), {"too_slow"}),
        (perturbations.swap_arms, {"arm_leads_swapped", "arm_leads_or_dextrocardia"}),
        (perturbations.reverse_chest, {"chest_leads_reversed"}),
        (lambda record: perturbations.scale_lead(record, "V2", -1.0), {"lead_upside_down"}),
        (lambda record: perturbations.scale_lead(record, "V5", -1.0), {"lead_upside_down"}),
        (lambda record: replace(record, signal=-record.signal), {"all_leads_upside_down"}),
    ],
)
def test_what_is_wrong_is_named(patients, change, codes):
    reported = [said(change(record)) for record in patients]
    assert sum(code in codes for code in reported) >= 0.8 * len(patients), reported


def test_the_lead_upside_down_is_named(patients):
    found = find_doubt(measure(perturbations.scale_lead(patients[0], "V4", -1.0)))
    assert found.is_grave
    assert "V4" in found.text


def test_neighbours_exchanged_are_noted_only(patients):
    found = [find_doubt(measure(perturbations.swap_leads(record, "V1", "V2"))) for record in patients]
    exchanged = [doubt for doubt in found if doubt and doubt.text == "Leads V1 and V2 seem to be interchanged."]
    assert len(exchanged) >= 0.5 * len(patients)
    assert not any(doubt.is_grave for doubt in exchanged)


def test_a_wrong_unit_is_noted_and_nothing_is_decided(patients):
    for factor, code in ((10.0, "voltage_high"), (0.1, "voltage_low")):
        seen = [assess_signal(perturbations.scale_gain(record, factor)) for record in patients]
        assert sum(any(sentence.code == code for sentence in one.findings) for one in seen) >= 0.8 * len(patients)
        assert sum(one.verdict == "poor" for one in seen) >= 0.6 * len(patients)
    for name in ("II", "V3"):
        quality = assess_signal(perturbations.scale_lead(patients[0], name, 1000.0))
        assert any(sentence.code == "lead_unit_wrong" and name in sentence for sentence in quality.findings)
        assert quality.verdict == "poor"


def test_children_may_be_quick(patients):
    quick = measure(perturbations.misstate_rate(patients[0], 2.0))
    assert find_doubt(quick, age=40.0).text.code == "too_quick"
    young = find_doubt(quick, age=1.0)
    assert young is None or young.text.code != "too_quick"


def test_leads_are_compared_only_where_all_are_there(patients):
    few = perturbations.keep_leads(patients[0], ("I", "II", "V1", "V5"))
    assert arrangement_inputs(measure(few)) is None
    assert rate_inputs(measure(few)) is not None
    flat = replace(patients[0], signal=np.zeros_like(patients[0].signal))
    assert rate_inputs(measure(flat)) is None
    assert find_doubt(measure(flat)) is None


def test_every_way_of_being_wrong_has_its_words():
    for way in [*RATES, *ARRANGEMENTS]:
        code = way.partition(":")[0]
        assert code == "as_stated" or code in TEMPLATES


def test_an_arrangement_undone_is_none():
    for way, matrix in ARRANGEMENTS.items():
        assert np.linalg.matrix_rank(matrix) == len(matrix), way
        if "upside_down" in way or "exchanged" in way or "reversed" in way:
            assert np.array_equal(matrix @ matrix, np.eye(len(matrix))), way
