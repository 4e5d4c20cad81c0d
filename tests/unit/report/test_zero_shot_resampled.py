"""Resamples of seen and unseen accuracies: what each is, against the plain functions on repeated photographs."""

import numpy as np

from kgv_jax.report import stats, zero_shot
from kgv_jax.report.zero_shot_resampled import METRICS, interval, mean_over, p_value, resample

UNSEEN = np.arange(8) >= 5


def _problem(seed=0, drawings=40):
    """Two photographs a drawing, scored alike enough that some of each side are right."""
    rng = np.random.default_rng(seed)
    of_drawing = np.concatenate([np.arange(8), rng.integers(0, 8, drawings - 8)])
    label, picture = np.repeat(of_drawing, 2), np.repeat(np.arange(drawings), 2)
    scores = rng.normal(size=(len(label), 8)) + 1.2 * (np.arange(8) == label[:, None]) + 0.5 * ~UNSEEN
    return scores, label, picture


def test_a_resample_is_the_measure_on_photographs_that_are_repeated():
    scores, label, picture = _problem()
    found = resample([scores], label, picture, UNSEEN, [0.7], resamples=20, seed=3)
    rng = np.random.default_rng(3)
    weights = np.zeros((20, 40), int)
    for side in (False, True):
        own = np.flatnonzero(UNSEEN[label[::2]] == side)
        weights[:, own] = stats.multiplicities(rng, 20, len(own))
    for b, own in enumerate(weights):
        rows = np.repeat(np.arange(len(label)), own[picture])
        at, shifted = (zero_shot.seen_unseen(scores[rows], label[rows], UNSEEN, gamma=g) for g in (0.0, 0.7))
        curve = zero_shot.seen_unseen_curve(scores[rows], label[rows], UNSEEN)
        expected = (*at, zero_shot.area_under_curve(curve), shifted.harmonic)
        np.testing.assert_allclose([found[metric][b] for metric in METRICS], expected, rtol=1e-9)


def test_seeds_are_resampled_and_methods_are_pairs():
    first, label, picture = _problem()
    second = first + 3 * (np.arange(8) == label[:, None])
    alike = resample([first, first], label, picture, UNSEEN, [0, 0])
    apart = resample([first, second], label, picture, UNSEEN, [0, 0])
    assert np.std(apart["unseen"]) > 1.5 * np.std(alike["unseen"])
    one, same = (resample([first], label, picture, UNSEEN, [0]) for _ in range(2))
    np.testing.assert_array_equal(one["ausuc"], same["ausuc"])
    assert p_value(resample([second], label, picture, UNSEEN, [0])["ausuc"] - one["ausuc"]) < 0.01
    assert p_value(one["ausuc"] - one["ausuc"]) == 1


def test_the_interval_holds_the_mean():
    scores, label, picture = _problem()
    found = resample([scores], label, picture, UNSEEN, [0])
    mean = zero_shot.area_under_curve(zero_shot.seen_unseen_curve(scores, label, UNSEEN))
    bounds = interval(mean, found["ausuc"], 20)
    assert 0 <= bounds["low"] < mean < bounds["high"] <= 1
    assert interval(mean, found["ausuc"], 3)["high"] > bounds["high"]
    both = mean_over([found, {metric: 0 * values for metric, values in found.items()}])
    np.testing.assert_allclose(both["seen"], found["seen"] / 2)
