"""What a method knows of the graph, as arrays: the mask, whole and in tiles, class nodes, evidence a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from kgv_jax.kg.mask import MaskTable
from kgv_jax.scoring.streamed import Pairs, Tiles
from kgv_jax.scoring.tiling import cut_tiles

UNLABELLED = -2
WHOLE_CELLS = 2**26  # of a mask that is kept whole: 67 MB, and up to four times that of evidence


class Positives(NamedTuple):
    """The positives of each head row: row `h` has those of `start[h]:stop[h]`.

    Attributes:
      start, stop: `[H + 1]` int32; the last row, which the padding index -1 reads, has none.
      relation, node: `[E]` int32.
      lane: `[P]` int32, `0 .. P - 1`; `P` is the most positives of a row.
    """

    start: Array
    stop: Array
    relation: Array
    node: Array
    lane: Array


class GraphArrays(NamedTuple):
    """The graph as the jitted step sees it; `H` mask rows, `V` ways to draw a class.

    Attributes:
      rows: `[H + 1, R, N]` int8 mask rows: +1 positive, 0 ignored, -1 negative, -2 is unlabelled. The
        last row is unlabelled everywhere; it is what the padding index -1 reads. None where it is too large.
      positives, tiles: the same mask for the streamed score: what is true, and what is compared with it.
      class_node: `[C]` int32 node of each class.
      seen: `[C]` bool, the classes that training shows; None where it shows all of them.
      facts: `[A, 2]` int32, every (relation, node) that some class states and a training image may show,
        `instanceOf` left out.
      evidence: `[V, R, N]` float32, for each variant of a class the share of each of its facts in the
        mean over its facts of one relation; rows sum to one where the relation speaks. None where `rows` is.
      evidence_class: `[V]` int32, the class a variant belongs to.
      candidate: `[R, N]` bool, nodes that some class states under a relation; under `instanceOf` the seen classes.
      parents: `[E, 2]` int32, (child, parent) pairs of the hierarchical relations.
      triples: `[T, 3]` int32, (head, relation, tail): the whole graph as the method sees it.
    """

    rows: Array | None
    positives: Positives
    tiles: Tiles
    class_node: Array
    seen: Array | None
    facts: Array
    evidence: Array | None
    evidence_class: Array
    candidate: Array
    parents: Array
    triples: Array


def make_graph_arrays(
    mask: MaskTable,
    *,
    class_nodes: Sequence[int],
    class_rows: Sequence[Sequence[int]],
    parents: np.ndarray,
    shards: int = 1,
    whole_cells: int = WHOLE_CELLS,
) -> GraphArrays:
    """Builds the arrays from a mask table.

    Args:
      mask: the mask table, `H` rows of `R` relations by `N` nodes.
      class_nodes: `[C]` node of each class.
      class_rows: for each class, the rows of its variants, or its own row if it has none; each is
        combined with the class's own row, which comes first.
      parents: `[E, 2]` (child, parent) nodes.
      shards: parts that the node table is split into, if they divide `N`.
      whole_cells: the largest `H R N` for which the mask is also kept whole.
    """
    shape = (len(mask.relations), len(mask.graph.nodes))
    variants = [
        (label, [own, *variant])
        for label, (own, *others) in enumerate(class_rows)
        for variant in [[other] for other in others] or [[]]
    ]
    candidate = np.zeros(shape, bool)
    positive = mask.positive
    for _, rows in variants:
        for row in rows:
            own = slice(positive.start[row], positive.start[row + 1])
            candidate[positive.relation[own], positive.node[own]] = True
    candidate[0] = False
    asked = candidate.copy()
    for relation, node in mask.ignored_facts:
        asked[relation, node] = False
    facts = np.argwhere(asked).astype(np.int32)
    seen = ~np.isin(np.asarray(class_nodes, np.int32), mask.hidden)
    candidate[0, np.asarray(class_nodes, np.int32)[seen]] = True
    whole = len(mask.supervised) * candidate.size <= whole_cells
    return jax.tree.map(
        jnp.asarray,
        GraphArrays(
            rows=np.concatenate([mask.table, np.full((1, *shape), UNLABELLED, np.int8)]) if whole else None,
            positives=_positives(mask),
            tiles=cut_tiles(mask, shards=shards if shape[1] % shards == 0 else 1),
            class_node=np.asarray(class_nodes, np.int32),
            seen=None if seen.all() else seen,
            facts=facts.reshape(-1, 2),
            evidence=_evidence(mask.table, [rows for _, rows in variants]) if whole else None,
            evidence_class=np.asarray([label for label, _ in variants], np.int32),
            candidate=candidate,
            parents=np.asarray(parents, np.int32).reshape(-1, 2),
            triples=mask.graph.triples,
        ),
    )


def _evidence(table: np.ndarray, variants: Sequence[Sequence[int]]) -> np.ndarray:
    positive = np.stack([(table[rows].max(0) == 1).astype(np.float32) for rows in variants])
    return positive / np.maximum(positive.sum(-1, keepdims=True), 1)


def _positives(mask: MaskTable) -> Positives:
    start, relation, node = mask.positive
    last = start[-1:]
    return Positives(
        start=np.concatenate([start[:-1], last]).astype(np.int32),
        stop=np.concatenate([start[1:], last]).astype(np.int32),
        relation=relation,
        node=node,
        lane=np.arange(np.diff(start).max(initial=1), dtype=np.int32),
    )


def mask_of(graph_arrays: GraphArrays, rows: Array) -> Array:
    """Returns the mask `M` `[B, R, N]` in {-1, 0, +1} of images with head rows `[B, K]` (-1 pads).

    Several heads combine by maximum, so +1 wins over 0, 0 over -1, and -1 over abstaining.
    """
    combined = jnp.max(graph_arrays.rows[rows], 1)
    return jnp.where(combined == UNLABELLED, 0, combined)


def positives_of(graph_arrays: GraphArrays, rows: Array) -> Pairs:
    """Returns the cells of +1 of `mask_of(knowledge, rows)`, each once, `[B, K P]`; relation and node -1 pad."""
    start, stop, relation, node, lane = graph_arrays.positives
    index = start[rows][..., None] + lane
    there = (index < stop[rows][..., None]).reshape(len(rows), -1)
    index = index.reshape(len(rows), -1)
    if rows.shape[1] > 1:  # of several heads, which may have positives in common
        num_nodes = graph_arrays.candidate.shape[1]
        cell = jnp.sort(jnp.where(there, relation[index] * num_nodes + node[index], -1), -1)
        there = (cell >= 0) & jnp.pad(cell[:, 1:] != cell[:, :-1], ((0, 0), (1, 0)), constant_values=True)
        found = Pairs(cell // num_nodes, cell % num_nodes)
    else:
        found = Pairs(relation[index], node[index])
    return Pairs(*(jnp.where(there, values, -1) for values in found))
