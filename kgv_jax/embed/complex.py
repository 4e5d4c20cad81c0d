"""ComplEx (Trouillon et al., ICML 2016): DistMult with complex numbers, so that a relation may have a direction."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax.embed.model import Model, Rows, Tables, normal, take


def complex_(*, mean_scale: float = 1.0) -> Model:
    """Returns the model `s(h, r, t) = Re(sum_d h_d r_d conj(t_d))`, with `D` complex numbers, `re` and `im`.

    The real part of `q conj(t)` is a product of real vectors, `re.re + im.im`. For all tails `q = h r`; for all heads
    `Re(h r conj(t)) = Re(q conj(h))` with `q = conj(r) t`.
    """

    def init(key: Array, num_nodes: int, num_relations: int, dim: int) -> Tables:
        nodes_key, relations_key = jax.random.split(key)
        return Tables(
            complex_normal(nodes_key, (num_nodes, dim), mean_scale),
            complex_normal(relations_key, (num_relations, dim), mean_scale),
        )

    def score(h: Rows, r: Rows, t: Rows) -> Array:
        q = times(h, r)
        return jnp.sum(q["re"] * t["re"] + q["im"] * t["im"], -1)

    def tails(tables: Tables, h: Array, r: Array) -> Array:
        return to_all(times(take(tables.nodes, h), take(tables.relations, r)), tables.nodes)

    def heads(tables: Tables, r: Array, t: Array) -> Array:
        return to_all(times(take(tables.nodes, t), conjugate(take(tables.relations, r))), tables.nodes)

    def to_all(query: Rows, nodes: Rows) -> Array:
        return as_real(query) @ as_real(nodes).T

    return Model(init, lambda parameters: parameters, score, tails, heads)


def complex_normal(key: Array, shape: tuple[int, int], scale: float) -> Rows:
    """Returns random complex vectors `[.., D]` of about the length `scale`."""
    keys = jax.random.split(key)
    return {part: normal(k, shape, scale * 0.5**0.5) for part, k in zip(("re", "im"), keys, strict=True)}


def times(x: Rows, y: Rows) -> Rows:
    """Returns the products of complex numbers, coordinate by coordinate."""
    return {"re": x["re"] * y["re"] - x["im"] * y["im"], "im": x["re"] * y["im"] + x["im"] * y["re"]}


def conjugate(x: Rows) -> Rows:
    """Returns the complex conjugates."""
    return {"re": x["re"], "im": -x["im"]}


def as_real(x: Rows) -> Array:
    """Returns `D` complex numbers as `2 D` real ones, with the same lengths and distances."""
    return jnp.concatenate([x["re"], x["im"]], -1)
