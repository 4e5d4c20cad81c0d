"""EfficientNet-Lite: the published dimensions, and what its options change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models import registry
from kgv_jax.models.efficientnet import Stage, scale
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


# Published parameters with the head of 1000 classes, input size, and shapes of the last map of each stage.
PUBLISHED = {
    "efficientnet_lite0": (4_652_008, 224, [
        (112, 112, 16), (56, 56, 24), (28, 28, 40), (14, 14, 80), (14, 14, 112), (7, 7, 192), (7, 7, 320)
    ]),
    "efficientnet_lite1": (5_416_680, 240, [
        (120, 120, 16), (60, 60, 24), (30, 30, 40), (15, 15, 80), (15, 15, 112), (8, 8, 192), (8, 8, 320)
    ]),
    "efficientnet_lite2": (6_092_072, 260, [
        (130, 130, 16), (65, 65, 24), (33, 33, 48), (17, 17, 88), (17, 17, 120), (9, 9, 208), (9, 9, 352)
    ]),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_family_has_the_published_sizes_and_maps(name):
    parameters, size_px, maps = PUBLISHED[name]
    spec = registry.get(name)
    assert spec.size_px == size_px
    images = jnp.zeros((1, size_px, size_px, 3))
    encoder = spec.make(EncoderOptions())
    features, variables = jax.eval_shape(lambda: encoder.init_with_output(jax.random.key(0), images, train=False))
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) + 1281 * 1000 == parameters
    assert features.pooled.shape == (1, 1280) and features.spatial.shape == (1, *maps[-1][:2], 1280)
    assert [tap.shape[1:] for tap in features.taps] == maps


def test_scaling_keeps_the_ends_and_rounds_widths_to_eights():
    stages = tuple(Stage(blocks, width, 6, 3, 1) for blocks, width in ((1, 16), (2, 40), (4, 12), (1, 320)))
    # 40 * 1.1 = 44 lies between 40 and 48; 12 * 1.1 = 13.2 would round to 16; blocks: 2.4 and 4.8 are rounded up.
    scaled = scale(stages, width=1.1, depth=1.2)
    assert [(stage.blocks, stage.width) for stage in scaled] == [(1, 16), (3, 48), (5, 16), (1, 352)]
    # 18 rounds to 16, more than a tenth below it, so the next eight is taken.
    assert [stage.width for stage in scale((Stage(1, 18, 6, 3, 1),), width=1.0, depth=1.0)] == [24]


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
