"""Products whose order is chosen: values and gradients are those of the plain ones."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models.cpu import products


def _normal(*shape, dtype=np.float32):
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


@pytest.mark.parametrize(("channels", "features"), [(3, 5), (5, 3), (4, 4)])
def test_a_dense_layer_has_the_gradients_of_flax(channels, features):
    x, weights = _normal(2, 7, channels), _normal(2, 7, features)
    plain = nn.Dense(features)
    ours = nn.Dense(features, dot_general=products.dense_product)
    params = plain.init(jax.random.key(0), x)

    def gradients(layer):
        return jax.jit(jax.grad(lambda params, x: jnp.sum(layer.apply(params, x) * weights), (0, 1)))(params, x)

    np.testing.assert_array_equal(ours.apply(params, x), plain.apply(params, x))
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5), gradients(ours), gradients(plain))


@pytest.mark.parametrize(("channels", "features"), [(2, 3), (3, 2)])
def test_outer_products_of_bfloat16_are_summed_in_float32(channels, features):
    x, g = jnp.ones((5000, channels), jnp.bfloat16), jnp.ones((5000, features), jnp.bfloat16)
    sums = jax.jit(products.sum_of_outer_products)(x, g)
    # In bfloat16, 256 + 1 is 256.
    assert sums.dtype == jnp.float32 and (sums == 5000).all()


@pytest.mark.parametrize("platform", ["cpu", "tpu"])
def test_only_a_cpu_gets_the_order_of_its_own(platform):
    layer = nn.Dense(5, dot_general=products.dense_product)
    params = layer.init(jax.random.key(0), _normal(4, 3))
    gradient = jax.jit(jax.grad(lambda params: layer.apply(params, _normal(4, 3)).sum()))
    text = gradient.trace(params).lower(lowering_platforms=(platform,)).as_text()
    assert ("optimization_barrier" in text) == (platform == "cpu")


def test_what_no_dense_layer_asks_for_is_refused():
    with pytest.raises(ValueError, match=r"expected those of nn\.Dense"):
        products.dense_product(_normal(2, 3), _normal(4, 3), (((1,), (1,)), ((), ())))
