"""Published names of CLIP's two towers."""

from __future__ import annotations

import dataclasses

from kgv_jax.models.pretrained.layout import CONV, LINEAR, SAME, Entry, Layout, Transform
from kgv_jax.models.pretrained.vit import ENCODER, torch_dense, torch_norm

TEXT = "params/text/"
LOGIT_SCALE = "params/logit_scale"


@dataclasses.dataclass(frozen=True)
class Names:
    """Where a file keeps the parts of CLIP.

    Attributes:
      class_token, image_position, image_projection, text_position, text_projection, tokens: parameters.
      patches, pre_norm, image_norm, text_norm: modules.
      image_block, text_block: what the keys of a block begin with, given its number.
      norm1, qkv, out, norm2, mlp_in, mlp_out: modules below a block; query, key and value in one or three.
      projection: transform of both projections.
      ignored: see `Layout`.
    """

    class_token: str
    image_position: str
    image_projection: str
    text_position: str
    text_projection: str
    tokens: str
    patches: str
    pre_norm: str
    image_norm: str
    text_norm: str
    image_block: str
    text_block: str
    norm1: str
    qkv: tuple[str, ...]
    out: str
    norm2: str
    mlp_in: str
    mlp_out: str
    projection: Transform
    ignored: tuple[str, ...]


OPENAI = Names(
    class_token="visual.class_embedding",
    image_position="visual.positional_embedding",
    image_projection="visual.proj",
    text_position="positional_embedding",
    text_projection="text_projection",
    tokens="token_embedding.weight",
    patches="visual.conv1",
    pre_norm="visual.ln_pre",
    image_norm="visual.ln_post",
    text_norm="ln_final",
    image_block="visual.transformer.resblocks.{}.",
    text_block="transformer.resblocks.{}.",
    norm1="ln_1",
    qkv=("attn.in_proj_{}",),
    out="attn.out_proj",
    norm2="ln_2",
    mlp_in="mlp.c_fc",
    mlp_out="mlp.c_proj",
    # It multiplies from the right, as ours does.
    projection=SAME,
    ignored=("attn_mask", "input_resolution", "context_length", "vocab_size"),
)
HUGGINGFACE = Names(
    class_token="vision_model.embeddings.class_embedding",
    image_position="vision_model.embeddings.position_embedding.weight",
    image_projection="visual_projection.weight",
    text_position="text_model.embeddings.position_embedding.weight",
    text_projection="text_projection.weight",
    tokens="text_model.embeddings.token_embedding.weight",
    patches="vision_model.embeddings.patch_embedding",
    # The publisher's spelling.
    pre_norm="vision_model.pre_layrnorm",
    image_norm="vision_model.post_layernorm",
    text_norm="text_model.final_layer_norm",
    image_block="vision_model.encoder.layers.{}.",
    text_block="text_model.encoder.layers.{}.",
    norm1="layer_norm1",
    qkv=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    out="self_attn.out_proj",
    norm2="layer_norm2",
    mlp_in="mlp.fc1",
    mlp_out="mlp.fc2",
    projection=LINEAR,
    ignored=(r"(vision|text)_model\.embeddings\.position_ids",),
)


def clip_layouts(image_depth: int, text_depth: int) -> tuple[Layout, ...]:
    """Returns the layouts of a CLIP whose towers have so many blocks; a file may lack the text's side."""
    layouts = []
    for name, names in (("openai", OPENAI), ("huggingface", HUGGINGFACE)):
        image, text = _image_entries(names, image_depth), _text_entries(names, text_depth)
        layouts.append(Layout(name, (*image, *text), tuple(entry.path for entry in text), names.ignored))
    return tuple(layouts)


def _image_entries(names: Names, depth: int) -> tuple[Entry, ...]:
    return (
        Entry(f"{ENCODER}class_token", (names.class_token,), SAME),
        Entry(f"{ENCODER}position", (names.image_position,), SAME),
        Entry(f"{ENCODER}patches/kernel", (f"{names.patches}.weight",), CONV),
        Entry(f"{ENCODER}projection/kernel", (names.image_projection,), names.projection),
        *torch_norm(f"{ENCODER}pre_norm", names.pre_norm),
        *torch_norm(f"{ENCODER}norm", names.image_norm),
        *_block_entries(names, f"{ENCODER}transformer/", names.image_block, depth),
    )


def _text_entries(names: Names, depth: int) -> tuple[Entry, ...]:
    return (
        Entry(f"{TEXT}tokens/embedding", (names.tokens,), SAME),
        Entry(f"{TEXT}position", (names.text_position,), SAME),
        Entry(f"{TEXT}projection/kernel", (names.text_projection,), names.projection),
        *torch_norm(f"{TEXT}norm", names.text_norm),
        *_block_entries(names, f"{TEXT}transformer/", names.text_block, depth),
        Entry(LOGIT_SCALE, ("logit_scale",), SAME),
    )


def _block_entries(names: Names, ours: str, theirs: str, depth: int) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(depth):
        path, key = f"{ours}block{number}/", theirs.format(number)
        entries += torch_norm(f"{path}norm1", key + names.norm1)
        entries += torch_dense(f"{path}attention/qkv", *(key + part for part in names.qkv))
        entries += torch_dense(f"{path}attention/out", key + names.out)
        entries += torch_norm(f"{path}norm2", key + names.norm2)
        entries += torch_dense(f"{path}mlp/in", key + names.mlp_in)
        entries += torch_dense(f"{path}mlp/out", key + names.mlp_out)
    return entries
