"""Small residual networks (He et al., arXiv 1512.03385) for small images, trained from scratch.

They differ from the paper's in the stem (one 3x3 convolution without max pooling), in group norm by default, so that an
image does not depend on its batch, and in the choice to flatten the last map: global average pooling learns small
pictograms far more slowly, because it loses where things are (`docs/choices.md`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from kgv_jax.models.features import Features, explainable
from kgv_jax.models.layers import Conv, make_norm
from kgv_jax.models.spec import EncoderOptions, EncoderSpec


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut; the second norm begins at zero, so that a block begins as identity."""

    width: int
    stride: int
    norm: str
    drop_path: float
    dtype: DTypeLike | None

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        norm = make_norm(self.norm, train=train, dtype=self.dtype)
        conv = functools.partial(Conv, dtype=self.dtype)
        y = nn.relu(norm(name="norm1")(conv(self.width, (3, 3), strides=self.stride, name="conv1")(x)))
        y = norm(name="norm2", scale_init=nn.initializers.zeros)(conv(self.width, (3, 3), name="conv2")(y))
        if x.shape != y.shape:
            x = norm(name="norm_shortcut")(conv(self.width, (1, 1), strides=self.stride, name="conv_shortcut")(x))
        drop = nn.Dropout(self.drop_path, broadcast_dims=(1, 2, 3), rng_collection="drop_path")
        return nn.relu(x + drop(y, deterministic=not train))


class SmallResNet(nn.Module):
    """A residual network of basic blocks.

    Attributes:
      stage_sizes: blocks in each stage; the first block of every later stage halves the map.
      widths: channels of each stage.
      norm: "group" or "batch".
      pool: "mean", global average pooling, or "flatten", which keeps positions and fixes the input's size.
      stem_stride: 1 keeps the resolution; 2 halves it in the first convolution, which on a CPU takes a quarter of the
        time.
      options: dtype, remat and drop path.
    """

    stage_sizes: Sequence[int]
    widths: Sequence[int]
    norm: str = "group"
    stem_stride: int = 2
    pool: str = "mean"
    options: EncoderOptions = EncoderOptions()

    @nn.compact
    def __call__(self, images: Array, *, train: bool) -> Features:
        options = self.options
        # None computes in the type of the parameters: float32, or float64 in a test that needs it.
        dtype = None if jnp.dtype(options.dtype) == jnp.float32 else options.dtype
        block_type = nn.remat(BasicBlock, static_argnums=(2,)) if options.remat else BasicBlock
        stem = Conv(self.widths[0], (3, 3), strides=self.stem_stride, dtype=dtype, name="stem")
        x = nn.relu(make_norm(self.norm, train=train, dtype=dtype)(name="stem_norm")(stem(images)))
        taps, done, last = [], 0, max(sum(self.stage_sizes) - 1, 1)
        for stage, (blocks, width) in enumerate(zip(self.stage_sizes, self.widths, strict=True)):
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                drop_path = options.drop_path * done / last
                block_of_stage = block_type(
                    width, stride, self.norm, drop_path, dtype, name=f"stage{stage}_block{block}"
                )
                x = block_of_stage(x, train)
                done += 1
            taps.append(x.astype(jnp.promote_types(x.dtype, jnp.float32)))
        x = taps[-1] = explainable(self, taps[-1])
        pooled = x.reshape(len(x), -1) if self.pool == "flatten" else jnp.mean(x, (1, 2))
        return Features(pooled, x, tuple(taps))


def _make(
    stage_sizes: tuple[int, ...], widths: tuple[int, ...], stem_stride: int, pool: str = "mean"
) -> Callable[[EncoderOptions], nn.Module]:
    def make(options: EncoderOptions) -> nn.Module:
        norm = "group" if options.norm == "auto" else options.norm
        return SmallResNet(stage_sizes, widths, norm=norm, stem_stride=stem_stride, pool=pool, options=options)

    return make


ENCODERS: dict[str, EncoderSpec] = {
    "resnet_test": EncoderSpec(_make((1, 1), (8, 16), 2), 16, "two stages of one block; for tests"),
    "resnet8": EncoderSpec(_make((1, 1, 1), (32, 64, 128), 2), 32, "three stages of one block, 0.3 M parameters"),
    "resnet8_flat": EncoderSpec(_make((1, 1, 1), (32, 64, 128), 2, "flatten"), 32, "resnet8, its last map flattened"),
    "resnet8_wide": EncoderSpec(_make((1, 1, 1), (48, 96, 192), 2), 32, "resnet8, 1.5 times as wide"),
    "resnet10": EncoderSpec(_make((1, 1, 1, 1), (32, 64, 128, 256), 2), 48, "four stages of one block"),
    "resnet18_small": EncoderSpec(_make((2, 2, 2, 2), (64, 128, 256, 512), 1), 32, "ResNet-18 with a 3x3 stem"),
}
