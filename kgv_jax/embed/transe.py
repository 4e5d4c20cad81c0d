"""TransE (Bordes et al., NIPS 2013): a relation is a translation, a triple is as likely as its tail is near."""

from __future__ import annotations

import jax
from jax import Array

from kgv_jax.embed.distance import DISTANCES, nearness, nearness_to_all
from kgv_jax.embed.model import LENGTHS, Model, Rows, Tables, by_broadcasting, choose, normal, take


def transe(*, distance: str = "l2", lengths: str = "free", mean_scale: float = 0.5) -> Model:
    """Returns the model `s(h, r, t) = -|h + r - t|`, with the norm `L1`, `L2` or the square of `L2`.

    `L2` of all nodes is one matmul; `L1` has none and costs `B N D` subtractions.
    """
    choose(distance, DISTANCES, "the distance")
    limit = LENGTHS[choose(lengths, LENGTHS, "the rule for lengths")]

    def init(key: Array, num_nodes: int, num_relations: int, dim: int) -> Tables:
        return Tables(*means(key, num_nodes, num_relations, dim, mean_scale))

    def tables(parameters: Tables) -> Tables:
        return parameters._replace(nodes={"mu": limit(parameters.nodes["mu"])})

    def score(h: Rows, r: Rows, t: Rows) -> Array:
        return nearness(h["mu"] + r["mu"] - t["mu"], distance)

    def tails(tables: Tables, h: Array, r: Array) -> Array:
        query = take(tables.nodes, h)["mu"] + take(tables.relations, r)["mu"]
        return nearness_to_all(query, tables.nodes["mu"], distance)

    def heads(tables: Tables, r: Array, t: Array) -> Array:
        query = take(tables.nodes, t)["mu"] - take(tables.relations, r)["mu"]
        return nearness_to_all(query, tables.nodes["mu"], distance)

    all_nodes = by_broadcasting(score) if distance == "l1" else {"tails": tails, "heads": heads}
    return Model(init, tables, score, **all_nodes)


def means(key: Array, num_nodes: int, num_relations: int, dim: int, scale: float) -> tuple[Rows, Rows]:
    """Returns random means of nodes and translations of relations, of about the length `scale`."""
    nodes_key, relations_key = jax.random.split(key)
    nodes, relations = normal(nodes_key, (num_nodes, dim), scale), normal(relations_key, (num_relations, dim), scale)
    return {"mu": nodes}, {"mu": relations}
