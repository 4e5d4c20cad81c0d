"""Published names of CLIP's two towers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from kgv_jax.models.pretrained.layout import CONV, LINEAR, SAME, Entry, Layout, Transform
from kgv_jax.models.pretrained.vit import ENCODER, leading, torch_dense, torch_norm

TEXT = "params/text/"
LOGIT_SCALE = "params/logit_scale"


@dataclasses.dataclass(frozen=True)
class Tower:
    """The names of one tower in a file.

    Attributes:
      arrays, norms: from our names below the tower to the file's keys, and to its modules.
      block: what the keys of a block begin with, given its number.
    """

    arrays: Mapping[str, str]
    norms: Mapping[str, str]
    block: str


@dataclasses.dataclass(frozen=True)
class Names:
    """The names of the parts of CLIP in a file.

    Attributes:
      image, text: towers; None has no text tower.
      norm1, qkv, out, norm2, mlp_in, mlp_out: modules below a block; query, key and value in one or three.
      transforms: of arrays, by our names, where they differ from the file's.
      ignored: see `Layout`.
    """

    image: Tower
    text: Tower | None
    norm1: str
    qkv: tuple[str, ...]
    out: str
    norm2: str
    mlp_in: str
    mlp_out: str
    transforms: Mapping[str, Transform]
    ignored: tuple[str, ...]


NAMES = {
    "openai": Names(
        image=Tower(
            arrays={
                "class_token": "visual.class_embedding",
                "position": "visual.positional_embedding",
                "patches/kernel": "visual.conv1.weight",
                "projection/kernel": "visual.proj",
            },
            norms={"pre_norm": "visual.ln_pre", "norm": "visual.ln_post"},
            block="visual.transformer.resblocks.{}.",
        ),
        text=Tower(
            arrays={
                "tokens/embedding": "token_embedding.weight",
                "position": "positional_embedding",
                "projection/kernel": "text_projection",
            },
            norms={"norm": "ln_final"},
            block="transformer.resblocks.{}.",
        ),
        norm1="ln_1",
        qkv=("attn.in_proj_{}",),
        out="attn.out_proj",
        norm2="ln_2",
        mlp_in="mlp.c_fc",
        mlp_out="mlp.c_proj",
        # Both projections multiply from the right, as ours do.
        transforms={"patches/kernel": CONV},
        ignored=("attn_mask", "input_resolution", "context_length", "vocab_size"),
    ),
    "huggingface": Names(
        image=Tower(
            arrays={
                "class_token": "vision_model.embeddings.class_embedding",
                "position": "vision_model.embeddings.position_embedding.weight",
                "patches/kernel": "vision_model.embeddings.patch_embedding.weight",
                "projection/kernel": "visual_projection.weight",
            },
            # The first is the publisher's spelling.
            norms={"pre_norm": "vision_model.pre_layrnorm", "norm": "vision_model.post_layernorm"},
            block="vision_model.encoder.layers.{}.",
        ),
        text=Tower(
            arrays={
                "tokens/embedding": "text_model.embeddings.token_embedding.weight",
                "position": "text_model.embeddings.position_embedding.weight",
                "projection/kernel": "text_projection.weight",
            },
            norms={"norm": "text_model.final_layer_norm"},
            block="text_model.encoder.layers.{}.",
        ),
        norm1="layer_norm1",
        qkv=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        out="self_attn.out_proj",
        norm2="layer_norm2",
        mlp_in="mlp.fc1",
        mlp_out="mlp.fc2",
        transforms={"patches/kernel": CONV, "projection/kernel": LINEAR},
        ignored=(r"(vision|text)_model\.embeddings\.position_ids",),
    ),
    "timm": Names(
        image=Tower(
            arrays={
                "class_token": "cls_token",
                "position": "pos_embed",
                "patches/kernel": "patch_embed.proj.weight",
                "projection/kernel": "head.weight",
            },
            norms={"pre_norm": "norm_pre", "norm": "norm"},
            block="blocks.{}.",
        ),
        text=None,
        norm1="norm1",
        qkv=("attn.qkv",),
        out="attn.proj",
        norm2="norm2",
        mlp_in="mlp.fc1",
        mlp_out="mlp.fc2",
        transforms={
            "class_token": leading(2),
            "position": leading(1),
            "patches/kernel": CONV,
            "projection/kernel": LINEAR,
        },
        # timm fills it with zeros: CLIP's projection has no bias.
        ignored=(r"head\.bias",),
    ),
}


def clip_layouts(image_depth: int, text_depth: int) -> tuple[Layout, ...]:
    """Returns the layouts of a CLIP whose towers have so many blocks; a file may lack the text's side."""
    layouts = []
    for publisher, names in NAMES.items():
        entries, text = _tower_entries(names, names.image, ENCODER, image_depth), []
        if names.text:
            text = [*_tower_entries(names, names.text, TEXT, text_depth), Entry(LOGIT_SCALE, ("logit_scale",), SAME)]
        optional = tuple(entry.path for entry in text)
        layouts.append(Layout(publisher, (*entries, *text), optional, names.ignored))
    return tuple(layouts)


def _tower_entries(names: Names, tower: Tower, path: str, depth: int) -> list[Entry]:
    entries = [Entry(path + ours, (key,), names.transforms.get(ours, SAME)) for ours, key in tower.arrays.items()]
    for ours, module in tower.norms.items():
        entries += torch_norm(path + ours, module)
    for number in range(depth):
        ours, theirs = f"{path}transformer/block{number}/", tower.block.format(number)
        entries += torch_norm(f"{ours}norm1", theirs + names.norm1)
        entries += torch_dense(f"{ours}attention/qkv", *(theirs + part for part in names.qkv))
        entries += torch_dense(f"{ours}attention/out", theirs + names.out)
        entries += torch_norm(f"{ours}norm2", theirs + names.norm2)
        entries += torch_dense(f"{ours}mlp/in", theirs + names.mlp_in)
        entries += torch_dense(f"{ours}mlp/out", theirs + names.mlp_out)
    return entries
