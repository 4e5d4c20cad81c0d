"""DINOv2's vision transformers (Oquab et al., arXiv 2304.07193), with registers (arXiv 2309.16588) or without.

They are `vit.VisionTransformer` with layer scale. The published ViT-g/14, whose MLP is gated, is not here.
"""

from __future__ import annotations

import functools

import jax.numpy as jnp
from jax import Array

from kgv_jax.models.features import Features
from kgv_jax.models.pretrained.dinov2 import dinov2_layouts
from kgv_jax.models.spec import IMAGENET_MEAN, IMAGENET_STD, EncoderSpec
from kgv_jax.models.vit import last_read, make_vit, vit_layers


def head_input(features: Features) -> Array:
    """Returns `[B, 2 D]`, which the published head reads: the class token, then the mean of the patch tokens."""
    return jnp.concatenate([features.pooled, jnp.mean(features.spatial, (1, 2))], axis=-1)


def _spec(
    about: str,
    *,
    width: int,
    depth: int,
    heads: int,
    registers: int = 0,
    patch: int = 14,
    grid: int = 37,
    size_px: int = 224,
    num_logits: int = 1000,
) -> EncoderSpec:
    """Returns the specification of a DINOv2: published at 518 px, a grid of 37 x 37 patches, and used at 224 px."""
    make = make_vit(
        patch=patch,
        width=width,
        depth=depth,
        heads=heads,
        grid=grid,
        # The initial value of training from scratch; in the published models it has grown to about 1.
        layer_scale=1e-5,
        registers=registers,
        # As the authors' code does: it resizes positions with antialiasing for the models with registers alone.
        antialias=registers > 0,
    )
    return EncoderSpec(
        make,
        size_px,
        about,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        layers=vit_layers(depth),
        multiple_px=patch,
        layouts=functools.partial(dinov2_layouts, depth, registers=registers > 0),
        num_logits=num_logits,
        head_input=head_input,
        explained=last_read,
    )


_TEST = {"width": 16, "depth": 2, "heads": 2, "patch": 8, "grid": 5, "size_px": 24, "num_logits": 10}
_SMALL = {"width": 384, "depth": 12, "heads": 6}
_BASE = {"width": 768, "depth": 12, "heads": 12}
_LARGE = {"width": 1024, "depth": 24, "heads": 16}

ENCODERS: dict[str, EncoderSpec] = {
    "dinov2_test": _spec("DINOv2 of two blocks; for tests", **_TEST),
    "dinov2_reg_test": _spec("DINOv2 of two blocks and registers; for tests", registers=4, **_TEST),
    "dinov2_s14": _spec("DINOv2 ViT-S/14, 22 M parameters", **_SMALL),
    "dinov2_b14": _spec("DINOv2 ViT-B/14, 87 M parameters", **_BASE),
    "dinov2_l14": _spec("DINOv2 ViT-L/14, 304 M parameters", **_LARGE),
    "dinov2_s14_reg": _spec("DINOv2 ViT-S/14 with 4 registers", registers=4, **_SMALL),
    "dinov2_b14_reg": _spec("DINOv2 ViT-B/14 with 4 registers", registers=4, **_BASE),
    "dinov2_l14_reg": _spec("DINOv2 ViT-L/14 with 4 registers", registers=4, **_LARGE),
}
