"""Each simulated disease shows the hallmark by which it is diagnosed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heart_reader.data.labels import SUPERCLASSES
from heart_reader.data.scp_statements import SCP_STATEMENTS
from heart_reader.data.synthetic import (
    FINDINGS,
    EcgParameters,
    NoiseLevels,
    SimulatedEcg,
    draw_findings,
    draw_parameters,
    random_parameters,
    simulate_with_truth,
    sokolow_lyon_mv,
)
from heart_reader.data.synthetic.population import SHARES
from heart_reader.errors import ConfigError

SILENT = NoiseLevels(baseline_uv=0.0, muscle_uv=0.0, mains_uv=0.0)
SUPERCLASS_OF = {statement.code: statement.superclass for statement in SCP_STATEMENTS}
N_PEOPLE = 20


def people(*findings: str) -> list[SimulatedEcg]:
    drawn = []
    for seed in range(N_PEOPLE):
        rng = np.random.default_rng(seed)
        parameters = replace(draw_parameters(findings, rng), noise=SILENT)
        drawn.append(simulate_with_truth(parameters, rng=rng, fs=500.0, duration_s=5.0))
    return drawn


def cut(ecg: SimulatedEcg, lead: str, from_s: float, to_s: float) -> np.ndarray:
    """One lead of the second beat between two times, in mV."""
    fs = ecg.record.fs
    return ecg.record.lead(lead)[round(from_s * fs) : round(to_s * fs) + 1]


def qrs(ecg: SimulatedEcg, lead: str) -> np.ndarray:
    return cut(ecg, lead, float(ecg.truth.qrs_onset_s[1]), float(ecg.truth.qrs_offset_s[1]))


def st_60(ecg: SimulatedEcg, lead: str) -> float:
    moment = float(ecg.truth.qrs_offset_s[1]) + 0.06
    return float(cut(ecg, lead, moment, moment)[0])


def t_wave(ecg: SimulatedEcg, lead: str) -> float:
    """Value of the T wave where it is largest."""
    begin, end = float(ecg.truth.qrs_offset_s[1]) + 0.1, float(ecg.truth.t_offset_s[1])
    values = cut(ecg, lead, begin, end)
    return float(values[np.abs(values).argmax()])


def share(holds: list[bool]) -> float:
    return float(np.mean(holds))


@pytest.mark.parametrize(("finding", "limit"), [("right bundle branch block", 120.0), ("left bundle branch block", 120.0)])
def test_bundle_branch_blocks_are_wide(finding: str, limit: float) -> None:
    assert all(ecg.truth.qrs_ms >= limit for ecg in people(finding))


def test_right_bundle_branch_block() -> None:
    drawn = people("right bundle branch block")
    halves = [np.array_split(qrs(ecg, "V1"), 2) for ecg in drawn]
    assert share([second.max() > 0.3 and second.max() > first.max() for first, second in halves]) >= 0.9
    assert share([np.array_split(qrs(ecg, "V6"), 2)[1].min() < -0.1 for ecg in drawn]) >= 0.9
    assert share([t_wave(ecg, "V1") < 0.0 for ecg in drawn]) >= 0.8


def test_left_bundle_branch_block() -> None:
    drawn = people("left bundle branch block")
    assert share([qrs(ecg, "V1").min() < -0.6 and qrs(ecg, "V1").min() < -2 * qrs(ecg, "V1").max() for ecg in drawn]) >= 0.9
    assert share([qrs(ecg, "V6").max() > 0.4 and np.array_split(qrs(ecg, "V6"), 3)[0].min() > -0.05 for ecg in drawn]) >= 0.9
    assert share([t_wave(ecg, "V6") < 0.0 < t_wave(ecg, "V1") for ecg in drawn]) >= 0.9


def test_left_anterior_fascicular_block() -> None:
    for ecg in people("left anterior fascicular block"):
        assert -75.0 <= ecg.truth.axis_deg <= -45.0
        assert -qrs(ecg, "III").min() > qrs(ecg, "III").max()
        assert ecg.truth.qrs_ms < 120.0


def test_first_degree_av_block() -> None:
    assert all(ecg.truth.pr_ms > 200.0 for ecg in people("first degree AV block"))


def test_inferior_infarction_has_q_waves_and_inverted_t() -> None:
    drawn = people("inferior infarction")
    for lead in ("III", "aVF"):
        first_40_ms = [qrs(ecg, lead)[:20].min() for ecg in drawn]
        assert share([value < -0.1 for value in first_40_ms]) >= 0.9
        assert share([t_wave(ecg, lead) < 0.0 for ecg in drawn]) >= 0.9


def test_anteroseptal_infarction_has_no_r_in_v1_to_v3() -> None:
    drawn = people("anteroseptal infarction")
    for lead in ("V1", "V2", "V3"):
        assert share([qrs(ecg, lead)[: qrs(ecg, lead).argmin()].max() < 0.15 for ecg in drawn]) >= 0.8


def test_lateral_infarction_has_q_in_avl() -> None:
    assert share([qrs(ecg, "aVL")[:20].min() < -0.1 for ecg in people("lateral infarction")]) >= 0.9


@pytest.mark.parametrize("finding", ["ischemia", "anterolateral ischemia", "inferolateral ischemia"])
def test_ischemia_depresses_st_in_v5(finding: str) -> None:
    assert share([st_60(ecg, "V5") < -0.05 for ecg in people(finding)]) >= 0.9


def test_flat_t_is_flat_beside_a_normal_one() -> None:
    flat, normal = (np.median([abs(t_wave(ecg, "V5")) for ecg in people(finding)]) for finding in ("flat T", "normal"))
    assert flat < 0.4 * normal


def test_long_qt() -> None:
    for ecg in people("long QT"):
        qtc = ecg.parameters.qt_ms / np.cbrt(60.0 / ecg.parameters.heart_rate_bpm)
        assert 485.0 <= qtc <= 545.0


def test_hypertrophy_has_sokolow_lyon_voltage() -> None:
    for ecg in people("left ventricular hypertrophy"):
        assert sokolow_lyon_mv(ecg.parameters) >= 3.59
        # Beats breathe by a few percent.
        assert max(qrs(ecg, "V5").max(), qrs(ecg, "V6").max()) - qrs(ecg, "V1").min() >= 3.3


def test_a_normal_heart_is_within_normal_limits() -> None:
    drawn = people("normal")
    for ecg in drawn:
        assert 120.0 <= ecg.truth.pr_ms <= 200.0
        assert ecg.truth.qrs_ms < 120.0
        assert -30.0 <= ecg.truth.axis_deg <= 90.0
        assert sokolow_lyon_mv(ecg.parameters) < 3.5
        assert abs(st_60(ecg, "V6")) < 0.1
    r_waves = np.median([[qrs(ecg, lead).max() for lead in ("V1", "V2", "V3", "V4")] for ecg in drawn], axis=0)
    assert (np.diff(r_waves) > 0).all()
    assert share([t_wave(ecg, lead) > 0.0 for ecg in drawn for lead in ("I", "II", "V4", "V5", "V6")]) >= 0.95


@pytest.mark.parametrize(
    "wanted", [*SUPERCLASSES, ("MI", "CD"), ("STTC", "HYP"), ("MI", "STTC"), ("CD", "HYP"), ("STTC", "CD"), ("MI", "CD", "HYP")]
)
def test_codes_say_the_superclasses_that_were_asked_for(wanted: str | tuple[str, ...]) -> None:
    asked = {wanted} if isinstance(wanted, str) else set(wanted)
    for seed in range(60):
        parameters = random_parameters(wanted, np.random.default_rng(seed))
        assert {SUPERCLASS_OF[code] for code in parameters.scp_codes} - {""} == asked
        assert 18 <= parameters.age <= 89
        assert parameters.sex in {"male", "female"}


def test_the_same_generator_draws_the_same_person() -> None:
    first, again = (random_parameters("MI", np.random.default_rng(8)) for _ in range(2))
    assert first == again


def test_every_finding_can_be_drawn_and_shares_are_whole() -> None:
    assert {name for shares in SHARES.values() for name in shares} == set(FINDINGS)
    for superclass, shares in SHARES.items():
        assert sum(shares.values()) == pytest.approx(1.0)
        assert all(FINDINGS[name].superclass == superclass for name in shares)
    assert all(code in SUPERCLASS_OF for finding in FINDINGS.values() for code in finding.scp_codes)


@pytest.mark.parametrize("wrong", ["norm", ("NORM", "MI"), (), ("MI", "MI")])
def test_unknown_superclasses_are_refused(wrong: str | tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="NORM, MI, STTC, CD, HYP"):
        draw_findings(wrong, np.random.default_rng(0))


def test_unknown_findings_are_refused() -> None:
    with pytest.raises(ConfigError, match="left bundle branch block"):
        draw_parameters(["LBBB"], np.random.default_rng(0))


def test_parameters_are_values() -> None:
    assert EcgParameters() == EcgParameters()
