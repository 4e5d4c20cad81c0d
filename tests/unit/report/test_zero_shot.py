"""Seen against unseen classes: accuracies by hand, and the exact curve against a fine grid."""

import numpy as np
import pytest

from kgv_jax.report.zero_shot import (
    area_under_curve,
    choose_gamma,
    harmonic_mean,
    per_class_accuracy,
    seen_at,
    seen_unseen,
    seen_unseen_curve,
)
from kgv_jax.run.gzsl_outcome import make_gzsl_outcome

UNSEEN = np.array([False, False, True])
# Seen 0, 0, 1 and unseen 2, 2: margins 2, -1, 1, 0.5 and 3.
SCORES = np.array([[3.0, 0, 1], [1, 0, 2], [0, 2, 1], [1.5, 0, 1], [4, 0, 1]])
LABEL = np.array([0, 0, 1, 2, 2])


def gzsl_outcome_of(scores, label, unseen):
    return make_gzsl_outcome(scores, label, np.arange(len(label)), unseen=unseen, seen=~unseen)


BY_HAND = gzsl_outcome_of(SCORES, LABEL, UNSEEN)


def test_accuracy_is_a_mean_over_classes():
    assert per_class_accuracy(np.array([1, 0, 1, 1]), np.array([5, 5, 5, 7])) == pytest.approx((2 / 3 + 1) / 2)


def test_accuracies_by_hand():
    seen = (1 / 2 + 1) / 2
    assert seen_unseen(BY_HAND) == (seen, 0, 0)
    # gamma 0.75 gives image 3 to the unseen class, and takes no seen one.
    assert seen_unseen(BY_HAND, 0.75) == pytest.approx((seen, 0.5, 2 * seen * 0.5 / (seen + 0.5)))
    assert seen_unseen(BY_HAND, 10) == (0, 1, 0)


def test_the_curve_by_hand():
    curve = seen_unseen_curve(BY_HAND)
    np.testing.assert_array_equal(curve.gamma, [-np.inf, -1, 0.5, 1, 2, 3])
    np.testing.assert_allclose(curve.seen, [1, 0.75, 0.75, 0.25, 0, 0])
    np.testing.assert_allclose(curve.unseen, [0, 0, 0.5, 0.5, 0.5, 1])
    assert area_under_curve(curve) == pytest.approx(0.75 * 0.5)


def test_the_curve_is_every_gamma():
    rng = np.random.default_rng(0)
    label, unseen = rng.integers(0, 12, 300), np.arange(12) >= 8
    scores = rng.normal(size=(300, 12)) + 1.5 * (np.arange(12) == label[:, None]) + 0.8 * ~unseen
    gzsl_outcome = gzsl_outcome_of(scores, label, unseen)
    curve = seen_unseen_curve(gzsl_outcome)
    for gamma in np.linspace(-4, 6, 401):
        place = np.searchsorted(curve.gamma, gamma) - 1
        found = seen_unseen(gzsl_outcome, gamma)
        assert (curve.seen[place], curve.unseen[place]) == pytest.approx(found[:2])
        hits = np.argmax(scores - gamma * ~unseen, -1) == label
        np.testing.assert_array_equal(gzsl_outcome.correct(gamma), hits)
    assert (np.diff(curve.seen) <= 1e-12).all() and (np.diff(curve.unseen) >= -1e-12).all()
    assert 0 < area_under_curve(curve) < 1


def test_gamma_is_chosen_where_the_harmonic_mean_is_best():
    gamma = choose_gamma(BY_HAND)
    assert gamma == 0.75
    rng = np.random.default_rng(1)
    label, unseen = rng.integers(0, 6, 200), np.arange(6) >= 4
    scores = rng.normal(size=(200, 6)) + 2 * (np.arange(6) == label[:, None]) + 2 * ~unseen
    gzsl_outcome = gzsl_outcome_of(scores, label, unseen)
    best = max(seen_unseen(gzsl_outcome, g).harmonic for g in np.linspace(-3, 6, 2001))
    assert seen_unseen(gzsl_outcome, choose_gamma(gzsl_outcome)).harmonic >= best - 1e-9
    for label in (0, 1):  # one image, right or wrong
        assert np.isfinite(choose_gamma(gzsl_outcome_of(np.array([[1.0, 0.5, 0]]), np.array([label]), UNSEEN)))
    # Between two neighbours in single precision there is a middle.
    scores = np.array([[np.nextafter(np.float32(0.1), np.float32(1)), 0, 0], [0.1, 0, 0]], np.float32)
    close = gzsl_outcome_of(scores, np.array([0, 2]), UNSEEN)
    assert seen_unseen(close, choose_gamma(close)) == (1, 1, 1)


def test_seen_classes_win_where_both_score_the_same():
    tie = gzsl_outcome_of(np.array([[1.0, 0, 1], [1, 0, 1]]), np.array([0, 2]), UNSEEN)
    assert tie.correct().tolist() == [True, False] and tie.correct(1e-9).tolist() == [False, True]


def test_harmonic_means():
    assert harmonic_mean(0, 0) == 0 and harmonic_mean(0.5, 0.5) == 0.5


def test_the_curve_on_a_grid():
    curve = seen_unseen_curve(BY_HAND)
    np.testing.assert_allclose(seen_at(curve, np.array([0, 0.2, 0.5, 0.6, 1, 1.1])), [1, 0.75, 0.75, 0, 0, 0])


def test_what_is_wrong_at_any_gamma_moves_nothing():
    """An image that its own side gets wrong has no margin, so the middle lies between two that matter."""
    scores, label = np.array([[2.0, 0, 1], [0, 1, 0.4], [1.9, 0, 1]]), np.array([0, 0, 2])
    gzsl_outcome = gzsl_outcome_of(scores, label, UNSEEN)
    assert gzsl_outcome.right.tolist() == [True, False, True] and gzsl_outcome.margin.tolist() == [
        1,
        0,
        pytest.approx(0.9),
    ]
    assert choose_gamma(gzsl_outcome) == pytest.approx((0.9 + 1) / 2)
    assert seen_unseen(gzsl_outcome, 0.95) == (0.5, 1, pytest.approx(2 / 3))


def test_images_of_classes_that_do_not_compete_are_left_out():
    seen = np.array([True, False, False])
    gzsl_outcome = make_gzsl_outcome(SCORES, LABEL, np.arange(5), unseen=UNSEEN, seen=seen)
    assert gzsl_outcome.label.tolist() == [0, 0, 2, 2] and gzsl_outcome.group.tolist() == [0, 1, 3, 4]
    assert gzsl_outcome.right.all() and gzsl_outcome.has_both_sides()
    assert not make_gzsl_outcome(SCORES[:3], LABEL[:3], np.arange(3), unseen=UNSEEN, seen=seen).has_both_sides()
