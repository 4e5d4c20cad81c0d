"""Statements -> one `Graph`, and a report in which every statement is kept or counted."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import OWL, RDF, RDF_TYPE, RDFS, RDFS_LABEL, local_name
from kgv_jax.util.errors import UserError

DUPLICATE = "duplicate triple"
SELF_LOOP = "head and tail are the same node"
BLANK_NODE = "blank node (it has no name; give it an IRI)"
LITERAL_SUBJECT = "literal as subject"
LITERAL_TYPE = "literal as type"
RELATION_AS_NODE = "relation used as a node"
SCHEMA = "describes the vocabulary, not a node"
FURTHER_TYPE = "further type of a node"
FURTHER_LABEL = "further label of a node"
FURTHER_VALUE = "further value of an attribute"

# What a careful author writes on purpose; every other reason to drop a statement is worth a look.
EXPECTED = frozenset({SCHEMA, FURTHER_TYPE, FURTHER_LABEL, FURTHER_VALUE})

_LINES_KEPT = 5
_PROPERTY_TYPES = frozenset(
    {RDF + "Property", OWL + "Ontology", RDFS + "Datatype"}
    | {OWL + kind + "Property" for kind in ("Object", "Datatype", "Annotation", "Transitive", "Functional")}
)
_SCHEMA_RELATIONS = frozenset({RDFS + "domain", RDFS + "range", RDFS + "isDefinedBy", OWL + "imports"})


class Literal(NamedTuple):
    """A text value with its language (`""` if none is given)."""

    text: str
    language: str = ""


class Statement(NamedTuple):
    """One statement of a file; a head or tail without a name (a blank node) is None."""

    line: int
    head: str | Literal | None
    relation: str
    tail: str | Literal | None


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """What became of the statements of a file: `read == kept + sum(dropped.values())`.

    Attributes:
      read: statements in the file (triples, types, labels and attributes).
      kept: statements that are part of the graph.
      dropped: reason -> number of statements.
      lines: reason -> the lines of the first few of them.
      node_lines: node name -> the line on which it first occurs.
    """

    read: int
    kept: int
    dropped: Mapping[str, int]
    lines: Mapping[str, tuple[int, ...]]
    node_lines: Mapping[str, int] = dataclasses.field(repr=False, default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Loaded:
    """A graph and the report of its reading."""

    graph: Graph
    report: LoadReport


def assemble(path: pathlib.Path, statements: Sequence[Statement], class_types: tuple[str, ...]) -> Loaded:
    """Sorts the statements of the file `path` into a graph; see `load.load_graph`."""
    return _Builder(path, statements, class_types).build()


class _Builder:
    """Sorts statements into triples, types, labels and attributes; every one is kept or counted."""

    def __init__(self, path: pathlib.Path, statements: Sequence[Statement], class_types: tuple[str, ...]):
        self.path = path
        self.statements = statements
        self.class_types = class_types
        self.dropped: collections.Counter[str] = collections.Counter()
        self.lines: dict[str, list[int]] = {}
        self.node_lines: dict[str, int] = {}

    def build(self) -> Loaded:
        # Leave out what no graph can hold, and repetitions.
        seen, unique = set(), []
        for statement in self.statements:
            key = (statement.head, statement.relation, statement.tail)
            reason = _unfit(statement) or (DUPLICATE if key in seen else None)
            if reason:
                self._drop(reason, statement)
            else:
                seen.add(key)
                unique.append(statement)

        # Sort the rest by kind: types, links between nodes, literals.
        typed = [s for s in unique if s.relation == RDF_TYPE]
        links = [s for s in unique if s.relation != RDF_TYPE and not isinstance(s.tail, Literal)]
        links = [s for s in links if not self._is_schema(s)]
        literals = [s for s in unique if s.relation != RDF_TYPE and isinstance(s.tail, Literal)]

        # Relations and types are vocabulary; statements about them describe no node.
        relations = {s.relation for s in links}
        self._check_no_class_is_a_relation(typed, relations)
        relations |= {s.head for s in typed if s.tail in _PROPERTY_TYPES}
        links = self._about_nodes(links, relations, RELATION_AS_NODE)
        type_names = {s.tail for s in typed}
        linked = {s.head for s in links} | {s.tail for s in links}
        vocabulary = relations | (type_names - linked)
        typed = self._about_nodes(typed, vocabulary, SCHEMA)
        literals = self._about_nodes(literals, vocabulary, SCHEMA)

        # What is left is the graph.
        types = self._types(typed)
        labels, attributes = self._literals(literals)
        if not links and not types:
            raise UserError(
                f"{self.path} holds no triples between nodes ({len(self.statements)} statements read); "
                "expected lines such as  sign:yield kgv:hasShape shape:triangle ."
            )
        graph = Graph.from_triples(
            ((s.head, s.relation, s.tail) for s in links), labels=labels, types=types, attributes=attributes
        )

        # And the report of it.
        read, lost = len(self.statements), sum(self.dropped.values())
        for statement in self.statements:
            for name in (statement.head, statement.tail):
                if isinstance(name, str):
                    self.node_lines.setdefault(name, statement.line)
        report = LoadReport(
            read=read,
            kept=read - lost,
            dropped=dict(self.dropped),
            lines={reason: tuple(lines) for reason, lines in self.lines.items()},
            node_lines={name: self.node_lines[name] for name in graph.nodes},
        )
        return Loaded(graph, report)

    def _drop(self, reason: str, statement: Statement) -> None:
        self.dropped[reason] += 1
        lines = self.lines.setdefault(reason, [])
        if len(lines) < _LINES_KEPT:
            lines.append(statement.line)

    def _about_nodes(self, statements: list[Statement], excluded: set[str], reason: str) -> list[Statement]:
        """Keeps the statements whose head and tail are nodes; the others are counted."""
        kept = []
        for statement in statements:
            if statement.head in excluded:
                self._drop(SCHEMA, statement)
            elif statement.relation != RDF_TYPE and statement.tail in excluded:
                self._drop(reason, statement)
            else:
                kept.append(statement)
        return kept

    def _is_schema(self, statement: Statement) -> bool:
        schema = statement.relation in _SCHEMA_RELATIONS
        if schema:
            self._drop(SCHEMA, statement)
        return schema

    def _check_no_class_is_a_relation(self, typed: list[Statement], relations: set[str]) -> None:
        for statement in typed:
            if statement.head in relations and local_name(statement.tail) in self.class_types:
                use = next(s for s in self.statements if s.relation == statement.head)
                raise UserError(
                    f"{self.path}: {statement.head} is a relation (line {use.line}) and a "
                    f"{local_name(statement.tail)} (line {statement.line}); a name can be one or the other, "
                    "so rename one of them."
                )

    def _types(self, typed: list[Statement]) -> dict[str, str]:
        """Returns one type per node: a class type if it has one, owl:NamedIndividual only if it has no other."""

        def rank(statement: Statement) -> tuple[bool, bool, str]:
            name = local_name(statement.tail)
            return name not in self.class_types, statement.tail == OWL + "NamedIndividual", statement.tail

        best: dict[str, Statement] = {}
        for statement in sorted(typed, key=rank):
            if statement.head in best:
                self._drop(FURTHER_TYPE, statement)
            else:
                best[statement.head] = statement
        return {head: local_name(statement.tail) for head, statement in best.items()}

    def _literals(self, literals: list[Statement]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        """Labels (English or without language first) and attributes; other languages under `name@de`."""

        def rank(statement: Statement) -> tuple[bool, str, str]:
            language = statement.tail.language
            return language not in ("", "en"), language, statement.tail.text

        labels: dict[str, str] = {}
        attributes: dict[str, dict[str, str]] = {}
        for statement in sorted(literals, key=rank):
            head, text, language = statement.head, statement.tail.text, statement.tail.language
            is_label = statement.relation == RDFS_LABEL
            if is_label and head not in labels:
                labels[head] = text
                continue
            key = local_name(statement.relation) + (f"@{language}" if language not in ("", "en") else "")
            values = attributes.setdefault(head, {})
            if key in values or (is_label and language in ("", "en")):
                self._drop(FURTHER_LABEL if is_label else FURTHER_VALUE, statement)
            else:
                values[key] = text
        return labels, {head: values for head, values in attributes.items() if values}


def _unfit(statement: Statement) -> str | None:
    """Returns why a statement cannot be part of any graph, or None."""
    if isinstance(statement.head, Literal):
        return LITERAL_SUBJECT
    if statement.head is None or statement.tail is None:
        return BLANK_NODE
    if statement.relation == RDF_TYPE and isinstance(statement.tail, Literal):
        return LITERAL_TYPE
    if statement.head == statement.tail:
        return SELF_LOOP
    return None
