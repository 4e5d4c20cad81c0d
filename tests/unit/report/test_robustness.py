"""Effective robustness: the line on the logit scale, and what is above it."""

import numpy as np
import pytest
from scipy.special import expit

from kgv_jax.report.robustness import effective_robustness, fit_line


def test_two_baselines_by_hand():
    # Odds 1 -> 1/3 and 3 -> 1: with logits in units of log 3, (0, -1) and (1, 0), so slope 1, intercept -log 3.
    line = fit_line([0.5, 0.75], [0.25, 0.5])
    assert line.slope == pytest.approx(1)
    assert line.intercept == pytest.approx(-np.log(3))
    # Odds 9 -> 3: the line says 0.75 at 0.9.
    np.testing.assert_allclose(effective_robustness(line, [0.9, 0.5], [0.85, 0.2]), [0.10, -0.05])


def test_it_is_the_least_squares_line_of_logits():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=30), rng.normal(size=30)
    np.testing.assert_allclose(fit_line(expit(x), expit(y)), np.polyfit(x, y, 1), rtol=1e-9)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ([0.5, 1.0], [0.2, 0.3], "no logit"),
        ([0.5, 0.6], [0.0, 0.3], "no logit"),
        ([0.5, 0.5], [0.2, 0.3], "two or more accuracies on the source"),
        ([0.5], [0.2], "two or more accuracies on the source"),
    ],
)
def test_no_line(source, target, words):
    with pytest.raises(ValueError, match=words):
        fit_line(source, target)
