import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from heart_reader.data.labels import ALL, SUPERDIAGNOSTIC, LabelSpace, Level, sigmoid
from heart_reader.errors import ConfigError

LEVELS = {
    ALL: Level(ALL, ("a", "b", "c", "d")),
    "coarse": Level("coarse", ("x", "y"), ((0, 2), (3,))),
    SUPERDIAGNOSTIC: Level(SUPERDIAGNOSTIC, ("p", "q"), ((0, 1, 2), (3,))),
    "other": Level("other", ("o",)),
}
logits_of = st.integers(1, 4).flatmap(lambda n: arrays(np.float64, (n, 6), elements=st.floats(-30, 30)))


def noisy_or(probabilities, members):
    answers = np.empty((len(probabilities), len(members)))
    for row, values in enumerate(probabilities):
        for column, group in enumerate(members):
            absent = 1.0
            for position in group:
                absent *= 1.0 - values[position]
            answers[row, column] = 1.0 - absent
    return answers


@given(logits_of)
def test_coarse_levels_are_the_noisy_or_of_their_statements(logits):
    space = LabelSpace(LEVELS, (ALL, SUPERDIAGNOSTIC))
    answers = space.probabilities(logits)
    statements = 1 / (1 + np.exp(-logits[:, :4]))
    np.testing.assert_allclose(answers[ALL], statements, atol=1e-12)
    np.testing.assert_allclose(answers["coarse"], noisy_or(statements, LEVELS["coarse"].members), atol=1e-12)
    head = 1 / (1 + np.exp(-logits[:, 4:]))
    expected = (head + noisy_or(statements, LEVELS[SUPERDIAGNOSTIC].members)) / 2
    np.testing.assert_allclose(answers[SUPERDIAGNOSTIC], expected, atol=1e-12)


@given(logits_of)
def test_a_coarse_class_is_at_least_as_likely_as_each_of_its_statements(logits):
    answers = LabelSpace(LEVELS, (ALL,)).probabilities(logits[:, :4])
    for column, group in enumerate(LEVELS["coarse"].members):
        assert (answers["coarse"][:, column] >= answers[ALL][:, list(group)].max(axis=1) - 1e-12).all()


def test_small_probabilities_keep_their_digits():
    answers = LabelSpace(LEVELS, (ALL,)).probabilities(np.full((1, 4), -50.0))
    assert answers["coarse"][0, 0] == pytest.approx(2 * np.exp(-50.0), rel=1e-12)


@pytest.mark.parametrize(
    ("heads", "answerable"),
    [
        ((ALL,), (ALL, "coarse", SUPERDIAGNOSTIC)),
        ((ALL, SUPERDIAGNOSTIC), (ALL, "coarse", SUPERDIAGNOSTIC)),
        ((SUPERDIAGNOSTIC,), (SUPERDIAGNOSTIC,)),
        (("other", ALL), (ALL, "coarse", SUPERDIAGNOSTIC, "other")),
    ],
)
def test_answerable_levels_follow_from_the_heads(heads, answerable):
    space = LabelSpace(LEVELS, heads)
    assert space.answerable() == answerable
    assert tuple(space.probabilities(np.zeros((1, space.n_outputs)))) == answerable


def test_heads_share_the_outputs_in_their_order():
    space = LabelSpace(LEVELS, (SUPERDIAGNOSTIC, ALL))
    assert (space.n_outputs, space.head_slice(SUPERDIAGNOSTIC), space.head_slice(ALL)) == (6, slice(0, 2), slice(2, 6))
    with pytest.raises(ConfigError, match="level coarse is no head; the heads are superdiagnostic, all"):
        space.head_slice("coarse")


@pytest.mark.parametrize("heads", [(), ("nothing",)])
def test_heads_must_be_levels(heads):
    with pytest.raises(ConfigError, match="choose among the levels of the data, all, coarse, superdiagnostic, other"):
        LabelSpace(LEVELS, heads)


def test_json_gives_the_same_space_back():
    space = LabelSpace(LEVELS, (ALL, SUPERDIAGNOSTIC))
    again = LabelSpace.from_json(json.loads(json.dumps(space.to_json())))
    assert again == space
    assert list(again.levels) == list(space.levels)


def test_other_heads_keep_the_levels():
    space = LabelSpace(LEVELS, (ALL,)).with_heads(("other",))
    assert space.heads == ("other",)
    assert space.levels is LEVELS


@given(arrays(np.float64, 5, elements=st.floats(-1e6, 1e6)))
def test_sigmoid_is_finite_and_symmetric(logits):
    values = sigmoid(logits)
    assert ((values >= 0) & (values <= 1)).all()
    np.testing.assert_allclose(values + sigmoid(-logits), 1.0, atol=1e-15)
