"""Hierarchies: cycles, ancestors, descendants, depths, along the hierarchical relations of a graph together."""

from __future__ import annotations

import graphlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError

Sets = tuple[frozenset[int], ...]
T = TypeVar("T", bound=Hashable)


def present(graph: Graph, relations: Sequence[str]) -> tuple[int, ...]:
    """Returns the indices of those named relations that the graph has, sorted.

    A name that the graph lacks is passed over: an ablation may have taken this relation out.
    """
    wanted = {name.casefold() for name in relations}
    return tuple(
        index
        for index, name in enumerate(graph.relations)
        if name.casefold() in wanted or local_name(name).casefold() in wanted
    )


def parents(graph: Graph, relations: Sequence[int]) -> list[list[int]]:
    """Returns the direct tails of every node along any of the relations."""
    rows = graph.triples[np.isin(graph.triples[:, 1], np.asarray(relations, np.int32))]
    result: list[list[int]] = [[] for _ in graph.nodes]
    for head, _, tail in rows.tolist():
        if tail not in result[head]:
            result[head].append(tail)
    return result


def find_cycles(graph: Graph, relations: Sequence[int]) -> list[tuple[int, ...]]:
    """Returns cycles that share no node, at least one for every strongly connected part of the hierarchy.

    Nodes are visited in order, depth first and without recursion; an edge back to a node on the
    current path closes a cycle: node indices, in the direction of the edges.
    """
    above = parents(graph, relations)
    state = [0] * len(graph.nodes)  # 0 unseen, 1 on the path, 2 done
    cycles: list[tuple[int, ...]] = []
    used: set[int] = set()
    for root in range(len(graph.nodes)):
        if state[root]:
            continue
        path, stack = [root], [iter(above[root])]
        state[root] = 1
        while stack:
            step = next(stack[-1], None)
            if step is None:
                state[path.pop()] = 2
                stack.pop()
            elif state[step] == 0:
                state[step] = 1
                path.append(step)
                stack.append(iter(above[step]))
            elif state[step] == 1:
                cycle = tuple(path[path.index(step) :])
                if used.isdisjoint(cycle):
                    used.update(cycle)
                    cycles.append(cycle)
    return cycles


def cycle_text(graph: Graph, cycle: Sequence[int]) -> str:
    """Returns `a -> b -> a` by local names."""
    return " -> ".join(local_name(graph.nodes[index]) for index in (*cycle, cycle[0]))


def ancestors(graph: Graph, relations: Sequence[int]) -> Sets:
    """Returns the transitive closure: for every node all nodes above it, itself not included.

    Raises:
      UserError: the relations have a cycle; the message names it.
    """
    above = parents(graph, relations)
    result: list[frozenset[int]] = [frozenset()] * len(above)
    for node in _parents_first(graph, relations, above):
        if above[node]:
            result[node] = frozenset(above[node]).union(*(result[parent] for parent in above[node]))
    return tuple(result)


def _parents_first(graph: Graph, relations: Sequence[int], above: list[list[int]]) -> list[int]:
    """Returns all nodes in an order in which each comes after its parents, or names a cycle."""
    try:
        return list(graphlib.TopologicalSorter(dict(enumerate(above))).static_order())
    except graphlib.CycleError:
        names = ", ".join(local_name(graph.relations[index]) for index in relations)
        # Ours and not the error's: always the same one, in the direction of the edges.
        cycle = cycle_text(graph, find_cycles(graph, relations)[0])
        raise UserError(f"The hierarchy ({names}) has a cycle: {cycle}. Take out one of these triples.") from None


def check_acyclic(graph: Graph, relations: Sequence[int]) -> None:
    """Raises a UserError that names a cycle of the relations, if they have one."""
    _parents_first(graph, relations, parents(graph, relations))


def reachable(start: Iterable[T], above: Mapping[T, Sequence[T]]) -> set[T]:
    """Returns the start and all that is above it, of a hierarchy given as parents (that is no `Graph`)."""
    found: set[T] = set()
    missing = list(start)
    while missing:
        node = missing.pop()
        if node not in found:
            found.add(node)
            missing += above.get(node, ())
    return found


def descendants(above: Sets) -> Sets:
    """Returns for every node all nodes that have it as an ancestor."""
    below: list[list[int]] = [[] for _ in above]
    for node, nodes in enumerate(above):
        for ancestor in nodes:
            below[ancestor].append(node)
    return tuple(frozenset(nodes) for nodes in below)


def depths(graph: Graph, relations: Sequence[int]) -> np.ndarray:
    """Returns for every node the number of edges on the longest way up from it, `[N]` int32."""
    above = parents(graph, relations)
    result = np.zeros(len(above), np.int32)
    for node in _parents_first(graph, relations, above):
        if above[node]:
            result[node] = 1 + max(result[parent] for parent in above[node])
    return result
