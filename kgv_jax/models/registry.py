"""Encoders by name, each with the input it expects."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import flax.linen as nn

from kgv_jax.models.resnet import ResNet
from kgv_jax.util.errors import UserError, nearest


@dataclasses.dataclass(frozen=True)
class EncoderSpec:
    """How to build an encoder and to prepare its input.

    Attributes:
      make: `make(norm=...)` returns the module.
      size_px: side of the square input it was designed for; others work.
      mean, std: per-channel statistics, RGB in `[0, 1]`.
      about: one line for `list_models`.
    """

    make: Callable[..., nn.Module]
    size_px: int
    about: str
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)


def _resnet(
    stage_sizes: tuple[int, ...], widths: tuple[int, ...], stem_stride: int, pool: str = "mean"
) -> Callable[..., nn.Module]:
    def make(*, norm: str) -> nn.Module:
        return ResNet(stage_sizes, widths, norm=norm, stem_stride=stem_stride, pool=pool)

    return make


_ENCODERS: dict[str, EncoderSpec] = {
    "resnet_test": EncoderSpec(_resnet((1, 1), (8, 16), 2), 16, "two stages of one block; for tests"),
    "resnet8": EncoderSpec(_resnet((1, 1, 1), (32, 64, 128), 2), 32, "three stages of one block, 0.3 M parameters"),
    "resnet8_flat": EncoderSpec(_resnet((1, 1, 1), (32, 64, 128), 2, "flatten"), 32, "resnet8, its last map flattened"),
    "resnet8_wide": EncoderSpec(_resnet((1, 1, 1), (48, 96, 192), 2), 32, "resnet8, 1.5 times as wide"),
    "resnet10": EncoderSpec(_resnet((1, 1, 1, 1), (32, 64, 128, 256), 2), 48, "four stages of one block"),
    "resnet18_small": EncoderSpec(_resnet((2, 2, 2, 2), (64, 128, 256, 512), 1), 32, "ResNet-18 with a 3x3 stem"),
}


def list_models() -> tuple[str, ...]:
    """Returns the names that `get` knows."""
    return tuple(_ENCODERS)


def get(name: str) -> EncoderSpec:
    """Returns the specification of the encoder `name`."""
    if name not in _ENCODERS:
        raise UserError(f"model.encoder is {name!r}{nearest(name, _ENCODERS)}; known: {', '.join(_ENCODERS)}.")
    return _ENCODERS[name]
