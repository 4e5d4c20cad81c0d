"""Vision transformers (Dosovitskiy et al., arXiv 2010.11929)."""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from kgv_jax.models.features import Features
from kgv_jax.models.positions import resize_grid
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.models.transformer import Transformer, layer_norm
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
            x = layer_norm(self.epsilon, self.dtype, "pre_norm")(x)
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
        x = layer_norm(self.epsilon, self.dtype, "norm")(blocks[-1])
        pooled = x[:, 0]
        if self.projection:
            pooled = nn.Dense(self.projection, use_bias=False, dtype=self.dtype, name="projection")(pooled)

        def as_grid(tokens: Array) -> Array:
            shape = (batch, height // self.patch, width // self.patch, self.width)
            return tokens[:, 1 + self.registers :].reshape(shape).astype(jnp.float32)

        return Features(pooled.astype(jnp.float32), as_grid(x), tuple(as_grid(tokens) for tokens in blocks))

    def _tokens(self, images: Array) -> Array:
        """Embeds images as `[B, 1 + registers + N, D]` tokens with their positions."""
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
        batch, height, width, _ = patches.shape
        position = self.param("position", normal, (1 + self.grid**2, self.width))
        positions = resize_grid(
            position[1:].reshape(self.grid, self.grid, self.width), height, width, antialias=self.antialias
        )
        patches = (patches + positions.astype(self.dtype)).reshape(batch, height * width, self.width)
        first = (self.param("class_token", normal, (self.width,)) + position[0])[None]
        if self.registers:
            first = jnp.concatenate([first, self.param("registers", normal, (self.registers, self.width))])
        first = jnp.broadcast_to(first.astype(self.dtype), (batch, *first.shape))
        return jnp.concatenate([first, patches], axis=1)


def make_vit(**dimensions: object) -> Callable[[EncoderOptions], nn.Module]:
    """Returns the `make` of a specification: the options of a config on fields of `VisionTransformer`."""

    def make(options: EncoderOptions) -> nn.Module:
        if options.norm != "auto":
            raise UserError(f"model.norm is {options.norm!r}; a transformer has layer norms only: leave it at 'auto'.")
        return VisionTransformer(**dimensions, dtype=options.dtype, remat=options.remat, drop_path=options.drop_path)

    return make


def vit_layers(depth: int, *, registers: bool = False, pre_norm: bool = False) -> tuple[str, ...]:
    """Returns `EncoderSpec.layers` of a vision transformer: embeddings, each block, what follows."""
    first = ["patches/.*", "position", "class_token"] + registers * ["registers"] + pre_norm * ["pre_norm/.*"]
    return ("|".join(first), *(f"transformer/block{block}/.*" for block in range(depth)), "(norm|projection)/.*")
