"""TransE (Bordes et al., NIPS 2013): a relation is a translation, a triple is as likely as its tail is near."""

from __future__ import annotations

from jax import Array

from kgv_jax.embed.model import (
    DISTANCES,
    Model,
    Rows,
    Tables,
    by_broadcasting,
    choose,
    nearness,
    nearness_to_all,
    of_means,
    take,
)


def transe(*, distance: str = "l2", lengths: str = "free", mean_scale: float = 0.5) -> Model:
    """Returns the model `s(h, r, t) = -|h + r - t|`, with the norm `L1`, `L2` or the square of `L2`.

    `L2` of all nodes is one matmul; `L1` has none and costs `B N D` subtractions.
    """
    choose(distance, DISTANCES, "The distance")

    def score(h: Rows, r: Rows, t: Rows) -> Array:
        return nearness(h["mu"] + r["mu"] - t["mu"], distance)

    def tails(tables: Tables, h: Array, r: Array) -> Array:
        query = take(tables.nodes, h)["mu"] + take(tables.relations, r)["mu"]
        return nearness_to_all(query, tables.nodes["mu"], distance)

    def heads(tables: Tables, r: Array, t: Array) -> Array:
        query = take(tables.nodes, t)["mu"] - take(tables.relations, r)["mu"]
        return nearness_to_all(query, tables.nodes["mu"], distance)

    all_nodes = by_broadcasting(score) if distance == "l1" else {"tails": tails, "heads": heads}
    return Model(score=score, **of_means(lengths, mean_scale), **all_nodes)
