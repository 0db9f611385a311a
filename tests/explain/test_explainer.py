"""Explanations are complete, faithful, gone with the weights, and state what is missing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from heart_reader.checkpoint import load_checkpoint
from heart_reader.commands import main
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.data.synthetic import random_parameters, simulate
from heart_reader.decisions.decision import log_odds
from heart_reader.edge.variants import build_variants
from heart_reader.errors import NotServable, SignalTooShort
from heart_reader.explain import Explainer, Explanation, Method, find_origin
from heart_reader.explain.sanity import randomise
from heart_reader.training.run import train
from heart_reader.weights import find_reader

ROOT = Path(__file__).resolve().parents[2]
NANO = ROOT / "results" / "ptbxl-nano" / "checkpoint"


@pytest.fixture(scope="module")
def explainer() -> Explainer:
    """Of the shipped reader."""
    return Explainer.load(find_origin(load_checkpoint(find_reader("ptbxl-ensemble"))).directory)


@pytest.fixture(scope="module")
def records() -> dict[str, EcgRecord]:
    rng = np.random.default_rng(3)
    return {
        name: simulate(random_parameters(name, rng), rng=rng, fs=250.0, duration_s=10.0, record_id=name) for name in ("MI", "CD", "NORM")
    }


@pytest.fixture(scope="module")
def explained(explainer: Explainer, records: dict[str, EcgRecord]) -> dict[str, Explanation]:
    return {name: explainer.explain(record, name) for name, record in records.items()}


def test_relevance_adds_up_to_the_change_of_the_log_odds(explained: dict[str, Explanation]) -> None:
    for explanation in explained.values():
        change = explanation.log_odds - explanation.baseline_log_odds
        total = explanation.relevance.sum(dtype=np.float64) + sum(share.contribution for share in explanation.measurements)
        assert total == pytest.approx(change, rel=1e-3)
        assert explanation.missed < 0.15 * max(1.0, abs(change))
        assert sum(explanation.lead_shares.values()) == pytest.approx(1)
        assert sum(window["share"] for window in explanation.windows) == pytest.approx(1)


def test_the_explained_probability_is_the_one_of_the_reading(
    explainer: Explainer, records: dict[str, EcgRecord], explained: dict[str, Explanation]
) -> None:
    for name, record in records.items():
        read = explainer.classifier.predict(record).levels["superdiagnostic"][name].probability
        assert explained[name].probability == pytest.approx(read, abs=1e-6)


def randomised(directory: Path, seed: int) -> Explainer:
    """The same network with fresh weights; what was learned of the leads' scale stays."""
    explainer = Explainer.load(directory)
    randomise(explainer, seed)
    return explainer


def test_random_weights_destroy_an_explanation(records: dict[str, EcgRecord]) -> None:
    """Check sanity as Adebayo J. et al. do, NeurIPS 31 (2018)."""
    trained = Explainer.load(NANO)
    finer = Method(steps=32)
    for name, record in records.items():
        relevance = trained.explain(record, name).relevance.ravel()
        assert spearmanr(relevance, trained.explain(record, name, method=finer).relevance.ravel()).statistic > 0.9
        for seed in (0, 1):
            assert abs(spearmanr(relevance, randomised(NANO, seed).explain(record, name).relevance.ravel()).statistic) < 0.3


def test_flattening_what_speaks_for_a_finding_takes_it_away(
    explainer: Explainer, records: dict[str, EcgRecord], explained: dict[str, Explanation]
) -> None:
    """Deleting the most relevant twentieth changes more than random weights do."""
    classifier = explainer.classifier
    other = randomised(classifier.checkpoint.directory, 0)
    for name, record in records.items():
        signal = classifier.preprocessor.prepare(record).microvolts / 1000.0
        still = np.median(signal, axis=1, keepdims=True)

        def change(relevance: np.ndarray, name: str = name, signal: np.ndarray = signal, still: np.ndarray = still) -> float:
            kept = np.where(relevance > np.quantile(relevance, 0.95), still, signal)
            flattened = build_record("a", kept, 100.0, STANDARD_LEADS)
            return float(log_odds(classifier.predict(flattened).levels["superdiagnostic"][name].probability)) - explained[name].log_odds

        ours, random = change(explained[name].relevance), change(other.explain(record, name).relevance)
        assert ours < -1.0
        assert ours < random


def test_a_lead_that_is_missing_has_no_share(explainer: Explainer, records: dict[str, EcgRecord]) -> None:
    whole = records["CD"]
    kept = [row for row, name in enumerate(STANDARD_LEADS) if name not in ("aVF", "V2")]
    part = replace(whole, signal=whole.signal[kept], lead_names=tuple(STANDARD_LEADS[row] for row in kept))
    explanation = explainer.explain(part, "CD")
    assert explanation.lead_shares["V2"] == 0
    assert explanation.lead_shares["aVF"] > 0  # derived from I and II
    assert "Not recorded and therefore without relevance: V2." in " ".join(explanation.notes)
    assert "derived from I and II: aVF." in " ".join(explanation.notes)


def test_a_still_line_has_no_relevance(tiny_checkpoint: Path) -> None:
    explanation = Explainer.load(tiny_checkpoint).explain(build_record("still", np.full((12, 1000), 0.25), 100.0, STANDARD_LEADS), "MI")
    assert (explanation.relevance == 0).all()
    assert explanation.log_odds == pytest.approx(explanation.baseline_log_odds, abs=1e-6)
    assert set(explanation.lead_shares.values()) == {0.0}
    assert json.dumps(explanation.to_json(), allow_nan=False)


@pytest.mark.parametrize(("duration_s", "n_times"), [(1.2, 120), (2.5, 250), (3.0, 300), (10.0, 1000)])
def test_every_length_is_mapped_onto_the_record(tiny_checkpoint: Path, duration_s: float, n_times: int) -> None:
    explainer = Explainer.load(tiny_checkpoint)
    rng = np.random.default_rng(0)
    record = simulate(random_parameters("MI", rng), rng=rng, fs=500.0, duration_s=duration_s)
    explanation = explainer.explain(record, "MI")
    assert explanation.relevance.shape == (12, n_times)
    assert (explanation.start_s, explanation.duration_s) == (0.0, duration_s)
    assert explanation.windows[-1]["end_s"] == duration_s


@pytest.mark.parametrize(
    ("start_s", "duration_s", "stretch"),
    [(0, 10, (0, 10)), (12.5, 5, (12.5, 17.5)), (13, 5, (13.75, 17.5)), (39.9, 1, (37.5, 40)), (0, 90, (0, 30))],
)
def test_a_stretch_of_a_long_recording(tiny_checkpoint: Path, start_s: float, duration_s: float, stretch: tuple[float, float]) -> None:
    explainer = Explainer.load(tiny_checkpoint)
    record = build_record("long", np.random.default_rng(0).normal(0, 0.1, (12, 4000)), 100.0, STANDARD_LEADS)
    explanation = explainer.explain(record, "MI", start_s=start_s, duration_s=duration_s)
    assert (explanation.start_s, explanation.start_s + explanation.duration_s) == pytest.approx(stretch)
    assert f"The explanation covers only the reading of {stretch[0]:g} to {stretch[1]:g} s." in explanation.notes
    with pytest.raises(SignalTooShort, match="start_s 40 lies behind its end"):
        explainer.explain(record, "MI", start_s=40)


def test_every_level_of_a_reading_can_be_explained(tiny_checkpoint: Path) -> None:
    explainer = Explainer.load(tiny_checkpoint)
    record = build_record("a", np.random.default_rng(0).normal(0, 0.1, (12, 250)), 100.0, STANDARD_LEADS)
    for level, readings in explainer.classifier.predict(record).levels.items():
        name = list(readings)[-1]
        explanation = explainer.explain(record, name, level)
        assert explanation.level == level
        assert explanation.probability == pytest.approx(readings[name].probability, abs=1e-6)


def test_a_network_that_reads_age_and_sex_shares_out_to_them(tiny_config: ExperimentConfig, tmp_path: Path) -> None:
    sets = "features.sets=[{name: demographics, widths: [4]}]"
    train(override_config(tiny_config, [sets, "training.epochs=1"]), tmp_path / "fused")
    explainer = Explainer.load(tmp_path / "fused" / "checkpoint")
    record = build_record("a", np.random.default_rng(0).normal(0, 0.1, (12, 1000)), 100.0, STANDARD_LEADS, age=70.0, sex="male")
    explanation = explainer.explain(record, "MI")
    assert explanation.probability == pytest.approx(
        explainer.classifier.predict(record).levels["superdiagnostic"]["MI"].probability, abs=1e-6
    )
    assert explanation.completeness_gap < 1e-4
    assert {share.name for share in explanation.measurements} <= {"age_years", "sex_female"}
    assert explanation.measurements


def test_what_the_model_does_not_know(explainer: Explainer) -> None:
    assert explainer.find_level("MI") == "superdiagnostic"
    assert explainer.find_level("AFIB") == "all"
    assert explainer.find_level("NORM", "all") == "all"
    for finding, level in (("COLD", None), ("AFIB", "superdiagnostic"), ("MI", "weather")):
        with pytest.raises(NotServable):
            explainer.find_level(finding, level)


@pytest.mark.slow
def test_the_origin_of_an_export_is_found_by_its_hash(tiny_run: Path, tmp_path: Path) -> None:
    runs = tmp_path / "results"
    shutil.copytree(tiny_run / "checkpoint", runs / "mine" / "checkpoint")
    build_variants(runs / "mine" / "checkpoint", runs / "edge", overrides=["export.variants=[fp32]"])
    exported, origin = load_checkpoint(runs / "edge" / "fp32"), load_checkpoint(runs / "mine" / "checkpoint")
    assert find_origin(exported).sha256 == origin.sha256
    assert find_origin(origin) is origin
    assert find_origin(exported, runs / "mine" / "checkpoint").sha256 == origin.sha256
    with pytest.raises(NotServable, match="neither the served checkpoint nor"):
        find_origin(exported, NANO)
    with pytest.raises(NotServable, match="neither the served checkpoint nor"):
        find_origin(exported, runs / "edge" / "fp32")
    shutil.rmtree(runs / "mine")
    with pytest.raises(NotServable, match="HEART_READER_EXPLAIN_CHECKPOINT"):
        find_origin(exported)


def test_the_command_writes_words_and_a_figure(tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["explain", str(ROOT / "test_files" / "norm.csv"), "--finding", "NORM", "--checkpoint", str(tiny_checkpoint)]
    assert main([*arguments, "--out", str(tmp_path / "reason.png")]) == 0
    said = capsys.readouterr().out
    assert "by lead: " in said
    assert "= baseline " in said
    assert (tmp_path / "reason.png").read_bytes().startswith(b"\x89PNG")
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["finding"] == "NORM"
    assert main([*arguments[:3], "COLD", *arguments[4:]]) == 1
    assert capsys.readouterr().err.startswith("error: finding 'COLD'")


def test_the_command_names_measurements(trees_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["explain", str(ROOT / "test_files" / "cd_lbbb.csv"), "--finding", "CD", "--checkpoint", str(trees_checkpoint)]
    assert main([*arguments, "--out", str(tmp_path / "reason.png")]) == 0
    assert "by measurement: " in capsys.readouterr().out
    assert (tmp_path / "reason.png").read_bytes().startswith(b"\x89PNG")
