"""What a method knows of the graph, as arrays: mask rows, class nodes, evidence a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

ABSTAIN = -2


class Knowledge(NamedTuple):
    """The graph as the jitted step sees it; `H` mask rows, `V` ways to draw a class.

    Attributes:
      rows: `[H + 1, R, N]` int8 mask rows: +1 positive, 0 ignored, -1 negative, -2 abstains. The
        last row abstains everywhere; it is what the padding index -1 reads.
      class_node: `[C]` int32 node of each class.
      facts: `[A, 2]` int32, every (relation, node) that some class states, `instanceOf` left out.
      evidence: `[V, R, N]` float32, for each variant of a class the share of each of its facts in the
        mean over its facts of one relation; rows sum to one where the relation speaks.
      evidence_class: `[V]` int32, the class a variant belongs to.
      candidate: `[R, N]` bool, nodes that some class states under a relation.
      parents: `[E, 2]` int32, (child, parent) pairs of the hierarchical relations.
    """

    rows: Array
    class_node: Array
    facts: Array
    evidence: Array
    evidence_class: Array
    candidate: Array
    parents: Array


def make_knowledge(
    table: np.ndarray,
    *,
    class_nodes: Sequence[int],
    class_rows: Sequence[Sequence[int]],
    parents: np.ndarray,
) -> Knowledge:
    """Builds the arrays from a mask table.

    Args:
      table: `[H, R, N]` int8 rows of `kg.mask.MaskTable`.
      class_nodes: `[C]` node of each class.
      class_rows: for each class, the rows of its variants, or its own row if it has none; each is
        combined with the class's own row, which comes first.
      parents: `[E, 2]` (child, parent) nodes.
    """
    abstain = np.full((1, *table.shape[1:]), ABSTAIN, np.int8)
    evidence, owner = [], []
    for label, (own, *variants) in enumerate(class_rows):
        for rows in [[own, variant] for variant in variants] or [[own]]:
            positive = (table[rows].max(0) == 1).astype(np.float32)
            evidence.append(positive / np.maximum(positive.sum(-1, keepdims=True), 1))
            owner.append(label)
    evidence = np.stack(evidence)
    candidate = evidence.any(0)
    candidate[0] = False
    facts = np.argwhere(candidate).astype(np.int32)
    candidate[0, list(class_nodes)] = True
    return Knowledge(
        rows=jnp.asarray(np.concatenate([table, abstain])),
        class_node=jnp.asarray(class_nodes, jnp.int32),
        facts=jnp.asarray(facts.reshape(-1, 2)),
        evidence=jnp.asarray(evidence),
        evidence_class=jnp.asarray(owner, jnp.int32),
        candidate=jnp.asarray(candidate),
        parents=jnp.asarray(parents, jnp.int32).reshape(-1, 2),
    )


def mask_of(knowledge: Knowledge, rows: Array) -> Array:
    """Returns the mask `M` `[B, R, N]` in {-1, 0, +1} of images with head rows `[B, K]` (-1 pads).

    Several heads combine by maximum, so +1 wins over 0, 0 over -1, and -1 over abstaining.
    """
    combined = jnp.max(knowledge.rows[rows], 1)
    return jnp.where(combined == ABSTAIN, 0, combined)
