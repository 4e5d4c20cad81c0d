"""DistMult (Yang et al., ICLR 2015): a relation weighs the coordinates in which head and tail agree."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from kgv_jax.embed.model import Model, Rows, Tables, of_means, take


def distmult(*, lengths: str = "free", mean_scale: float = 1.0) -> Model:
    """Returns the model `s(h, r, t) = sum_d h_d r_d t_d`. It is symmetric: `s(h, r, t) = s(t, r, h)`."""

    def score(h: Rows, r: Rows, t: Rows) -> Array:
        return jnp.sum(h["mu"] * r["mu"] * t["mu"], -1)

    def tails(tables: Tables, h: Array, r: Array) -> Array:
        return (take(tables.nodes, h)["mu"] * take(tables.relations, r)["mu"]) @ tables.nodes["mu"].T

    def heads(tables: Tables, r: Array, t: Array) -> Array:
        return tails(tables, t, r)

    return Model(score=score, tails=tails, heads=heads, **of_means(lengths, mean_scale))
