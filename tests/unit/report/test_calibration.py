"""Calibration errors and proper scores, worked out by hand."""

import math

import numpy as np
import pytest

from kgv_jax.report.calibration import (
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
    reliability,
)

CONFIDENCE = np.array([0.9, 0.8, 0.6, 0.55, 0.3])
CORRECT = np.array([True, True, False, True, False])


def test_equal_width_by_hand():
    # Two bins, (0, 0.5] and (0.5, 1]: |0 - 0.3| / 5 and 4 |3/4 - 2.85/4| / 5.
    assert expected_calibration_error(CONFIDENCE, CORRECT, bins=2) == pytest.approx(0.3 / 5 + 0.15 / 5)
    found = reliability(CONFIDENCE, CORRECT, bins=2)
    np.testing.assert_array_equal(found.count, [1, 4])
    np.testing.assert_allclose(found.accuracy, [0, 0.75])
    np.testing.assert_allclose(found.confidence, [0.3, 0.7125])


def test_a_confidence_on_an_edge_is_in_the_bin_below():
    found = reliability(np.array([0.5, 0.51, 1.0]), np.ones(3, bool), bins=2)
    np.testing.assert_array_equal(found.count, [1, 2])


def test_equal_mass_by_hand():
    # Sorted 0.3, 0.55, 0.6, 0.8, 0.9; ranks 0..4 times 2 // 5: bins 0 0 0 1 1.
    expected = 3 / 5 * abs(1 / 3 - 1.45 / 3) + 2 / 5 * abs(1 - 0.85)
    assert expected_calibration_error(CONFIDENCE, CORRECT, bins=2, equal_mass=True) == pytest.approx(expected)


@pytest.mark.parametrize("equal_mass", [False, True])
def test_order_and_ties_do_not_matter(equal_mass):
    rng = np.random.default_rng(0)
    confidence, correct = rng.integers(1, 6, 200) / 5, rng.random(200) < 0.6
    shuffled = rng.permutation(200)
    found = [
        expected_calibration_error(confidence[order], correct[order], equal_mass=equal_mass)
        for order in (np.arange(200), shuffled)
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-12)
    # Five values are five bins, whatever their edges: the error is that of grouping by value.
    by_value = sum(abs((correct - confidence)[confidence == value].sum()) for value in np.unique(confidence)) / 200
    assert found[0] == pytest.approx(by_value)


def test_a_calibrated_model_has_no_error():
    confidence = np.full(10, 0.7)
    assert expected_calibration_error(confidence, np.arange(10) < 7) == pytest.approx(0, abs=1e-12)


def test_proper_scores_by_hand():
    log_p = np.log([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    label = np.array([0, 1])
    # (0.25 + 0.0625 + 0.0625 + 0.01 + 0.81 + 0.64) / 2
    assert brier_score(log_p, label) == pytest.approx(1.835 / 2)
    assert negative_log_likelihood(log_p, label) == pytest.approx(-(math.log(0.5) + math.log(0.1)) / 2)
    assert brier_score(np.log([[1.0, 1e-300]]), np.array([1])) == pytest.approx(2)
