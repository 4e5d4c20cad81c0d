"""Vision transformers (Dosovitskiy et al., arXiv 2010.11929), and what CLIP and DINOv2 changed in them.

Query, key and value are one dense layer here, where some publishers keep three; `models/pretrained` joins those.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from kgv_jax.models.features import Features
from kgv_jax.models.layers import LayerNorm
from kgv_jax.models.positions import resize_grid
from kgv_jax.models.pretrained.vit import vit_layouts
from kgv_jax.models.spec import EncoderOptions, EncoderSpec
from kgv_jax.models.transformer import Transformer
from kgv_jax.util.errors import UserError


class VisionTransformer(nn.Module):
    """Patches to tokens, a class token (and registers) before them, transformer blocks, a layer norm.

    `pooled` is the class token after the final norm, or its projection; `spatial` the patch tokens after
    that norm; a tap is the patch tokens after a block.

    Attributes:
      patch, width, depth, heads: side of a patch in pixels, `D`, number of blocks, heads of each.
      grid: patches along a side of the published input; position embeddings are parameters on
        this grid, `[1 + grid^2, D]` with the class token's first, and interpolated for other inputs.
      mlp_ratio: hidden width of a block's MLP over `D`.
      activation, epsilon, layer_scale: see `transformer.Block`; `epsilon` is that of every layer norm.
      pre_norm: a layer norm before the first block and no bias of the patches' embedding (CLIP).
      projection: width of a projection of the class token, without bias; 0 has none.
      registers: tokens between class token and patches, without position (arXiv 2309.16588).
      antialias: of the interpolation of position embeddings.
      dtype, remat, drop_path: see `EncoderOptions`.
    """

    patch: int
    width: int
    depth: int
    heads: int
    grid: int
    mlp_ratio: float = 4.0
    activation: str = "gelu"
    epsilon: float = 1e-6
    layer_scale: float | None = None
    pre_norm: bool = False
    projection: int = 0
    registers: int = 0
    antialias: bool = False
    dtype: DTypeLike = jnp.float32
    remat: bool = False
    drop_path: float = 0.0

    @nn.compact
    def __call__(self, images: Array, *, train: bool) -> Features:
        """Maps `[B, H, W, 3]` normalised images to `Features`."""
        batch, height, width = images.shape[:3]
        if height % self.patch or width % self.patch:
            raise UserError(
                f"The images are {height} x {width} px; this encoder cuts them into patches of {self.patch} px: "
                f"use sides that are multiples of {self.patch}."
            )
        x = self._tokens(images)
        if self.pre_norm:
            x = LayerNorm(self.epsilon, self.dtype, name="pre_norm")(x)
        blocks = Transformer(
            depth=self.depth,
            heads=self.heads,
            mlp_width=int(self.mlp_ratio * self.width),
            activation=self.activation,
            epsilon=self.epsilon,
            layer_scale=self.layer_scale,
            dtype=self.dtype,
            drop_path=self.drop_path,
            remat=self.remat,
            name="transformer",
        )(x, train=train)
        x = LayerNorm(self.epsilon, self.dtype, name="norm")(blocks[-1])
        pooled = x[:, 0]
        if self.projection:
            pooled = nn.Dense(self.projection, use_bias=False, dtype=self.dtype, name="projection")(pooled)

        def as_grid(tokens: Array) -> Array:
            shape = (batch, height // self.patch, width // self.patch, self.width)
            return tokens[:, 1 + self.registers :].reshape(shape).astype(jnp.float32)

        return Features(pooled.astype(jnp.float32), as_grid(x), tuple(as_grid(tokens) for tokens in blocks))

    def _tokens(self, images: Array) -> Array:
        """Embeds images as `[B, 1 + registers + N, D]` tokens with their positions."""
        # Patches.
        normal = nn.initializers.normal(0.02)
        patches = nn.Conv(
            self.width,
            (self.patch, self.patch),
            strides=self.patch,
            padding="VALID",
            use_bias=not self.pre_norm,
            dtype=self.dtype,
            name="patches",
        )(images)

        # Positions: parameters on the published grid, interpolated where the input has another.
        batch, height, width, _ = patches.shape
        position = self.param("position", normal, (1 + self.grid**2, self.width))
        positions = resize_grid(
            position[1:].reshape(self.grid, self.grid, self.width), height, width, antialias=self.antialias
        )
        patches = (patches + positions.astype(self.dtype)).reshape(batch, height * width, self.width)

        # The class token with its own position, then registers, which have none.
        first = (self.param("class_token", normal, (self.width,)) + position[0])[None]
        if self.registers:
            first = jnp.concatenate([first, self.param("registers", normal, (self.registers, self.width))])
        first = jnp.broadcast_to(first.astype(self.dtype), (batch, *first.shape))
        return jnp.concatenate([first, patches], axis=1)


def make_vit(**dimensions: object) -> Callable[[EncoderOptions], nn.Module]:
    """Returns the `make` of a specification: from options of a config to a `VisionTransformer` of these dimensions."""

    def make(options: EncoderOptions) -> nn.Module:
        if options.norm != "auto":
            raise UserError(f"model.norm is {options.norm!r}; a transformer has layer norms only: leave it at 'auto'.")
        epsilon = {} if options.epsilon is None else {"epsilon": options.epsilon}
        chosen = {"dtype": options.dtype, "remat": options.remat, "drop_path": options.drop_path}
        return VisionTransformer(**{**dimensions, **chosen, **epsilon})

    return make


def vit_layers(depth: int) -> tuple[str, ...]:
    """Returns `EncoderSpec.layers` of a vision transformer: embeddings, each block, final norm and projection."""
    embeddings = "(patches|pre_norm)/.*|position|class_token|registers"
    return (embeddings, *(f"transformer/block{number}/.*" for number in range(depth)), "(norm|projection)/.*")


def last_read(features: Features) -> Array:
    """Returns `EncoderSpec.explained`: patch tokens before the last block, where the class token last reads them."""
    return features.taps[-2]


def _spec(about: str, *, patch: int, width: int, depth: int, heads: int, grid: int, num_logits: int) -> EncoderSpec:
    return EncoderSpec(
        make_vit(patch=patch, width=width, depth=depth, heads=heads, grid=grid),
        patch * grid,
        about,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        layers=vit_layers(depth),
        multiple_px=patch,
        layouts=functools.partial(vit_layouts, depth, heads),
        num_logits=num_logits,
        explained=last_read,
    )


_TINY = {"width": 192, "depth": 12, "heads": 3}
_SMALL = {"width": 384, "depth": 12, "heads": 6}
_BASE = {"width": 768, "depth": 12, "heads": 12}
_LARGE = {"width": 1024, "depth": 24, "heads": 16}

ENCODERS: dict[str, EncoderSpec] = {
    "vit_test": _spec("ViT of two blocks; for tests", patch=8, width=16, depth=2, heads=2, grid=4, num_logits=10),
    "vit_ti16": _spec("ViT-Ti/16, 5.5 M parameters", patch=16, grid=14, num_logits=1000, **_TINY),
    "vit_s16": _spec("ViT-S/16, 22 M parameters", patch=16, grid=14, num_logits=1000, **_SMALL),
    "vit_b16": _spec("ViT-B/16, 86 M parameters", patch=16, grid=14, num_logits=1000, **_BASE),
    "vit_b32": _spec("ViT-B/32, 88 M parameters", patch=32, grid=7, num_logits=1000, **_BASE),
    "vit_l16": _spec("ViT-L/16, 303 M parameters", patch=16, grid=14, num_logits=1000, **_LARGE),
}
