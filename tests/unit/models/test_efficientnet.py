"""EfficientNet-Lite: the published dimensions, and what its options change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models import registry
from kgv_jax.models.spec import EncoderOptions
from tests.filled import filled

IMAGES = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype(np.float32)
SPEC = registry.get("efficientnet_lite0_test")


@pytest.fixture(scope="module")
def variables():
    return filled(SPEC.make(EncoderOptions()), IMAGES, train=False)


def _train(variables, options):
    encoder = SPEC.make(options)

    def loss(params):
        features, _ = encoder.apply(
            variables | {"params": params},
            IMAGES,
            train=True,
            mutable=["batch_stats"],
            rngs={"drop_path": jax.random.key(1)},
        )
        return jnp.sum(features.pooled**2), features

    (_, features), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(variables["params"])
    return features, gradient


@pytest.fixture(scope="module")
def trained(variables):
    return _train(variables, EncoderOptions())


def _evaluate(variables, options):
    return jax.jit(lambda v: SPEC.make(options).apply(v, IMAGES, train=False))(variables)


def test_lite0_has_the_published_size_and_maps():
    spec = registry.get("efficientnet_lite0")
    images = jnp.zeros((1, 224, 224, 3))
    encoder = spec.make(EncoderOptions())
    features, variables = jax.eval_shape(lambda: encoder.init_with_output(jax.random.key(0), images, train=False))
    # Published: 4,652,008 with the head of 1000 classes.
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) + 1281 * 1000 == 4_652_008
    assert features.pooled.shape == (1, 1280) and features.spatial.shape == (1, 7, 7, 1280)
    assert [tap.shape[1:] for tap in features.taps] == [
        (112, 112, 16), (56, 56, 24), (28, 28, 40), (14, 14, 80), (14, 14, 112), (7, 7, 192), (7, 7, 320)
    ]  # fmt: skip


def test_pooled_is_the_mean_of_the_spatial_map(variables):
    features = _evaluate(variables, EncoderOptions())
    np.testing.assert_allclose(features.pooled, features.spatial.mean((1, 2)), atol=1e-6)


def test_remat_changes_no_value(variables, trained):
    again = _train(variables, EncoderOptions(remat=True))
    for a, b in zip(jax.tree.leaves(trained), jax.tree.leaves(again), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_drop_path_acts_in_training_alone(variables, trained):
    dropped = EncoderOptions(drop_path=0.9)
    np.testing.assert_array_equal(_evaluate(variables, EncoderOptions()).pooled, _evaluate(variables, dropped).pooled)
    assert not np.allclose(trained[0].pooled, _train(variables, dropped)[0].pooled)


def test_bfloat16_activations_give_float32_features(variables):
    features = _evaluate(variables, EncoderOptions(dtype=jnp.bfloat16))
    exact = _evaluate(variables, EncoderOptions())
    assert {leaf.dtype for leaf in jax.tree.leaves(features)} == {jnp.dtype("float32")}
    assert 0 < np.abs(features.pooled - exact.pooled).max() < 0.05 * np.abs(exact.pooled).max()
