"""Matrix products and their gradients in the order that XLA's CPU backend computes fast.

That backend computes a value again in every product that reads it in another layout, and transposes the left side of a
product by a copy. Here neither happens to the larger array. Other platforms get the plain products.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax


def sum_of_outer_products(x: Array, g: Array) -> Array:
    """Returns the float32 sum of `x_n g_n^T` `[C, F]` over all leading axes of `x` `[..., C]` and `g` `[..., F]`."""
    x, g = x.reshape(-1, x.shape[-1]), g.reshape(-1, g.shape[-1])
    product = functools.partial(
        lax.dot_general,
        dimension_numbers=(((0,), (0,)), ((), ())),
        preferred_element_type=jnp.promote_types(x.dtype, jnp.float32),
    )
    if x.shape[1] <= g.shape[1]:
        return product(x, g)
    # The side that is transposed should be the small one. Without the barrier, XLA swaps the sides again.
    return lax.optimization_barrier(product(g, x)).T


def dense_product(x: Array, kernel: Array, dimension_numbers: Any, *, precision: Any = None) -> Array:
    """Returns `x` `[..., C]` times `kernel` `[C, F]`, as the `dot_general` of a `nn.Dense`; for reverse mode."""
    if dimension_numbers != (((x.ndim - 1,), (0,)), ((), ())) or precision is not None:
        raise ValueError(
            f"Got dimension numbers {dimension_numbers} and precision {precision}; expected those of nn.Dense, and no "
            "precision. Use jax.lax.dot_general for other products."
        )
    return lax.platform_dependent(x, kernel, cpu=_of_rows, default=jnp.matmul)


def _of_rows(x: Array, kernel: Array) -> Array:
    # On a TPU this reshape is a copy: tiles of 8 rows do not end where an example's tokens do.
    return _ordered(x.reshape(-1, x.shape[-1]), kernel).reshape(*x.shape[:-1], kernel.shape[1])


@jax.custom_vjp
def _ordered(x: Array, kernel: Array) -> Array:
    return x @ kernel


def _forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return x @ kernel, (x, kernel)


def _backward(residuals: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    g = lax.optimization_barrier(g)
    return g @ kernel.T, sum_of_outer_products(x, g).astype(kernel.dtype)


_ordered.defvjp(_forward, _backward)
