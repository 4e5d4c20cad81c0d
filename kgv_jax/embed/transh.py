"""TransH (Wang et al., AAAI 2014): a translation within a hyperplane of the relation's own."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax.embed.model import (
    DISTANCES,
    LENGTHS,
    Model,
    Rows,
    Tables,
    by_broadcasting,
    choose,
    nearness,
    normal,
    of_squares,
    take,
    unit,
)


def transh(*, distance: str = "l2", lengths: str = "free", mean_scale: float = 0.5) -> Model:
    """Returns the model that compares nodes by what they are within the plane of normal `w`, `|w| = 1`.

        x' = x - (w.x) w,    s(h, r, t) = -|h' + d - t'|,    d.w = 0

    The paper takes the square of `L2`, and asks for `d.w = 0` and `|x| <= 1` by penalties. Here `d` is the projection
    of a free vector, so it lies in the plane exactly, and the length of nodes is a choice. With `L2`, all nodes are
    two matmuls: `|q - x'|^2 = |q|^2 - 2 q.x + |x|^2 - (w.x)^2` for `q` in the plane.
    """
    choose(distance, DISTANCES, "The distance")
    limit = LENGTHS[choose(lengths, LENGTHS, "The rule for lengths")]

    def init(key: Array, num_nodes: int, num_relations: int, dim: int) -> Tables:
        keys = jax.random.split(key, 3)
        relations = {"mu": normal(keys[1], (num_relations, dim), mean_scale)}
        return Tables(
            {"mu": normal(keys[0], (num_nodes, dim), mean_scale)},
            relations | {"normal": normal(keys[2], (num_relations, dim), 1.0)},
        )

    def tables(parameters: Tables) -> Tables:
        nodes, relations = parameters
        w = unit(relations["normal"])
        return Tables({"mu": limit(nodes["mu"])}, {"mu": within(relations["mu"], w), "normal": w})

    def score(h: Rows, r: Rows, t: Rows) -> Array:
        w = r["normal"]
        return nearness(within(h["mu"], w) + r["mu"] - within(t["mu"], w), distance)

    def tails(tables: Tables, h: Array, r: Array) -> Array:
        relation = take(tables.relations, r)
        query = within(take(tables.nodes, h)["mu"], relation["normal"]) + relation["mu"]
        return to_all(query, relation["normal"], tables.nodes["mu"])

    def heads(tables: Tables, r: Array, t: Array) -> Array:
        relation = take(tables.relations, r)
        query = within(take(tables.nodes, t)["mu"], relation["normal"]) - relation["mu"]
        return to_all(query, relation["normal"], tables.nodes["mu"])

    def to_all(query: Array, w: Array, mu: Array) -> Array:
        squares = jnp.sum(query**2, -1, keepdims=True) + jnp.sum(mu**2, -1) - 2 * query @ mu.T - (w @ mu.T) ** 2
        return of_squares(squares, distance)

    all_nodes = by_broadcasting(score) if distance == "l1" else {"tails": tails, "heads": heads}
    return Model(init, tables, score, **all_nodes)


def within(x: Array, w: Array) -> Array:
    """Returns the projection of `x` `[..., D]` onto the plane whose unit normal is `w`."""
    return x - jnp.sum(w * x, -1, keepdims=True) * w
