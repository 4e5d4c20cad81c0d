"""Residual networks: the published dimensions, torch's padding, and what the options change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models import registry
from kgv_jax.models.spec import EncoderOptions
from tests.filled import filled

IMAGES = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype(np.float32)
SPEC = registry.get("resnet18_test")


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
        return jnp.mean(features.pooled**2), features

    (_, features), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(variables["params"])
    return features, gradient


@pytest.fixture(scope="module")
def trained(variables):
    return _train(variables, EncoderOptions())


def _evaluate(variables, options):
    return jax.jit(lambda v: SPEC.make(options).apply(v, IMAGES, train=False))(variables)


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
    # An image turned upside down by kernels turned likewise gives the map turned: not so with "SAME".
    encoder = SPEC.make(EncoderOptions())
    turned = jax.tree.map(lambda leaf: leaf[::-1, ::-1] if leaf.ndim == 4 else leaf, variables)
    images = np.pad(IMAGES, ((0, 0), (0, 1), (0, 1), (0, 0)))
    apply = jax.jit(lambda v, x: encoder.apply(v, x, train=False).taps[0])
    straight, again = apply(variables, images), apply(turned, images[:, ::-1, ::-1])
    np.testing.assert_allclose(again[:, ::-1, ::-1], straight, atol=1e-4)


def test_remat_changes_no_value(variables, trained):
    again = _train(variables, EncoderOptions(remat=True))
    for a, b in zip(jax.tree.leaves(trained), jax.tree.leaves(again), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_drop_path_acts_in_training_alone(variables, trained):
    dropped = EncoderOptions(drop_path=0.9)
    np.testing.assert_array_equal(_evaluate(variables, EncoderOptions()).pooled, _evaluate(variables, dropped).pooled)
    assert not np.allclose(trained[0].pooled, _train(variables, dropped)[0].pooled)


def test_bfloat16_activations_give_float32_features(variables):
    features = _evaluate(variables, EncoderOptions(dtype=jnp.bfloat16))
    exact = _evaluate(variables, EncoderOptions())
    assert {leaf.dtype for leaf in jax.tree.leaves(features)} == {jnp.dtype("float32")}
    assert 0 < np.abs(features.pooled - exact.pooled).max() < 0.05 * np.abs(exact.pooled).max()


def test_group_norm_needs_no_statistics():
    encoder = SPEC.make(EncoderOptions(norm="group"))
    assert set(jax.eval_shape(lambda: encoder.init(jax.random.key(0), IMAGES, train=False))) == {"params"}
