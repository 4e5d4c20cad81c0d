"""Risk against coverage, worked out by hand."""

import itertools

import numpy as np
import pytest

from kgv_jax.report.selective import accuracy_at, area_under_risk_coverage, excess_area, risk_coverage

CONFIDENCE = np.array([0.2, 0.9, 0.7, 0.8])
CORRECT = np.array([False, True, True, False])


def test_the_curve_by_hand():
    coverage, risk = risk_coverage(CONFIDENCE, CORRECT)  # right, wrong, right, wrong
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(risk, [0, 1 / 2, 1 / 3, 1 / 2])
    assert area_under_risk_coverage(CONFIDENCE, CORRECT) == pytest.approx((1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_the_oracle_has_no_excess():
    # Best: right, right, wrong, wrong: (0 + 0 + 1/3 + 1/2) / 4.
    assert excess_area(CONFIDENCE, CORRECT) == pytest.approx((1 / 2 + 1 / 3 + 1 / 2 - 1 / 3 - 1 / 2) / 4)
    assert excess_area(np.array([0.1, 0.9, 0.8, 0.2]), CORRECT) == pytest.approx(0, abs=1e-12)


def test_ties_are_the_mean_over_every_order():
    confidence, correct = np.array([0.9, 0.5, 0.5, 0.5, 0.1]), np.array([True, False, True, True, False])
    tie = [1, 2, 3]
    curves = []
    for order in itertools.permutations(tie):
        errors = ~correct[[0, *order, 4]]
        curves.append(np.cumsum(errors) / np.arange(1, 6))
    np.testing.assert_allclose(risk_coverage(confidence, correct)[1], np.mean(curves, axis=0))


@pytest.mark.parametrize(("coverage", "accuracy"), [(0.25, 1), (0.26, 0.5), (0.5, 0.5), (0.75, 2 / 3), (1.0, 0.5)])
def test_accuracy_at_a_coverage(coverage, accuracy):
    assert accuracy_at(coverage, CONFIDENCE, CORRECT) == pytest.approx(accuracy)


def test_a_coverage_is_not_rounded_up_by_floating_point():
    correct = np.arange(100) < 7  # 0.07 * 100 is 7.000000000000001
    assert accuracy_at(0.07, np.arange(100, 0, -1), correct) == 1
