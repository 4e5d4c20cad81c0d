"""`hxe` and `soft_labels`: cross-entropy along the tree of the classes (Bertinetto et al., arXiv 1912.09393).

Hierarchical cross-entropy (section 3.1) writes `p(class)` as a product of conditionals up the tree, and gives each a
weight that falls with height,

    L = - sum_l exp(-alpha h_l) [ log p(C_l) - log p(C_{l+1}) ],    p(C) = sum of p(class) over the classes of C,

`C_0` the leaf of the class, `C_{l+1}` the parent of `C_l`, `h_l` the height of `C_l`. Soft labels (section 3.2) are
targets

    y_c = exp(-beta d(c, label)) / sum_k exp(-beta d(k, label)),

`d` the height of the lowest common ancestor over the root's. Both replace the term `ce`, and both are for trees whose
leaves are the classes: `kg/class_tree.py` makes one of the graph.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.sharding import Mesh

from kgv_jax import losses
from kgv_jax.config.methods import Method, Section
from kgv_jax.config.schema import Config
from kgv_jax.config.setting import setting
from kgv_jax.kg.class_tree import ClassTree, make_class_tree, tree_distances
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.methods.objective import Batch, Objective
from kgv_jax.methods.settings import NO_IMAGES
from kgv_jax.models.classifier import Outputs

_LEAST = 1e-30  # lower bound of a probability whose logarithm is taken


@dataclasses.dataclass(frozen=True)
class HierarchySettings(Section):
    """Losses along the tree of the classes."""

    loss: str = setting("hxe", "hierarchical cross-entropy, or soft labels", choices=("hxe", "soft"))
    alpha: float = setting(0.1, "how fast weights fall with height (hxe)", low=0.0)
    beta: float = setting(10.0, "how fast targets fall with distance (soft)", low=0.0)


def hierarchical_cross_entropy(logits: Array, label: Array, tree: ClassTree, *, alpha: float) -> Array:
    """Returns `L` `[B]` of logits `[B, C]`; with `alpha = 0` it is plain cross-entropy."""
    p = jax.nn.softmax(logits) @ jnp.asarray(tree.members, logits.dtype).T
    log_p = jnp.log(jnp.maximum(p, _LEAST))
    way = jnp.asarray(tree.path)[label]
    on_way = jnp.take_along_axis(log_p, way, -1)
    weight = jnp.exp(-alpha * jnp.asarray(tree.height)[way[:, :-1]])
    return -jnp.sum(weight * (on_way[:, :-1] - on_way[:, 1:]), -1)


def soft_labels(tree: ClassTree, *, beta: float) -> Array:
    """Returns the targets `y` `[C, C]`, one row per label."""
    return jax.nn.softmax(-beta * jnp.asarray(tree_distances(tree)), -1)


class Hierarchy(Objective):
    """Term `ce`: cross-entropy along the tree, or with targets that the tree softens."""

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
            # Held-out classes take no part: their share of a target goes to the seen ones.
            target = jnp.where(graph_arrays.seen, target, 0.0)
            target /= target.sum(-1, keepdims=True)
        return {"ce": optax.softmax_cross_entropy(logits, target)}


SETTINGS = {"hierarchy": HierarchySettings}
METHODS = {
    "hxe": Method(Hierarchy, "hierarchical cross-entropy", NO_IMAGES | {"hierarchy.loss": "hxe"}),
    "soft_labels": Method(Hierarchy, "targets softened by the hierarchy", NO_IMAGES | {"hierarchy.loss": "soft"}),
}
