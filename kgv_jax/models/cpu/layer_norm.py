"""Normalisation of layer norm (Ba et al., arXiv 1607.06450) whose gradient is written out on a CPU.

Differentiated step by step, mean and variance leave a chain of sums that XLA's CPU backend computes again for each of
its readers. Other platforms get the gradient as JAX derives it.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax import Array, lax


def normalise(x: Array, epsilon: float) -> Array:
    """Returns `(x - mean(x)) / s` float32 with `s^2 = mean((x - mean(x))^2) + epsilon`, over the last axis."""
    return lax.platform_dependent(
        x,
        cpu=functools.partial(_written_out, epsilon=epsilon),
        default=functools.partial(_derived, epsilon=epsilon),
    )


def _derived(x: Array, epsilon: float) -> Array:
    return _normalised(x, *_statistics(x, epsilon))


def _statistics(x: Array, epsilon: float) -> tuple[Array, Array]:
    """Returns mean and 1 / s, `[..., 1]`."""
    x = x.astype(jnp.float32)
    mean = x.mean(-1, keepdims=True)
    # E[x^2] - E[x]^2 cancels where a few channels are huge, as in large published models.
    return mean, lax.rsqrt(jnp.square(x - mean).mean(-1, keepdims=True) + epsilon)


def _normalised(x: Array, mean: Array, inverse: Array) -> Array:
    return (x.astype(jnp.float32) - mean) * inverse


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _written_out(x: Array, epsilon: float) -> Array:
    """As `_derived`; its gradient, with `y` the result and `g = dL/dy`, is

    dL/dx = (g - mean(g) - y mean(g y)) / s
    """
    return _derived(x, epsilon)


def _forward(x: Array, epsilon: float) -> tuple[Array, tuple[Array, Array, Array]]:
    mean, inverse = _statistics(x, epsilon)
    return _normalised(x, mean, inverse), (x, mean, inverse)


def _backward(epsilon: float, residuals: tuple[Array, Array, Array], g: Array) -> tuple[Array]:
    x, mean, inverse = residuals
    y = _normalised(x, mean, inverse)
    of_x = inverse * (g - g.mean(-1, keepdims=True) - y * (g * y).mean(-1, keepdims=True))
    return (lax.optimization_barrier(of_x.astype(x.dtype)),)


_written_out.defvjp(_forward, _backward)
