"""Layouts of convolutional networks: every array of ours once, published keys spelled as published."""

import collections
import functools
import re

import jax
import jax.numpy as jnp
import pytest

from kgv_jax.models import registry
from kgv_jax.models.spec import EncoderOptions

NAMES = [
    name for name in registry.list_models() if re.fullmatch(r"(resnet(18|34|50|101)|efficientnet_\w+)(_test)?", name)
]


@functools.cache
def _shapes(name):
    spec = registry.get(name)
    images = jnp.zeros((1, spec.size_px, spec.size_px, 3))
    variables = jax.eval_shape(lambda: spec.make(EncoderOptions()).init(jax.random.key(0), images, train=False))
    return {
        f"{collection}/encoder/" + "/".join(part.key for part in path): leaf.shape
        for collection, tree in variables.items()
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def _file_shapes(name, publisher):
    """Returns the shapes that a file of this publisher must have, by key."""
    (layout,) = [layout for layout in registry.get(name).layouts() if layout.name == publisher]
    shapes = _shapes(name)
    return {
        key: shape
        for entry in layout.entries
        if entry.path in shapes
        for key, shape in zip(entry.keys, entry.transform.file_shapes(shapes[entry.path]), strict=True)
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_array_has_one_entry_and_every_key_one_use(name):
    expected = {*_shapes(name), "params/head/kernel", "params/head/bias"}
    for layout in registry.get(name).layouts():
        paths = [entry.path for entry in layout.entries]
        assert len(paths) == len(set(paths)) and set(paths) == expected
        keys = collections.Counter(key for entry in layout.entries for key in entry.keys)
        assert max(keys.values()) == 1
        assert set(layout.optional) == {"params/head/kernel", "params/head/bias"}
        assert any(re.fullmatch(pattern, "bn1.num_batches_tracked") for pattern in layout.ignored)


@pytest.mark.parametrize("name", NAMES)
def test_layers_cover_every_parameter_once(name):
    patterns = registry.get(name).layers
    for path in _shapes(name):
        if path.startswith("params/"):
            found = [p for p in patterns if re.fullmatch(p, path.removeprefix("params/encoder/"))]
            assert len(found) == 1, path


@pytest.mark.parametrize(
    ("name", "publisher", "key", "shape"),
    [
        ("resnet18", "torchvision", "layer2.0.downsample.0.weight", (128, 64, 1, 1)),
        ("resnet50", "torchvision", "layer1.0.downsample.1.running_var", (256,)),
        ("resnet50", "torchvision", "layer4.2.conv3.weight", (2048, 512, 1, 1)),
        ("resnet101", "torchvision", "layer3.22.bn3.bias", (1024,)),
        ("resnet50", "huggingface", "resnet.encoder.stages.0.layers.0.shortcut.convolution.weight", (256, 64, 1, 1)),
        ("resnet18", "huggingface", "resnet.encoder.stages.3.layers.1.layer.1.normalization.running_mean", (512,)),
        ("efficientnet_lite0", "efficientnet_pytorch", "_blocks.15._depthwise_conv.weight", (1152, 1, 3, 3)),
        ("efficientnet_lite0", "efficientnet_pytorch", "_blocks.0._bn2.weight", (16,)),
        ("efficientnet_lite0", "timm", "blocks.0.0.conv_pw.weight", (16, 32, 1, 1)),
        ("efficientnet_lite0", "timm", "blocks.5.3.conv_pwl.weight", (192, 1152, 1, 1)),
        ("efficientnet_lite1", "efficientnet_pytorch", "_blocks.20._depthwise_conv.weight", (1152, 1, 3, 3)),
        ("efficientnet_lite2", "efficientnet_pytorch", "_blocks.20._project_conv.weight", (352, 1248, 1, 1)),
        ("efficientnet_lite2", "timm", "blocks.3.3.conv_dw.weight", (528, 1, 3, 3)),
    ],
)
def test_published_keys_have_published_shapes(name, publisher, key, shape):
    assert _file_shapes(name, publisher)[key] == shape


@pytest.mark.parametrize("publisher", ["efficientnet_pytorch", "timm"])
def test_lite0_files_hold_296_arrays(publisher):
    # 49 of them are counters of the norms, and two the head.
    assert len(_file_shapes("efficientnet_lite0", publisher)) == 296 - 49 - 2


def test_a_resnet18_block_without_change_of_shape_has_no_shortcut():
    for layout in registry.get("resnet18").layouts():
        paths = {entry.path for entry in layout.entries}
        assert not [path for path in paths if "stage0" in path and "shortcut" in path]
        assert not [path for path in paths if "_block1" in path and "shortcut" in path]
