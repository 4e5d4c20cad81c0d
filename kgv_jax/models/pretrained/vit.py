"""Published names of vision transformers."""

from __future__ import annotations

import dataclasses

import numpy as np

from kgv_jax.models.pretrained.layout import CONV, LINEAR, SAME, Entry, Layout, Transform, joined

HEAD = ("params/head/kernel", "params/head/bias")
ENCODER = "params/encoder/"


@dataclasses.dataclass(frozen=True)
class Names:
    """The names of the parts of a vision transformer in a file of torch modules.

    Attributes:
      class_token, position, registers: parameters; None has no such one.
      patches, norm: modules, with a "weight" and a "bias".
      block: what the keys of a block begin with, given its number.
      qkv: query, key and value below a block, in one key or in three, given "weight" or "bias".
      out, mlp_in, mlp_out, norm1, norm2: modules below a block.
      layer_scale: of both branches, below a block.
      head: the module of the published classification head; None has none.
    """

    class_token: str
    position: str
    patches: str
    block: str
    qkv: tuple[str, ...]
    out: str
    mlp_in: str
    mlp_out: str
    norm: str
    norm1: str = "norm1"
    norm2: str = "norm2"
    registers: str | None = None
    layer_scale: tuple[str, str] | None = None
    head: str | None = None


def leading(axes: int) -> Transform:
    """Returns the transform of an array that the file keeps with `axes` axes of one before ours."""
    ones = (1,) * axes
    return Transform(lambda arrays: arrays[0].reshape(arrays[0].shape[axes:]), lambda shape: (ones + shape,))


# Position embeddings of patches alone: the class token's were added to the class token.
PATCH_POSITIONS = Transform(
    lambda arrays: np.pad(arrays[0][0], ((1, 0), (0, 0))), lambda shape: ((1, shape[0] - 1, shape[1]),)
)


def torch_norm(path: str, key: str) -> tuple[Entry, ...]:
    """Returns the entries of a norm's scale and bias."""
    return (Entry(f"{path}/scale", (f"{key}.weight",), SAME), Entry(f"{path}/bias", (f"{key}.bias",), SAME))


def torch_dense(path: str, *keys: str, transform: Transform = LINEAR) -> tuple[Entry, ...]:
    """Returns the entries of a kernel and a bias; of several keys, joined along the outputs.

    A key stands for "key.weight" and "key.bias", or says with "{}" where these words go.
    """
    forms = [key if "{}" in key else f"{key}.{{}}" for key in keys]
    parts = {"kernel": ("weight", transform), "bias": ("bias", SAME)}
    return tuple(
        Entry(f"{path}/{ours}", tuple(form.format(word) for form in forms), one if len(forms) == 1 else joined(one, 3))
        for ours, (word, one) in parts.items()
    )


def torch_entries(names: Names, depth: int, *, position: Transform | None = None) -> tuple[Entry, ...]:
    """Returns the entries of a whole encoder of `depth` blocks, and of its head where there is one.

    `position` is the transform of position embeddings where it is not the usual one, an axis of one before ours.
    """
    entries = [
        Entry(f"{ENCODER}class_token", (names.class_token,), leading(2)),
        Entry(f"{ENCODER}position", (names.position,), position or leading(1)),
        *torch_dense(f"{ENCODER}patches", names.patches, transform=CONV),
        *torch_norm(f"{ENCODER}norm", names.norm),
    ]
    if names.registers:
        entries.append(Entry(f"{ENCODER}registers", (names.registers,), leading(1)))
    for number in range(depth):
        ours, theirs = f"{ENCODER}transformer/block{number}/", names.block.format(number)
        entries += torch_norm(f"{ours}norm1", theirs + names.norm1)
        entries += torch_dense(f"{ours}attention/qkv", *(theirs + key for key in names.qkv))
        entries += torch_dense(f"{ours}attention/out", theirs + names.out)
        entries += torch_norm(f"{ours}norm2", theirs + names.norm2)
        entries += torch_dense(f"{ours}mlp/in", theirs + names.mlp_in)
        entries += torch_dense(f"{ours}mlp/out", theirs + names.mlp_out)
        for branch, key in enumerate(names.layer_scale or (), 1):
            entries.append(Entry(f"{ours}layer_scale{branch}/scale", (theirs + key,), SAME))
    return (*entries, *(torch_dense("params/head", names.head) if names.head else ()))


TIMM = Names(
    class_token="cls_token",
    position="pos_embed",
    patches="patch_embed.proj",
    block="blocks.{}.",
    qkv=("attn.qkv",),
    out="attn.proj",
    mlp_in="mlp.fc1",
    mlp_out="mlp.fc2",
    norm="norm",
    head="head",
)
TORCHVISION = Names(
    class_token="class_token",
    position="encoder.pos_embedding",
    patches="conv_proj",
    block="encoder.layers.encoder_layer_{}.",
    norm1="ln_1",
    qkv=("self_attention.in_proj_{}",),
    out="self_attention.out_proj",
    norm2="ln_2",
    mlp_in="mlp.0",
    mlp_out="mlp.3",
    norm="encoder.ln",
    head="heads.head",
)
# A classifier's file has "vit." before all but the head; `match` takes it off.
HUGGINGFACE = Names(
    class_token="embeddings.cls_token",
    position="embeddings.position_embeddings",
    patches="embeddings.patch_embeddings.projection",
    block="encoder.layer.{}.",
    norm1="layernorm_before",
    qkv=tuple(f"attention.attention.{part}" for part in ("query", "key", "value")),
    out="attention.output.dense",
    norm2="layernorm_after",
    mlp_in="intermediate.dense",
    mlp_out="output.dense",
    norm="layernorm",
    head="classifier",
)
# What transformers 5 calls them in memory; what it saves has the names above.
HUGGINGFACE_5 = dataclasses.replace(
    HUGGINGFACE,
    block="layers.{}.",
    qkv=tuple(f"attention.{part}_proj" for part in "qkv"),
    out="attention.o_proj",
    mlp_in="mlp.fc1",
    mlp_out="mlp.fc2",
)


def vit_layouts(depth: int, heads: int) -> tuple[Layout, ...]:
    """Returns the layouts of a ViT of `depth` blocks with `heads` heads each."""
    # torchvision's published files are older than its code, which renames these two when it reads them.
    old_torchvision = dataclasses.replace(TORCHVISION, mlp_in="mlp.linear_1", mlp_out="mlp.linear_2")
    names = {
        "timm": TIMM,
        "huggingface": HUGGINGFACE,
        "huggingface_5": HUGGINGFACE_5,
        "torchvision": old_torchvision,
        "torchvision_renamed": TORCHVISION,
    }
    # A pooler is a layer after the class token that only its own training used.
    ignored = (r"(vit\.)?pooler\.dense\..*", r"(vit\.)?embeddings\.mask_token")
    torch_layouts = (
        # transformers' ViT has epsilon 1e-12, others 1e-6; for tokens of small variance the features differ.
        Layout(name, torch_entries(n, depth), HEAD, ignored, epsilon=1e-12 if "huggingface" in name else None)
        for name, n in names.items()
    )
    return (*torch_layouts, Layout("google", _google_entries(depth, heads), HEAD, (r"pre_logits/.*",)))


def _google_entries(depth: int, heads: int) -> tuple[Entry, ...]:
    """Returns the entries of the original `.npz` files: flax names, with an axis for the heads."""

    def split_last(shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-1], heads, shape[-1] // heads)

    into_heads = joined(
        Transform(lambda arrays: arrays[0].reshape(*arrays[0].shape[:-2], -1), lambda shape: (split_last(shape),)), 3
    )
    from_heads = Transform(
        lambda arrays: arrays[0].reshape(-1, arrays[0].shape[-1]),
        lambda shape: ((heads, shape[0] // heads, shape[1]),),
    )

    def module(path: str, *keys: str, kernel: str = "kernel", transform: Transform = SAME) -> list[Entry]:
        bias = SAME if len(keys) == 1 else transform
        return [
            Entry(f"{path}/{kernel}", tuple(f"{key}/{kernel}" for key in keys), transform),
            Entry(f"{path}/bias", tuple(f"{key}/bias" for key in keys), bias),
        ]

    entries = [
        Entry(f"{ENCODER}class_token", ("cls",), leading(2)),
        Entry(f"{ENCODER}position", ("Transformer/posembed_input/pos_embedding",), leading(1)),
        *module(f"{ENCODER}patches", "embedding"),
        *module(f"{ENCODER}norm", "Transformer/encoder_norm", kernel="scale"),
        *module("params/head", "head"),
    ]
    for number in range(depth):
        ours, theirs = f"{ENCODER}transformer/block{number}/", f"Transformer/encoderblock_{number}/"
        attention = f"{theirs}MultiHeadDotProductAttention_1/"
        parts = [attention + part for part in ("query", "key", "value")]
        entries += module(f"{ours}norm1", f"{theirs}LayerNorm_0", kernel="scale")
        entries += module(f"{ours}attention/qkv", *parts, transform=into_heads)
        entries += module(f"{ours}attention/out", f"{attention}out", transform=from_heads)
        entries += module(f"{ours}norm2", f"{theirs}LayerNorm_2", kernel="scale")
        entries += module(f"{ours}mlp/in", f"{theirs}MlpBlock_3/Dense_0")
        entries += module(f"{ours}mlp/out", f"{theirs}MlpBlock_3/Dense_1")
    return tuple(entries)
