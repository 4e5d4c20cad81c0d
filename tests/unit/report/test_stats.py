import itertools

import numpy as np
import pytest
import scipy.stats

from kgv_jax.report import stats


def clustered(rng, *, seeds=1, images=30, views=8, spread=1.5, own=0.5, shift=0.0):
    """Right or wrong [seeds, n], with source images that are easy or hard for every seed, and these [n]."""
    ease = rng.normal(0, spread, images)
    logits = shift + ease + rng.normal(0, own, (seeds, images))
    right = rng.random((seeds, images, views)) < 1 / (1 + np.exp(-logits[..., None]))
    return right.reshape(seeds, -1), np.repeat(np.arange(images), views)


@pytest.mark.parametrize(("right", "n"), [(7, 10), (0, 5), (5, 5), (311, 400)])
def test_unclustered_is_wilson_exactly(right, n):
    found = stats.accuracy_interval(np.arange(n) < right, np.arange(n))
    expected = scipy.stats.binomtest(right, n).proportion_ci(method="wilson")
    np.testing.assert_allclose(found, (right / n, expected.low, expected.high), rtol=1e-12, atol=1e-12)


def test_bootstrap_agrees_with_students_interval_of_group_means():
    rng = np.random.default_rng(0)
    right, images = clustered(rng, images=200)
    means = right.reshape(200, 8).mean(1)
    expected = scipy.stats.t.interval(0.95, 199, means.mean(), scipy.stats.sem(means))
    found = stats.accuracy_interval(right[0], images)
    assert found.mean == pytest.approx(means.mean())
    np.testing.assert_allclose(found[1:], expected, atol=0.004)


def test_clusters_widen_the_interval():
    right, images = clustered(np.random.default_rng(1), spread=3.0)
    by_group = stats.accuracy_interval(right[0], images)
    by_test_image = stats.accuracy_interval(right[0], np.arange(right.shape[1]))
    assert by_group.mean == by_test_image.mean
    assert by_group.high - by_group.low > 1.5 * (by_test_image.high - by_test_image.low)


@pytest.mark.parametrize(("seeds", "images"), [(1, 12), (3, 30)])
def test_coverage(seeds, images):
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(200):
        right, groups = clustered(rng, seeds=seeds, images=images)
        found = stats.mean_interval(right, groups, resamples=500)
        inside += found.low <= 0.5 <= found.high
    assert 0.90 <= inside / 200 <= 1.0


def test_paired_test_keeps_its_level_and_has_power():
    rng = np.random.default_rng(3)
    below = {0.0: 0, 2.0: 0}
    for _ in range(100):
        a, groups = clustered(rng, seeds=3, images=25)
        for shift in below:
            b, _ = clustered(rng, seeds=3, images=25, shift=shift)
            below[shift] += stats.paired_difference(b, a, groups, resamples=500).p < 0.05
    assert below[0.0] <= 12
    assert below[2.0] >= 90


def test_the_paired_test_by_hand():
    """Four images that gain 1, 1, 0, -1: of the 256 ways to sample four, those on the far side of zero are counted."""
    a, b = np.array([[1, 1, 0, 0]], bool), np.array([[0, 0, 0, 1]], bool)
    found = stats.paired_difference(a, b, np.arange(4), resamples=40_000)
    assert found.mean == 0.25
    # Distances from 1/4 are widened by sqrt(4 / 3) t_3 / z = 1.875, so a mean m counts as beyond zero where
    # 0.25 + 1.875 (m - 0.25) <= 0, that is for m <= 0.117: means of 0 and below.
    gains = np.array(list(itertools.product([1, 1, 0, -1], repeat=4))).mean(1)
    beyond = np.mean(gains <= 0)
    # No 1: 16 ways; one 1 and a -1 at least: 4 2 (8 - 1) = 56; two of each: 6 4 = 24.
    assert beyond == 96 / 256
    assert found.p == pytest.approx(2 * beyond, abs=0.02)
    ends = 0.25 + 1.875 * (np.quantile(gains, [0.025, 0.975]) - 0.25)
    np.testing.assert_allclose(found[1:3], np.clip(ends, -1, 1), atol=0.01)


def test_pairing_removes_what_two_methods_share():
    rng = np.random.default_rng(4)
    a, groups = clustered(rng, images=60, spread=3.0)
    b = a.copy()
    b[0, ::8] = True
    paired = stats.paired_difference(b, a, groups)
    alone = stats.accuracy_interval(a[0], groups)
    assert paired.mean == pytest.approx(b.mean() - a.mean())
    assert paired.high - paired.low < 0.5 * (alone.high - alone.low)
    assert paired.low > 0 and paired.p < 0.001


def test_a_method_does_not_differ_from_itself():
    right, groups = clustered(np.random.default_rng(5), seeds=3)
    assert stats.paired_difference(right, right, groups) == (0.0, 0.0, 0.0, 1.0)


def test_difference_is_antisymmetric():
    rng = np.random.default_rng(6)
    a, groups = clustered(rng, seeds=3)
    b, _ = clustered(rng, seeds=3, shift=0.3)
    one, other = stats.paired_difference(a, b, groups), stats.paired_difference(b, a, groups)
    np.testing.assert_allclose(one[:3], (-other.mean, -other.high, -other.low), atol=1e-12)
    assert one.p == pytest.approx(other.p)
    assert (one.p < 0.05) == (not one.low <= 0 <= one.high)


def test_seeds_that_disagree_widen_the_interval():
    rng = np.random.default_rng(7)
    right, groups = clustered(rng, seeds=1, images=80)
    same = np.repeat(right, 4, axis=0)
    other = same.copy()
    other[:2, ::2] = False
    narrow, wide = stats.mean_interval(same, groups), stats.mean_interval(other, groups)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_few_seeds_have_students_interval():
    """1,500 source images leave only the seeds in doubt; three of them have two degrees of freedom."""
    rng = np.random.default_rng(10)
    right = rng.random((3, 1500)) < np.array([[0.6], [0.7], [0.8]])
    means = right.mean(1)
    found = stats.mean_interval(right, np.arange(1500))
    expected = scipy.stats.t.interval(0.95, 2, means.mean(), scipy.stats.sem(means))
    np.testing.assert_allclose(found[1:], expected, atol=0.03)
    gain = stats.paired_difference(right, ~right, np.arange(1500))
    np.testing.assert_allclose(gain[1:3], [2 * bound - 1 for bound in expected], atol=0.06)


def test_seeds_that_differ_by_their_groups_alone_are_not_widened():
    """Three seeds of one ability, each right on other source images: their differences add no doubt of their own."""
    rng = np.random.default_rng(11)
    by_groups, seed_weights = rng.normal(0, 0.02, (4000, 3)), stats.multiplicities(rng, 4000, 3) / 3
    alike, apart = np.array([0.49, 0.5, 0.51]), np.array([0.3, 0.5, 0.7])
    alone, doubted = (stats.widened(seeds + by_groups, seeds, seed_weights, 400) for seeds in (alike, apart))
    assert np.std(alone) == pytest.approx(np.std(np.sum(by_groups * seed_weights, 1)), rel=0.01)
    # Their own, sqrt(2 / 3) 0.2 / sqrt(3), widened by t_2 sqrt(3 / 2) / z.
    assert np.std(doubted) == pytest.approx(0.2 * np.sqrt(2) / 3 * 2.689, rel=0.05)


def test_domains_count_the_same_whatever_their_size():
    right = {"DE": np.tile([True, True, True, False], (2, 100)), "CN": np.tile([True, False], (2, 4))}
    groups = {"DE": np.arange(400) // 4, "CN": np.arange(8)}
    found = stats.mean_interval_over_domains(right, groups)
    assert found.mean == pytest.approx((0.75 + 0.5) / 2)
    # All the doubt is in the small domain, and half of it remains in the mean.
    alone = stats.mean_interval(right["CN"], groups["CN"])
    assert found.high - found.low == pytest.approx((alone.high - alone.low) / 2, rel=0.1)


def test_groups_of_unequal_size_are_weighted_by_their_test_images():
    right, groups = np.array([1, 1, 1, 1, 1, 1, 0, 0], bool), np.array(list("aaaaaabc"))
    assert stats.accuracy_interval(right, groups).mean == 0.75


def test_nothing_to_resample():
    all_right = np.ones(12, bool)
    wilson = scipy.stats.binomtest(4, 4).proportion_ci(method="wilson")
    found = stats.accuracy_interval(all_right, np.repeat(np.arange(4), 3))
    np.testing.assert_allclose(found, (1.0, wilson.low, wilson.high))
    one_group = stats.accuracy_interval(np.arange(10) < 5, np.zeros(10))
    assert one_group.mean == 0.5 and one_group.high - one_group.low > 0.75
    assert stats.paired_difference([all_right], [~all_right], np.zeros(12)) == (1.0, -1.0, 1.0, 1.0)


def test_same_seed_same_interval():
    right, groups = clustered(np.random.default_rng(8), seeds=3)
    assert stats.mean_interval(right, groups) == stats.mean_interval(right, groups)
    assert stats.mean_interval(right, groups) != stats.mean_interval(right, groups, seed=1)


def test_chunks_do_not_change_the_weights(monkeypatch):
    right, groups = clustered(np.random.default_rng(9), seeds=3)
    whole = stats.mean_interval(right, groups, resamples=1001)
    monkeypatch.setattr(stats, "_CHUNK_WEIGHTS", 30 * 100)
    np.testing.assert_allclose(stats.mean_interval(right, groups, resamples=1001), whole, rtol=1e-12)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"\(1, 3\) and \(2,\)"):
        stats.accuracy_interval([True, False, True], [0, 1])
    with pytest.raises(ValueError, match="same seeds for both methods, found 2 and 1"):
        stats.paired_difference(np.ones((2, 3)), np.ones((1, 3)), [0, 1, 2])
    with pytest.raises(ValueError, match="same domains"):
        stats.mean_interval_over_domains({"DE": [[True]]}, {"CN": [0]})
    with pytest.raises(ValueError, match="neither empty"):
        stats.accuracy_interval([], [])


def test_draws_that_are_kept_are_those_that_are_not(monkeypatch):
    right, images = clustered(np.random.default_rng(5), seeds=3, images=40)
    kept = [stats.mean_interval(right, images) for _ in range(2)]
    monkeypatch.setattr(stats, "_KEPT_WEIGHTS", 0)
    monkeypatch.setattr(stats, "_CHUNK_WEIGHTS", 4_000)
    assert kept == [stats.mean_interval(right, images)] * 2
