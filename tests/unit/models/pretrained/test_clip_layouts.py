"""Published files of CLIP become its parameters: made-up files, and embeddings that transformers printed."""

import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from kgv_jax.models import zero_shot
from kgv_jax.models.clip import ENCODERS
from kgv_jax.models.pretrained.expected import expected_shapes
from kgv_jax.models.pretrained.match import match
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.util.errors import UserError

SPEC = ENCODERS["clip_test"]
# transformers 5.23, CLIPModel with the arrays of `_file("huggingface")`, interpolate_pos_encoding=True.
IMAGE = [[-0.40148, 0.05921, 0.16232], [-0.41746, 0.03154, 0.19693]]
TEXT = [[-0.05908, 1.37567, 1.43262], [-0.30426, 1.44649, 1.52207]]
LOGITS = [[0.62505, 0.61794], [0.63878, 0.63267]]
LAYOUTS = {layout.name: layout for layout in SPEC.layouts()}
EXPECTED = expected_shapes(SPEC)


def _file(publisher):
    """A file whose arrays depend on their keys alone, so that torch can make the same."""
    shapes = {}
    for entry in LAYOUTS[publisher].entries:
        shapes |= dict(zip(entry.keys, entry.transform.file_shapes(EXPECTED[entry.path]), strict=True))
    return {
        key: np.random.default_rng(zlib.crc32(key.encode())).normal(0.2, 0.4, shape).astype(np.float32)
        for key, shape in shapes.items()
    }


def _match(arrays):
    return match(SPEC.layouts(), arrays, EXPECTED, source="a file", model="clip_test")


@pytest.mark.parametrize("name", ENCODERS)
def test_every_layout_names_every_parameter_once(name):
    spec = ENCODERS[name]
    expected = {path for path in expected_shapes(spec) if not path.startswith("params/head/")}
    for layout in spec.layouts():
        paths = [entry.path for entry in layout.entries]
        keys = [key for entry in layout.entries for key in entry.keys]
        image = {path for path in expected if path.startswith("params/encoder/")}
        assert set(paths) == (image if layout.name == "timm" else expected)
        assert len(paths) == len(set(paths)) and len(keys) == len(set(keys))


@pytest.mark.parametrize("publisher", LAYOUTS)
def test_a_file_becomes_parameters_of_the_right_shapes(publisher):
    found = _match(_file(publisher))
    assert found.layout.name == publisher and not found.absent
    assert {path: array.shape for path, array in found.arrays.items()} == {
        path: EXPECTED[path] for path in found.arrays
    }


def test_publishers_turn_their_projections_each_their_own_way():
    kernel = "params/encoder/projection/kernel"
    np.testing.assert_array_equal(_match(_file("openai")).arrays[kernel], _file("openai")["visual.proj"])
    np.testing.assert_array_equal(
        _match(_file("huggingface")).arrays[kernel], _file("huggingface")["visual_projection.weight"].T
    )
    np.testing.assert_array_equal(_match(_file("timm")).arrays[kernel], _file("timm")["head.weight"].T)


def test_a_file_may_hold_the_image_tower_alone_but_no_half_of_a_text_tower():
    arrays = _file("huggingface")
    image = {key: array for key, array in arrays.items() if key.startswith("vis")}
    found = _match(image)
    assert all(path.startswith("params/encoder/") for path in found.arrays)
    assert "params/text/position" in found.absent and "params/logit_scale" in found.absent
    del arrays["text_model.final_layer_norm.bias"]
    with pytest.raises(UserError, match=r"missing \(1\): text_model.final_layer_norm.bias"):
        _match(arrays)


@pytest.mark.parametrize(
    ("publisher", "key"),
    [
        ("huggingface", "vision_model.embeddings.position_ids"),
        ("huggingface", "text_model.embeddings.position_ids"),
        ("openai", "input_resolution"),
        ("timm", "head.bias"),
    ],
)
def test_counters_and_buffers_are_ignored(publisher, key):
    assert _match({**_file(publisher), key: np.arange(3)}).ignored == (key,)


def test_embeddings_and_logits_are_those_that_transformers_printed():
    params = traverse_util.unflatten_dict(_match(_file("huggingface")).arrays, sep="/")["params"]
    images = np.random.default_rng(0).normal(size=(2, 16, 24, 3)).astype(np.float32)
    tokens = jnp.asarray([[518, 3, 5, 519, 0, 0], [518, 300, 519, 519, 519, 519]])
    encoder, tower = SPEC.make(EncoderOptions()), SPEC.make_text()

    @jax.jit
    def embed(params):
        pooled = encoder.apply({"params": params["encoder"]}, images, train=False).pooled
        return pooled, tower.apply({"params": params["text"]}, tokens)

    image, text = embed(params)
    np.testing.assert_allclose(image[:, :3], IMAGE, atol=1e-4)
    np.testing.assert_allclose(text[:, :3], TEXT, atol=1e-4)
    logits = zero_shot.zero_shot_logits(image, zero_shot.normalised(text).T, params["logit_scale"])
    np.testing.assert_allclose(logits, LOGITS, atol=1e-4)
