"""Severity of mistakes: how far up the graph's hierarchy the wrong class and the right one meet.

Bertinetto et al. 2020, Making Better Mistakes (arXiv 1912.09393). Their hierarchy is a tree; here it may be any acyclic
graph, so what they leave open has to be fixed:

* The hierarchy consists of the classes and all nodes above them. Variants and elements below a class do not count.
* The height of a node is the length of the longest path down to a class.
* The distance of two classes is the height of the lowest node above both, where a class counts as above itself. In a
  tree that is the height of the lowest common ancestor. Where no node is above both, an extra root above everything is.

The decision of least risk uses these distances to choose an answer, `R_k = sum_j p_j C_kj`, answer `argmin_k R_k`, with
`C_kj` the cost of answering `k` where `j` is right: Deng et al. 2010 and Karthik et al. 2021 (No cost likelihood
manipulation at test time, arXiv 2104.00795), who show that plain cross-entropy with this rule makes better mistakes
than losses along the hierarchy. The rule reads finished predictions: nothing is trained or tuned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from kgv_jax.kg import closure
from kgv_jax.kg.graph import Graph


class Hierarchy(NamedTuple):
    """The classes, and the `M` nodes that are a class or above one.

    Attributes:
      node: `[M]` their indices in the graph.
      height: `[M]` int, edges on the longest way down to a class.
      above: `[C, M]` bool, whether a node is the class or above it.
      order: `[M, M]` bool, `order[i, j]`: node `j` is above node `i`.
    """

    node: np.ndarray
    height: np.ndarray
    above: np.ndarray
    order: np.ndarray


def class_hierarchy(graph: Graph, class_nodes: Sequence[int], relations: Sequence[str]) -> Hierarchy:
    """Returns the part of the graph that consists of classes and what is above them.

    Args:
      graph: the graph.
      class_nodes: `[C]` node of each class.
      relations: names of hierarchical relations; those that the graph lacks add nothing.

    Raises:
      UserError: the relations have a cycle.
    """
    along = closure.present(graph, relations)
    ancestors, depth = closure.ancestors(graph, along), closure.depths(graph, along)
    classes = [int(node) for node in class_nodes]
    nodes = sorted({*classes}.union(*(ancestors[node] for node in classes)))
    place = {node: index for index, node in enumerate(nodes)}
    height = np.zeros(len(nodes), np.int64)
    parents = closure.parents(graph, along)
    for node in sorted(nodes, key=lambda node: -depth[node]):  # a child is always deeper than its parents
        for parent in parents[node]:
            height[place[parent]] = max(height[place[parent]], height[place[node]] + 1)
    order = np.zeros((len(nodes), len(nodes)), bool)
    for index, node in enumerate(nodes):
        order[index, [place[other] for other in ancestors[node]]] = True
    own = [place[node] for node in classes]
    above = order[own]
    above[np.arange(len(own)), own] = True
    return Hierarchy(np.array(nodes), height, above, order)


def lca_heights(hierarchy: Hierarchy) -> np.ndarray:
    """Returns `[C, C]` int16: height of the lowest common ancestor, 0 for a class and itself."""
    count = len(hierarchy.above)
    result = np.full((count, count), hierarchy.height.max(initial=0) + 1, np.int16)
    for index in np.argsort(-hierarchy.height, kind="stable"):  # the lowest is written last
        below = np.flatnonzero(hierarchy.above[:, index])
        result[np.ix_(below, below)] = hierarchy.height[index]
    np.fill_diagonal(result, 0)
    return result


def distances(heights: np.ndarray, chosen: np.ndarray, label: np.ndarray, also: np.ndarray | None = None) -> np.ndarray:
    """Returns `[n, k]`: from each chosen class to the nearest that is right.

    Args:
      heights: `[C, C]` of `lca_heights`.
      chosen: `[n, k]` classes.
      label: `[n]` the right class.
      also: `[n, K]` other right ones, -1 pads.
    """
    found = heights[chosen, label[:, None]]
    for other in () if also is None else also.T:
        found = np.where(other[:, None] >= 0, np.minimum(found, heights[chosen, other[:, None]]), found)
    return found


def mistake_severity(distance: np.ndarray) -> float:
    """Returns the mean of the distances `[n]` of the best class over mistakes alone; nan where there is none."""
    mistakes = distance[distance > 0]
    return float(mistakes.mean()) if mistakes.size else float("nan")


def top_classes(log_p: np.ndarray, k: int) -> np.ndarray:
    """Returns the `k` most probable classes `[n, k]` of `[n, C]`, the best first, ties by number."""
    return np.argsort(-log_p, axis=-1, kind="stable")[:, :k]


def expected_costs(log_p: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Returns `R` `[n, C]`: the expected cost of each answer.

    Args:
      log_p: `[n, C]` log-probabilities, which need not sum to one (the mean of two heads in log space does not).
      cost: `[C, C]`, of answering the row where the column is right.
    """
    return softmax(log_p.astype(np.float64), axis=-1) @ cost.T.astype(np.float64)


def least_risk_classes(log_p: np.ndarray, cost: np.ndarray, k: int) -> np.ndarray:
    """Returns the `k` classes of least risk `[n, k]`, the best first; the more probable of equal ones, then by number.

    Risks that differ by rounding alone are equal: they are compared to twelve digits.
    """
    risk = np.round(expected_costs(log_p, cost) / max(float(cost.max(initial=0)), 1e-300), 12)
    return np.lexsort((-log_p, risk), axis=-1)[:, :k]


def branches(hierarchy: Hierarchy) -> dict[int, np.ndarray]:
    """Returns node of the graph -> `[C]` bool, the classes of this branch.

    The nodes above every class are the trunk, and branches begin at the highest nodes off it. Where the hierarchy is
    not a tree, a class may be in several branches.
    """
    off_trunk = ~hierarchy.above.all(0)
    first = off_trunk & ~(hierarchy.order & off_trunk).any(1)
    return {int(hierarchy.node[index]): hierarchy.above[:, index] for index in np.flatnonzero(first)}
