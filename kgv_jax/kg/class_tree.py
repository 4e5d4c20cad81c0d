"""The tree of the classes: what is above them, one parent per node.

Losses along a tree need two things that a hierarchy may lack. Every node has one parent: of several, a node keeps the
most specific, the one above the fewest classes. Every class is a leaf: a class above other classes becomes two nodes,
the leaf, of itself alone, and above it the node that holds these classes and itself.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from kgv_jax.kg.closure import reachable
from kgv_jax.util.errors import UserError


class ClassTree(NamedTuple):
    """Classes and what is above them; one node has no parent.

    Attributes:
      members: `[M, C]` bool, the classes of each node.
      path: `[C, L]` int32, the nodes from a class's leaf up to the root, which repeats.
      height: `[M]` float32, edges on the longest path down to a class.
    """

    members: np.ndarray
    path: np.ndarray
    height: np.ndarray


def make_class_tree(parents: np.ndarray, class_node: np.ndarray) -> ClassTree:
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
    ways = _ways(above, class_node.tolist())

    # Nodes are numbered as they are met; the root repeats where a path is shorter than the longest one.
    row = {node: index for index, node in enumerate(dict.fromkeys(node for way in ways for node in way))}
    length = max(map(len, ways))
    path = np.array([[row[node] for node in (*way, *[way[-1]] * (length - len(way)))] for way in ways], np.int32)
    members = np.zeros((len(row), len(ways)), bool)
    members[path, np.arange(len(ways))[:, None]] = True
    height = np.zeros(len(row), np.float32)
    for way in ways:
        for below, node in itertools.pairwise(way):
            height[row[node]] = max(height[row[node]], height[row[below]] + 1)
    return ClassTree(members, path, height)


def _ways(above: dict[int, list[int]], classes: list[int]) -> list[list[int]]:
    """Returns the nodes from each class up to the root; where there are several roots, -1 above them.

    Where a class lies on the path of another class, its own path begins with a leaf added for it, `-2 - node`.
    """
    gathered: dict[int, int] = {}
    for node in classes:
        for upper in reachable((node,), above):
            gathered[upper] = gathered.get(upper, 0) + 1
    parent_of = {
        node: min(above[node], key=lambda upper: (gathered[upper], upper)) for node in gathered if node in above
    }
    ways = []
    for node in classes:
        way = [node]
        while way[-1] in parent_of:
            way.append(parent_of[way[-1]])
        ways.append(way)
    inner = {node for way in ways for node in way[1:]}
    ways = [[-2 - way[0], *way] if way[0] in inner else way for way in ways]
    return ways if len({way[-1] for way in ways}) == 1 else [[*way, -1] for way in ways]


def tree_distances(tree: ClassTree) -> np.ndarray:
    """Returns `[C, C]` float32: the height of the lowest common ancestor over the root's; 0 for a class and itself."""
    heights = np.full((tree.members.shape[1],) * 2, tree.height.max(), np.float32)
    for node in np.argsort(-tree.height, kind="stable"):  # the lowest is written last
        own = np.flatnonzero(tree.members[node])
        heights[np.ix_(own, own)] = tree.height[node]
    np.fill_diagonal(heights, 0)
    return heights / tree.height.max()
