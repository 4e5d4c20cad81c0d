"""EfficientNet-Lite (Tan and Le, arXiv 1905.11946, in the variant for edge devices).

It differs from the paper's EfficientNet in three ways: ReLU6 in place of swish, no squeeze-and-excitation, and a stem,
a last convolution and first and last stages that do not scale as the rest does. All convolutions pad as TensorFlow does
("SAME"), since the published weights were trained so. Lite1 and Lite2 are Lite0 with more blocks and wider maps
(`scale`).
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from kgv_jax.models.features import Features, explainable
from kgv_jax.models.layers import Conv, DepthwiseConv, make_norm
from kgv_jax.models.pretrained import efficientnet as layouts
from kgv_jax.models.spec import EncoderOptions, EncoderSpec

_EPSILON = 1e-3
_DIVISOR = 8  # channels of every map are a multiple of it
_KERNEL_INIT = nn.initializers.variance_scaling(2.0, "fan_out", "normal")


@dataclasses.dataclass(frozen=True)
class Stage:
    """`blocks` blocks of one width. The first has the stride; `expand` is the factor of the hidden width."""

    blocks: int
    width: int
    expand: int
    kernel: int
    stride: int


class InvertedResidual(nn.Module):
    """Pointwise expansion, depthwise convolution, linear pointwise projection (arXiv 1801.04381)."""

    width: int
    expand: int
    kernel: int
    stride: int
    norm: str
    drop_path: float
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        norm = make_norm(self.norm, train=train, epsilon=_EPSILON, dtype=self.dtype)
        pointwise = functools.partial(Conv, kernel_size=(1, 1), dtype=self.dtype, kernel_init=_KERNEL_INIT)
        y = x
        if self.expand != 1:
            y = nn.relu6(norm(name="expand_norm")(pointwise(x.shape[-1] * self.expand, name="expand")(y)))
        y = DepthwiseConv((self.kernel, self.kernel), self.stride, dtype=self.dtype, name="depthwise")(y)
        y = nn.relu6(norm(name="depthwise_norm")(y))
        y = norm(name="project_norm")(pointwise(self.width, name="project")(y))
        # No shortcut where the shape changes, and so nothing to drop.
        if x.shape != y.shape:
            return y
        drop = nn.Dropout(self.drop_path, broadcast_dims=(1, 2, 3), rng_collection="drop_path")
        return x + drop(y, deterministic=not train)


class EfficientNetLite(nn.Module):
    """Stem, stages of inverted residuals, one last pointwise convolution; `pooled` is its global average.

    Attributes:
      stages: from the input to the output; taps are their last maps.
      stem_width, top_width: channels of the first and of the last convolution.
      norm: "batch" or "group".
      options: dtype, remat and drop path.
    """

    stages: tuple[Stage, ...]
    stem_width: int
    top_width: int
    norm: str
    options: EncoderOptions

    @nn.compact
    def __call__(self, images: Array, *, train: bool) -> Features:
        options, dtype = self.options, self.options.dtype
        norm = make_norm(self.norm, train=train, epsilon=_EPSILON, dtype=dtype)
        conv = functools.partial(Conv, dtype=dtype, kernel_init=_KERNEL_INIT)
        block_type = nn.remat(InvertedResidual, static_argnums=(2,)) if options.remat else InvertedResidual
        x = nn.relu6(norm(name="stem_norm")(conv(self.stem_width, (3, 3), strides=2, name="stem")(images)))
        taps, done, last = [], 0, max(sum(stage.blocks for stage in self.stages) - 1, 1)
        for index, stage in enumerate(self.stages):
            for block in range(stage.blocks):
                x = block_type(
                    width=stage.width,
                    expand=stage.expand,
                    kernel=stage.kernel,
                    stride=stage.stride if block == 0 else 1,
                    norm=self.norm,
                    drop_path=options.drop_path * done / last,
                    dtype=dtype,
                    name=f"stage{index}_block{block}",
                )(x, train)
                done += 1
            taps.append(x.astype(jnp.float32))
        x = nn.relu6(norm(name="top_norm")(conv(self.top_width, (1, 1), name="top")(x))).astype(jnp.float32)
        x = explainable(self, x)
        return Features(jnp.mean(x, (1, 2)), x, tuple(taps))


def scale(stages: tuple[Stage, ...], *, width: float, depth: float) -> tuple[Stage, ...]:
    """Returns the stages of a larger member of the family (section 3.3 of the paper, as published for Lite).

    Args:
      stages: of Lite0.
      width: factor on the channels, which are rounded to a multiple of 8 that is no more than 10 % smaller.
      depth: factor on the number of blocks, rounded up; the first and the last stage keep theirs.
    """

    def wider(channels: int) -> int:
        wanted = channels * width
        rounded = max(_DIVISOR, int(wanted + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
        return rounded if rounded >= 0.9 * wanted else rounded + _DIVISOR

    last = len(stages) - 1
    return tuple(
        dataclasses.replace(
            stage,
            width=wider(stage.width),
            blocks=stage.blocks if index in (0, last) else math.ceil(stage.blocks * depth),
        )
        for index, stage in enumerate(stages)
    )


def _make(stages: tuple[Stage, ...], stem_width: int, top_width: int) -> Callable[[EncoderOptions], nn.Module]:
    def make(options: EncoderOptions) -> nn.Module:
        norm = "batch" if options.norm == "auto" else options.norm
        return EfficientNetLite(stages, stem_width, top_width, norm=norm, options=options)

    return make


def _spec(stages: tuple[Stage, ...], stem_width: int, top_width: int, **rest) -> EncoderSpec:
    return EncoderSpec(
        _make(stages, stem_width, top_width),
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
        layers=(
            r"stem(_norm)?/.*",
            *(rf"stage{index}_block\d+/.*" for index in range(len(stages))),
            r"top(_norm)?/.*",
        ),
        layouts=lambda: layouts.make_layouts([(stage.blocks, stage.expand != 1) for stage in stages]),
        **rest,
    )


_LITE0 = (
    Stage(1, 16, 1, 3, 1),
    Stage(2, 24, 6, 3, 2),
    Stage(2, 40, 6, 5, 2),
    Stage(3, 80, 6, 3, 2),
    Stage(3, 112, 6, 5, 1),
    Stage(4, 192, 6, 5, 2),
    Stage(1, 320, 6, 3, 1),
)
_TEST = (Stage(1, 8, 1, 3, 1), Stage(2, 16, 2, 5, 2), Stage(1, 24, 3, 3, 2))

ENCODERS: dict[str, EncoderSpec] = {
    "efficientnet_lite0": _spec(
        _LITE0, 32, 1280, size_px=224, num_logits=1000, about="EfficientNet-Lite0, 3.4 M parameters, 1280 features"
    ),
    "efficientnet_lite1": _spec(
        scale(_LITE0, width=1.0, depth=1.1),
        32,
        1280,
        size_px=240,
        num_logits=1000,
        about="EfficientNet-Lite1, 4.1 M parameters, 1280 features",
    ),
    "efficientnet_lite2": _spec(
        scale(_LITE0, width=1.1, depth=1.2),
        32,
        1280,
        size_px=260,
        num_logits=1000,
        about="EfficientNet-Lite2, 4.8 M parameters, 1280 features",
    ),
    "efficientnet_lite0_test": _spec(
        _TEST, 8, 32, size_px=32, num_logits=7, about="three stages of EfficientNet-Lite; for tests"
    ),
}
