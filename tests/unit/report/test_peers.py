"""Figures of reports against published libraries, whose numbers `python -m benchmarks.peers.report_values` prints.

scikit-learn 1.9.1, torchmetrics 1.9.0 and statsmodels 0.15.0; SciPy, which the package needs anyway, is asked here.
"""

import numpy as np
import pytest
import scipy.stats
from scipy.special import log_softmax

from kgv_jax.report import calibration, detection, paired, stats, zero_shot
from kgv_jax.report.protocols import low_data

LOGITS = 3 * np.sin(np.arange(1, 241)).reshape(60, 4)
INDEX = np.arange(60)
LABEL = (INDEX + INDEX**2 // 3) % 4
LOG_P = log_softmax(LOGITS, -1)
BEST, CONFIDENCE, KNOWN = LOG_P.argmax(-1), np.exp(LOG_P.max(-1)), INDEX < 40


def test_proper_scores_are_scikit_learns():
    assert calibration.negative_log_likelihood(LOG_P, LABEL) == pytest.approx(2.7398229830766314, rel=1e-12)
    assert calibration.brier_score(LOG_P, LABEL) == pytest.approx(1.1513615906473886, rel=1e-12)


def test_calibration_is_torchmetrics():
    found = calibration.expected_calibration_error(CONFIDENCE, BEST == LABEL, bins=15)
    assert found == pytest.approx(0.5137560367584229, rel=1e-6)  # theirs is in float32


def test_detection_is_scikit_learns():
    assert detection.auroc(CONFIDENCE[KNOWN], CONFIDENCE[~KNOWN]) == pytest.approx(0.4825, rel=1e-12)
    assert detection.false_positive_rate(CONFIDENCE[KNOWN], CONFIDENCE[~KNOWN]) == pytest.approx(0.9, rel=1e-12)


def test_accuracy_per_class_is_scikit_learns():
    assert zero_shot.per_class_accuracy(BEST == LABEL, LABEL) == pytest.approx(0.225, rel=1e-12)


def test_the_area_of_a_curve_is_scikit_learns():
    order = np.argsort(-CONFIDENCE, kind="stable")
    accuracy = np.cumsum((BEST == LABEL)[order]) / np.arange(1, 61)
    found = low_data.area_under_curve(np.arange(1, 61) / 60, accuracy)
    assert found * np.log(60) == pytest.approx(0.3320134518284664, rel=1e-12)


def test_holm_is_statsmodels():
    theirs = [
        1.2620789434742614e-05, 0.005204603135857464, 0.26349490416647087,
        0.000664900389436078, 0.26349490416647087, 0.26349490416647087,
    ]  # fmt: skip
    np.testing.assert_allclose(paired.holm(CONFIDENCE[:6] ** 20), theirs, rtol=1e-10)


def test_the_bootstrap_is_scipys_but_for_the_widening():
    """Groups of one size and one seed: percentiles of the mean over groups, widened about the mean."""
    share = np.random.default_rng(0).integers(0, 6, 25)
    correct = np.arange(5) < share[:, None]  # five test images of each source image
    found = stats.accuracy_interval(correct.reshape(-1), np.repeat(np.arange(25), 5))
    theirs = scipy.stats.bootstrap((share / 5,), np.mean, method="percentile", n_resamples=20_000, rng=1)
    wide = np.sqrt(25 / 24) * scipy.stats.t.ppf(0.975, 24) / scipy.stats.norm.ppf(0.975)
    expected = found.mean + wide * (np.array(theirs.confidence_interval) - found.mean)
    np.testing.assert_allclose(found[1:], expected, atol=1.01 * wide / 125)  # resamples lie on a grid of 1/125
