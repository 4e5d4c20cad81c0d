"""Encoders and classifier: shapes of every registered name, both norms, input statistics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models import registry
from kgv_jax.models.classifier import Classifier
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.util.errors import UserError


def _classifier(name, norm="auto", **options):
    spec = registry.get(name)
    encoder = spec.make(EncoderOptions(norm=norm))
    return Classifier(encoder, num_classes=5, dim=12, mean=spec.mean, std=spec.std, **options)


@pytest.mark.parametrize("name", registry.list_models())
def test_every_encoder_keeps_the_contract(name):
    spec, model = registry.get(name), _classifier(name)
    images = jnp.zeros((2, spec.size_px, spec.size_px, 3), jnp.uint8)
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0), images, train=False))
    outputs = jax.eval_shape(lambda v: model.apply(v, images, train=False), variables)
    assert outputs.z.shape == (2, 12) and outputs.logits.shape == (2, 5)
    assert {leaf.dtype for leaf in jax.tree.leaves((outputs, variables))} == {jnp.dtype("float32")}
    wide = jnp.zeros((2, spec.size_px, 2 * spec.size_px, 3), jnp.bfloat16)
    encoder = spec.make(EncoderOptions(dtype=jnp.bfloat16))
    features, _ = jax.eval_shape(lambda: encoder.init_with_output(jax.random.key(0), wide, train=False))
    assert {leaf.dtype for leaf in jax.tree.leaves(features)} == {jnp.dtype("float32")}
    height, width, channels = features.spatial.shape[1:]
    # A side that no power of two divides is rounded up at every stride, so twice the side may have one place less.
    assert 2 * height - 1 <= width <= 2 * height and len(features.taps) > 1
    assert features.taps[-1].shape[:3] == features.spatial.shape[:3]
    if name.endswith("_flat"):
        assert features.pooled.shape == (2, height * width * channels)
    elif spec.make_text is not None:
        text = jax.eval_shape(lambda: _text_features(spec.make_text()))
        assert features.pooled.shape == (2, text.shape[-1])
    else:
        assert features.pooled.shape == (2, channels)
    assert spec.about


def _text_features(tower):
    tokens = jnp.zeros((2, tower.context), jnp.int32)
    return tower.init_with_output(jax.random.key(0), tokens)[0]


@pytest.mark.parametrize("norm", ["group", "batch"])
@pytest.mark.parametrize("name", [name for name in registry.list_models() if "net" in name])
def test_convolutional_encoders_have_both_norms(name, norm):
    spec, model = registry.get(name), _classifier(name, norm)
    images = jnp.zeros((2, spec.size_px, spec.size_px, 3), jnp.uint8)
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0), images, train=False))
    assert ("batch_stats" in variables) == (norm == "batch")


@pytest.mark.parametrize("family", ["resnet", "vit", "clip", "dinov2", "efficientnet"])
def test_every_family_has_a_variant_for_tests(family):
    assert any(name.startswith(family) and name.endswith("_test") for name in registry.list_models())


def test_group_norm_sees_one_image_at_a_time_and_batch_norm_all():
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    for norm, independent in (("group", True), ("batch", False)):
        model = _classifier("resnet_test", norm)
        variables = model.init(jax.random.key(0), images, train=False)
        together, _ = model.apply(variables, images, train=True, mutable=["batch_stats"])
        alone, _ = model.apply(variables, images[:1], train=True, mutable=["batch_stats"])
        assert np.allclose(together.z[:1], alone.z, atol=1e-5) == independent, norm
        tested = [model.apply(variables, x, train=False).z[0] for x in (images, images[:1])]
        np.testing.assert_allclose(*tested, atol=1e-5)


def test_input_is_normalised_by_the_encoders_statistics():
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    encoder = registry.get("resnet_test").make(EncoderOptions())
    plain = Classifier(encoder, 5, 12, mean=(0.0,) * 3, std=(1 / 255,) * 3)
    variables = plain.init(jax.random.key(0), images, train=False)
    mean, std = (0.1, 0.5, 0.9), (0.2, 0.3, 0.4)
    normed = Classifier(encoder, 5, 12, mean=mean, std=std)
    by_hand = (images / 255.0 - np.array(mean)) / np.array(std)
    np.testing.assert_allclose(
        normed.apply(variables, images, train=False).z, plain.apply(variables, by_hand, train=False).z, atol=1e-4
    )


def test_the_mlp_decoder_has_one_hidden_layer_of_the_same_width():
    images = jnp.zeros((1, 16, 16, 3), jnp.uint8)
    params = _classifier("resnet_test", decoder="mlp").init(jax.random.key(0), images, train=False)["params"]
    assert params["decoder_hidden"]["kernel"].shape == (12, 12)
    assert "decoder_hidden" not in _classifier("resnet_test").init(jax.random.key(0), images, train=False)["params"]


def test_an_unknown_encoder_names_the_nearest():
    with pytest.raises(UserError, match=r"'resnet9'.*did you mean 'resnet8'.*known: "):
        registry.get("resnet9")


def test_feature_vectors_pass_through():
    model = _classifier("features")
    vectors = jnp.array([[3.0, 4.0, 0.0], [0.0, 0.0, 2.0]])
    variables = model.init(jax.random.key(0), vectors, train=False)
    assert "encoder" not in variables["params"] and "features" not in registry.list_models()
    outputs = model.apply(variables, vectors, train=True)
    # Of length sqrt(F), whatever they had.
    expected = np.sqrt(3) * vectors / jnp.linalg.norm(vectors, axis=-1, keepdims=True)
    np.testing.assert_allclose(outputs.pooled, expected, rtol=1e-3)
    assert outputs.z.shape == (2, 12) and outputs.logits.shape == (2, 5)
