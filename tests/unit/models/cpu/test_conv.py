"""Dense convolution: XLA's own values and gradients, in every form and on every platform."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kgv_jax.models.cpu import conv
from kgv_jax.models.layers import Conv


def _xla(x, kernel, stride, pads):
    return lax.conv_general_dilated(x, kernel, (stride, stride), pads, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _arrays(channels, features, size, stride, pads, dtype=np.float32):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(2, 7, 6, channels)).astype(dtype)
    kernel = draw.normal(size=(size, size, channels, features)).astype(dtype)
    y = jax.eval_shape(functools.partial(_xla, stride=stride, pads=pads), x, kernel)
    return x, kernel, draw.normal(size=y.shape).astype(dtype)


@pytest.mark.parametrize(
    ("channels", "features", "size", "stride", "pads"),
    [
        (8, 12, 1, 1, ((0, 0), (0, 0))),
        (12, 8, 1, 2, ((0, 0), (0, 0))),
        (8, 9, 3, 1, ((1, 1), (1, 1))),
        (9, 8, 3, 1, ((0, 2), (2, 0))),
        (8, 8, 5, 1, ((0, 0), (1, 0))),
        (8, 9, 3, 2, ((0, 1), (1, 1))),
        (9, 8, 3, 2, ((1, 1), (0, 1))),
        (3, 8, 3, 2, ((1, 1), (1, 1))),
    ],
)
def test_values_and_gradients_are_xlas(channels, features, size, stride, pads):
    x, kernel, g = _arrays(channels, features, size, stride, pads)

    def both(form):
        y, pullback = jax.vjp(functools.partial(form, stride=stride, pads=pads), x, kernel)
        return y, *pullback(g)

    ours = jax.jit(lambda: both(lambda x, kernel, stride, pads: conv.conv(x, kernel, stride, pads)))()
    for found, expected in zip(ours, jax.jit(lambda: both(_xla))(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_only_a_cpu_gets_the_product():
    pads = ((1, 1), (1, 1))
    x, kernel, g = _arrays(8, 8, 3, 1, pads)
    gradient = jax.jit(lambda x, kernel: jax.vjp(lambda kernel: conv.conv(x, kernel, 1, pads), kernel)[1](g)[0])

    def lowered(platform):
        return gradient.trace(x, kernel).lower(lowering_platforms=(platform,)).as_text()

    assert "dot_general" in lowered("cpu")
    assert "dot_general" not in lowered("tpu")


def test_module_has_the_parameters_and_values_of_linen():
    x, kernel, _ = _arrays(8, 4, 3, 2, ((1, 1), (1, 1)))
    settings = {"features": 4, "kernel_size": (3, 3), "strides": 2, "padding": "SAME"}
    ours, theirs = Conv(**settings), nn.Conv(use_bias=False, **settings)
    shapes = [jax.eval_shape(module.init, jax.random.key(0), x) for module in (ours, theirs)]
    assert shapes[0] == shapes[1]
    variables = {"params": {"kernel": kernel}}
    np.testing.assert_allclose(ours.apply(variables, x), theirs.apply(variables, x), rtol=1e-6)
    assert Conv(dtype=jnp.bfloat16, **settings).apply(variables, x).dtype == jnp.bfloat16


def test_bfloat16_gradients_are_sums_in_float32():
    pads = ((1, 1), (1, 1))
    x, kernel, g = _arrays(8, 8, 3, 1, pads)
    x, kernel, g = (jnp.asarray(array, jnp.bfloat16) for array in (x, kernel, g))

    def gradient(form, x, kernel, g):
        return jax.vjp(lambda kernel: form(x, kernel, 1, pads), kernel)[1](g)[0]

    found = jax.jit(functools.partial(gradient, conv.conv))(x, kernel, g)
    wide = jax.jit(functools.partial(gradient, _xla))(*(array.astype(jnp.float32) for array in (x, kernel, g)))
    assert found.dtype == jnp.bfloat16
    np.testing.assert_allclose(jnp.float32(found), wide, rtol=1e-2, atol=1e-2)
