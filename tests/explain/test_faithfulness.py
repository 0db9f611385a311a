"""Deletion and insertion: segments, curves and areas of explanations that are known to be true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heart_reader.data.synthetic import random_parameters, simulate
from heart_reader.explain import Explainer, Method
from heart_reader.explain.background import Background
from heart_reader.explain.deletion import Segments
from heart_reader.explain.explanation import feature_keys
from heart_reader.explain.faithfulness import FRACTIONS, Curves, measured_curves, random_orders, signal_curves
from heart_reader.weights import find_reader

MI = simulate(random_parameters("MI", np.random.default_rng(3)), rng=np.random.default_rng(3), fs=100.0, duration_s=10.0, record_id="MI")


def test_segments_sum_spread_and_fade() -> None:
    segments = Segments(n_leads=2, n_times=23, size=10, fade=2)
    assert (len(segments), segments.per_lead) == (6, 3)
    values = np.random.default_rng(0).normal(size=6)
    np.testing.assert_allclose(segments.sums(segments.spread(values)), values)
    kept = np.ones((1, 6), dtype=bool)
    assert (segments.masks(kept) == 1).all()
    assert (segments.masks(~kept) == 0).all()
    kept[0, 1] = False
    mask = segments.masks(kept)[0]
    assert (mask[1] == 1).all()
    assert (mask[0, 11:19] == 0).all()
    np.testing.assert_allclose(mask[0, 8:12], [1, 0.75, 0.25, 0])


def test_a_record_without_anything_is_the_baseline_of_the_gradients() -> None:
    explainer = Explainer.load(find_reader("ptbxl-nano"))
    view = explainer.view(MI)
    altered, explained = explainer.altered(view, "MI"), explainer.explain_view(view, "MI")
    kept = np.array([[True], [False]]).repeat(len(altered.segments), axis=1)
    assert altered.log_odds(kept) == pytest.approx([explained.log_odds, explained.baseline_log_odds], abs=1e-4)


def test_a_true_explanation_is_told_from_a_wrong_one() -> None:
    explainer = Explainer.load(find_reader("ptbxl-nano"))
    view = explainer.view(MI)
    altered, true = explainer.altered(view, "MI"), explainer.explain_view(view, "MI")
    random = random_orders(altered, 0)
    rng = np.random.default_rng(0)
    wrong = replace(true, relevance=rng.permutation(true.relevance.ravel()).reshape(true.relevance.shape))
    contrary = replace(true, relevance=-true.relevance)
    gains = [signal_curves(altered, one, random).areas["gain"] for one in (true, wrong, contrary)]
    assert gains[0] > 0.5
    assert abs(gains[1]) < 0.3 * gains[0]
    assert gains[2] < -0.5


def test_insertion_is_deletion_in_reverse_order_read_backwards() -> None:
    explainer = Explainer.load(find_reader("ptbxl-nano"))
    view = explainer.view(MI)
    altered, explained = explainer.altered(view, "MI"), explainer.explain_view(view, "MI")
    curves = signal_curves(altered, explained, random_orders(altered, 0))
    strength = altered.segments.sums(explained.relevance)
    order = np.argsort(-strength, kind="stable")
    for place in (3, 8, 12):
        kept = np.zeros((1, len(order)), dtype=bool)
        kept[0, order[: round(FRACTIONS[place] * len(order))]] = True
        assert curves.insertion[place] == pytest.approx(altered.log_odds(kept)[0], abs=1e-6)
    assert curves.deletion[0] == pytest.approx(curves.insertion[-1], abs=1e-6)


def test_areas_are_those_of_straight_lines() -> None:
    down, up = 2.0 * (1 - FRACTIONS), 2.0 * FRACTIONS
    areas = Curves(down**0 * 0.5, up**0 * 1.5, down, up).areas
    assert areas == pytest.approx({"deletion": 0.5, "insertion": 1.5, "random_deletion": 1.0, "random_insertion": 1.0, "gain": 0.5})


def test_measurements_that_speak_most_go_first(trees_checkpoint: Path) -> None:
    explainer = Explainer.load(trees_checkpoint)
    rng = np.random.default_rng(9)
    others = [simulate(random_parameters("NORM", rng), rng=rng, fs=100.0, duration_s=10.0) for _ in range(3)]
    usual = Background.of(explainer.classifier, others).usual_features()
    view = explainer.view(MI)
    altered, explained = explainer.altered(view, "MI"), explainer.explain_view(view, "MI", method=Method())
    assert usual is not None
    assert view.features is not None
    assert explainer.classifier.features is not None
    given = {(share.name, share.lead): share.contribution for share in explained.measurements}
    contributions = np.array([given.get(key, 0.0) for key in feature_keys(explainer.classifier.features)])
    curves = measured_curves(altered, view.features, usual, contributions, 0)
    assert curves is not None
    assert curves.deletion[0] == pytest.approx(explained.log_odds, abs=1e-5)
    assert curves.areas["gain"] > 0
    assert measured_curves(altered, view.features, usual, np.zeros(len(contributions)), 0) is None
