"""Two graphs as one, joined where `owl:sameAs` or a table says that two names mean the same thing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import OWL, local_name
from kgv_jax.util.errors import UserError

SAME_AS = OWL + "sameAs"


def merge(graph: Graph, other: Graph, *, names: Mapping[str, str] | None = None) -> Graph:
    """Returns the first graph with all that the second one adds.

    Names that mean the same (by `owl:sameAs` in either graph, by `names`, or by being equal) become one node, which
    keeps the first graph's name, and its label, type and attributes where it has them. The `owl:sameAs` triples
    are used up. A triple whose head and tail became one node is left out.

    Args:
      graph: the graph whose names stay.
      other: what is added.
      names: a node or relation of `other` -> that of `graph`, by full or short name (see `Graph.node`).

    Raises:
      UserError: `names` has an unknown or ambiguous name, two nodes of the first graph would become one, or the
        graphs have no node in common.
    """
    pairs = [(h, t) for part in (graph, other) for h, r, t in part.named_triples() if r == SAME_AS]
    for left, right in (names or {}).items():
        try:
            pairs.append((_full_name(other, left), _full_name(graph, right)))
        except UserError as error:
            raise UserError(f"The mapping {left!r} -> {right!r}: {error}") from error
    new = _new_names(pairs, keep=_stated(graph))
    common = {new.get(name, name) for name in graph.nodes} & {new.get(name, name) for name in other.nodes}
    if not common:
        raise UserError(
            f"The graphs of {len(graph.nodes)} and {len(other.nodes)} nodes have no node in common; say which names "
            "mean the same, by owl:sameAs triples in either graph or by a table (--mapping)."
        )
    triples = {
        (new.get(head, head), new.get(relation, relation), new.get(tail, tail))
        for part in (graph, other)
        for head, relation, tail in part.named_triples()
        if relation != SAME_AS
    }
    nodes: set[str] = set()
    labels: dict[str, str] = {}
    types: dict[str, str] = {}
    attributes: dict[str, dict[str, str]] = {}
    for part in (graph, other):
        for index, (name, label, kind) in enumerate(zip(part.nodes, part.labels, part.types, strict=True)):
            node = new.get(name, name)
            nodes.add(node)
            if label != local_name(name):
                labels.setdefault(node, label)
            if kind:
                types.setdefault(node, kind)
            if index in part.attributes:
                attributes[node] = {**part.attributes[index], **attributes.get(node, {})}
    return Graph.from_triples(
        (triple for triple in triples if triple[0] != triple[2]),
        nodes=nodes,
        labels=labels,
        types=types,
        attributes=attributes,
    )


def _stated(graph: Graph) -> set[str]:
    """Returns the names that the graph has statements about, other than `owl:sameAs`."""
    stated = {name for name, kind in zip(graph.nodes, graph.types, strict=True) if kind}
    stated |= {graph.nodes[index] for index in graph.attributes} | (set(graph.relations) - {SAME_AS})
    for head, relation, tail in graph.named_triples():
        if relation != SAME_AS:
            stated |= {head, tail}
    return stated


def _full_name(graph: Graph, name: str) -> str:
    if graph.candidates(name) or not any(name in (full, local_name(full)) for full in graph.relations):
        return graph.nodes[graph.node(name)]
    return graph.relations[graph.relation(name)]


def _new_names(pairs: Iterable[tuple[str, str]], *, keep: set[str]) -> dict[str, str]:
    """Returns name -> the one name of all that mean the same: the kept one among them, else the first."""
    near: dict[str, set[str]] = {}
    for left, right in pairs:
        near.setdefault(left, set()).add(right)
        near.setdefault(right, set()).add(left)
    new: dict[str, str] = {}
    for start in sorted(near):
        if start in new:
            continue
        group, todo = {start}, [start]
        while todo:
            found = near[todo.pop()] - group
            group |= found
            todo += found
        kept = sorted(group & keep)
        if len(kept) > 1:
            raise UserError(
                f"{kept[0]} and {kept[1]} are two names of the first graph, and both are stated to mean the same as "
                f"{', '.join(sorted(group - keep)) or 'each other'}; take one of these statements out."
            )
        new |= dict.fromkeys(group, kept[0] if kept else min(group))
    return new
