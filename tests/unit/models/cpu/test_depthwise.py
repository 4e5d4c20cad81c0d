"""The sum of shifted products is XLA's grouped convolution: values, both gradients, types."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models.cpu import depthwise
from kgv_jax.models.layers import DepthwiseConv

RNG = np.random.default_rng(0)


def _arrays(side, size, channels=5, dtype=jnp.float32):
    x = jnp.asarray(RNG.normal(size=(2, *side, channels)), dtype)
    return x, jnp.asarray(RNG.normal(size=(*size, 1, channels)), dtype)


@pytest.mark.parametrize(
    ("side", "size", "stride", "pads"),
    [
        ((6, 7), (3, 3), 1, ((1, 1), (1, 1))),
        ((6, 7), (3, 3), 2, ((0, 1), (1, 1))),
        ((7, 6), (5, 5), 2, ((2, 2), (1, 2))),
        ((3, 3), (5, 5), 1, ((2, 2), (2, 2))),
        ((2, 1), (5, 5), 2, ((2, 2), (2, 2))),
        # Neither square, nor reaching the last row, nor padded.
        ((8, 9), (3, 2), 3, ((0, 0), (0, 0))),
    ],
)
def test_values_and_gradients_are_those_of_the_grouped_convolution(side, size, stride, pads):
    x, kernel = _arrays(side, size)
    expected, expected_pullback = jax.vjp(lambda x, k: depthwise.grouped(x, k, stride, pads), x, kernel)
    found, pullback = jax.vjp(lambda x, k: depthwise.depthwise_conv(x, k, stride, pads), x, kernel)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    cotangent = jnp.asarray(RNG.normal(size=expected.shape), jnp.float32)
    for ours, reference in zip(pullback(cotangent), expected_pullback(cotangent), strict=True):
        np.testing.assert_allclose(ours, reference, atol=1e-5)


@pytest.mark.parametrize("padding", ["SAME", "VALID", ((1, 1), (1, 1))])
def test_the_module_has_the_parameter_and_the_values_of_a_grouped_nn_conv(padding):
    x, _ = _arrays((6, 8), (3, 3), channels=4)
    reference = nn.Conv(4, (3, 3), strides=2, padding=padding, feature_group_count=4, use_bias=False)
    variables = reference.init(jax.random.key(0), x)
    ours = DepthwiseConv((3, 3), stride=2, padding=padding)
    shapes = jax.eval_shape(lambda: ours.init(jax.random.key(0), x))
    assert jax.tree.map(jnp.shape, shapes) == jax.tree.map(jnp.shape, variables)
    np.testing.assert_allclose(ours.apply(variables, x), reference.apply(variables, x), atol=1e-5)


def test_bfloat16_is_summed_in_float32():
    x, kernel = _arrays((5, 5), (5, 5), dtype=jnp.bfloat16)
    exact = depthwise.grouped(x.astype(jnp.float32), kernel.astype(jnp.float32), 1, ((2, 2), (2, 2)))
    found, pullback = jax.vjp(lambda x, k: depthwise.depthwise_conv(x, k, 1, ((2, 2), (2, 2))), x, kernel)
    assert found.dtype == jnp.bfloat16
    np.testing.assert_array_equal(found, exact.astype(jnp.bfloat16))
    assert [g.dtype for g in pullback(found)] == [jnp.bfloat16] * 2


def test_each_platform_gets_its_form():
    def lowered(platform):
        run = jax.jit(jax.grad(lambda x, k: depthwise.depthwise_conv(x, k, 1, ((1, 1), (1, 1))).sum(), (0, 1)))
        return run.trace(*_arrays((4, 4), (3, 3))).lower(lowering_platforms=(platform,)).as_text()

    assert "convolution" not in lowered("cpu")
    assert "convolution" in lowered("cuda") and "convolution" in lowered("tpu")
