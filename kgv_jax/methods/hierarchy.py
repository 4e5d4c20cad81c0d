"""`hxe` and `soft_labels`: the graph's hierarchy in the loss itself (Bertinetto et al., arXiv 1912.09393).

Hierarchical cross-entropy (section 3.1) writes `p(class)` as a product of conditionals up the tree and weighs them down
with height,

    L = - sum_l exp(-alpha h_l) [ log p(C_l) - log p(C_{l+1}) ],    p(C) = sum of p(class) over the classes of C,

`C_0` the leaf of the class, `C_{l+1}` the parent of `C_l`, `h_l` the height of `C_l`. Soft labels (section 3.2) are
targets

    y_c = exp(-beta d(c, label)) / sum_k exp(-beta d(k, label)),

`d` the height of the lowest common ancestor over the root's.

Both are for trees whose leaves are the classes: `kg/class_tree.py`.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.sharding import Mesh

from kgv_jax import losses
from kgv_jax.config.schema import Config
from kgv_jax.kg.class_tree import ClassTree, make_class_tree, tree_distances
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.methods.objective import Batch, Objective
from kgv_jax.models.classifier import Outputs

_LEAST = 1e-30  # of a probability whose logarithm is taken


def hierarchical_cross_entropy(logits: Array, label: Array, tree: ClassTree, *, alpha: float) -> Array:
    """Returns `L` `[B]` of logits `[B, C]`; with `alpha = 0` it is plain cross-entropy."""
    p = jax.nn.softmax(logits) @ jnp.asarray(tree.members, logits.dtype).T
    log_p = jnp.log(jnp.maximum(p, _LEAST))
    way = jnp.asarray(tree.path)[label]
    on_way = jnp.take_along_axis(log_p, way, -1)
    weight = jnp.exp(-alpha * jnp.asarray(tree.height)[way[:, :-1]])
    return -jnp.sum(weight * (on_way[:, :-1] - on_way[:, 1:]), -1)


def soft_labels(tree: ClassTree, *, beta: float) -> Array:
    """Returns the targets `y` `[C, C]`, a row a label."""
    return jax.nn.softmax(-beta * jnp.asarray(tree_distances(tree)), -1)


class Hierarchy(Objective):
    """Cross-entropy along the tree, or with targets that the tree softens; nothing else is learnt."""

    def __init__(self, config: Config, graph_arrays: GraphArrays, mesh: Mesh | None = None) -> None:
        super().__init__(config, graph_arrays, mesh)
        self.tree = make_class_tree(*jax.device_get((graph_arrays.parents, graph_arrays.class_node)))

    def values(
        self, params: Any, outputs: Outputs, batch: Batch, graph_arrays: GraphArrays, key: Array
    ) -> dict[str, Array]:
        hierarchy, label = self.config.hierarchy, batch["label"]
        logits = losses.competing(outputs.logits, graph_arrays.seen)
        if hierarchy.loss == "hxe":
            return {"ce": hierarchical_cross_entropy(logits, label, self.tree, alpha=hierarchy.alpha)}
        target = soft_labels(self.tree, beta=hierarchy.beta)[label]
        if graph_arrays.seen is not None:
            target = jnp.where(graph_arrays.seen, target, 0.0)
            target /= target.sum(-1, keepdims=True)
        return {"ce": optax.softmax_cross_entropy(logits, target)}
