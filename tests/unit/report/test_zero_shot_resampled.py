"""Resamples of seen and unseen accuracies: what each is, against the plain functions on repeated test images."""

import numpy as np

from kgv_jax.report import stats, zero_shot
from kgv_jax.report.zero_shot_resampled import METRICS, draw, mean_over, measure, resample
from kgv_jax.run.gzsl_outcome import make_gzsl_outcome

UNSEEN = np.arange(8) >= 5


def _problem(seed=0, images=40):
    """Two test images per source image, scored alike enough that some of each side are right."""
    rng = np.random.default_rng(seed)
    of_image = np.concatenate([np.arange(8), rng.integers(0, 8, images - 8)])
    label, group = np.repeat(of_image, 2), np.repeat(np.arange(images), 2)
    scores = rng.normal(size=(len(label), 8)) + 1.2 * (np.arange(8) == label[:, None]) + 0.5 * ~UNSEEN
    return scores, label, group


def _gzsl_outcome(scores, label, group):
    return make_gzsl_outcome(scores, label, group, unseen=UNSEEN, seen=~UNSEEN)


def _resample(gzsl_outcomes, gamma, *, domain="us"):
    return resample(gzsl_outcomes, gamma, draw(gzsl_outcomes[0], domain=domain))


def test_a_resample_is_the_measure_on_test_images_that_are_repeated(monkeypatch):
    scores, label, group = _problem()
    scores = np.round(scores, 1)  # so that some margins are equal
    times = np.random.default_rng(3).integers(0, 4, (20, 40))
    times[:, np.unique(group, return_index=True)[1] // 2 < 8] += 1  # no class is lost
    of_sides = iter([times[:, ~UNSEEN[label[::2]]], times[:, UNSEEN[label[::2]]]])
    monkeypatch.setattr(stats, "multiplicities", lambda rng, resamples, items: next(of_sides))
    gzsl_outcome = _gzsl_outcome(scores, label, group)
    found = measure(gzsl_outcome, 0.7, draw(gzsl_outcome, domain="us", resamples=20))
    for b, own in enumerate([np.ones(40, int), *times]):
        rows = np.repeat(np.arange(len(label)), own[group])
        repeated = _gzsl_outcome(scores[rows], label[rows], group[rows])
        at, shifted = (zero_shot.seen_unseen(repeated, gamma) for gamma in (0.0, 0.7))
        curve = zero_shot.seen_unseen_curve(repeated)
        expected = (*at, zero_shot.area_under_curve(curve), shifted.harmonic)
        np.testing.assert_allclose([found[metric][b] for metric in METRICS], expected, rtol=2e-6)


def test_a_class_that_a_resample_lacks_is_no_part_of_its_mean(monkeypatch):
    gzsl_outcome = _gzsl_outcome(np.eye(8)[[0, 2, 6]], np.array([0, 1, 6]), np.arange(3))
    of_sides = iter([np.array([[2, 0]]), np.array([[1]])])
    monkeypatch.setattr(stats, "multiplicities", lambda rng, resamples, items: next(of_sides))
    found = measure(gzsl_outcome, 0.0, draw(gzsl_outcome, domain="us", resamples=1))
    assert found["seen"].tolist() == [0.5, 1] and found["unseen"].tolist() == [1, 1]


def test_seeds_are_resampled_and_methods_are_pairs():
    first, label, group = _problem()
    second = _gzsl_outcome(first + 3 * (np.arange(8) == label[:, None]), label, group)
    first = _gzsl_outcome(first, label, group)
    alike = _resample([first, first], [0, 0], domain="us")
    apart = _resample([first, second], [0, 0], domain="us")
    assert np.std(apart["unseen"]) > 1.5 * np.std(alike["unseen"])
    one, same = (_resample([first], [0], domain="us") for _ in range(2))
    np.testing.assert_array_equal(one["ausuc"], same["ausuc"])
    better = _resample([second], [0], domain="us")["ausuc"]
    assert stats.difference_of(0.3, better - one["ausuc"], 15).p < 0.01


def test_seeds_are_shared_by_domains_and_source_images_are_not():
    """Seeds that differ on unseen classes: their doubt is not averaged out over domains, that of source images is."""
    scores, label, group = _problem(images=400)
    of_seeds = [_gzsl_outcome(scores + shift * UNSEEN, label, group) for shift in (-1.0, 0.0, 1.0)]
    one, other = (_resample(of_seeds, [0] * 3, domain=name)["unseen"] for name in ("us", "de"))
    assert np.std(mean_over([{"unseen": one}, {"unseen": other}])["unseen"]) > 0.95 * np.std(one)
    one, other = (_resample(of_seeds[1:2], [0], domain=name)["unseen"] for name in ("us", "de"))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.2


def test_intervals_are_widened_for_few_source_images():
    scores, label, group = _problem()
    gzsl_outcome = _gzsl_outcome(scores, label, group)
    found = _resample([gzsl_outcome], [0], domain="us")
    mean = zero_shot.area_under_curve(zero_shot.seen_unseen_curve(gzsl_outcome))
    bounds = stats.interval_of(mean, found["ausuc"], 20)
    assert 0 <= bounds.low < mean < bounds.high <= 1
    few = np.isin(group, np.unique(group[UNSEEN[label]])[3:], invert=True)  # three source images of unseen classes
    assert 3 == len(np.unique(group[few & UNSEEN[label]]))
    spread = [
        np.std(_resample([_gzsl_outcome(scores[kept], label[kept], group[kept])], [0], domain="us")["seen"])
        for kept in (np.ones(len(label), bool), few)
    ]
    # t_2 sqrt(3 / 2) / z against t_(G-1) sqrt(G / (G - 1)) / z of the smaller side before.
    assert spread[1] > 1.8 * spread[0]


def test_where_nothing_is_right_all_areas_are_none():
    gzsl_outcome = _gzsl_outcome(np.eye(8)[[1, 0, 6]], np.array([0, 1, 5]), np.arange(3))
    assert not measure(gzsl_outcome, 0.0, draw(gzsl_outcome, domain="us"))["ausuc"].any()


def test_where_all_is_right_the_interval_is_wilsons():
    label = np.repeat(np.arange(8), 5)
    gzsl_outcome = _gzsl_outcome(10.0 * np.eye(8)[label], label, np.arange(40))
    found = _resample([gzsl_outcome], [0.0])
    assert all(stats.interval_of(1.0, found[metric], 15).low < 0.9 for metric in METRICS)


def test_a_group_may_show_several_classes():
    """A street image with signs of many classes is one unit, and each of its signs counts for its own class."""
    scores, label, _ = _problem(images=60)
    group = np.arange(len(label)) % 30  # each shows several classes
    found = measure(gzsl_outcome := _gzsl_outcome(scores, label, group), 0.0, draw(gzsl_outcome, domain="cn"))
    plain = zero_shot.seen_unseen(gzsl_outcome, 0.0)
    for metric, expected in (("seen", plain.seen), ("unseen", plain.unseen)):
        assert abs(found[metric][0] - expected) < 1e-6
        low, high = np.quantile(found[metric][1:], [0.025, 0.975])
        assert low < expected < high
    assert draw(gzsl_outcome, domain="cn").images <= 30
