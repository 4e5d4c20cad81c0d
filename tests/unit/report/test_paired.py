"""Paired tests: Holm's correction by hand."""

import numpy as np
import pytest

from kgv_jax.report.paired import holm


def test_by_hand():
    # Sorted 0.01, 0.03, 0.04 times 3, 2, 1: 0.03, 0.06, 0.04; the last may not fall below the one before.
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06])


def test_never_above_one_and_ties_share():
    np.testing.assert_allclose(holm([0.9, 0.5, 0.5]), [1, 1, 1])
    np.testing.assert_allclose(holm([0.01, 0.01]), [0.02, 0.02])
    assert holm([]).shape == (0,)


@pytest.mark.parametrize("level", [0.01, 0.05, 0.2])
def test_rejects_what_the_stepwise_rule_rejects(level):
    p = np.random.default_rng(0).random(40) ** 4
    rejected = np.zeros(40, bool)
    for step, index in enumerate(np.argsort(p)):
        if p[index] > level / (40 - step):
            break
        rejected[index] = True
    assert 0 < rejected.sum() < 40
    np.testing.assert_array_equal(holm(p) <= level, rejected)
