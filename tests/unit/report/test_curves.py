"""Low-data curves."""

import numpy as np
import pytest

from kgv_jax.report import stats
from kgv_jax.report.curves import accuracy_curve, area_under_curve


def test_area_by_hand():
    # log2: 0, 1, 3; trapezia 1 * 0.3 and 2 * 0.6 over 3.
    assert area_under_curve([1, 2, 8], [0.2, 0.4, 0.8]) == pytest.approx((0.3 + 1.2) / 3)
    assert area_under_curve([0.1, 0.25, 1.0], [0.7, 0.7, 0.7]) == pytest.approx(0.7)


@pytest.mark.parametrize("amount", [[4], [4, 4], [8, 4]])
def test_no_curve(amount):
    with pytest.raises(ValueError, match="two amounts of data or more, rising"):
        area_under_curve(amount, np.full(len(amount), 0.5))


def test_points_are_means_over_domains_with_their_intervals():
    rng = np.random.default_rng(0)
    groups = {"a": np.arange(40) // 2, "b": np.arange(20) // 2}
    correct = {
        shots: {domain: rng.random((2, len(group))) < share for domain, group in groups.items()}
        for shots, share in ((4, 0.8), (1, 0.4))
    }
    found = accuracy_curve(correct, groups, resamples=200)
    assert list(found) == [1, 4]
    assert found[4].mean == pytest.approx((correct[4]["a"].mean() + correct[4]["b"].mean()) / 2)
    assert found[1] == stats.mean_interval_over_domains(correct[1], groups, resamples=200)
