"""Beats of one kind share their relevance, and nothing is lost on the way."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import heart_reader.explain.explainer as explainer_module
from heart_reader.data.leads import STANDARD_LEADS, derive_limb_leads
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.explain import Explainer
from heart_reader.explain.beats import average_over_beats, beats_by_kind
from heart_reader.weights import find_reader


def regular(rr_s: float = 0.8) -> EcgRecord:
    """Ten seconds of the same beat at 100 Hz: P, QRS and T."""
    phase = (np.arange(1000) / 100.0) % rr_s
    beat = 0.12 * bump(phase, 0.14, 0.025) + 1.1 * bump(phase, 0.3, 0.012) - 0.2 * bump(phase, 0.33, 0.012) + 0.3 * bump(phase, 0.55, 0.05)
    limb = {"I": 0.6 * beat, "II": beat, **derive_limb_leads(0.6 * beat, beat)}
    chest = {f"V{place}": (0.3 * place - 0.8) * beat for place in range(1, 7)}
    return build_record("regular", np.stack([{**limb, **chest}[name] for name in STANDARD_LEADS]), 100.0, STANDARD_LEADS)


def bump(phase: np.ndarray, at: float, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((phase - at) / width) ** 2)


def likeness(relevance: np.ndarray, at: np.ndarray) -> float:
    """Mean correlation between whole beats, all leads together."""
    beats = [relevance[:, r - 25 : r + 40].ravel() for r in at if r >= 25 and r + 40 <= relevance.shape[1]]
    return float(np.mean([np.corrcoef(first, second)[0, 1] for first, second in combinations(beats, 2)]))


def test_identical_beats_get_identical_relevance(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Explainer.load(find_reader("ptbxl-ensemble"))
    record = regular()
    (at,) = beats_by_kind(reader.preprocessor.prepare(record), reader.preprocessor)
    assert len(at) >= 11
    assert set(np.diff(at)) == {80}
    after = reader.explain(record, "NORM").relevance.astype(np.float64)
    monkeypatch.setattr(explainer_module, "average_over_beats", lambda relevance, kinds: relevance)
    before = reader.explain(record, "NORM").relevance.astype(np.float64)
    assert likeness(before, at) < 0.97
    assert likeness(after, at) > 0.999
    np.testing.assert_allclose(after.sum(axis=1), before.sum(axis=1), atol=1e-5)


def test_every_lead_keeps_its_sum_in_any_rhythm() -> None:
    rng = np.random.default_rng(0)
    relevance = rng.normal(size=(3, 900))
    at = np.cumsum(rng.integers(40, 130, size=12))
    at = at[at < 900]
    averaged = average_over_beats(relevance, [at[::2], at[1::2], at[:0]])
    np.testing.assert_allclose(averaged.sum(axis=1), relevance.sum(axis=1), atol=1e-9)
    for kind in (at[::2], at[1::2]):
        assert np.ptp(averaged[:, kind], axis=1).max() < 1e-12
    assert np.ptp(averaged[:, at], axis=1).min() > 0  # of two kinds


@pytest.mark.parametrize("at", [[], [50], [-30, 20], [20, 500]])
def test_a_single_beat_stays_as_it_is(at: list[int]) -> None:
    relevance = np.random.default_rng(1).normal(size=(2, 100))
    np.testing.assert_array_equal(average_over_beats(relevance, [np.array(at, dtype=np.int64)]), relevance)


def test_a_flat_record_has_no_beats_and_is_explained_all_the_same() -> None:
    reader = Explainer.load(find_reader("ptbxl-ensemble"))
    record = build_record("still", np.full((12, 1000), 0.25), 100.0, STANDARD_LEADS)
    assert sum(map(len, beats_by_kind(reader.preprocessor.prepare(record), reader.preprocessor))) == 0
    explanation = reader.explain(record, "NORM")
    assert (explanation.relevance == 0).all()
    # Only the trees differ from their average: nothing could be measured.
    assert explanation.measurement_contribution == pytest.approx(explanation.log_odds - explanation.baseline_log_odds, rel=1e-3)
    assert {share.value for share in explanation.measurements} <= {None, 0.0}
