"""The graph as weighted adjacencies, for networks that pass messages along it.

Edges lose their relation and their direction; only `by_distance` keeps that of the hierarchy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Adjacency(NamedTuple):
    """Entries of `A` `[N, N]`: `to`, `source` `[E]` int32, `weight` `[E]` float32, by row and column."""

    to: np.ndarray
    source: np.ndarray
    weight: np.ndarray


def symmetric(edges: np.ndarray, num_nodes: int) -> Adjacency:
    """Returns `D^-1/2 (E + I) D^-1/2` (Kipf and Welling, arXiv 1609.02907, equation 2) of undirected edges `[E, 2]`."""
    to, source = _with_loops(edges, num_nodes)
    degree = np.bincount(to, minlength=num_nodes)
    return _adjacency(to, source, 1 / np.sqrt(degree[to] * degree[source]))


def row_normalised(edges: np.ndarray, num_nodes: int) -> Adjacency:
    """Returns `D^-1 (E + I)` of undirected edges `[E, 2]`: every row is a mean over a node and its neighbours."""
    to, source = _with_loops(edges, num_nodes)
    return _mean(to, source, num_nodes)


def by_distance(
    edges: np.ndarray, num_nodes: int, *, largest: int = 4
) -> tuple[tuple[Adjacency, ...], tuple[Adjacency, ...]]:
    """Returns means over descendants, and over ancestors, of each distance `0 ... largest` (DGP, arXiv 1805.11724).

    The distance is the length of the shortest path along edges `[E, 2]` (child, parent). What is farther than `largest`
    is in its group; distance 0 is the node itself. A group without any entry gives zeros.
    """
    above: list[set[int]] = [set() for _ in range(num_nodes)]
    for child, parent in edges.tolist():
        above[child].add(parent)
    # Breadth first from every node. SciPy's shortest paths would hold `[N, N]` distances; here are those that exist.
    found: list[list[tuple[int, int]]] = [[] for _ in range(largest + 1)]
    for node in range(num_nodes):
        seen, front, distance = {node}, {node}, 0
        while front:
            found[min(distance, largest)] += [(node, other) for other in sorted(front)]
            front = set().union(*(above[other] for other in front)) - seen
            seen |= front
            distance += 1
    ancestors, descendants = [], []
    for pairs in found:
        node, other = np.array(pairs, np.int64).reshape(-1, 2).T
        ancestors.append(_mean(node, other, num_nodes))
        descendants.append(_mean(other, node, num_nodes))
    return tuple(descendants), tuple(ancestors)


def _with_loops(edges: np.ndarray, num_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    loops = np.repeat(np.arange(num_nodes)[:, None], 2, 1)
    both = np.unique(np.concatenate([edges[:, :2], edges[:, 1::-1], loops]), axis=0)
    return both[:, 0], both[:, 1]


def _mean(to: np.ndarray, source: np.ndarray, num_nodes: int) -> Adjacency:
    return _adjacency(to, source, 1 / np.bincount(to, minlength=num_nodes)[to])


def _adjacency(to: np.ndarray, source: np.ndarray, weight: Sequence[float] | np.ndarray) -> Adjacency:
    order = np.lexsort((source, to))
    return Adjacency(to[order].astype(np.int32), source[order].astype(np.int32), np.float32(weight)[order])
