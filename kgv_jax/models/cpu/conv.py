"""Dense convolution whose kernel gradient is a matrix product on a CPU.

XLA computes that gradient as a convolution whose window is the whole map, and on a CPU that takes two to eight times as
long as the forward pass. Here it is a product of two matrices on a CPU: patches of the input by the gradient of the
output. Forward pass and input gradient are XLA's own on every platform.
"""

from __future__ import annotations

import functools
import itertools

import jax
import jax.numpy as jnp
from jax import Array, lax

from kgv_jax.models.cpu.products import sum_of_outer_products

Pads = tuple[tuple[int, int], tuple[int, int]]

# With fewer input channels (images), patches are too narrow to be worth the copy.
_MIN_CHANNELS = 8


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def conv(x: Array, kernel: Array, stride: int, pads: Pads) -> Array:
    """Correlates `x` `[B, H, W, C]` with `kernel` `[kh, kw, C, F]`.

        y[b, p, q, f] = sum_ijc kernel[i, j, c, f] x[b, stride p + i - pads[0][0], stride q + j - pads[1][0], c]

    with zeros outside of `x`. Differentiable in reverse mode.
    """
    return _of_xla(x, kernel, stride, pads)


def _of_xla(x: Array, kernel: Array, stride: int, pads: Pads) -> Array:
    return lax.conv_general_dilated(x, kernel, (stride, stride), pads, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _forward(x: Array, kernel: Array, stride: int, pads: Pads) -> tuple[Array, tuple[Array, Array]]:
    return conv(x, kernel, stride, pads), (x, kernel)


def _backward(stride: int, pads: Pads, residuals: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    x, kernel = residuals

    def own(x: Array, kernel: Array, g: Array) -> Array:
        return jax.vjp(lambda kernel: _of_xla(x, kernel, stride, pads), kernel)[1](g)[0]

    def product(x: Array, kernel: Array, g: Array) -> Array:
        size = kernel.shape[:2]
        if size == (1, 1) or stride > 1:
            return by_patches(x, g, size, stride, pads).astype(kernel.dtype)
        return by_rows_and_columns(x, g, size, pads).astype(kernel.dtype)

    of_x = jax.vjp(lambda x: _of_xla(x, kernel, stride, pads), x)[1](g)[0]
    if kernel.shape[2] < _MIN_CHANNELS:
        return of_x, own(x, kernel, g)
    return of_x, lax.platform_dependent(x, kernel, g, cpu=product, default=own)


conv.defvjp(_forward, _backward)


def by_patches(x: Array, g: Array, size: tuple[int, int], stride: int, pads: Pads) -> Array:
    """Returns dL/dkernel `[kh, kw, C, F]` from `kh kw` shifted copies of `x`, each as large as the output.

    dL/dkernel[i, j] = sum_bpq x[b, stride p + i - pads[0][0], stride q + j - pads[1][0]] g[b, p, q]^T
    """
    padded = _pad(x, *pads)
    rows, columns = ((positions - 1) * stride + 1 for positions in g.shape[1:3])
    taps = [
        padded[:, i : i + rows : stride, j : j + columns : stride]
        for i, j in itertools.product(range(size[0]), range(size[1]))
    ]
    patches = lax.optimization_barrier(jnp.concatenate(taps, -1))
    return sum_of_outer_products(patches, g).reshape(*size, x.shape[-1], g.shape[-1])


def by_rows_and_columns(x: Array, g: Array, size: tuple[int, int], pads: Pads) -> Array:
    """Returns dL/dkernel `[kh, kw, C, F]` at stride 1 from `kw` copies of `x` and `kh` of `g`, not `kh kw` of one.

        dL/dkernel[i, j] = sum_brq x[b, r, q + j - pads[1][0]] g[b, r - i + pads[0][0], q]^T

    One product of `[kw C, B H W]` with `[B H W, kh F]` holds all of it.
    """
    (above, _), (left, right) = pads
    height, columns = x.shape[1], g.shape[2]
    x = _pad(x, (0, 0), (left, right))
    shifted_x = jnp.concatenate([x[:, :, j : j + columns] for j in range(size[1])], -1)
    shifted_g = [_pad(g, (i - above, height - g.shape[1] - i + above), (0, 0)) for i in range(size[0])]
    # Without the barrier the copies are made again for every pass of the product.
    shifted = lax.optimization_barrier((shifted_x, jnp.concatenate(shifted_g, -1)))
    sums = sum_of_outer_products(*shifted).reshape(size[1], -1, size[0], g.shape[-1])
    return sums.transpose(2, 0, 1, 3)


def _pad(x: Array, rows: tuple[int, int], columns: tuple[int, int]) -> Array:
    """Pads the two spatial axes with zeros; negative amounts cut."""
    return lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), (*rows, 0), (*columns, 0), (0, 0, 0)))
