"""A graph as a Turtle file (https://www.w3.org/TR/turtle/), from which `load_graph` reads an equal graph.

pyoxigraph escapes names and texts and groups the triples of a node. What is decided here: which triples stand for the
graph, in which order, and the prefixes.
"""

from __future__ import annotations

import collections
import os
import pathlib
import re
import uuid
from collections.abc import Iterator

import pyoxigraph

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import RDF_TYPE, RDFS, RDFS_LABEL, local_name
from kgv_jax.util.errors import UserError

VOCAB = "https://kgv-jax.github.io/vocab#"  # of types, attributes, and the relations of graphs made here

_TYPE, _LABEL = pyoxigraph.NamedNode(RDF_TYPE), pyoxigraph.NamedNode(RDFS_LABEL)


def write_turtle(graph: Graph, path: str | os.PathLike[str]) -> pathlib.Path:
    """Writes the graph, whole or not at all, however many processes write; returns the path.

    Raises:
      UserError: see `to_turtle`, or the file cannot be written.
    """
    path, text = pathlib.Path(path), to_turtle(graph)
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        scratch.write_text(text, encoding="utf-8", newline="\n")
        os.replace(scratch, path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise UserError(
            f"{path}: cannot be written ({error.strerror}). Name a file in a folder that exists."
        ) from error
    return path


def to_turtle(graph: Graph) -> str:
    """Returns the graph as Turtle: one block per node, with its type, label, attributes and triples. Always the same.

    Types and attributes, which a graph knows by their local names, go into this project's vocabulary. A label that is
    the local name anyway is left out.

    Raises:
      UserError: a node, relation, type or attribute has a name that RDF cannot carry.
    """
    data = pyoxigraph.serialize(_triples(graph), format=pyoxigraph.RdfFormat.TURTLE, prefixes=_prefixes(graph))
    # A blank line before each node. Texts have no raw line breaks, so a line that starts a node starts with its name.
    return re.sub(r"(?m)^(?=[^@\t])", "\n", data.decode())


def _triples(graph: Graph) -> Iterator[pyoxigraph.Triple]:
    """Yields the triples node by node; of each its type, label, attributes, and what goes out of it."""
    nodes, relations = (list(map(_named, names)) for names in (graph.nodes, graph.relations))
    linked = set(graph.triples[:, [0, 2]].ravel().tolist())
    for index, (name, label, kind) in enumerate(zip(graph.nodes, graph.labels, graph.types, strict=True)):
        node, attributes = nodes[index], graph.attributes.get(index, {})
        if kind:
            yield pyoxigraph.Triple(node, _TYPE, _own(kind, "type"))
        # A node without any statement would be lost, so it keeps its label.
        if label != local_name(name) or not (kind or attributes or index in linked):
            yield pyoxigraph.Triple(node, _LABEL, pyoxigraph.Literal(label))
        for key, text in attributes.items():
            key, _, language = key.partition("@")
            yield pyoxigraph.Triple(node, _own(key, "attribute"), _literal(name, key, text, language))
        for _, relation, tail in graph.outgoing(index).tolist():
            yield pyoxigraph.Triple(node, relations[relation], nodes[tail])


def _named(name: str) -> pyoxigraph.NamedNode:
    try:
        return pyoxigraph.NamedNode(name)
    except ValueError as error:
        raise UserError(
            f"{name!r} is no absolute IRI ({error}), and RDF has no other names. Give nodes and relations full names, "
            "such as https://example.org/signs#yield."
        ) from error


def _own(name: str, what: str) -> pyoxigraph.NamedNode:
    """Returns a name of this project's vocabulary, which must be read back as its local part."""
    try:
        if local_name(VOCAB + name) == name:
            return pyoxigraph.NamedNode(VOCAB + name)
    except ValueError:
        pass
    raise UserError(f"The {what} {name!r} cannot be part of an IRI. Use letters, digits, `-`, `_` and `.`.")


def _literal(node: str, key: str, text: str, language: str) -> pyoxigraph.Literal:
    try:
        if language == language.lower():  # as the loader gives it
            return pyoxigraph.Literal(text, language=language or None)
    except ValueError:
        pass
    raise UserError(f"{node}: the attribute {key!r} has {language!r} for a language; expected one such as de or pt-br.")


def _prefixes(graph: Graph) -> dict[str, str]:
    """Returns prefix -> namespace, for each namespace of several names: called by its last word, numbered if taken."""
    prefixes = {"rdfs": RDFS, "kgv": VOCAB}
    spaces = collections.Counter(_space(name) for name in (*graph.nodes, *graph.relations))
    for space in sorted(spaces.keys() - {RDFS, VOCAB}):
        if spaces[space] > 1 and _is_iri(space):
            word = re.search(r"([A-Za-z][A-Za-z0-9]*)[#/]$", space)
            word, number = word[1].lower() if word else "ns", 1
            while (prefix := word if number == 1 else f"{word}{number}") in prefixes:
                number += 1
            prefixes[prefix] = space
    return prefixes


def _is_iri(text: str) -> bool:
    try:
        pyoxigraph.NamedNode(text)
    except ValueError:
        return False
    return True


def _space(name: str) -> str:
    """Returns an IRI up to its last `#` or `/`."""
    return name[: max(name.rfind("#"), name.rfind("/")) + 1]
