"""Vision transformers: shapes, what each token sees, position embeddings, options, user errors."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from kgv_jax.models import dinov2, vit
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.models.vit import VisionTransformer, make_vit
from kgv_jax.util.errors import UserError

_ENCODERS = {**vit.ENCODERS, **dinov2.ENCODERS}


def _tiny(**options):
    return VisionTransformer(patch=4, width=8, depth=2, heads=2, grid=3, **options)


def _images(height=12, width=12, seed=0):
    return jax.random.normal(jax.random.key(seed), (2, height, width, 3))


def _init(model, images):
    return jax.jit(functools.partial(model.init_with_output, train=False))(jax.random.key(1), images)


def _apply(model, variables, images):
    return jax.jit(functools.partial(model.apply, train=False))(variables, images)


def _shapes(spec):
    images = jnp.zeros((2, spec.size_px, spec.size_px, 3))
    return jax.eval_shape(lambda: spec.make(EncoderOptions()).init_with_output(jax.random.key(0), images, train=False))


@pytest.mark.parametrize("name", [name for name in _ENCODERS if name.endswith("_test") or "_s" in name])
def test_every_parameter_belongs_to_one_layer(name):
    spec = _ENCODERS[name]
    _, variables = _shapes(spec)
    paths = traverse_util.flatten_dict(variables["params"], sep="/")
    layers = {path: [i for i, layer in enumerate(spec.layers) if re.fullmatch(layer, path)] for path in paths}
    assert {len(found) for found in layers.values()} == {1}
    assert {found[0] for found in layers.values()} == set(range(len(spec.layers)))
    assert layers["position"] == [0] and layers["norm/scale"] == [len(spec.layers) - 1]
    assert layers["transformer/block1/attention/qkv/kernel"] == [2]


@pytest.mark.parametrize(
    ("name", "millions", "width"),
    [("vit_ti16", 5.5, 192), ("vit_s16", 21.7, 384), ("vit_b16", 85.8, 768), ("vit_b32", 87.5, 768),
     ("vit_l16", 303.3, 1024)],
)  # fmt: skip
def test_published_sizes(name, millions, width):
    features, variables = _shapes(_ENCODERS[name])
    assert round(sum(leaf.size for leaf in jax.tree.leaves(variables)) / 1e6, 1) == millions
    side = 224 // _ENCODERS[name].multiple_px
    assert features.pooled.shape == (2, width) and features.spatial.shape == (2, side, side, width)


def test_features_of_a_projection():
    images = _images(8, 16)
    features, variables = _init(_tiny(pre_norm=True, projection=5), images)
    assert features.pooled.shape == (2, 5) and features.spatial.shape == (2, 2, 4, 8)
    assert [tap.shape for tap in features.taps] == [(2, 2, 4, 8)] * 2
    params = variables["params"]
    assert set(params["projection"]) == {"kernel"} and set(params["patches"]) == {"kernel"}
    assert "registers" not in params and "pre_norm" in params


@pytest.mark.parametrize("registers", [0, 3])
def test_a_tap_keeps_tokens_where_their_patches_are(registers):
    model, images = _tiny(registers=registers), _images(8, 12)
    _, variables = _init(model, images)
    # Without attention a token sees its own patch only.
    for block in variables["params"]["transformer"].values():
        block["attention"]["out"]["kernel"] = jnp.zeros((8, 8))
    changed = images.at[:, 4:8, 8:12].add(1.0)
    before, after = (_apply(model, variables, pixels) for pixels in (images, changed))
    for one, other in ((before.spatial, after.spatial), (before.taps[0], after.taps[0])):
        np.testing.assert_array_equal(np.abs(one - other).max((0, 3)) > 1e-6, [[False] * 3, [False, False, True]])
    np.testing.assert_array_equal(before.pooled, after.pooled)


def test_registers_are_read_and_not_returned():
    model, images = _tiny(registers=3), _images()
    features, variables = _init(model, images)
    assert variables["params"]["position"].shape == (10, 8)
    variables["params"]["registers"] += jax.random.normal(jax.random.key(2), (3, 8))
    changed = _apply(model, variables, images)
    assert changed.spatial.shape == features.spatial.shape == (2, 3, 3, 8)
    assert np.abs(changed.pooled - features.pooled).max() > 1e-3


def test_position_embeddings_are_parameters_on_the_published_grid():
    model = _tiny()
    _, variables = _init(model, _images(20, 8))
    assert variables["params"]["position"].shape == (10, 8)
    # Away from the published grid, each patch still has a position embedding of its own.
    variables["params"]["position"] = 10.0 * variables["params"]["position"]
    tap = _apply(model, variables, jnp.zeros((1, 20, 8, 3))).taps[0]
    patches = np.asarray(tap).reshape(10, 8)
    assert np.abs(patches[:, None] - patches[None]).max(-1)[~np.eye(10, dtype=bool)].min() > 1e-3


def test_bfloat16_features_are_float32_and_close():
    images = _images()
    exact, variables = _init(_tiny(), images)
    half = _apply(_tiny(dtype=jnp.bfloat16), variables, images)
    assert {leaf.dtype for leaf in jax.tree.leaves(half)} == {jnp.dtype("float32")}
    difference = np.abs(half.pooled - exact.pooled).max()
    assert 0 < difference < 0.1


def test_options_reach_the_module():
    options = EncoderOptions(dtype=jnp.bfloat16, remat=True, drop_path=0.2, epsilon=1e-12)
    module = make_vit(patch=4, width=8, depth=2, heads=2, grid=3, epsilon=1e-5)(options)
    assert (module.dtype, module.remat, module.drop_path, module.epsilon) == (jnp.bfloat16, True, 0.2, 1e-12)
    assert make_vit(patch=4, width=8, depth=2, heads=2, grid=3, epsilon=1e-5)(EncoderOptions()).epsilon == 1e-5


def test_sides_that_patches_do_not_fill_are_refused():
    with pytest.raises(UserError, match=r"12 x 14 px.*patches of 4 px.*multiples of 4"):
        jax.eval_shape(lambda: _tiny().init(jax.random.key(0), jnp.zeros((1, 12, 14, 3)), train=False))


@pytest.mark.parametrize("norm", ["group", "batch"])
def test_another_norm_is_refused(norm):
    with pytest.raises(UserError, match=rf"model.norm is '{norm}'.*'auto'"):
        vit.ENCODERS["vit_test"].make(EncoderOptions(norm=norm))
