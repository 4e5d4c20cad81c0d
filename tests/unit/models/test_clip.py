"""CLIP's towers: sizes that were published, where a text is read, what the options change."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from kgv_jax.models import clip
from kgv_jax.models.clip import ENCODERS
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.models.tokenizer import load_tokenizer
from kgv_jax.util.errors import UserError

# Parameters of the image and the text tower, the logit scale aside; open_clip's models count the same.
PUBLISHED_SIZES = {
    "clip_vit_b32": (87_849_216, 63_428_096),
    "clip_vit_b16": (86_192_640, 63_428_096),
    "clip_vit_l14": (303_966_208, 123_650_304),
}


@functools.cache
def _shapes(name):
    spec = ENCODERS[name]
    encoder, tower = spec.make(EncoderOptions()), spec.make_text()
    images, tokens = jnp.zeros((1, spec.size_px, spec.size_px, 3)), jnp.zeros((1, tower.context), int)
    image = jax.eval_shape(lambda: encoder.init(jax.random.key(0), images, train=False))["params"]
    return image, jax.eval_shape(lambda: tower.init(jax.random.key(0), tokens))["params"]


def _size(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def _encode(tokens):
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda leaf: rng.normal(0.3, 0.5, leaf.shape).astype(np.float32), _shapes("clip_test")[1])
    return np.asarray(jax.jit(ENCODERS["clip_test"].make_text().apply)({"params": params}, jnp.asarray(tokens)))


@pytest.mark.parametrize("suffix", ["", "_gelu"])
@pytest.mark.parametrize("name", PUBLISHED_SIZES)
def test_the_published_sizes(name, suffix):
    assert tuple(map(_size, _shapes(name + suffix))) == PUBLISHED_SIZES[name]
    spec = ENCODERS[name + suffix]
    assert (spec.size_px, spec.mean, spec.std) == (224, clip.MEAN, clip.STD)
    assert spec.make(EncoderOptions()).activation == spec.make_text().activation == ("gelu" if suffix else "quick_gelu")


def test_both_towers_end_in_one_space():
    for name, spec in ENCODERS.items():
        encoder, tower = spec.make(EncoderOptions()), spec.make_text()
        image, text = _shapes(name)
        assert encoder.projection == tower.projection
        assert image["projection"].keys() == text["projection"].keys() == {"kernel"}
        assert image["patches"].keys() == {"kernel"}
        assert spec.multiple_px == encoder.patch and spec.size_px == encoder.patch * encoder.grid


def test_layers_match_every_parameter_once():
    for name, spec in ENCODERS.items():
        paths = ["/".join(path) for path in traverse_util.flatten_dict(_shapes(name)[0])]
        for path in paths:
            assert sum(re.fullmatch(layer, path) is not None for layer in spec.layers) == 1, path
        assert len(spec.layers) == spec.make(EncoderOptions()).depth + 2


def test_the_end_of_the_text_is_read_and_nothing_after_it():
    end = load_tokenizer(520).vocabulary - 1
    # Zeros, the end again, as transformers pads, or anything: the same embedding.
    same = [[518, 7, 9, end, 0, 0], [518, 7, 9, end, end, end], [518, 7, 9, end, 3, 4]]
    others = [[518, 9, 7, end, 0, 0], [518, 7, 8, end, 0, 0], [518, 7, end, 0, 0, 0]]
    embeddings = _encode([*same, *others])
    assert embeddings.shape == (6, 8)
    distances = np.abs(embeddings - embeddings[0]).max(1)
    assert distances[:3].max() < 1e-5 < 1e-2 < distances[3:].min()


def test_a_text_of_more_tokens_than_the_context_is_refused():
    tower = ENCODERS["clip_test"].make_text()
    with pytest.raises(UserError, match=r"texts have 11 tokens; this text tower reads 10: .*context=10"):
        jax.eval_shape(lambda: tower.init(jax.random.key(0), jnp.zeros((1, 11), int)))


@pytest.mark.parametrize(("name", "used"), [("clip_test", "logistic"), ("clip_vit_b32_gelu", "erfc")])
def test_the_activation_is_used_in_both_towers(name, used):
    spec, (image, text) = ENCODERS[name], _shapes(name)
    encoder, tower = spec.make(EncoderOptions()), spec.make_text()
    images, tokens = jnp.zeros((1, spec.size_px, spec.size_px, 3)), jnp.zeros((1, tower.context), int)
    for program in (
        jax.make_jaxpr(lambda params: encoder.apply({"params": params}, images, train=False))(image),
        jax.make_jaxpr(lambda params: tower.apply({"params": params}, tokens))(text),
    ):
        assert set(re.findall(r"\b(erfc?|logistic|tanh)\b", str(program))) == {used}
