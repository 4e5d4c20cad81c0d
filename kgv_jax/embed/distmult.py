"""DistMult (Yang et al., ICLR 2015): a relation weighs the coordinates in which head and tail agree."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from kgv_jax.embed.model import LENGTHS, Model, Rows, Tables, choose, take
from kgv_jax.embed.transe import means


def distmult(*, lengths: str = "free", mean_scale: float = 1.0) -> Model:
    """Returns the model `s(h, r, t) = sum_d h_d r_d t_d`. It is symmetric: `s(h, r, t) = s(t, r, h)`."""
    limit = LENGTHS[choose(lengths, LENGTHS, "the rule for lengths")]

    def init(key: Array, num_nodes: int, num_relations: int, dim: int) -> Tables:
        return Tables(*means(key, num_nodes, num_relations, dim, mean_scale))

    def tables(parameters: Tables) -> Tables:
        return parameters._replace(nodes={"mu": limit(parameters.nodes["mu"])})

    def score(h: Rows, r: Rows, t: Rows) -> Array:
        return jnp.sum(h["mu"] * r["mu"] * t["mu"], -1)

    def tails(tables: Tables, h: Array, r: Array) -> Array:
        return (take(tables.nodes, h)["mu"] * take(tables.relations, r)["mu"]) @ tables.nodes["mu"].T

    def heads(tables: Tables, r: Array, t: Array) -> Array:
        return tails(tables, t, r)

    return Model(init, tables, score, tails, heads)
