"""RotatE (Sun et al., ICLR 2019): a relation turns every complex coordinate of the head."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax.embed.complex import as_real, complex_normal, conjugate, times
from kgv_jax.embed.model import (
    DISTANCES,
    Model,
    Rows,
    Tables,
    by_broadcasting,
    choose,
    nearness,
    nearness_to_all,
    of_squares,
    take,
)


def rotate(*, distance: str = "l2", mean_scale: float = 0.5) -> Model:
    """Returns the model `s(h, r, t) = -|h r - t|` with `r_d = exp(i phase_d)` and `D` complex numbers.

    `l1` is the sum of the moduli `|h_d r_d - t_d|` (the authors' program), `l2` the root of the sum of their squares
    (PyKEEN). With `L2` all nodes are one matmul; turning keeps lengths, so `|h r - t| = |t conj(r) - h|` for all heads.
    """
    choose(distance, DISTANCES, "The distance")

    def init(key: Array, num_nodes: int, num_relations: int, dim: int) -> Tables:
        nodes_key, relations_key = jax.random.split(key)
        phase = jax.random.uniform(relations_key, (num_relations, dim), minval=-math.pi, maxval=math.pi)
        return Tables(complex_normal(nodes_key, (num_nodes, dim), mean_scale), {"phase": phase})

    def tables(parameters: Tables) -> Tables:
        phase = parameters.relations["phase"]
        return parameters._replace(relations={"re": jnp.cos(phase), "im": jnp.sin(phase)})

    def score(h: Rows, r: Rows, t: Rows) -> Array:
        turned = times(h, r)
        re, im = turned["re"] - t["re"], turned["im"] - t["im"]
        if distance == "l1":
            return jnp.sum(of_squares(re**2 + im**2, "l2"), -1)
        return nearness(as_real({"re": re, "im": im}), distance)

    def tails(tables: Tables, h: Array, r: Array) -> Array:
        return to_all(times(take(tables.nodes, h), take(tables.relations, r)), tables.nodes)

    def heads(tables: Tables, r: Array, t: Array) -> Array:
        return to_all(times(take(tables.nodes, t), conjugate(take(tables.relations, r))), tables.nodes)

    def to_all(query: Rows, nodes: Rows) -> Array:
        return nearness_to_all(as_real(query), as_real(nodes), distance)

    all_nodes = by_broadcasting(score) if distance == "l1" else {"tails": tails, "heads": heads}
    return Model(init, tables, score, **all_nodes)
