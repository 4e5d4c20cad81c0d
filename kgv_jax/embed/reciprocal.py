"""Reciprocal relations (Lacroix et al., ICML 2018): every relation has a second set of rows for its inverse."""

from __future__ import annotations

from jax import Array

from kgv_jax.embed.model import Model, Rows, Tables

PREFIX = "inverse_"


def reciprocal(model: Model) -> Model:
    """Returns `model` with inverses `r'` of relations: tails are scored as `s(h, r, t)`, heads as `s(t, r', h)`.

    A model that is symmetric in head and tail (DistMult) can so distinguish them. The score of one triple, which losses
    against sampled nodes use, is the mean of both; rows of inverses are named with the prefix `inverse_`.
    """

    def init(key: Array, num_nodes: int, num_relations: int, dim: int) -> Tables:
        nodes, relations = model.init(key, num_nodes, 2 * num_relations, dim)
        onward = {name: x[:num_relations] for name, x in relations.items()}
        return Tables(nodes, _joined(onward, {name: x[num_relations:] for name, x in relations.items()}))

    def tables(parameters: Tables) -> Tables:
        onward, back = (model.tables(parameters._replace(relations=rows)) for rows in _ways(parameters.relations))
        return Tables(onward.nodes, _joined(onward.relations, back.relations))

    def score(h: Rows, r: Rows, t: Rows) -> Array:
        onward, back = _ways(r)
        return (model.score(h, onward, t) + model.score(t, back, h)) / 2

    def tails(tables: Tables, h: Array, r: Array) -> Array:
        return model.tails(tables._replace(relations=_ways(tables.relations)[0]), h, r)

    def heads(tables: Tables, r: Array, t: Array) -> Array:
        return model.tails(tables._replace(relations=_ways(tables.relations)[1]), t, r)

    return Model(init, tables, score, tails, heads)


def _joined(onward: Rows, back: Rows) -> Rows:
    return onward | {PREFIX + name: x for name, x in back.items()}


def _ways(relations: Rows) -> tuple[Rows, Rows]:
    """Returns the rows of relations, and those of their inverses under the same names."""
    back = {name.removeprefix(PREFIX): x for name, x in relations.items() if name.startswith(PREFIX)}
    return {name: relations[name] for name in back}, back
