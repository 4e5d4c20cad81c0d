"""Layers that encoders share, with the parameters of Flax's and a form per platform.

On a CPU, XLA computes several of these layers slowly in their usual form, so `models/cpu/` has another one with equal
values and gradients. Accelerators get the usual form. The platform is chosen when the program is lowered.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import DTypeLike

from kgv_jax.models.cpu.conv import conv
from kgv_jax.models.cpu.depthwise import depthwise_conv
from kgv_jax.models.cpu.layer_norm import normalise
from kgv_jax.models.cpu.products import dense_product

BATCH_NORM_MOMENTUM = 0.9  # share of a running statistic that stays at each step

# As `nn.Dense`. On a CPU, the kernel's gradient is a product in the fast order.
Dense = functools.partial(nn.Dense, dot_general=dense_product)


class Conv(nn.Module):
    """A convolution without bias; its parameter is that of `nn.Conv`: `kernel` `[kh, kw, C, F]`.

    Attributes:
      features: `F`.
      kernel_size: `(kh, kw)`.
      strides: of both axes.
      padding: "SAME" (TensorFlow's: the larger part of an odd amount goes to the end), "VALID", or (low, high) of each
        axis.
      dtype: of the input and the output; None is the widest of input and kernel.
    """

    features: int
    kernel_size: tuple[int, int]
    strides: int = 1
    padding: str | Sequence[tuple[int, int]] = "SAME"
    dtype: DTypeLike | None = None
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", self.kernel_init, (*self.kernel_size, x.shape[-1], self.features))
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        padding = self.padding
        if isinstance(padding, str):
            padding = lax.padtype_to_pads(x.shape[1:3], self.kernel_size, (self.strides, self.strides), padding)
        return conv(x, kernel, self.strides, tuple((low, high) for low, high in padding))


class DepthwiseConv(nn.Module):
    """One filter per channel; its parameter is that of a grouped `nn.Conv`: `kernel` `[kh, kw, 1, C]`.

    Attributes:
      kernel_size: `(kh, kw)`.
      stride: of both axes.
      padding: as of `Conv`; torch's `padding=p` is `((p, p), (p, p))`.
      dtype: of the input and the output; sums are at least float32.
    """

    kernel_size: tuple[int, int] = (3, 3)
    stride: int = 1
    padding: str | Sequence[tuple[int, int]] = "SAME"
    dtype: DTypeLike | None = None
    kernel_init: nn.initializers.Initializer = nn.initializers.variance_scaling(2.0, "fan_in", "normal")

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", self.kernel_init, (*self.kernel_size, 1, x.shape[-1]))
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        padding = self.padding
        if isinstance(padding, str):
            padding = lax.padtype_to_pads(x.shape[1:3], self.kernel_size, (self.stride, self.stride), padding)
        return depthwise_conv(x, kernel, self.stride, tuple((low, high) for low, high in padding))


class LayerNorm(nn.Module):
    """`scale (x - mean) / sqrt(variance + epsilon) + bias` over the last axis, in float32.

    Attributes:
      epsilon: added to the variance.
      dtype: of the output.
    """

    epsilon: float
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],))
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        return (normalise(x, self.epsilon) * scale + bias).astype(self.dtype)


def make_norm(
    kind: str, *, train: bool, groups: int = 8, epsilon: float = 1e-5, dtype: DTypeLike | None = None
) -> Callable[..., nn.Module]:
    """Returns a factory of a convolutional network's norms: "group" (independent of the batch) or "batch".

    Statistics are at least float32 whatever `dtype` is; None keeps the input's.
    """
    if kind == "batch":
        return functools.partial(
            nn.BatchNorm, use_running_average=not train, momentum=BATCH_NORM_MOMENTUM, epsilon=epsilon, dtype=dtype
        )
    return functools.partial(nn.GroupNorm, num_groups=groups, epsilon=epsilon, dtype=dtype)
