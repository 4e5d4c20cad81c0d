"""Losses of a batch of triples, one value per triple: against all nodes, or against sampled ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax.embed.model import Model, Rows, Tables, choose, score_triples, take

Loss = Callable[[Model, Tables, Array, Array], Array]
"""`(model, tables, triples [B, 3], key) -> [B]`."""

SAMPLED = ("margin", "softplus", "nssa")
LOSSES = ("softmax", *SAMPLED)


def named(name: str, **settings: float) -> Loss:
    """Returns the loss `name` of `LOSSES`; `settings` are arguments of `softmax` or of `sampled`."""
    choose(name, LOSSES, "The loss")
    return softmax(**settings) if name == "softmax" else sampled(name, **settings)


def softmax(*, scale: float = 1.0) -> Loss:
    """InfoNCE against every node, on both sides: `-log softmax_t' s(h, r, t') [t] - log softmax_h' s(h', r, t) [h]`.

    On graphs of up to some ten thousand nodes this is exact and, being two matmuls, cheaper than sampling.
    """

    def loss(model: Model, tables: Tables, triples: Array, _: Array) -> Array:
        h, r, t = triples.T
        sides = (model.tails(tables, h, r), t), (model.heads(tables, r, t), h)
        return sum(_cross_entropy(scale * scores, target) for scores, target in sides)

    return loss


def _cross_entropy(logits: Array, target: Array) -> Array:
    return jax.nn.logsumexp(logits, -1) - jnp.take_along_axis(logits, target[:, None], -1)[:, 0]


def corrupt(triples: Array, key: Array, count: int, num_nodes: int) -> tuple[Array, Array, Array]:
    """Returns `count` corruptions of every triple, `[B, count]` each of h, r, t: tails in one half, heads in the other.

    New nodes are uniform over all but the one that is replaced, as in PyKEEN's basic sampler; some of them are true.
    """
    h, r, t = (jnp.broadcast_to(column[:, None], (len(triples), count)) for column in triples.T)
    of_tail = jnp.arange(count) < (count + 1) // 2 if count > 1 else jax.random.bernoulli(key, shape=h.shape)
    other = jax.random.randint(key, h.shape, 0, num_nodes - 1)
    other += other >= jnp.where(of_tail, t, h)
    return jnp.where(of_tail, h, other), r, jnp.where(of_tail, other, t)


def sampled(kind: str, *, negatives: int = 32, margin: float = 1.0, temperature: float = 1.0) -> Loss:
    """Losses against sampled negatives, with scores `p` of a triple and `n_k` of its corruptions.

    margin:   mean_k max(0, margin + n_k - p)                                  (Bordes et al. 2013)
    softplus: (softplus(-p) + sum_k softplus(n_k)) / (1 + K)                   (Trouillon et al. 2016)
    nssa:     (softplus(-margin - p) + sum_k q_k softplus(margin + n_k)) / 2,
              q = stop_gradient(softmax(n / temperature))                      (Sun et al. 2019)
    """

    def loss(model: Model, tables: Tables, triples: Array, key: Array) -> Array:
        num_nodes = len(jax.tree.leaves(tables.nodes)[0])
        p = score_triples(model, tables, *triples.T)[:, None]
        n = score_triples(model, tables, *corrupt(triples, key, negatives, num_nodes))
        return forms[kind](p, n)

    def of_margin(p: Array, n: Array) -> Array:
        return jnp.mean(jax.nn.relu(margin + n - p), -1)

    def of_softplus(p: Array, n: Array) -> Array:
        return (jax.nn.softplus(-p[:, 0]) + jnp.sum(jax.nn.softplus(n), -1)) / (1 + negatives)

    def of_nssa(p: Array, n: Array) -> Array:
        q = jax.lax.stop_gradient(jax.nn.softmax(n / temperature, -1))
        return 0.5 * (jax.nn.softplus(-margin - p[:, 0]) + jnp.sum(q * jax.nn.softplus(margin + n), -1))

    forms: dict[str, Callable[[Array, Array], Array]] = {"margin": of_margin, "softplus": of_softplus, "nssa": of_nssa}
    choose(kind, forms, "The loss against sampled nodes")
    return loss


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
