"""A graph without a published split: triples held out such that training still shows every node and every relation."""

from __future__ import annotations

import numpy as np

from kgv_jax.embed.triples import Triples
from kgv_jax.kg.graph import Graph
from kgv_jax.util.errors import UserError


def split_graph(graph: Graph, *, share: float, seed: int) -> Triples:
    """Returns the graph's triples as train, valid and test, in which valid and test have `share` of them each.

    A triple is held out only while its head, its tail and its relation occur in another triple of train, so both may
    get fewer. Nodes without any triple are left out: nothing could be learned of them.

    Raises:
      UserError: no share is possible, or nothing can be held out.
    """
    if not 0 <= share < 0.5:
        raise UserError(f"a share of {share} cannot be held out twice; expected a number from 0 to below 0.5")
    used = np.unique(graph.triples[:, [0, 2]])
    triples = graph.triples.copy()
    triples[:, [0, 2]] = np.searchsorted(used, triples[:, [0, 2]])
    held = _hold_out(triples, len(used), len(graph.relations), int(2 * share * len(triples)), seed)
    if share and len(held) < 2:
        raise UserError(
            f"{len(held)} of {len(triples)} triples can be held out such that every node and relation stays in "
            "training, and 2 are needed; hold out nothing (--holdout=0), or take a larger graph"
        )
    train = np.delete(triples, held, 0)
    return Triples(
        train, triples[np.sort(held[::2])], triples[np.sort(held[1::2])],
        tuple(graph.nodes[node] for node in used), graph.relations,
    )  # fmt: skip


def _hold_out(triples: np.ndarray, num_nodes: int, num_relations: int, wanted: int, seed: int) -> np.ndarray:
    nodes = np.bincount(triples[:, [0, 2]].ravel(), minlength=num_nodes)
    relations = np.bincount(triples[:, 1], minlength=num_relations)
    held = []
    for place in np.random.default_rng(seed).permutation(len(triples)):
        if len(held) == wanted:
            break
        h, r, t = triples[place]
        if min(nodes[h], nodes[t]) > 1 + (h == t) and relations[r] > 1:
            np.subtract.at(nodes, [h, t], 1)
            relations[r] -= 1
            held.append(place)
    return np.array(held, np.int64)
