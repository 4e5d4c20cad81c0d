"""Residual networks: the published dimensions, torch's padding, and what the options change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models import registry
from kgv_jax.models.spec import EncoderOptions

IMAGES = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype(np.float32)
SPEC = registry.get("resnet18_test")


@pytest.fixture(scope="module")
def variables():
    found = jax.jit(lambda: SPEC.make(EncoderOptions()).init(jax.random.key(0), IMAGES, train=False))()
    # The last norm of a block starts at zero; then neither drop path nor a block's inside would show.
    return found | {"params": jax.tree.map(lambda leaf: leaf if leaf.any() else leaf + 0.5, found["params"])}


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
        return jnp.mean(features.pooled**2), features

    (_, features), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(variables["params"])
    return features, gradient


# Published sizes without the head: torchvision's 11,689,512, 21,797,672, 25,557,032 and 44,549,160 with it.
@pytest.mark.parametrize(
    ("name", "size", "width"),
    [
        ("resnet18", 11_689_512, 512),
        ("resnet34", 21_797_672, 512),
        ("resnet50", 25_557_032, 2048),
        ("resnet101", 44_549_160, 2048),
    ],
)
def test_sizes_are_the_published_ones(name, size, width):
    encoder, images = registry.get(name).make(EncoderOptions()), jnp.zeros((1, 224, 224, 3))
    features, variables = jax.eval_shape(lambda: encoder.init_with_output(jax.random.key(0), images, train=False))
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) + (width + 1) * 1000 == size
    assert [tap.shape[1] for tap in features.taps] == [56, 28, 14, 7]
    assert features.pooled.shape == (1, width) and features.spatial.shape == (1, 7, 7, width)


def test_the_stride_of_a_bottleneck_is_in_its_3x3():
    encoder = registry.get("resnet50_test").make(EncoderOptions())
    _, state = jax.eval_shape(
        lambda: encoder.init_with_output(jax.random.key(0), IMAGES, train=False, capture_intermediates=True)
    )
    block = state["intermediates"]["stage1_block0"]
    assert block["conv1"]["__call__"][0].shape[1] == 8 and block["conv2"]["__call__"][0].shape[1] == 4


def test_padding_is_the_same_on_both_sides(variables):
    # A picture turned upside down by kernels turned likewise gives the map turned: not so with "SAME".
    encoder = SPEC.make(EncoderOptions())
    turned = jax.tree.map(lambda leaf: leaf[::-1, ::-1] if leaf.ndim == 4 else leaf, variables)
    images = np.pad(IMAGES, ((0, 0), (0, 1), (0, 1), (0, 0)))
    straight = encoder.apply(variables, images, train=False).taps[0]
    again = encoder.apply(turned, images[:, ::-1, ::-1], train=False).taps[0]
    np.testing.assert_allclose(again[:, ::-1, ::-1], straight, atol=1e-4)


def test_remat_changes_no_value(variables):
    plain, again = (_train(variables, EncoderOptions(remat=remat)) for remat in (False, True))
    for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(again), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_drop_path_acts_in_training_alone(variables):
    plain, dropped = (SPEC.make(EncoderOptions(drop_path=rate)) for rate in (0.0, 0.9))
    np.testing.assert_array_equal(
        plain.apply(variables, IMAGES, train=False).pooled, dropped.apply(variables, IMAGES, train=False).pooled
    )
    assert not np.allclose(
        _train(variables, EncoderOptions())[0].pooled, _train(variables, EncoderOptions(drop_path=0.9))[0].pooled
    )


def test_bfloat16_activations_give_float32_features(variables):
    features = SPEC.make(EncoderOptions(dtype=jnp.bfloat16)).apply(variables, IMAGES, train=False)
    exact = SPEC.make(EncoderOptions()).apply(variables, IMAGES, train=False)
    assert {leaf.dtype for leaf in jax.tree.leaves(features)} == {jnp.dtype("float32")}
    assert 0 < np.abs(features.pooled - exact.pooled).max() < 0.05 * np.abs(exact.pooled).max()


def test_group_norm_needs_no_statistics():
    encoder = SPEC.make(EncoderOptions(norm="group"))
    assert set(jax.eval_shape(lambda: encoder.init(jax.random.key(0), IMAGES, train=False))) == {"params"}
