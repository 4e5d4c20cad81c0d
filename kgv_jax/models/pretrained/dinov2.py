"""Published names of DINOv2."""

from __future__ import annotations

import dataclasses

from kgv_jax.models.pretrained.layout import Layout
from kgv_jax.models.pretrained.vit import HEAD, HUGGINGFACE, HUGGINGFACE_5, PATCH_POSITIONS, TIMM, Names, torch_entries

# timm's too, without registers.
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

    def with_registers(names: Names, key: str) -> Names:
        return dataclasses.replace(names, registers=key) if registers else names

    names = {
        "facebook": with_registers(_FACEBOOK, "register_tokens"),
        "huggingface": with_registers(_HUGGINGFACE, "embeddings.register_tokens"),
        "huggingface_5": with_registers(_HUGGINGFACE_5, "embeddings.register_tokens"),
    }
    # A token that took the place of masked patches in training.
    ignored = (r"(.*\.)?mask_token",)
    layouts = [Layout(name, torch_entries(n, depth), HEAD, ignored) for name, n in names.items()]
    if registers:
        timm = with_registers(_FACEBOOK, "reg_token")
        layouts.append(Layout("timm", torch_entries(timm, depth, position=PATCH_POSITIONS)))
    return tuple(layouts)
