"""Losses against numbers worked out by hand, and against the plain loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax import losses


def _nodes_by_loop(score, mask):
    values = []
    for s_b, m_b in zip(score, mask, strict=True):
        relations = []
        for s, m in zip(s_b, m_b, strict=True):
            if (m == 1).any():
                log_z = np.log(np.exp(s[m != 0]).sum())
                relations.append(np.mean([s_k - log_z for s_k, m_k in zip(s, m, strict=True) if m_k == 1]))
        values.append(-np.mean(relations) if relations else 0.0)
    return np.array(values)


def test_info_nce_of_two_nodes_is_log_two():
    score, mask = jnp.zeros((1, 1, 2)), jnp.array([[[1, -1]]])
    np.testing.assert_allclose(losses.info_nce_nodes(score, mask), [np.log(2)], rtol=1e-6)


def test_info_nce_equals_the_loop_over_its_formula():
    rng = np.random.default_rng(0)
    score = rng.normal(size=(7, 3, 11))
    mask = rng.integers(-1, 2, size=(7, 3, 11))
    mask[0] = np.minimum(mask[0], 0)
    np.testing.assert_allclose(losses.info_nce_nodes(score, mask), _nodes_by_loop(score, mask), rtol=2e-5, atol=1e-6)


def test_ignored_nodes_never_matter():
    rng = np.random.default_rng(1)
    score, mask = rng.normal(size=(4, 2, 6)), rng.integers(-1, 2, size=(4, 2, 6))
    mask[..., 3] = 0
    changed = score.copy()
    changed[..., 3] += 5.0
    for name, loss in losses.REGULARISERS.items():
        np.testing.assert_allclose(loss(score, mask), loss(changed, mask), atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", sorted(losses.REGULARISERS))
def test_every_form_prefers_the_positive_and_has_finite_gradients(name):
    loss = losses.REGULARISERS[name]
    mask = jnp.array([[[1, -1, -1, 0]], [[-1, 1, -1, 0]], [[0, 0, 0, 0]]])
    right = 3.0 * (mask == 1)
    wrong = 3.0 * jnp.roll(mask == 1, 1, axis=-1)
    assert loss(right, mask)[:2].sum() < loss(wrong, mask)[:2].sum()
    assert loss(right, mask)[2] == 0.0
    gradient = jax.grad(lambda s: loss(s, mask).sum())(right)
    assert jnp.isfinite(gradient).all()
    assert jnp.abs(gradient[:2]).sum() > 0
    assert jnp.abs(gradient[2]).sum() == 0


def test_clamped_sum_is_bounded_below():
    mask = jnp.array([[[1, -1]]])
    far = jnp.array([[[0.0, -1e6]]])
    assert losses.clamped_sum(far, mask)[0] >= 0.0


LOG = jnp.log(jnp.array([[[1.0, 2.0], [3.0, 4.0]]]))
MASK = jnp.array([[[1, -1], [0, 1]]])


def test_nodes_and_pairs_by_hand():
    # A relation each: 1 of 1 + 2, and 4 of 4 alone. All pairs together: 1 and 4 of 1 + 2 + 4.
    np.testing.assert_allclose(losses.info_nce_nodes(LOG, MASK), [(np.log(3) + 0) / 2], rtol=1e-6)
    np.testing.assert_allclose(losses.info_nce_joint(LOG, MASK), [(np.log(7) + np.log(7 / 4)) / 2], rtol=1e-6)


def test_the_mean_over_positives_is_outside_of_the_logarithm():
    score, mask = jnp.log(jnp.array([[[1.0, 3.0, 4.0]]])), jnp.array([[[1, 1, -1]]])
    np.testing.assert_allclose(losses.info_nce_nodes(score, mask), [(np.log(8) + np.log(8 / 3)) / 2], rtol=1e-6)


def test_logistic_by_hand():
    # 3 and 1 about their mean 2, the third does not count: a positive at 1 and a negative at -1.
    found = losses.logistic(jnp.array([[[3.0, 1.0, 100.0]]]), jnp.array([[[1, -1, 0]]]))
    np.testing.assert_allclose(found, [np.log1p(np.exp(-1))], rtol=1e-6)
    # Two negatives at -1 and -1 weigh as much as the positive at 2.
    found = losses.logistic(jnp.array([[[3.0, 0.0, 0.0]]]), jnp.array([[[1, -1, -1]]]))
    np.testing.assert_allclose(found, [(np.log1p(np.exp(-2)) + np.log1p(np.exp(-1))) / 2], rtol=1e-6)


@pytest.mark.parametrize(("positive", "negative", "value"), [(2, -3, 5), (-4, -30, 2), (0, 40, 20), (-4, -6, 10)])
def test_the_clamped_sum_by_hand(positive, negative, value):
    # Margin 10: 10 - 5; nothing and 4 / 2 of the pull; 50, clamped at 20; 10 - 2 and 4 / 2.
    score, mask = jnp.array([[[float(positive), float(negative)]]]), jnp.array([[[1, -1]]])
    np.testing.assert_allclose(losses.clamped_sum(score, mask), [value], rtol=1e-6)


def test_images_direction_contrasts_with_images_of_other_nodes():
    score = jnp.array([[[2.0, 0.0]], [[1.0, 0.0]]])
    mask = jnp.array([[[1, -1]], [[-1, 1]]])
    first = -(2.0 - np.log(np.exp(2.0) + np.exp(1.0)))
    second = -(0.0 - np.log(np.exp(0.0) + np.exp(0.0)))
    np.testing.assert_allclose(losses.info_nce_images(score, mask), [first, second], rtol=1e-5)


def test_binary_cross_entropy_asks_only_what_the_mask_asks():
    logits, mask = jnp.array([[0.0, 50.0, -50.0]]), jnp.array([[1, -1, 0]])
    np.testing.assert_allclose(losses.binary_cross_entropy(logits, mask), [(np.log(2) + 50) / 2], rtol=1e-6)


def test_cross_entropy_with_smoothing():
    logits = jnp.array([[1.0, 2.0, 3.0]])
    log_p = np.log(np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum())
    expected = -(0.9 * log_p[1] + 0.1 * log_p.mean())
    np.testing.assert_allclose(losses.cross_entropy(logits, jnp.array([1]), smoothing=0.1), [expected], rtol=1e-5)


def test_only_some_classes_compete():
    logits, label = jax.random.normal(jax.random.key(0), (5, 4)), jnp.array([0, 2, 0, 2, 2])
    among = jnp.array([True, False, True, False])
    few = losses.cross_entropy(logits[:, ::2], label // 2, smoothing=0.2)
    np.testing.assert_allclose(losses.cross_entropy(logits, label, smoothing=0.2, among=among), few, rtol=1e-5)
    gradient = jax.grad(lambda x: losses.cross_entropy(x, label, smoothing=0.2, among=among).sum())(logits)
    assert (gradient[:, 1::2] == 0).all() and (gradient[:, ::2] != 0).all()
    everyone = jnp.ones(4, bool)
    whole = losses.cross_entropy(logits, label, smoothing=0.2)
    np.testing.assert_allclose(losses.cross_entropy(logits, label, smoothing=0.2, among=everyone), whole, rtol=1e-5)
