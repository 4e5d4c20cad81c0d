"""What every graph embedding offers: tables, the score of a triple, and the scores of all nodes at once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax.util.errors import UserError, nearest

Rows = dict[str, Array]
"""Named arrays with one row per node or relation, `[N, D]` each, or rows gathered from such, `[..., D]`."""


class Tables(NamedTuple):
    """Rows for all nodes and all relations: parameters, or what parameters stand for."""

    nodes: Rows
    relations: Rows


class Model(NamedTuple):
    """A scoring function as pure functions; larger scores are likelier triples.

    Attributes:
      init: `(key, num_nodes, num_relations, dim) -> parameters`.
      tables: `parameters -> Tables`, applies bounds (unit balls, positive variances).
      score: `(h, r, t) -> [...]` for rows `[..., D]` of matching shapes: the formula as it is written.
      tails: `(tables, h, r) -> [B, N]`, scores of all nodes as tail, for indices `[B]` of heads and relations.
      heads: `(tables, r, t) -> [B, N]`, scores of all nodes as head.
    """

    init: Callable[[Array, int, int, int], Tables]
    tables: Callable[[Tables], Tables]
    score: Callable[[Rows, Rows, Rows], Array]
    tails: Callable[[Tables, Array, Array], Array]
    heads: Callable[[Tables, Array, Array], Array]


def take(rows: Rows, index: Array) -> Rows:
    """Gathers rows `[..., D]` by their indices `[...]`."""
    return jax.tree.map(lambda table: table[index], rows)


def score_triples(model: Model, tables: Tables, h: Array, r: Array, t: Array) -> Array:
    """Returns the scores of triples given by indices whose shapes broadcast."""
    return model.score(take(tables.nodes, h), take(tables.relations, r), take(tables.nodes, t))


def by_broadcasting(score: Callable[[Rows, Rows, Rows], Array]) -> dict[str, Callable[..., Any]]:
    """Returns `tails` and `heads` that score every node one by one, `[B, N, D]`: for scores that no matmul gives."""

    def across(rows: Rows) -> Rows:
        return jax.tree.map(lambda x: x[:, None], rows)

    def tails(tables: Tables, h: Array, r: Array) -> Array:
        return score(across(take(tables.nodes, h)), across(take(tables.relations, r)), tables.nodes)

    def heads(tables: Tables, r: Array, t: Array) -> Array:
        return score(tables.nodes, across(take(tables.relations, r)), across(take(tables.nodes, t)))

    return {"tails": tails, "heads": heads}


def normal(key: Array, shape: tuple[int, int], scale: float) -> Array:
    """Returns random vectors `[.., D]` of about the length `scale`."""
    return scale * shape[-1] ** -0.5 * jax.random.normal(key, shape)


def unit(x: Array) -> Array:
    """Returns vectors `[..., D]` of length one with the same directions."""
    return x / _length(x)


def _length(x: Array) -> Array:
    return jnp.sqrt(jnp.sum(x**2, -1, keepdims=True) + 1e-12)  # the square root has no slope at zero


LENGTHS: dict[str, Callable[[Array], Array]] = {
    "free": lambda x: x,
    "ball": lambda x: x / jnp.maximum(_length(x), 1),
    "sphere": unit,
}
"""What the length of a node's mean may be: anything, at most one (KG2E), or one (TransE)."""


def means(key: Array, num_nodes: int, num_relations: int, dim: int, scale: float) -> tuple[Rows, Rows]:
    """Returns random means of nodes and rows of relations, of about the length `scale`."""
    nodes_key, relations_key = jax.random.split(key)
    nodes, relations = normal(nodes_key, (num_nodes, dim), scale), normal(relations_key, (num_relations, dim), scale)
    return {"mu": nodes}, {"mu": relations}


def of_means(lengths: str, mean_scale: float) -> dict[str, Callable[..., Tables]]:
    """Returns `init` and `tables` of a model with one vector per node, of a length by `LENGTHS`, and per relation."""
    limit = LENGTHS[choose(lengths, LENGTHS, "The rule for lengths")]

    def init(key: Array, num_nodes: int, num_relations: int, dim: int) -> Tables:
        return Tables(*means(key, num_nodes, num_relations, dim, mean_scale))

    def tables(parameters: Tables) -> Tables:
        return parameters._replace(nodes={"mu": limit(parameters.nodes["mu"])})

    return {"init": init, "tables": tables}


DISTANCES = ("l1", "l2", "l2_squared")

_SMALLEST = 1e-12  # of squared distances: the square root has no slope at zero.


def nearness(difference: Array, distance: str) -> Array:
    """Returns minus the length of the differences `[..., D]`: `L1`, `L2` or the square of `L2`."""
    if distance == "l1":
        return -jnp.sum(jnp.abs(difference), -1)
    return of_squares(jnp.sum(difference**2, -1), distance)


def nearness_to_all(query: Array, points: Array, distance: str) -> Array:
    """Returns how near `query` `[B, D]` is to each of `points` `[N, D]` by `L2` or its square: `[B, N]`, one matmul."""
    squares = jnp.sum(query**2, -1, keepdims=True) + jnp.sum(points**2, -1) - 2 * query @ points.T
    return of_squares(squares, distance)


def of_squares(squares: Array, distance: str) -> Array:
    """Returns minus the distance of which the squares are given; rounding may have left them below zero."""
    squares = jnp.maximum(squares, 0)
    return -squares if distance == "l2_squared" else -jnp.sqrt(squares + _SMALLEST)


def choose(name: str, offered: Collection[str], what: str) -> str:
    """Returns `name` if it is offered."""
    if name not in offered:
        raise UserError(f"{what} {name!r} is unknown{nearest(name, offered)}; expected one of {', '.join(offered)}.")
    return name
