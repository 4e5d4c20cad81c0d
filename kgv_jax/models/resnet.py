"""Residual networks (He et al., arXiv 1512.03385) of any width and depth, with group or batch norm."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array


class Features(NamedTuple):
    """What every encoder returns.

    Attributes:
      pooled: `[B, F]` features of the whole image.
      spatial: `[B, H, W, F]` the last feature map, for class activation maps.
      taps: one feature map a stage, for methods that reach into the layers.
    """

    pooled: Array
    spatial: Array
    taps: tuple[Array, ...]


def make_norm(kind: str, *, train: bool, groups: int = 8) -> Callable[..., nn.Module]:
    """Returns a factory of normalisation layers: "group" (independent of the batch) or "batch"."""
    if kind == "batch":
        return functools.partial(nn.BatchNorm, use_running_average=not train, momentum=0.9, epsilon=1e-5)
    return functools.partial(nn.GroupNorm, num_groups=groups, epsilon=1e-5)


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


class ResNet(nn.Module):
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
