"""Depthwise convolution as a sum of shifted products on a CPU.

XLA's CPU backend runs a grouped convolution group by group; with one channel per group that costs 20 times as much as
the arithmetic. A sum of shifted products fuses into one loop over the channels instead. Accelerators have kernels for
the grouped form and get it. `benchmarks/depthwise.py` prints the gain.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jax import Array, lax

Pads = tuple[tuple[int, int], tuple[int, int]]


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def depthwise_conv(x: Array, kernel: Array, stride: int, pads: Pads) -> Array:
    """Correlates each channel of `x` `[B, H, W, C]` with its filter in `kernel` `[kh, kw, 1, C]`.

        y[b, p, q, c] = sum_ij kernel[i, j, 0, c] x[b, stride p + i - pads[0][0], stride q + j - pads[1][0], c]

    with zeros outside of `x`. Differentiable in reverse mode.
    """
    return lax.platform_dependent(
        x,
        kernel,
        cpu=functools.partial(shifted, stride=stride, pads=pads),
        default=functools.partial(grouped, stride=stride, pads=pads),
    )


def grouped(x: Array, kernel: Array, stride: int, pads: Pads) -> Array:
    """`depthwise_conv` as XLA's grouped convolution."""
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        pads,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


def shifted(x: Array, kernel: Array, stride: int, pads: Pads) -> Array:
    """`depthwise_conv` as a sum of shifted products."""
    kernel = _wide(kernel)
    taps = _taps(_pad(x, pads), kernel.shape[:2], stride, _output_size(x.shape, kernel.shape, stride, pads))
    return sum(kernel[i, j, 0] * _wide(tap) for (i, j), tap in taps).astype(x.dtype)


def _forward(x: Array, kernel: Array, stride: int, pads: Pads) -> tuple[Array, tuple[Array, Array]]:
    return depthwise_conv(x, kernel, stride, pads), (x, kernel)


def _backward(stride: int, pads: Pads, residuals: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    def of_shifted(x: Array, kernel: Array, g: Array) -> tuple[Array, Array]:
        return _input_gradient(x, kernel, g, stride, pads), _kernel_gradient(x, kernel, g, stride, pads)

    def of_grouped(x: Array, kernel: Array, g: Array) -> tuple[Array, Array]:
        return jax.vjp(functools.partial(grouped, stride=stride, pads=pads), x, kernel)[1](g)

    return lax.platform_dependent(*residuals, g, cpu=of_shifted, default=of_grouped)


depthwise_conv.defvjp(_forward, _backward)


def _input_gradient(x: Array, kernel: Array, g: Array, stride: int, pads: Pads) -> Array:
    """Returns dL/dx: for each of the `stride^2` residues of a position, a sum of shifted products over its taps.

    The usual form is a convolution of `g` with zeros between its positions. At stride 2 it spends three of four
    products on zeros.
    """
    kernel, (height, width) = _wide(kernel), x.shape[1:3]
    # Positions of a residue in the padded input, up to the last one that lies in x.
    rows, columns = -(-(height + pads[0][0]) // stride), -(-(width + pads[1][0]) // stride)
    reach = [(size - 1) // stride for size in kernel.shape[:2]]
    wanted = ((reach[0], rows - g.shape[1]), (reach[1], columns - g.shape[2]))
    g = _wide(_pad(g, wanted))

    def residue(a: int, b: int) -> Array:
        total = jnp.zeros((x.shape[0], rows, columns, x.shape[3]), g.dtype)
        for i, j in itertools.product(range(a, kernel.shape[0], stride), range(b, kernel.shape[1], stride)):
            top, left = reach[0] - i // stride, reach[1] - j // stride
            total += kernel[i, j, 0] * g[:, top : top + rows, left : left + columns]
        return total

    parts = jnp.stack([jnp.stack([residue(a, b) for b in range(stride)], 3) for a in range(stride)], 2)
    whole = parts.reshape(x.shape[0], rows * stride, columns * stride, x.shape[3])
    top, left = pads[0][0], pads[1][0]
    return whole[:, top : top + height, left : left + width].astype(x.dtype)


def _kernel_gradient(x: Array, kernel: Array, g: Array, stride: int, pads: Pads) -> Array:
    """Returns dL/dkernel `[kh, kw, 1, C]`, all taps in one pass over `x`; separate sums would read it once each."""
    # Without the barrier, XLA pads again for every tap.
    padded, g = lax.optimization_barrier(_pad(x, pads)), _wide(g)
    products = [_wide(tap) * g for _, tap in _taps(padded, kernel.shape[:2], stride, g.shape[1:3])]
    zeros = [jnp.zeros((), g.dtype)] * len(products)
    sums = lax.reduce(products, zeros, lambda a, b: [u + v for u, v in zip(a, b, strict=True)], (0, 1, 2))
    return jnp.stack(sums).reshape(kernel.shape).astype(kernel.dtype)


def _taps(
    padded: Array, kernel_size: tuple[int, int], stride: int, output_size: tuple[int, int]
) -> Iterator[tuple[tuple[int, int], Array]]:
    """Yields `((i, j), [B, p, q, C] positions that the filter's entry (i, j) reads)`."""
    rows, columns = ((size - 1) * stride + 1 for size in output_size)
    for i, j in itertools.product(range(kernel_size[0]), range(kernel_size[1])):
        yield (i, j), padded[:, i : i + rows : stride, j : j + columns : stride]


def _output_size(shape: tuple[int, ...], kernel_shape: tuple[int, ...], stride: int, pads: Pads) -> tuple[int, int]:
    return tuple((shape[1 + axis] + sum(pads[axis]) - kernel_shape[axis]) // stride + 1 for axis in range(2))


def _pad(x: Array, pads: Pads) -> Array:
    """Pads the two spatial axes with zeros; negative amounts cut."""
    return lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), (*pads[0], 0), (*pads[1], 0), (0, 0, 0)))


def _wide(x: Array) -> Array:
    """Returns `x` in float32 at least, the type of all sums."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
