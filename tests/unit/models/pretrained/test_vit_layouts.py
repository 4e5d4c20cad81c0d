"""Layouts of ViT and DINOv2: every parameter once, published keys and shapes, values where they belong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from kgv_jax.models import dinov2, vit
from kgv_jax.models.spec import EncoderOptions

_SPECS = {name: (vit.ENCODERS | dinov2.ENCODERS)[name] for name in ("vit_test", "dinov2_test", "dinov2_reg_test")}
_LAYOUTS = [(name, layout.name) for name, spec in _SPECS.items() for layout in spec.layouts()]


def _layout(name, publisher):
    return next(layout for layout in _SPECS[name].layouts() if layout.name == publisher)


def _shapes(name):
    """Returns the shape of each parameter of the encoder and of its head, by flat path."""
    spec = _SPECS[name]
    images = jnp.zeros((1, spec.size_px, spec.size_px, 3))
    features, variables = jax.eval_shape(
        lambda: spec.make(EncoderOptions()).init_with_output(jax.random.key(0), images, train=False)
    )
    paths = traverse_util.flatten_dict(variables["params"], sep="/")
    head = jax.eval_shape(spec.head_input, features).shape[-1]
    return {f"params/encoder/{path}": leaf.shape for path, leaf in paths.items()} | {
        "params/head/kernel": (head, spec.num_logits),
        "params/head/bias": (spec.num_logits,),
    }


def _file(name, publisher):
    """Returns a file of this layout: random arrays of the shapes that it asks for."""
    rng, shapes = np.random.default_rng(0), _shapes(name)
    return {
        key: rng.normal(size=shape).astype(np.float32)
        for entry in _layout(name, publisher).entries
        for key, shape in zip(entry.keys, entry.transform.file_shapes(shapes[entry.path]), strict=True)
    }


def _read(name, publisher, file):
    return {
        entry.path: entry.transform.to_ours([file[key] for key in entry.keys])
        for entry in _layout(name, publisher).entries
    }


@pytest.mark.parametrize(("name", "publisher"), _LAYOUTS)
def test_every_parameter_is_read_once_in_its_shape(name, publisher):
    layout, shapes = _layout(name, publisher), _shapes(name)
    assert len({entry.path for entry in layout.entries}) == len(layout.entries)
    assert len({key for entry in layout.entries for key in entry.keys}) == sum(len(e.keys) for e in layout.entries)
    assert shapes.keys() - {entry.path for entry in layout.entries} <= set(layout.optional) | {
        "params/head/kernel", "params/head/bias"
    }  # fmt: skip
    ours = _read(name, publisher, _file(name, publisher))
    assert {path: array.shape for path, array in ours.items()} == {path: shapes[path] for path in ours}


@pytest.mark.parametrize(
    ("name", "publisher", "published"),
    [
        ("vit_test", "timm", {"cls_token": (1, 1, 16), "pos_embed": (1, 17, 16), "blocks.1.attn.qkv.weight": (48, 16),
                              "patch_embed.proj.weight": (16, 3, 8, 8), "head.weight": (10, 16)}),
        ("vit_test", "torchvision", {"conv_proj.weight": (16, 3, 8, 8), "heads.head.bias": (10,),
                                     "encoder.layers.encoder_layer_1.self_attention.in_proj_weight": (48, 16),
                                     "encoder.layers.encoder_layer_1.mlp.linear_1.weight": (64, 16)}),
        ("vit_test", "torchvision_renamed", {"encoder.layers.encoder_layer_1.mlp.3.weight": (16, 64)}),
        ("vit_test", "huggingface", {"encoder.layer.0.attention.attention.key.weight": (16, 16),
                                     "encoder.layer.0.output.dense.weight": (16, 64), "layernorm.bias": (16,)}),
        ("vit_test", "huggingface_5", {"layers.0.attention.k_proj.bias": (16,), "layers.0.mlp.fc1.bias": (64,)}),
        ("vit_test", "google", {
            "Transformer/encoderblock_1/MultiHeadDotProductAttention_1/query/kernel": (16, 2, 8),
            "Transformer/encoderblock_1/MultiHeadDotProductAttention_1/query/bias": (2, 8),
            "Transformer/encoderblock_1/MultiHeadDotProductAttention_1/out/kernel": (2, 8, 16),
            "Transformer/posembed_input/pos_embedding": (1, 17, 16), "embedding/kernel": (8, 8, 3, 16)}),
        ("dinov2_test", "facebook", {"blocks.0.ls1.gamma": (16,), "pos_embed": (1, 26, 16)}),
        ("dinov2_reg_test", "facebook", {"register_tokens": (1, 4, 16), "pos_embed": (1, 26, 16)}),
        ("dinov2_reg_test", "timm", {"reg_token": (1, 4, 16), "pos_embed": (1, 25, 16)}),
        ("dinov2_test", "huggingface", {"encoder.layer.1.layer_scale2.lambda1": (16,), "classifier.weight": (10, 32),
                                        "encoder.layer.1.attention.output.dense.weight": (16, 16)}),
        ("dinov2_reg_test", "huggingface_5", {"embeddings.register_tokens": (1, 4, 16),
                                              "encoder.layer.1.attention.o_proj.weight": (16, 16)}),
    ],
)  # fmt: skip
def test_published_keys_have_their_published_shapes(name, publisher, published):
    file = _file(name, publisher)
    assert {key: file[key].shape for key in published if key in file} == published


def test_query_key_and_value_are_joined_in_this_order():
    fused = _file("vit_test", "timm")
    apart = _file("vit_test", "huggingface")
    for word in ("weight", "bias"):
        parts = np.split(fused[f"blocks.0.attn.qkv.{word}"], 3)
        for part, array in zip(("query", "key", "value"), parts, strict=True):
            apart[f"encoder.layer.0.attention.attention.{part}.{word}"] = array
    one, other = _read("vit_test", "timm", fused), _read("vit_test", "huggingface", apart)
    for leaf in ("kernel", "bias"):
        path = f"params/encoder/transformer/block0/attention/qkv/{leaf}"
        np.testing.assert_array_equal(one[path], other[path])


def test_the_heads_of_the_original_files_follow_each_other():
    file = _file("vit_test", "google")
    ours = _read("vit_test", "google", file)
    path, key = (
        "params/encoder/transformer/block1/attention/",
        "Transformer/encoderblock_1/MultiHeadDotProductAttention_1/",
    )
    # Of query, key, value (16 columns each) the second head of the key: columns 24 to 32.
    np.testing.assert_array_equal(ours[f"{path}qkv/kernel"][:, 24:32], file[f"{key}key/kernel"][:, 1])
    np.testing.assert_array_equal(ours[f"{path}qkv/bias"][24:32], file[f"{key}key/bias"][1])
    np.testing.assert_array_equal(ours[f"{path}out/kernel"][8:], file[f"{key}out/kernel"][1])


def test_positions_of_patches_alone_give_the_class_token_none():
    file = _file("dinov2_reg_test", "timm")
    position = _read("dinov2_reg_test", "timm", file)["params/encoder/position"]
    np.testing.assert_array_equal(position[0], np.zeros(16))
    np.testing.assert_array_equal(position[1:], file["pos_embed"][0])


def test_one_publisher_has_another_epsilon():
    assert {layout.name: layout.epsilon for layout in _SPECS["vit_test"].layouts()} == {
        "timm": None,
        "huggingface": 1e-12,
        "huggingface_5": 1e-12,
        "torchvision": None,
        "torchvision_renamed": None,
        "google": None,
    }
    assert {layout.epsilon for layout in _SPECS["dinov2_test"].layouts()} == {None}
