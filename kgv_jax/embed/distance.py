"""Distances between vectors as scores: the nearer, the larger, and zero is the best."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

DISTANCES = ("l1", "l2", "l2_squared")

_SMALLEST = 1e-12  # of squared distances: the square root has no slope at zero.


def nearness(difference: Array, distance: str) -> Array:
    """Returns minus the length of the differences `[..., D]`: `L1`, `L2` or the square of `L2`."""
    if distance == "l1":
        return -jnp.sum(jnp.abs(difference), -1)
    return of_squares(jnp.sum(difference**2, -1), distance)


def nearness_to_all(query: Array, points: Array, distance: str) -> Array:
    """Returns how near `query` `[B, D]` is to each of `points` `[N, D]` by `L2` or its square: `[B, N]`, one matmul."""
    squares = jnp.sum(query**2, -1, keepdims=True) + jnp.sum(points**2, -1) - 2 * query @ points.T
    return of_squares(squares, distance)


def of_squares(squares: Array, distance: str) -> Array:
    """Returns minus the distance of which the squares are given; rounding may have left them below zero."""
    squares = jnp.maximum(squares, 0)
    return -squares if distance == "l2_squared" else -jnp.sqrt(squares + _SMALLEST)
