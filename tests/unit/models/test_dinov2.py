"""DINOv2: published dimensions, registers, what its head reads."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models.dinov2 import ENCODERS, head_input
from kgv_jax.models.features import Features
from kgv_jax.models.spec import EncoderOptions


@pytest.mark.parametrize(
    ("name", "millions", "width"),
    [("dinov2_s14", 22.1, 384), ("dinov2_b14_reg", 86.6, 768), ("dinov2_l14", 304.4, 1024)],
)
def test_published_sizes(name, millions, width):
    spec = ENCODERS[name]
    images = jnp.zeros((1, spec.size_px, spec.size_px, 3))
    features, variables = jax.eval_shape(
        lambda: spec.make(EncoderOptions()).init_with_output(jax.random.key(0), images, train=False)
    )
    assert round(sum(leaf.size for leaf in jax.tree.leaves(variables)) / 1e6, 1) == millions
    assert features.spatial.shape == (1, 16, 16, width)
    assert variables["params"]["position"].shape == (1 + 37 * 37, width)
    assert ("registers" in variables["params"]) == name.endswith("_reg")
    assert jax.eval_shape(spec.head_input, features).shape == (1, 2 * width)


def test_every_published_model_comes_with_and_without_registers():
    names = {name for name in ENCODERS if "_test" not in name}
    assert names == {f"dinov2_{size}14{suffix}" for size in "sbl" for suffix in ("", "_reg")}
    for name in names:
        module = ENCODERS[name].make(EncoderOptions())
        assert (module.registers, module.antialias) == ((4, True) if name.endswith("_reg") else (0, False))


def test_the_head_reads_the_class_token_and_the_mean_of_the_patches():
    features = Features(jnp.ones((2, 3)), jnp.arange(2 * 2 * 4 * 3.0).reshape(2, 2, 4, 3), ())
    expected = np.concatenate([np.ones((2, 3)), np.asarray(features.spatial).reshape(2, 8, 3).mean(1)], axis=1)
    np.testing.assert_allclose(head_input(features), expected)


@pytest.mark.parametrize("name", ["dinov2_test", "dinov2_reg_test"])
def test_the_test_models_run_below_and_above_their_published_grid(name):
    spec = ENCODERS[name]
    encoder = spec.make(EncoderOptions())
    init = jax.jit(functools.partial(encoder.init_with_output, train=False))
    small, variables = init(jax.random.key(0), jnp.zeros((1, 24, 24, 3)))
    large = jax.jit(functools.partial(encoder.apply, train=False))(variables, jnp.zeros((1, 48, 56, 3)))
    assert spec.size_px == 24 and encoder.grid == 5
    assert small.spatial.shape == (1, 3, 3, 16) and large.spatial.shape == (1, 6, 7, 16)
    assert np.isfinite(large.pooled).all()
