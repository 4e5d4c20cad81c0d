"""The knowledge graph as one immutable value: typed nodes, integer triples, labels."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping

import numpy as np

from kgv_jax.kg.names import local_name, plain
from kgv_jax.util.errors import UserError, nearest

_Index = dict[str, list[int]]


@dataclasses.dataclass(frozen=True, eq=False)
class Graph:
    """A directed multi-relational graph of `N` nodes, `R` relations and `T` triples.

    Attributes:
      nodes: node names (full IRIs, or the strings of a table), sorted, unique.
      labels: one human-readable label per node (`rdfs:label`, else the local name).
      types: local name of the node's `rdf:type` (`""` where none is given).
      relations: relation names (full IRIs, or the strings of a table), sorted, unique.
      triples: `[T, 3]` int32, rows (head, relation, tail), sorted, unique, read-only.
      attributes: literals of the nodes, `{node index: {property local name: text}}`.
    """

    nodes: tuple[str, ...]
    labels: tuple[str, ...]
    types: tuple[str, ...]
    relations: tuple[str, ...]
    triples: np.ndarray
    attributes: Mapping[int, Mapping[str, str]] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_triples(
        cls,
        triples: Iterable[tuple[str, str, str]],
        *,
        nodes: Iterable[str] = (),
        labels: Mapping[str, str] | None = None,
        types: Mapping[str, str] | None = None,
        attributes: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Graph:
        """Builds a graph from (head, relation, tail) names in any order, repeats allowed.

        Args:
          triples: names; every head and tail becomes a node.
          nodes: nodes to have besides those of the triples, labels, types and attributes.
          labels: node name -> label; the local name where missing.
          types: node name -> local name of its type.
          attributes: node name -> {property local name: text}.
        """
        labels, types, attributes = labels or {}, types or {}, attributes or {}
        triples = set(triples)
        names = {*nodes, *labels, *types, *attributes}
        names.update(head for head, _, _ in triples)
        names.update(tail for _, _, tail in triples)
        nodes = tuple(sorted(names))
        relations = tuple(sorted({relation for _, relation, _ in triples}))
        node_of = {name: index for index, name in enumerate(nodes)}
        relation_of = {name: index for index, name in enumerate(relations)}
        rows = sorted((node_of[h], relation_of[r], node_of[t]) for h, r, t in triples)
        array = np.array(rows, np.int32).reshape(-1, 3)
        array.setflags(write=False)
        return cls(
            nodes=nodes,
            labels=tuple(labels.get(name) or local_name(name) for name in nodes),
            types=tuple(types.get(name, "") for name in nodes),
            relations=relations,
            triples=array,
            attributes={node_of[name]: dict(sorted(attributes[name].items())) for name in sorted(attributes)},
        )

    def named_triples(self) -> list[tuple[str, str, str]]:
        """Returns the triples as names, in the order of `triples`."""
        return [(self.nodes[h], self.relations[r], self.nodes[t]) for h, r, t in self.triples.tolist()]

    def replace_triples(self, triples: Iterable[tuple[str, str, str]]) -> Graph:
        """Returns a graph with the same nodes (labels, types, attributes) and other triples."""
        return Graph.from_triples(
            triples,
            nodes=self.nodes,
            labels=dict(zip(self.nodes, self.labels, strict=True)),
            types=dict(zip(self.nodes, self.types, strict=True)),
            attributes={self.nodes[index]: values for index, values in self.attributes.items()},
        )

    def candidates(self, name: str) -> tuple[int, ...]:
        """Returns the nodes that `name` may mean: by IRI, else local name, else label, else loosely.

        `prefix:local` means the nodes whose IRI ends in `prefix#local` or `prefix/local`. The first
        of these readings that matches anything is the answer; more than one node is an ambiguity. The
        last reading ignores case and treats `_` and `-` as a space.
        """
        exact, local, label, _ = self._lookups
        if name in exact:
            return (exact[name],)
        for table in (local, label):
            if name in table:
                return tuple(table[name])
        if ":" in name:
            prefix, _, rest = name.partition(":")
            ends = (f"{prefix}#{rest}", f"{prefix}/{rest}")
            found = tuple(index for index in local.get(rest, ()) if self.nodes[index].endswith(ends))
            if found:
                return found
        return self.alike(name)

    def alike(self, name: str) -> tuple[int, ...]:
        """Returns the nodes whose name, local name or label differs at most in case and separators."""
        return tuple(self._lookups[-1].get(plain(name), ()))

    def node(self, name: str | int) -> int:
        """Returns the index of a node given by IRI, else unique local name, else unique label.

        Raises:
          UserError: no node, or several, answer to the name.
        """
        if isinstance(name, (int, np.integer)):
            return int(name)
        found = self.candidates(name)
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(self.nodes[index] for index in found)
            raise UserError(f"{name!r} may mean {len(found)} nodes of the graph: {names}; give the full name.")
        if any(name in (relation, local_name(relation)) for relation in self.relations):
            raise UserError(f"{name!r} is a relation of the graph, and a node was expected.")
        raise UserError(f"The graph has no node {name!r}{self.suggestion(name) or '.'}")

    def suggestion(self, name: str) -> str:
        """Returns ", did you mean ...?" with the closest local names and labels, or ""."""
        _, local, label, _ = self._lookups
        return nearest(name, dict.fromkeys((*local, *label)))

    def relation(self, name: str | int) -> int:
        """Returns the index of a relation given by IRI or local name, else without case.

        Raises:
          UserError: no relation, or several, answer to the name.
        """
        if isinstance(name, (int, np.integer)):
            return int(name)
        if name in self.relations:
            return self.relations.index(name)
        names = [local_name(relation) for relation in self.relations]
        found = [index for index, other in enumerate(names) if other == name]
        found = found or [index for index, other in enumerate(names) if other.casefold() == name.casefold()]
        if len(found) == 1:
            return found[0]
        if found:
            full = ", ".join(self.relations[index] for index in found)
            raise UserError(f"{name!r} may mean {len(found)} relations: {full}; give the full name.")
        known = f"; it has {', '.join(names)}" if names else "; it has no triples"
        raise UserError(f"The graph has no relation {name!r}{nearest(name, names)}{known}.")

    def nodes_of_type(self, type: str) -> tuple[int, ...]:
        """Returns the nodes whose type has this local name, in order."""
        return tuple(index for index, other in enumerate(self.types) if other == type)

    def tails(self, head: int | str, relation: int | str) -> tuple[int, ...]:
        """Returns every t of (head, relation, t), in order."""
        rows = self.outgoing(self.node(head))
        return tuple(rows[rows[:, 1] == self.relation(relation), 2].tolist())

    def heads(self, relation: int | str, tail: int | str) -> tuple[int, ...]:
        """Returns every h of (h, relation, tail), in order."""
        rows = self.incoming(self.node(tail))
        return tuple(rows[rows[:, 1] == self.relation(relation), 0].tolist())

    def outgoing(self, node: int) -> np.ndarray:
        """Returns the triples `[n, 3]` with this head."""
        start, stop = np.searchsorted(self.triples[:, 0], (node, node + 1))
        return self.triples[start:stop]

    def incoming(self, node: int) -> np.ndarray:
        """Returns the triples `[n, 3]` with this tail, by head."""
        order, tails = self._by_tail
        start, stop = np.searchsorted(tails, (node, node + 1))
        return self.triples[order[start:stop]]

    def objects(self, relation: int | str) -> np.ndarray:
        """Returns the nodes that occur as a tail of the relation, sorted."""
        return np.unique(self.triples[self.triples[:, 1] == self.relation(relation), 2])

    def digest(self) -> str:
        """Returns the SHA-256 of the content; the order in which triples came does not matter."""
        content = {
            "nodes": list(zip(self.nodes, self.labels, self.types, strict=True)),
            "relations": self.relations,
            "triples": self.triples.tolist(),
            "attributes": sorted((node, sorted(values.items())) for node, values in self.attributes.items()),
        }
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        return self is other or self.digest() == other.digest()

    def __hash__(self) -> int:
        return hash(self.digest())

    @functools.cached_property
    def _lookups(self) -> tuple[dict[str, int], _Index, _Index, _Index]:
        exact = {name: index for index, name in enumerate(self.nodes)}
        local: dict[str, list[int]] = {}
        label: dict[str, list[int]] = {}
        alike: dict[str, list[int]] = {}
        for index, (name, text) in enumerate(zip(self.nodes, self.labels, strict=True)):
            short = local_name(name)
            local.setdefault(short, []).append(index)
            label.setdefault(text, []).append(index)
            for key in {plain(name), plain(short), plain(text)}:
                alike.setdefault(key, []).append(index)
        return exact, local, label, alike

    @functools.cached_property
    def _by_tail(self) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(self.triples[:, 2], kind="stable")
        return order, self.triples[order, 2]
