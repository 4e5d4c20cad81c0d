"""The nuclear 3-norm as a penalty (Lacroix et al., ICML 2018): rows of products stay as small as the loss allows."""

from __future__ import annotations

from collections.abc import Iterator

import jax.numpy as jnp
from jax import Array

from kgv_jax.embed.losses import Loss
from kgv_jax.embed.model import Model, Rows, Tables, take


def with_n3(loss: Loss, weight: float) -> Loss:
    """Returns `loss` plus `weight` times the N3 of each triple's own rows.

        N3(h, r, t) = sum_d |h_d|^3 + |r_d|^3 + |t_d|^3

    Cubes, because the sum over all rows then bounds the nuclear norm of the tensor of order three whose entries are the
    scores `sum_d h_d r_d t_d`; of complex numbers the moduli count. As in the paper's experiments, a row is penalised
    once for every triple that it is in, so those of frequent nodes are held back as much as their triples pull.
    """

    def penalised(model: Model, tables: Tables, triples: Array, key: Array) -> Array:
        h, r, t = triples.T
        rows = take(tables.nodes, h), take(tables.relations, r), take(tables.nodes, t)
        return loss(model, tables, triples, key) + weight * sum(cubes(row) for row in rows)

    return penalised


def cubes(rows: Rows) -> Array:
    """Returns the sums of cubed moduli `[B]` of rows `[B, D]`: of means, and of complex numbers."""
    return sum(jnp.sum(square**1.5, -1) for square in _squares(rows))


def _squares(rows: Rows) -> Iterator[Array]:
    for name, x in rows.items():
        if name.endswith("mu"):
            yield x**2
        elif name.endswith("re"):
            yield x**2 + rows[name.removesuffix("re") + "im"] ** 2
