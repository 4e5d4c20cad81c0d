"""Published names of DINOv2."""

from __future__ import annotations

import dataclasses

from kgv_jax.models.pretrained.layout import Layout
from kgv_jax.models.pretrained.vit import (
    HEAD,
    HUGGINGFACE,
    HUGGINGFACE_5,
    PATCH_POSITIONS,
    TIMM,
    torch_entries,
)

_FACEBOOK = dataclasses.replace(TIMM, layer_scale=("ls1.gamma", "ls2.gamma"), head=None)
_HUGGINGFACE = dataclasses.replace(
    HUGGINGFACE,
    norm1="norm1",
    norm2="norm2",
    mlp_in="mlp.fc1",
    mlp_out="mlp.fc2",
    layer_scale=("layer_scale1.lambda1", "layer_scale2.lambda1"),
)
_HUGGINGFACE_5 = dataclasses.replace(_HUGGINGFACE, qkv=HUGGINGFACE_5.qkv, out=HUGGINGFACE_5.out)


def dinov2_layouts(depth: int, *, registers: bool) -> tuple[Layout, ...]:
    """Returns the layouts of a DINOv2 of `depth` blocks, with register tokens or without."""
    facebook, saved, in_memory = _FACEBOOK, _HUGGINGFACE, _HUGGINGFACE_5
    prefix = "dinov2."
    if registers:
        facebook = dataclasses.replace(facebook, registers="register_tokens")
        saved = dataclasses.replace(saved, registers="embeddings.register_tokens")
        in_memory = dataclasses.replace(in_memory, registers="embeddings.register_tokens")
        prefix = "dinov2_with_registers."
    names = {
        # timm's too, without registers.
        "facebook": facebook,
        "huggingface": saved.below(prefix, head="classifier"),
        "huggingface_encoder": saved,
        "huggingface_5": in_memory.below(prefix, head="classifier"),
        "huggingface_5_encoder": in_memory,
    }
    # Trained to stand for patches that were masked out.
    ignored = (r"(.*\.)?mask_token",)
    layouts = [Layout(name, torch_entries(n, depth), HEAD, ignored) for name, n in names.items()]
    if registers:
        timm = dataclasses.replace(facebook, registers="reg_token")
        layouts.append(Layout("timm", torch_entries(timm, depth, position=PATCH_POSITIONS)))
    return tuple(layouts)
