"""NFE (Xiao, He, Cao, AAAI 2023, arXiv 2409.19977): nodes and relations are flows of a normal random variable."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax.embed.model import LENGTHS, Model, Rows, Tables, choose, normal, take


def nfe(*, lengths: str = "free", mean_scale: float = 0.5, sigma_init: float = 0.1) -> Model:
    """Returns NFE-1, whose flows are affine.

    A node is the flow `x -> sigma x + mu` of `x ~ N(0, 1)`, one per dimension; a relation is the flow
    `x -> sigma_r x + r`. The head's flow followed by the relation's gives `N(sigma_r mu_h + r, (sigma_r sigma_h)^2)`.
    The score is minus the squared 2-Wasserstein distance of this Gaussian from the tail's:

        s(h, r, t) = -sum_d [ (sigma_r mu_h + r - mu_t)^2 + (|sigma_r sigma_h| - |sigma_t|)^2 ]

    The equations are those of the authors' program (github.com/changyi7231/NFE, `model.py`, NFE-1), without its
    constant `gamma`. Its NFE-2 (two widths per dimension) and NFE-3 (KL divergence) are not here. `sigma` of a node
    starts near `sigma_init`, that of a relation near 1, so training starts from TransE; the authors sample all of them
    from [-0.1, 0.1].
    """
    limit = LENGTHS[choose(lengths, LENGTHS, "The rule for lengths")]

    def init(key: Array, num_nodes: int, num_relations: int, dim: int) -> Tables:
        keys = jax.random.split(key, 4)
        wide = {"sigma": sigma_init * (1 + 0.1 * jax.random.normal(keys[2], (num_nodes, dim)))}
        scale = {"sigma": 1 + 0.1 * jax.random.normal(keys[3], (num_relations, dim))}
        return Tables(
            {"mu": normal(keys[0], (num_nodes, dim), mean_scale)} | wide,
            {"mu": normal(keys[1], (num_relations, dim), mean_scale)} | scale,
        )

    def tables(parameters: Tables) -> Tables:
        nodes = {"mu": limit(parameters.nodes["mu"]), "sigma": jnp.abs(parameters.nodes["sigma"])}
        return parameters._replace(nodes=nodes)

    def score(h: Rows, r: Rows, t: Rows) -> Array:
        means = r["sigma"] * h["mu"] + r["mu"] - t["mu"]
        deviations = jnp.abs(r["sigma"] * h["sigma"]) - jnp.abs(t["sigma"])
        return -jnp.sum(means**2 + deviations**2, -1)

    def tails(tables: Tables, h: Array, r: Array) -> Array:
        head, relation, nodes = take(tables.nodes, h), take(tables.relations, r), tables.nodes
        query = moments(relation["sigma"] * head["mu"] + relation["mu"], relation["sigma"] * head["sigma"])
        every = moments(nodes["mu"], nodes["sigma"])
        return 2 * query @ every.T - jnp.sum(query**2, -1, keepdims=True) - jnp.sum(every**2, -1)

    def heads(tables: Tables, r: Array, t: Array) -> Array:
        relation, tail, nodes = take(tables.relations, r), take(tables.nodes, t), tables.nodes
        scale, goal = relation["sigma"], moments(tail["mu"] - relation["mu"], tail["sigma"])
        every = moments(nodes["mu"], nodes["sigma"])
        query = jnp.concatenate([2 * goal * moments(scale, scale), -(scale**2)], -1)
        features = jnp.concatenate([every, nodes["mu"] ** 2 + nodes["sigma"] ** 2], -1)
        return query @ features.T - jnp.sum(goal**2, -1, keepdims=True)

    return Model(init, tables, score, tails, heads)


def moments(mu: Array, sigma: Array) -> Array:
    """Returns `[mu, |sigma|]`: the squared distance between two such is the squared 2-Wasserstein distance."""
    return jnp.concatenate([mu, jnp.abs(sigma)], -1)
