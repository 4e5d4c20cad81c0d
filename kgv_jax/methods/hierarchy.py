"""`hxe` and `soft_labels`: the graph's hierarchy in the loss itself (Bertinetto et al., arXiv 1912.09393).

Hierarchical cross-entropy (section 3.1) writes `p(class)` as a product of conditionals up the tree and weighs them down
with height,

    L = - sum_l exp(-alpha h_l) [ log p(C_l) - log p(C_{l+1}) ],    p(C) = sum of p(class) over the classes of C,

`C_0` the class, `C_{l+1}` the parent of `C_l`, `h_l` the height of `C_l`. Soft labels (section 3.2) are targets

    y_c = exp(-beta d(c, label)) / sum_k exp(-beta d(k, label)),

`d` the height of the lowest common ancestor over the root's.

Both are for trees. Of several parents a node keeps the most specific, the one that gathers the fewest classes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.sharding import Mesh

from kgv_jax.config_schema import Config
from kgv_jax.methods.knowledge import Knowledge
from kgv_jax.methods.objective import Batch, Objective
from kgv_jax.models.classifier import Outputs
from kgv_jax.util.errors import UserError

_LEAST = 1e-30  # of a probability whose logarithm is taken


class Tree(NamedTuple):
    """Classes and what is above them; one node has no parent.

    Attributes:
      members: `[M, C]` bool, the classes of each node.
      path: `[C, L]` int32, the nodes from a class up to the root, which repeats.
      height: `[M]` float32, edges on the longest way down to a class.
    """

    members: np.ndarray
    path: np.ndarray
    height: np.ndarray


def make_tree(parents: np.ndarray, class_node: np.ndarray) -> Tree:
    """Returns the tree of the classes.

    Args:
      parents: `[E, 2]` (child, parent) nodes, without cycles.
      class_node: `[C]`.

    Raises:
      UserError: no class has a parent.
    """
    above: dict[int, list[int]] = {}
    for child, parent in parents.tolist():
        above.setdefault(child, []).append(parent)
    if not any(int(node) in above for node in class_node):
        raise UserError(
            "No class has a node above it in the graph, and a hierarchical loss needs one. Name the hierarchical "
            "relations in config.kg.hierarchy, or use another method."
        )
    below: dict[int, set[int]] = {}
    for label, node in enumerate(class_node.tolist()):
        for upper in _closure(node, above):
            below.setdefault(upper, set()).add(label)
    parent_of = {
        node: min(above[node], key=lambda upper: (len(below[upper]), upper)) for node in below if node in above
    }
    ways = []
    for node in class_node.tolist():
        way = [node]
        while way[-1] in parent_of:
            way.append(parent_of[way[-1]])
        ways.append(way)
    if len({way[-1] for way in ways}) > 1:
        ways = [[*way, -1] for way in ways]  # a root above the roots
    row = {node: index for index, node in enumerate(dict.fromkeys(node for way in ways for node in way))}
    length = max(map(len, ways))
    path = np.array([[row[node] for node in (*way, *[way[-1]] * (length - len(way)))] for way in ways], np.int32)
    members = np.zeros((len(row), len(ways)), bool)
    members[path, np.arange(len(ways))[:, None]] = True
    height = np.zeros(len(row), np.float32)
    for way in path:
        for level, node in enumerate(way):
            if level and node == way[level - 1]:
                break
            # A class may lie above other classes: heights count from the lowest.
            height[node] = max(height[node], height[way[level - 1]] + 1) if level else height[node]
    return Tree(members, path, height)


def _closure(node: int, above: dict[int, list[int]]) -> set[int]:
    found, missing = set(), [node]
    while missing:
        current = missing.pop()
        if current not in found:
            found.add(current)
            missing += above.get(current, [])
    return found


def tree_distances(tree: Tree) -> np.ndarray:
    """Returns `[C, C]` float32: the height of the lowest common ancestor over the root's; 0 for a class and itself."""
    heights = np.full((tree.members.shape[1],) * 2, tree.height.max(), np.float32)
    for node in np.argsort(-tree.height, kind="stable"):
        own = np.flatnonzero(tree.members[node])
        heights[np.ix_(own, own)] = tree.height[node]
    np.fill_diagonal(heights, 0)
    return heights / tree.height.max()


def hierarchical_cross_entropy(logits: Array, label: Array, tree: Tree, *, alpha: float) -> Array:
    """Returns `L` `[B]` of logits `[B, C]`; with `alpha = 0` it is plain cross-entropy."""
    p = jax.nn.softmax(logits) @ jnp.asarray(tree.members, logits.dtype).T
    log_p = jnp.log(jnp.maximum(p, _LEAST))
    way = jnp.asarray(tree.path)[label]
    on_way = jnp.take_along_axis(log_p, way, -1)
    weight = jnp.exp(-alpha * jnp.asarray(tree.height)[way[:, :-1]])
    return -jnp.sum(weight * (on_way[:, :-1] - on_way[:, 1:]), -1)


def soft_labels(tree: Tree, *, beta: float) -> Array:
    """Returns the targets `y` `[C, C]`, a row a label."""
    return jax.nn.softmax(-beta * jnp.asarray(tree_distances(tree)), -1)


class Hierarchy(Objective):
    """Cross-entropy along the tree, or with targets that the tree softens; nothing else is learnt."""

    def __init__(self, config: Config, knowledge: Knowledge, mesh: Mesh | None = None) -> None:
        super().__init__(config, knowledge, mesh)
        self.tree = make_tree(*jax.device_get((knowledge.parents, knowledge.class_node)))

    def values(
        self, params: Any, outputs: Outputs, batch: Batch, knowledge: Knowledge, key: Array
    ) -> dict[str, Array]:
        hierarchy, label = self.config.hierarchy, batch["label"]
        if hierarchy.loss == "hxe":
            return {"ce": hierarchical_cross_entropy(outputs.logits, label, self.tree, alpha=hierarchy.alpha)}
        target = soft_labels(self.tree, beta=hierarchy.beta)[label]
        return {"ce": optax.softmax_cross_entropy(outputs.logits, target)}
