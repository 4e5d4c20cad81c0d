"""Layer norm: values, gradients and parameters of Flax's, also where channels are huge and in bfloat16."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models.layers import LayerNorm


def _tokens(dtype=np.float32, offset=0.0):
    return (np.random.default_rng(0).normal(size=(3, 5, 8)) * 2 + offset).astype(dtype)


@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_values_and_gradients_are_those_of_flax(offset):
    x, weights = _tokens(offset=offset), _tokens()
    plain, ours = nn.LayerNorm(epsilon=1e-6, use_fast_variance=False), LayerNorm(1e-6)
    params = {"params": {"scale": np.linspace(0.5, 2, 8, dtype=np.float32), "bias": np.ones(8, np.float32)}}
    shapes = functools.partial(jax.tree.map, np.shape)
    assert shapes(ours.init(jax.random.key(0), x)) == shapes(plain.init(jax.random.key(0), x))

    def run(layer):
        def loss(params, x):
            y = layer.apply(params, x)
            return jnp.sum(y * weights), y

        return jax.jit(jax.grad(loss, (0, 1), has_aux=True))(params, x)

    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4), run(ours), run(plain))


def test_bfloat16_has_float32_statistics():
    x = _tokens(offset=40.0).astype(jnp.bfloat16)
    params = LayerNorm(1e-6).init(jax.random.key(0), x)
    y = LayerNorm(1e-6, jnp.bfloat16).apply(params, x)
    gradient = jax.grad(lambda x: jnp.sum(LayerNorm(1e-6, jnp.bfloat16).apply(params, x) ** 3))(x)
    assert y.dtype == gradient.dtype == jnp.bfloat16
    exact = np.asarray(x, np.float64)
    exact = (exact - exact.mean(-1, keepdims=True)) / exact.std(-1, keepdims=True)
    np.testing.assert_allclose(np.asarray(y, np.float64), exact, atol=0.02)
