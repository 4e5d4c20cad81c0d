"""Unknown-class detection: scores by hand, areas and rates against all pairs and all thresholds."""

import math

import numpy as np
import pytest

from kgv_jax.report import detection


def test_scores_by_hand():
    logits = np.log([[6.0, 3.0, 1.0], [1.0, 1.0, 1.0]])
    np.testing.assert_allclose(detection.max_softmax(logits), np.log([0.6, 1 / 3]))
    np.testing.assert_allclose(detection.energy(logits), np.log([10, 3]))
    # T log sum exp(l / T) at T = 2: 2 log(sqrt 6 + sqrt 3 + 1).
    expected = 2 * math.log(math.sqrt(6) + math.sqrt(3) + 1)
    assert detection.energy(logits, temperature=2.0)[0] == pytest.approx(expected)
    np.testing.assert_allclose(detection.node_density(logits), np.log([10, 3]))
    np.testing.assert_allclose(detection.nearest_node(logits), np.log([6, 1]))


def test_a_sure_model_still_has_an_order():
    logits = np.array([[40.0, 0.0], [50.0, 0.0]], np.float32)  # both probabilities round to one
    sure = detection.max_softmax(logits)
    assert sure[0] < sure[1]


def test_area_by_hand():
    # Pairs: 3 > 2, 3 > 1, 2 = 2, 2 > 1, 0 < 2, 0 < 1: (3 + 1/2) / 6.
    assert detection.auroc(np.array([3, 2, 0]), np.array([2, 1])) == pytest.approx(3.5 / 6)


def test_rate_by_hand():
    known = np.arange(1, 21)  # 19 of 20 reach 2
    assert detection.false_positive_rate(known, np.array([0, 1, 2, 3])) == 0.5
    assert detection.false_positive_rate(known, np.array([1])) == 0
    assert detection.false_positive_rate(known, np.array([1, 30]), rate=1.0) == 1
    assert detection.false_positive_rate(np.zeros(20), np.zeros(3)) == 1


@pytest.mark.parametrize("values", [3, 10, 10_000])
def test_against_every_pair_and_every_threshold(values):
    rng = np.random.default_rng(values)
    known, unknown = rng.integers(0, values, 60) + values // 4, rng.integers(0, values, 45)
    wins = sum((k > u) + 0.5 * (k == u) for k in known for u in unknown)
    assert detection.auroc(known, unknown) == pytest.approx(wins / (60 * 45))
    for rate in (0.5, 0.8, 0.95, 1.0):
        allowed = [t for t in np.append(known, unknown) if np.mean(known >= t) >= rate]
        best = min(np.mean(unknown >= t) for t in allowed)
        # No threshold that lets so many known ones pass stops more unknown ones.
        assert detection.false_positive_rate(known, unknown, rate=rate) >= best
        threshold = max(t for t in known if np.mean(known >= t) >= rate)
        assert detection.false_positive_rate(known, unknown, rate=rate) == np.mean(unknown >= threshold)
