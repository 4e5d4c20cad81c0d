"""TransE (Bordes et al., NIPS 2013): a relation is a translation, a triple is as likely as its tail is near."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax.embed.model import LENGTHS, Model, Rows, Tables, by_broadcasting, choose, take

_SMALLEST = 1e-12  # of squared distances: the square root has no slope at zero.


DISTANCES = ("l1", "l2", "l2_squared")


def transe(*, distance: str = "l2", lengths: str = "free", mean_scale: float = 0.5) -> Model:
    """Returns the model `s(h, r, t) = -|h + r - t|`, with the norm `L1`, `L2` or the square of `L2`.

    `L2` of all nodes is one matmul; `L1` has none and costs `B N D` subtractions.
    """
    choose(distance, DISTANCES, "the distance")
    limit = LENGTHS[choose(lengths, LENGTHS, "the rule for lengths")]

    def score(h: Rows, r: Rows, t: Rows) -> Array:
        difference = h["mu"] + r["mu"] - t["mu"]
        if distance == "l1":
            return -jnp.sum(jnp.abs(difference), -1)
        return of_squares(jnp.sum(difference**2, -1))

    def init(key: Array, num_nodes: int, num_relations: int, dim: int) -> Tables:
        return Tables(*means(key, num_nodes, num_relations, dim, mean_scale))

    def tables(parameters: Tables) -> Tables:
        return parameters._replace(nodes={"mu": limit(parameters.nodes["mu"])})

    def tails(tables: Tables, h: Array, r: Array) -> Array:
        return to_all(take(tables.nodes, h)["mu"] + take(tables.relations, r)["mu"], tables.nodes["mu"])

    def heads(tables: Tables, r: Array, t: Array) -> Array:
        return to_all(take(tables.nodes, t)["mu"] - take(tables.relations, r)["mu"], tables.nodes["mu"])

    def to_all(query: Array, mu: Array) -> Array:
        squares = jnp.sum(query**2, -1, keepdims=True) + jnp.sum(mu**2, -1) - 2 * query @ mu.T
        return of_squares(jnp.maximum(squares, 0))

    def of_squares(squares: Array) -> Array:
        return -squares if distance == "l2_squared" else -jnp.sqrt(squares + _SMALLEST)

    all_nodes = by_broadcasting(score) if distance == "l1" else {"tails": tails, "heads": heads}
    return Model(init, tables, score, **all_nodes)


def means(key: Array, num_nodes: int, num_relations: int, dim: int, scale: float) -> tuple[Rows, Rows]:
    """Returns random means of nodes and translations of relations, of about the length `scale`."""
    keys = jax.random.split(key)
    shapes = (num_nodes, dim), (num_relations, dim)
    return tuple({"mu": scale * dim**-0.5 * jax.random.normal(k, shape)} for k, shape in zip(keys, shapes, strict=True))
