"""Small residual networks (He et al., arXiv 1512.03385) for small pictures, trained from scratch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from kgv_jax.models.features import Features
from kgv_jax.models.norm import make_norm
from kgv_jax.models.spec import EncoderOptions, EncoderSpec


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut; the second norm starts at zero, so a block starts as identity."""

    width: int
    stride: int
    norm: str

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        norm = make_norm(self.norm, train=train)
        conv = functools.partial(nn.Conv, use_bias=False, padding="SAME")
        y = nn.relu(norm(name="norm1")(conv(self.width, (3, 3), strides=self.stride, name="conv1")(x)))
        y = norm(name="norm2", scale_init=nn.initializers.zeros)(conv(self.width, (3, 3), name="conv2")(y))
        if x.shape != y.shape:
            x = norm(name="norm_shortcut")(conv(self.width, (1, 1), strides=self.stride, name="conv_shortcut")(x))
        return nn.relu(x + y)


class SmallResNet(nn.Module):
    """A residual network of basic blocks.

    Attributes:
      stage_sizes: blocks in each stage; the first block of every later stage halves the map.
      widths: channels of each stage.
      norm: "group" or "batch".
      pool: "mean" over the last map, or "flatten": it keeps where things are, which tells small
        pictograms apart long before a mean does, at the price of one input size.
      stem_stride: 1 keeps the resolution; 2 halves it in the first convolution, which on a CPU
        costs a quarter of the time.
    """

    stage_sizes: Sequence[int]
    widths: Sequence[int]
    norm: str = "group"
    stem_stride: int = 2
    pool: str = "mean"

    @nn.compact
    def __call__(self, images: Array, *, train: bool) -> Features:
        x = nn.Conv(self.widths[0], (3, 3), strides=self.stem_stride, use_bias=False, name="stem")(images)
        x = nn.relu(make_norm(self.norm, train=train)(name="stem_norm")(x))
        taps = []
        for stage, (blocks, width) in enumerate(zip(self.stage_sizes, self.widths, strict=True)):
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                x = BasicBlock(width, stride, self.norm, name=f"stage{stage}_block{block}")(x, train=train)
            taps.append(x)
        pooled = x.reshape(len(x), -1) if self.pool == "flatten" else jnp.mean(x, (1, 2))
        return Features(pooled, x, tuple(taps))


def _make(
    stage_sizes: tuple[int, ...], widths: tuple[int, ...], stem_stride: int, pool: str = "mean"
) -> Callable[[EncoderOptions], nn.Module]:
    def make(options: EncoderOptions) -> nn.Module:
        norm = "group" if options.norm == "auto" else options.norm
        return SmallResNet(stage_sizes, widths, norm=norm, stem_stride=stem_stride, pool=pool)

    return make


ENCODERS: dict[str, EncoderSpec] = {
    "resnet_test": EncoderSpec(_make((1, 1), (8, 16), 2), 16, "two stages of one block; for tests"),
    "resnet8": EncoderSpec(_make((1, 1, 1), (32, 64, 128), 2), 32, "three stages of one block, 0.3 M parameters"),
    "resnet8_flat": EncoderSpec(_make((1, 1, 1), (32, 64, 128), 2, "flatten"), 32, "resnet8, its last map flattened"),
    "resnet8_wide": EncoderSpec(_make((1, 1, 1), (48, 96, 192), 2), 32, "resnet8, 1.5 times as wide"),
    "resnet10": EncoderSpec(_make((1, 1, 1, 1), (32, 64, 128, 256), 2), 48, "four stages of one block"),
    "resnet18_small": EncoderSpec(_make((2, 2, 2, 2), (64, 128, 256, 512), 1), 32, "ResNet-18 with a 3x3 stem"),
}
