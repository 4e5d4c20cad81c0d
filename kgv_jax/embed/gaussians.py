"""Gaussian nodes: KG2E (He et al., CIKM 2015) and KGV node to node.

Both scores are sums of `w (x - a)^2 = w x^2 - 2 w a x + w a^2`, so all nodes together are one matmul of
`[w, -2 w a]` with `[x^2, x]`. `score` is the formula as it is written; `tails` and `heads` are the matmuls, and
`tests/unit/embed/test_models.py` compares them.

A Gaussian of small variance at the right place has unbounded density, so variances are bounded (`bounded`), as in
`scoring/space.py`.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax.embed.model import LENGTHS, Model, Rows, Tables, by_broadcasting, choose, means, take

SIMILARITIES = ("kl", "el")
_LOG_2_PI = math.log(2 * math.pi)


def kg2e(
    *,
    similarity: str = "kl",
    var_min: float = 0.05,
    var_max: float = 5.0,
    var_init: float = 1.0,
    var_spread: float = 0.0,
    mean_scale: float = 0.5,
    lengths: str = "free",
) -> Model:
    """Returns KG2E: how well the Gaussian of `h - t` agrees with the Gaussian of the relation.

    With `v = var_h + var_t` and `m = mu_h - mu_t - mu_r`,

        kl: s = -KL(h - t || r) = -1/2 sum_d [ (v + m^2) / var_r - 1 + log var_r - log v ],
        el: s = log E = log N(m; 0, v + var_r)   (equation 7).

    `var_init` and `var_spread` are those of `random_variances`.
    """
    choose(similarity, SIMILARITIES, "The similarity")
    choose(lengths, LENGTHS, "The rule for lengths")
    bounds = (var_min, var_max)

    def init(key: Array, num_nodes: int, num_relations: int, dim: int) -> Tables:
        both = means(key, num_nodes, num_relations, dim, mean_scale)
        keys = jax.random.split(jax.random.fold_in(key, 1))
        return Tables(
            *(
                rows | {"v": random_variances(rows_key, rows["mu"].shape, var_init, var_spread, bounds)}
                for rows, rows_key in zip(both, keys, strict=True)
            )
        )

    def score(h: Rows, r: Rows, t: Rows) -> Array:
        v, m = h["var"] + t["var"], h["mu"] - t["mu"] - r["mu"]
        if similarity == "el":
            total = v + r["var"]
            return -0.5 * jnp.sum(m**2 / total + jnp.log(total) + _LOG_2_PI, -1)
        return -0.5 * jnp.sum((v + m**2) / r["var"] - 1 + jnp.log(r["var"]) - jnp.log(v), -1)

    def tails(tables: Tables, h: Array, r: Array) -> Array:
        return against_all(tables, h, r, -1)

    def heads(tables: Tables, r: Array, t: Array) -> Array:
        return against_all(tables, t, r, 1)

    def against_all(tables: Tables, known: Array, r: Array, sign: int) -> Array:
        # Multiplied out, all but `log v` is a product of something of the known pair and something of each node.
        nodes, given, relation = tables.nodes, take(tables.nodes, known), take(tables.relations, r)
        w, a = 1 / relation["var"], given["mu"] + sign * relation["mu"]
        squares = given["var"] + a**2
        alone = jnp.sum(w * squares - 1 + jnp.log(relation["var"]), -1, keepdims=True)
        query = jnp.concatenate([w, -2 * w * a], -1)
        features = jnp.concatenate([nodes["var"] + nodes["mu"] ** 2, nodes["mu"]], -1)
        return -0.5 * (query @ features.T + alone - log_volumes(nodes["var"], known))

    all_nodes = by_broadcasting(score) if similarity == "el" else {"tails": tails, "heads": heads}
    return Model(init, lambda parameters: bounded(parameters, *bounds, lengths), score, **all_nodes)


def kgv(
    *,
    var_min: float = 0.05,
    var_max: float = 5.0,
    var_init: float = 1.0,
    var_spread: float = 0.0,
    mean_scale: float = 0.5,
    lengths: str = "ball",
) -> Model:
    """Returns KGV's score between nodes (section 3 of arXiv 2410.15981), the head's mean in place of an image.

    s(h, r, t) = log N(mu_h + r; mu_t, var_t) = -1/2 sum_d [ (mu_h + r - mu_t)^2 / var_t + log(2 pi var_t) ]
    """
    choose(lengths, LENGTHS, "The rule for lengths")
    bounds = (var_min, var_max)

    def init(key: Array, num_nodes: int, num_relations: int, dim: int) -> Tables:
        nodes, relations = means(key, num_nodes, num_relations, dim, mean_scale)
        v = random_variances(jax.random.fold_in(key, 1), nodes["mu"].shape, var_init, var_spread, bounds)
        return Tables(nodes | {"v": v}, relations)

    def score(h: Rows, r: Rows, t: Rows) -> Array:
        squares = (h["mu"] + r["mu"] - t["mu"]) ** 2 / t["var"]
        return -0.5 * jnp.sum(squares + jnp.log(t["var"]) + _LOG_2_PI, -1)

    def tails(tables: Tables, h: Array, r: Array) -> Array:
        mu, var = tables.nodes["mu"], tables.nodes["var"]
        x = take(tables.nodes, h)["mu"] + take(tables.relations, r)["mu"]
        w = 1 / var
        alone = jnp.sum(w * mu**2 + jnp.log(var) + _LOG_2_PI, -1)
        query, features = jnp.concatenate([x**2, x], -1), jnp.concatenate([w, -2 * w * mu], -1)
        return -0.5 * (query @ features.T + alone)

    def heads(tables: Tables, r: Array, t: Array) -> Array:
        mu, tail = tables.nodes["mu"], take(tables.nodes, t)
        w, a = 1 / tail["var"], tail["mu"] - take(tables.relations, r)["mu"]
        alone = jnp.sum(w * a**2 + jnp.log(tail["var"]) + _LOG_2_PI, -1, keepdims=True)
        query, features = jnp.concatenate([w, -2 * w * a], -1), jnp.concatenate([mu**2, mu], -1)
        return -0.5 * (query @ features.T + alone)

    return Model(init, lambda parameters: bounded(parameters, *bounds, lengths), score, tails, heads)


def bounded(parameters: Tables, var_min: float, var_max: float, lengths: str) -> Tables:
    """Returns tables with `var = var_min (var_max / var_min)^sigmoid(v)` in place of `v`, means limited in length."""
    low, high = math.log(var_min), math.log(var_max)

    def variances(rows: Rows) -> Rows:
        return {"var": jnp.exp(low + (high - low) * jax.nn.sigmoid(rows["v"]))} if "v" in rows else {}

    nodes, relations = parameters
    return Tables(
        {"mu": LENGTHS[lengths](nodes["mu"])} | variances(nodes), {"mu": relations["mu"]} | variances(relations)
    )


def random_variances(
    key: Array, shape: tuple[int, ...], var: float, spread: float, bounds: tuple[float, float]
) -> Array:
    """Returns the `v` `[.., D]` of variances near `var`, which `spread`, the standard deviation of `v`, makes unequal.

    Equal variances (no spread) weigh all coordinates alike and have much the same first gradients, so that it takes
    many steps until some coordinates matter more to a relation than others. Few or small steps want a spread.
    """
    return raw_variance(var, *bounds) + spread * jax.random.normal(key, shape)


def raw_variance(var: float, var_min: float, var_max: float) -> float:
    """Returns the `v` that `bounded` maps to `var`."""
    share = math.log(var / var_min) / math.log(var_max / var_min)
    return math.log(share / (1 - share))


def log_volumes(var: Array, index: Array) -> Array:
    """Returns `sum_d log(var[i] + var[n])` `[B, N]` for the nodes `i` of a batch and all nodes `n`.

    No matmul gives it, but it does not depend on the relation: where the batch is larger than the graph, pairs of
    nodes are fewer than rows of the batch times nodes. Heads and tails then share them.
    """
    if len(index) > len(var):
        return _log_volumes(var, var)[index]
    return _log_volumes(var[index], var)


def _log_volumes(x: Array, y: Array) -> Array:
    return jnp.sum(jnp.log(x[:, None] + y), -1)
