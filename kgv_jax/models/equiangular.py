"""Equiangular basis vectors (Shen et al., arXiv 2303.11637): fixed class directions, far apart and without meaning.

    logits_c = n(z) . w_c / T,    |w_c . w_c'| as small as it can be made,    w fixed

The control for methods with a graph: what of their gain comes from well-separated targets alone.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import Array

_MOST_SPREAD = 4096  # classes; for more, random directions are used as they are
_STEPS, _RATE, _POWER = 300, 0.02, 8


def near_equiangular(key: Array, count: int, dim: int) -> Array:
    """Returns `[count, dim]` directions: orthonormal where they can be, else with small cosines.

    More directions than dimensions begin at random and minimise `mean_{c != c'} (w_c . w_c')^8`, which the largest
    cosines dominate. The paper minimises `sum_{c != c'} max(0, |w_c . w_c'| - alpha)`, and `alpha` has to be found for
    every count and dimension; the power has no such setting.
    """
    start = jax.random.normal(key, (count, dim))
    if count <= dim:
        return jnp.linalg.qr(start.T)[0].T
    if count > _MOST_SPREAD:
        return _directions(start)
    optimizer = optax.adam(optax.linear_schedule(_RATE, 0.0, _STEPS))

    def crowding(vectors: Array) -> Array:
        unit = _directions(vectors)
        return jnp.mean((unit @ unit.T * (1 - jnp.eye(count))) ** _POWER)

    def step(state: tuple, _: None) -> tuple[tuple, None]:
        vectors, moments = state
        # Of the logarithm, so that steps do not shrink with the eighth power.
        updates, moments = optimizer.update(jax.grad(lambda v: jnp.log(crowding(v)))(vectors), moments)
        return (optax.apply_updates(vectors, updates), moments), None

    (vectors, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), length=_STEPS)
    return _directions(vectors)


class EquiangularDecoder(nn.Module):
    """Cosines of an embedding with fixed class directions over a temperature; nothing of it is trained."""

    num_classes: int
    temperature: float = 0.07

    @nn.compact
    def __call__(self, z: Array) -> Array:
        """Maps `[B, D]` to logits `[B, C]`."""
        directions = self.param("directions", near_equiangular, self.num_classes, z.shape[-1])
        return _directions(z) @ jax.lax.stop_gradient(directions).T / self.temperature


def _directions(x: Array) -> Array:
    return x / jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), 1e-6)
