"""The small networks honour the options, and keep names and values when none is set."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models import registry
from kgv_jax.models.spec import EncoderOptions
from tests.filled import filled

IMAGES = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype(np.float32)
SPEC = registry.get("resnet_test")


@pytest.fixture(scope="module")
def variables():
    return filled(SPEC.make(EncoderOptions()), IMAGES, train=False)


def _pooled(variables, *, train=False, **options):
    encoder, rngs = SPEC.make(EncoderOptions(**options)), {"drop_path": jax.random.key(1)}
    return jax.jit(lambda v: encoder.apply(v, IMAGES, train=train, rngs=rngs).pooled)(variables)


@pytest.mark.parametrize("options", [{}, {"remat": True}, {"drop_path": 0.5}, {"dtype": jnp.bfloat16}])
def test_no_option_renames_a_parameter(options):
    encoder = SPEC.make(EncoderOptions(**options))
    variables = jax.eval_shape(lambda: encoder.init(jax.random.key(0), IMAGES, train=False))
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    block = {"conv1", "conv2", "norm1", "norm2"}
    assert set(variables["params"]) == {"stem", "stem_norm", "stage0_block0", "stage1_block0"}
    assert set(variables["params"]["stage0_block0"]) == block
    assert set(variables["params"]["stage1_block0"]) == block | {"conv_shortcut", "norm_shortcut"}


def test_remat_changes_no_value(variables):
    gradients = [
        jax.jit(jax.grad(lambda v, remat=remat: jnp.sum(_pooled(v, train=True, remat=remat) ** 2)))(variables)
        for remat in (False, True)
    ]
    for a, b in zip(*map(jax.tree.leaves, gradients), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_drop_path_acts_in_training_alone(variables):
    np.testing.assert_array_equal(_pooled(variables, drop_path=0.9), _pooled(variables))
    assert not np.allclose(_pooled(variables, train=True, drop_path=0.9), _pooled(variables, train=True))


def test_bfloat16_activations_give_float32_features(variables):
    narrow, exact = _pooled(variables, dtype=jnp.bfloat16), _pooled(variables)
    assert narrow.dtype == jnp.float32
    assert 0 < np.abs(narrow - exact).max() < 0.05 * np.abs(exact).max()
