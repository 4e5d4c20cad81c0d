"""Attention in the order that XLA's CPU backend computes fast."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax import Array, lax


def attend(query: Array, key: Array, value: Array, *, causal: bool) -> Array:
    """Returns `softmax(q k^T / sqrt(d)) v`, all `[B, T, H, d]`, in the form of the platform."""
    return lax.platform_dependent(
        query,
        key,
        value,
        cpu=functools.partial(heads_first, causal=causal),
        default=functools.partial(jax.nn.dot_product_attention, is_causal=causal),
    )


def heads_first(query: Array, key: Array, value: Array, *, causal: bool) -> Array:
    """`attend` with heads before positions: no product transposes its arrays, and weights are computed once."""
    query, key, value = (x.swapaxes(1, 2) for x in (query * query.shape[-1] ** -0.5, key, value))
    scores = jnp.einsum("bhqd,bhkd->bhqk", query, key, preferred_element_type=jnp.float32)
    if causal:
        scores = jnp.where(jnp.tri(scores.shape[-1], dtype=bool), scores, jnp.finfo(scores.dtype).min)
    weights = lax.optimization_barrier(jax.nn.softmax(scores).astype(value.dtype))
    return jnp.einsum("bhqk,bhkd->bhqd", weights, value).swapaxes(1, 2)
