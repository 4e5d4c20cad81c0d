"""The knowledge graph as one immutable value: typed nodes, integer triples, labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np


@dataclasses.dataclass(frozen=True)
class Graph:
    """A directed multi-relational graph of `N` nodes, `R` relations and `T` triples.

    Attributes:
      nodes: node names (full IRIs, or the strings of a table), sorted, unique.
      labels: one human-readable label a node (`rdfs:label`, else the local name).
      types: local name of the node's `rdf:type` (`""` where none is given).
      relations: relation names (full IRIs, or the strings of a table), sorted, unique.
      triples: `[T, 3]` int32, rows (head, relation, tail), sorted, unique, read-only.
      attributes: literals a node carries, `{node index: {property local name: text}}`.
    """

    nodes: tuple[str, ...]
    labels: tuple[str, ...]
    types: tuple[str, ...]
    relations: tuple[str, ...]
    triples: np.ndarray
    attributes: Mapping[int, Mapping[str, str]] = dataclasses.field(default_factory=dict)
