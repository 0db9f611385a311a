"""The quality gate: silent on good recordings, and naming what was done to bad ones."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.data.synthetic import EcgParameters, random_parameters, simulate
from heart_reader.features import assess_signal


@pytest.fixture(scope="module")
def good() -> EcgRecord:
    return simulate(EcgParameters(), rng=np.random.default_rng(2), fs=500.0, duration_s=10.0)


def changed(record: EcgRecord, **leads) -> EcgRecord:
    """The record with some leads replaced."""
    signal = record.signal.copy()
    for name, values in leads.items():
        signal[record.lead_names.index(name)] = values
    return replace(record, signal=signal)


def arms_swapped(record: EcgRecord) -> EcgRecord:
    of = {name: record.lead(name) for name in record.lead_names}
    return changed(record, I=-of["I"], II=of["III"], III=of["II"], aVR=of["aVL"], aVL=of["aVR"])


def test_a_good_recording_has_no_finding(good):
    quality = assess_signal(good)
    assert quality.verdict == "good"
    assert quality.findings == ()
    assert {lead.verdict for lead in quality.leads.values()} == {"good"}
    json.dumps(quality.to_json(), allow_nan=False)


def test_few_false_alarms_on_simulated_patients():
    alarms = 0
    for number in range(20):
        superclass = ("NORM", "MI", "STTC", "CD", "HYP")[number % 5]
        parameters = random_parameters((superclass,), np.random.default_rng([1, number]))
        alarms += assess_signal(simulate(parameters, rng=np.random.default_rng(number), fs=500.0, duration_s=10.0)).verdict != "good"
    assert alarms <= 1


@pytest.mark.parametrize(
    ("make", "lead", "verdict"),
    [
        (np.zeros_like, "V4", "flat"),
        (lambda lead: np.where(np.arange(len(lead)) < 2500, lead, lead[2500]), "V4", "interrupted"),
        (lambda lead: np.clip(lead * 5, -1.6, 1.6), "V4", "saturated"),
        (lambda lead: lead + 0.3 * np.random.default_rng(0).standard_normal(len(lead)), "V4", "noisy"),
        (lambda lead: lead + 3.0 * np.sin(2 * np.pi * 0.2 * np.arange(len(lead)) / 500.0), "V4", "wandering"),
    ],
)
def test_bad_leads_are_named(good, make, lead, verdict):
    quality = assess_signal(changed(good, **{lead: make(good.lead(lead))}))
    assert quality.leads[lead].verdict == verdict
    assert [name for name, of in quality.leads.items() if of.verdict != "good"] == [lead]
    assert quality.verdict == "limited"
    assert any(lead in finding for finding in quality.findings)


@pytest.mark.parametrize("first", [0, 1, 249, 250, 1123, 4499])
def test_a_lead_is_interrupted_from_a_second_on(good, first):
    for n_equal, verdict in ((499, "good"), (500, "interrupted")):
        lead = good.lead("V4").copy()
        lead[first : first + n_equal] = 0.777
        assert assess_signal(changed(good, V4=lead)).leads["V4"].verdict == verdict


def test_duplicated_leads(good):
    assert any("V2 and V3" in finding for finding in assess_signal(changed(good, V3=good.lead("V2"))).findings)
    shifted = changed(good, V3=1.01 * good.lead("V2") + 0.5, V5=1.05 * good.lead("V2"))
    assert [finding for finding in assess_signal(shifted).findings if "same signal" in finding] == [
        "Two leads carry the same signal: V2 and V3."
    ]


def test_broken_identities(good):
    findings = assess_signal(changed(good, aVF=good.lead("V2"), aVL=good.lead("V3"))).findings
    assert any("aVL" in finding and "aVF" in finding and "contradict" in finding for finding in findings)


def test_exchanged_augmented_leads_are_named(good):
    findings = assess_signal(changed(good, aVF=good.lead("aVL"), aVL=good.lead("aVF"))).findings
    assert [(finding.code, *finding.values.values()) for finding in findings] == [("limb_leads_exchanged", "aVL", "aVF")]


def test_leads_that_were_scaled_by_themselves(good):
    alike = replace(good, signal=good.signal / np.ptp(good.signal, axis=1, keepdims=True))
    codes = {finding.code for finding in assess_signal(alike).findings}
    assert codes == {"leads_scaled"}
    upside_down = changed(alike, III=-alike.lead("III"))
    assert "identities_broken" in {finding.code for finding in assess_signal(upside_down).findings}


def test_arm_electrodes_interchanged(good):
    findings = assess_signal(arms_swapped(good)).findings
    assert any("arm electrodes are" in finding for finding in findings)
    assert not any("contradict" in finding for finding in findings)


def test_wrong_unit_and_rate(good):
    assert any("unit" in finding for finding in assess_signal(replace(good, signal=good.signal / 50)).findings)
    assert any("sampling rate" in finding for finding in assess_signal(replace(good, fs=1500.0)).findings)


def test_no_heart_is_poor():
    flat = build_record("flat", np.zeros((12, 5000)), 500.0, STANDARD_LEADS)
    noise = build_record("noise", 0.3 * np.random.default_rng(0).standard_normal((12, 5000)), 500.0, STANDARD_LEADS)
    for record in (flat, noise):
        quality = assess_signal(record)
        assert quality.verdict == "poor"
        assert quality.findings[0].startswith("No measurements")
