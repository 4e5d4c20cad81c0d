"""The graph on the device: what the jitted step reads of it, made from a `kg.mask.Mask` by `GraphArrays.from_mask`.

A mask is here in two forms that hold the same cells. `mask_rows` is dense and serves every loss; it exists where it is
small enough. `positives` and `tiles` serve the streamed score, whose memory grows with the positives of an image and
not with `R N`. Both are indexed by the batch's `mask_ids`, the rows of its images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from kgv_jax.kg.mask import IGNORED_NEGATIVE, POSITIVE, UNLABELLED, Mask, pad_rows
from kgv_jax.scoring.streamed import Pairs, Tiles
from kgv_jax.scoring.tiling import cut_tiles

WHOLE_CELLS = 2**26  # of a mask that is kept whole: 67 MB, and up to four times that of evidence


class Positives(NamedTuple):
    """The positives of each mask row: row `h` has those of `start[h]:stop[h]`.

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
    """The graph as the jitted step sees it; `H` mask rows, `V` variants of classes.

    Attributes:
      mask_rows: `[H + 1, R, N]` int8, four-valued: +1 positive, 0 ignored negative, -1 negative, -2 unlabelled. The
        last row is unlabelled everywhere; the padding index -1 reads it. None where the mask is too large.
      positives, tiles: the same mask for the streamed score: the positives, and the negatives they compete with.
      class_node: `[C]` int32 node of each class.
      seen: `[C]` bool, the classes that training shows; None where it shows all of them.
      facts: `[A, 2]` int32, every (relation, node) that some class states and a training image may show,
        `instanceOf` left out.
      evidence: `[V, R, N]` float32, for each variant of a class the weight of each of its facts in the
        mean over its facts of one relation; a row sums to one where the relation is supervised. None where
        `mask_rows` is.
      evidence_class: `[V]` int32, the class a variant belongs to.
      candidate: `[R, N]` bool, nodes that some class states under a relation; under `instanceOf` the seen classes.
      parents: `[E, 2]` int32, (child, parent) pairs of the hierarchical relations.
      triples: `[T, 3]` int32, (head, relation, tail): the whole graph as the method sees it.
    """

    mask_rows: Array | None
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

    @classmethod
    def from_mask(
        cls,
        mask: Mask,
        *,
        class_nodes: Sequence[int],
        class_rows: Sequence[Sequence[int]],
        parents: np.ndarray,
        shards: int = 1,
        whole_cells: int = WHOLE_CELLS,
    ) -> GraphArrays:
        """Returns the arrays of a mask.

        Args:
          mask: `H` rows of `R` relations by `N` nodes.
          class_nodes: `[C]` node of each class.
          class_rows: for each class its own row, then those of its variants. A variant is described by its own row
            combined with its class's; a class without variants by its row alone.
          parents: `[E, 2]` (child, parent) nodes.
          shards: parts that the node table is split into, if they divide `N`.
          whole_cells: the largest `H R N` for which the mask is also kept dense.
        """
        shape = (len(mask.relations), len(mask.graph.nodes))
        class_nodes = np.asarray(class_nodes, np.int32)
        variants = [
            (label, [own, *variant])
            for label, (own, *others) in enumerate(class_rows)
            for variant in [[other] for other in others] or [[]]
        ]

        # What the classes state: read from the lists of positives, since the dense mask may not exist.
        candidate = np.zeros(shape, bool)
        positive = mask.positive
        for _, rows in variants:
            for row in rows:
                own = slice(positive.start[row], positive.start[row + 1])
                candidate[positive.relation[own], positive.node[own]] = True
        candidate[0] = False
        stated = candidate.copy()
        for relation, node in mask.ignored_facts:
            stated[relation, node] = False
        seen = ~np.isin(class_nodes, mask.ignored_nodes)
        candidate[0, class_nodes[seen]] = True

        # The mask itself, dense and for the streamed score, and what is read from the dense one.
        mask_rows = evidence = None
        if len(mask.supervised) * candidate.size <= whole_cells:
            mask_rows = np.concatenate([mask.table, np.full((1, *shape), UNLABELLED, np.int8)])
            evidence = _evidence(mask, [rows for _, rows in variants])
        return jax.tree.map(
            jnp.asarray,
            cls(
                mask_rows=mask_rows,
                positives=_positives(mask),
                tiles=cut_tiles(mask, shards=shards if shape[1] % shards == 0 else 1),
                class_node=class_nodes,
                seen=None if seen.all() else seen,
                facts=np.argwhere(stated).astype(np.int32).reshape(-1, 2),
                evidence=evidence,
                evidence_class=np.asarray([label for label, _ in variants], np.int32),
                candidate=candidate,
                parents=np.asarray(parents, np.int32).reshape(-1, 2),
                triples=mask.graph.triples,
            ),
        )


def _evidence(mask: Mask, variants: Sequence[Sequence[int]]) -> np.ndarray:
    positive = (mask.combine(pad_rows(variants)) == POSITIVE).astype(np.float32)
    return positive / np.maximum(positive.sum(-1, keepdims=True), 1)


def _positives(mask: Mask) -> Positives:
    start, relation, node = mask.positive
    last = start[-1:]
    return Positives(
        start=np.concatenate([start[:-1], last]).astype(np.int32),
        stop=np.concatenate([start[1:], last]).astype(np.int32),
        relation=relation,
        node=node,
        lane=np.arange(np.diff(start).max(initial=1), dtype=np.int32),
    )


def mask_of(graph_arrays: GraphArrays, mask_ids: Array) -> Array:
    """Returns the mask `M` `[B, R, N]` in {-1, 0, +1} of images with mask rows `[B, K]` (-1 pads).

    The device's one place where four values become three, as `Mask.combine` is the host's: several rows combine by
    their maximum, and what is then still unlabelled is ignored.
    """
    combined = jnp.max(graph_arrays.mask_rows[mask_ids], 1)
    return jnp.where(combined == UNLABELLED, IGNORED_NEGATIVE, combined)


def positives_of(graph_arrays: GraphArrays, mask_ids: Array) -> Pairs:
    """Returns the cells of +1 of `mask_of(graph_arrays, mask_ids)`, each once, `[B, K P]`; relation and node -1 pad."""
    start, stop, relation, node, lane = graph_arrays.positives
    # Shapes must not depend on the batch: every row reads as many cells as the longest one has, and masks the rest.
    index = start[mask_ids][..., None] + lane
    there = (index < stop[mask_ids][..., None]).reshape(len(mask_ids), -1)
    index = index.reshape(len(mask_ids), -1)
    if mask_ids.shape[1] > 1:
        # Several query nodes may have positives in common. Sorted, a repeated cell lies beside its copy.
        num_nodes = graph_arrays.candidate.shape[1]
        cell = jnp.sort(jnp.where(there, relation[index] * num_nodes + node[index], -1), -1)
        there = (cell >= 0) & jnp.pad(cell[:, 1:] != cell[:, :-1], ((0, 0), (1, 0)), constant_values=True)
        found = Pairs(cell // num_nodes, cell % num_nodes)
    else:
        found = Pairs(relation[index], node[index])
    return Pairs(*(jnp.where(there, values, -1) for values in found))
