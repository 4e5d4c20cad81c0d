"""Link prediction: the filtered rank of the true tail and of the true head among all nodes."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from kgv_jax.embed.model import Model, Tables

_HITS = (1, 3, 10)


def ranks(scores: Array, target: Array, other_truths: Array) -> Array:
    """Returns realistic ranks `[B]`: the mean of the best and the worst rank that ties allow (1 is first).

    Args:
      scores: `[B, N]`.
      target: `[B]`, the node whose rank is returned.
      other_truths: `[B, N]` bool, nodes that are true as well and do not count; the target's own entry is ignored.
    """
    own = jnp.take_along_axis(scores, target[:, None], -1)
    counts = ~other_truths & (jnp.arange(scores.shape[-1]) != target[:, None])
    better, equal = jnp.sum(counts & (scores > own), -1), jnp.sum(counts & (scores == own), -1)
    return 1 + better + 0.5 * equal


def truths(triples: np.ndarray, known: np.ndarray, side: int, num_nodes: int) -> np.ndarray:
    """Returns which nodes make each triple true, `[B, N]` bool, if put at column `side` (0 head, 2 tail).

    Args:
      triples: `[B, 3]`, of which the other two columns are looked up.
      known: `[K, 3]`, all true triples.
    """
    base = int(known.max()) + 1
    pair = (2 - side, 1)
    keys, rows = np.unique(triples[:, pair] @ np.array([base, 1]), return_inverse=True)
    facts = known[:, pair] @ np.array([base, 1])
    place = np.minimum(np.searchsorted(keys, facts), len(keys) - 1)
    found = keys[place] == facts
    table = np.zeros((len(keys), num_nodes), bool)
    table[place[found], known[found, side]] = True
    return table[rows]


@functools.partial(jax.jit, static_argnames="model")
def _both_ranks(
    parameters: Tables, triples: Array, true_heads: Array, true_tails: Array, *, model: Model
) -> tuple[Array, Array]:
    tables, (h, r, t) = model.tables(parameters), triples.T
    return ranks(model.heads(tables, r, t), h, true_heads), ranks(model.tails(tables, h, r), t, true_tails)


def filtered_ranks(
    model: Model, parameters: Tables, triples: np.ndarray, known: np.ndarray, *, batch: int = 1024
) -> np.ndarray:
    """Returns the filtered realistic ranks of `triples` `[M, 3]`, heads then tails, `[2, M]`."""
    num_nodes = len(jax.tree.leaves(parameters.nodes)[0])
    found = []
    for start in range(0, len(triples), batch):
        some = triples[start : start + batch]
        masks = (truths(some, known, side, num_nodes) for side in (0, 2))
        found.append(np.stack(_both_ranks(parameters, some, *masks, model=model)))
    return np.concatenate(found, -1)


def metrics(found: np.ndarray, *, hits: Sequence[int] = _HITS) -> dict[str, float]:
    """Returns the mean reciprocal rank and the share of ranks up to each of `hits`."""
    return {"mrr": float(np.mean(1 / found))} | {f"hits@{k}": float(np.mean(found <= k)) for k in hits}
