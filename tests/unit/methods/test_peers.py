"""Losses against published libraries, whose numbers `python -m benchmarks.peers.loss_values` prints.

pytorch-metric-learning 2.9.0 and PyTorch 2.14.1, in float64; ours in float32.
"""

import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax import losses
from kgv_jax.methods.label_embedding import ranking_loss
from kgv_jax.scoring.gaussian import kl_divergence


def wave(*shape, start):
    """Numbers that have nothing to do with each other."""
    return np.sin(np.arange(start, start + np.prod(shape))).reshape(shape)


@pytest.mark.parametrize(
    ("label", "temperature", "theirs"),
    [
        ([0, 0, 1, 0, 1, 1], 0.1, 9.32009227588423),  # SupConLoss
        ([0, 1, 2, 0, 1, 2], 0.5, 0.3849096227858362),  # NTXentLoss
    ],
)
def test_contrast(label, temperature, theirs):
    u = wave(6, 4, start=1)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    same = np.equal.outer(label, label) & ~np.eye(6, dtype=bool)
    found = losses.contrast(jnp.asarray(u @ u.T / temperature, jnp.float32), jnp.asarray(same), jnp.ones(6, bool))
    np.testing.assert_allclose(found.mean(), theirs, rtol=1e-5)


LOGITS, LABEL = jnp.asarray(3 * wave(5, 4, start=1), jnp.float32), jnp.array([0, 3, 2, 1, 3])


def test_cross_entropy_with_smoothing():
    found = losses.cross_entropy(LOGITS, LABEL, smoothing=0.1)
    np.testing.assert_allclose(found.mean(), 1.3689798337076766, rtol=1e-5)


def test_binary_cross_entropy_of_what_is_asked():
    mask = np.where(wave(5, 4, start=60) > -0.3, np.where(wave(5, 4, start=80) > 0, 1, -1), 0)
    found = losses.binary_cross_entropy(LOGITS, jnp.asarray(mask))
    np.testing.assert_allclose(found.mean(), 1.9942942276499092, rtol=1e-5)


def test_ranking_weighs_the_multi_class_hinge():
    """With `r` violations, counted here, it is `(1 + ... + 1/r) / r` times PyTorch's sum of them."""
    hinge = [1.2034793260533556, 0.002885056286221932, 9.994485228012186, 0.0, 0.0]
    violations = [1, 1, 3, 0, 0]
    weight = {0: 0, 1: 1, 3: (1 + 1 / 2 + 1 / 3) / 3}
    expected = [weight[r] * value for r, value in zip(violations, hinge, strict=True)]
    np.testing.assert_allclose(ranking_loss(LOGITS, LABEL), expected, rtol=1e-4, atol=1e-6)


def test_divergence_of_gaussians():
    means, variances = ([f(wave(3, start=s)) for s in starts] for f, starts in
                        ((lambda x: x, (1, 4)), (lambda x: 0.5 + x**2, (21, 24))))  # fmt: skip
    (mu, other_mu), (var, other_var) = ([jnp.asarray(x, jnp.float32) for x in pair] for pair in (means, variances))
    np.testing.assert_allclose(kl_divergence(mu, var, other_mu, other_var), 4.427499858705377, rtol=1e-5)
