"""Residual networks for photographs (He et al., arXiv 1512.03385), in the form whose weights are published today.

It differs from the paper in two ways: the stride of a bottleneck is in its 3x3 convolution ("version 1.5"), and the
last norm of a block begins at zero, so that the block begins as identity (arXiv 1706.02677, section 5.1).
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from kgv_jax.models.features import Features, explainable
from kgv_jax.models.layers import Conv, make_norm
from kgv_jax.models.pretrained import resnet as layouts
from kgv_jax.models.spec import IMAGENET_MEAN, IMAGENET_STD, EncoderOptions, EncoderSpec

_EXPANSION = 4
_KERNEL_INIT = nn.initializers.variance_scaling(2.0, "fan_out", "normal")


class ResidualBlock(nn.Module):
    """Convolutions and a shortcut.

    Attributes:
      width: channels of the 3x3 convolutions; a bottleneck returns `_EXPANSION` times as many.
      stride: of the (first) 3x3 convolution and of the shortcut.
      bottleneck: 1x1, 3x3, 1x1 instead of 3x3, 3x3.
      norm, drop_path, dtype: as in `EncoderOptions`.
    """

    width: int
    stride: int
    bottleneck: bool
    norm: str
    drop_path: float
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        norm = make_norm(self.norm, train=train, dtype=self.dtype)
        if self.bottleneck:
            convs = ((1, self.width, 1), (3, self.width, self.stride), (1, self.width * _EXPANSION, 1))
        else:
            convs = ((3, self.width, self.stride), (3, self.width, 1))
        y = x
        for n, (size, width, stride) in enumerate(convs, start=1):
            y = _conv(width, size, stride, self.dtype, f"conv{n}")(y)
            if n < len(convs):
                y = nn.relu(norm(name=f"norm{n}")(y))
            else:
                y = norm(name=f"norm{n}", scale_init=nn.initializers.zeros)(y)
        if self.stride != 1 or x.shape[-1] != y.shape[-1]:
            x = _conv(y.shape[-1], 1, self.stride, self.dtype, "conv_shortcut")(x)
            x = norm(name="norm_shortcut")(x)
        drop = nn.Dropout(self.drop_path, broadcast_dims=(1, 2, 3), rng_collection="drop_path")
        return nn.relu(x + drop(y, deterministic=not train))


class ResNet(nn.Module):
    """A 7x7 stem, max pooling over 3x3, stages of residual blocks; `pooled` is the last map's global average.

    Attributes:
      stage_sizes: blocks in each stage; the first block of every later stage halves the map.
      widths: of the blocks of each stage; the stem has the first.
      bottleneck: kind of the blocks.
      norm: "batch" or "group".
      options: dtype, remat and drop path.
    """

    stage_sizes: tuple[int, ...]
    widths: tuple[int, ...]
    bottleneck: bool
    norm: str
    options: EncoderOptions

    @nn.compact
    def __call__(self, images: Array, *, train: bool) -> Features:
        options = self.options
        block_type = nn.remat(ResidualBlock, static_argnums=(2,)) if options.remat else ResidualBlock
        x = _conv(self.widths[0], 7, 2, options.dtype, "stem")(images)
        x = nn.relu(make_norm(self.norm, train=train, dtype=options.dtype)(name="stem_norm")(x))
        x = nn.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        taps, done, last = [], 0, max(sum(self.stage_sizes) - 1, 1)
        for stage, (size, width) in enumerate(zip(self.stage_sizes, self.widths, strict=True)):
            for block in range(size):
                x = block_type(
                    width=width,
                    stride=2 if stage > 0 and block == 0 else 1,
                    bottleneck=self.bottleneck,
                    norm=self.norm,
                    drop_path=options.drop_path * done / last,
                    dtype=options.dtype,
                    name=f"stage{stage}_block{block}",
                )(x, train)
                done += 1
            taps.append(x.astype(jnp.float32))
        taps[-1] = explainable(self, taps[-1])
        return Features(jnp.mean(taps[-1], (1, 2)), taps[-1], tuple(taps))


def _conv(width: int, size: int, stride: int, dtype: DTypeLike, name: str) -> Conv:
    """Returns a convolution padded as torch pads, equally on both sides; the published weights were trained so."""
    pad = size // 2
    return Conv(
        width,
        (size, size),
        strides=stride,
        padding=((pad, pad), (pad, pad)),
        dtype=dtype,
        kernel_init=_KERNEL_INIT,
        name=name,
    )


def _make(
    stage_sizes: tuple[int, ...], widths: tuple[int, ...], bottleneck: bool
) -> Callable[[EncoderOptions], nn.Module]:
    def make(options: EncoderOptions) -> nn.Module:
        norm = "batch" if options.norm == "auto" else options.norm
        return ResNet(stage_sizes, widths, bottleneck, norm=norm, options=options)

    return make


def _spec(
    stage_sizes: tuple[int, ...],
    about: str,
    *,
    bottleneck: bool,
    widths: tuple[int, ...] = (64, 128, 256, 512),
    size_px: int = 224,
    num_logits: int = 1000,
) -> EncoderSpec:
    return EncoderSpec(
        _make(stage_sizes, widths, bottleneck),
        size_px,
        about,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        layers=(r"stem(_norm)?/.*", *(rf"stage{stage}_block\d+/.*" for stage in range(len(stage_sizes)))),
        layouts=functools.partial(layouts.make_layouts, stage_sizes, bottleneck=bottleneck),
        num_logits=num_logits,
    )


ENCODERS: dict[str, EncoderSpec] = {
    "resnet18": _spec((2, 2, 2, 2), "ResNet-18, 11 M parameters, 512 features", bottleneck=False),
    "resnet34": _spec((3, 4, 6, 3), "ResNet-34, 21 M parameters, 512 features", bottleneck=False),
    "resnet50": _spec((3, 4, 6, 3), "ResNet-50, 24 M parameters, 2048 features", bottleneck=True),
    "resnet101": _spec((3, 4, 23, 3), "ResNet-101, 43 M parameters, 2048 features", bottleneck=True),
    "resnet18_test": _spec(
        (1, 2, 1, 1),
        "ResNet of four narrow stages; for tests",
        bottleneck=False,
        widths=(8, 8, 16, 16),
        size_px=32,
        num_logits=7,
    ),
    "resnet50_test": _spec(
        (1, 2, 1, 1),
        "ResNet of four narrow stages of bottlenecks; for tests",
        bottleneck=True,
        widths=(8, 8, 8, 16),
        size_px=32,
        num_logits=7,
    ),
}
