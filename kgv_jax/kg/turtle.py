"""A graph as a Turtle file, from which `load_graph` reads an equal graph.

Turtle: https://www.w3.org/TR/turtle/, whose grammar is named below.
"""

from __future__ import annotations

import collections
import os
import pathlib
import re
import uuid
from collections.abc import Iterator

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import RDFS, local_name
from kgv_jax.util.errors import UserError

VOCAB = "https://kgv-jax.github.io/vocab#"  # of types, attributes, and the relations of graphs made here

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]*")  # IRIREF, absolute
_LOCAL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")  # of PN_LOCAL, what needs no escape
_LANGUAGE = re.compile(r"[a-z]{1,8}(?:-[a-z0-9]{1,8})*")  # LANGTAG, as the loader gives it
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPED = re.compile(r'[\\"\x00-\x1f\x7f-\x9f\u2028\u2029]')


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
        raise UserError(f"{path}: cannot be written ({error.strerror}); name a file in a folder that exists") from error
    return path


def to_turtle(graph: Graph) -> str:
    """Returns the graph as Turtle: one block a node, with its type, label, attributes and triples.

    Types and attributes, which a graph knows by their local names, go into this project's vocabulary. A label that is
    the local name anyway is left out.

    Raises:
      UserError: a node, relation, type or attribute has a name that RDF cannot carry.
    """
    spell = _Speller(graph)
    blocks = [_block(spell, node, lines) for node, lines in enumerate(_statements(graph, spell)) if lines]
    prefixes = (f"@prefix {prefix}: <{space}> .\n" for space, prefix in sorted(spell.prefixes.items()))
    return "".join((*prefixes, *blocks))


class _Speller:
    """Writes names short where a prefix allows it."""

    def __init__(self, graph: Graph) -> None:
        self.nodes = graph.nodes
        self.prefixes = {RDFS: "rdfs", VOCAB: "kgv"}
        spaces = collections.Counter(_split(name)[0] for name in (*graph.nodes, *graph.relations))
        for space in sorted(spaces.keys() - self.prefixes.keys()):
            if spaces[space] > 1 and _IRI.fullmatch(space):
                word = re.search(r"([A-Za-z][A-Za-z0-9]*)[#/]$", space)
                self.prefixes[space] = self._free(word[1].lower() if word else "ns")

    def _free(self, word: str) -> str:
        taken, number, prefix = set(self.prefixes.values()), 1, word
        while prefix in taken:
            number += 1
            prefix = f"{word}{number}"
        return prefix

    def __call__(self, name: str) -> str:
        if not _IRI.fullmatch(name):
            raise UserError(
                f"{name!r} is no absolute IRI, and RDF has no other names; give nodes and relations full names, such "
                "as https://example.org/signs#yield"
            )
        space, local = _split(name)
        return f"{self.prefixes[space]}:{local}" if space in self.prefixes and _LOCAL.fullmatch(local) else f"<{name}>"

    def own(self, name: str, what: str) -> str:
        """Spells a name that is known by its local part only."""
        if not _IRI.fullmatch(VOCAB + name) or local_name(VOCAB + name) != name:
            raise UserError(f"the {what} {name!r} cannot be part of an IRI; use letters, digits, `-`, `_` and `.`")
        return self(VOCAB + name)


def _statements(graph: Graph, spell: _Speller) -> Iterator[list[str]]:
    """Yields for every node what is said of it: `predicate object`, `predicate object, object` ..."""
    linked = set(graph.triples[:, [0, 2]].ravel().tolist())
    relations = [spell(name) for name in graph.relations]
    for node, (name, label, kind) in enumerate(zip(graph.nodes, graph.labels, graph.types, strict=True)):
        lines = [f"a {spell.own(kind, 'type')}"] if kind else []
        attributes = graph.attributes.get(node, {})
        if label != local_name(name) or not (kind or attributes or node in linked):
            lines.append(f"rdfs:label {_literal(label)}")
        for key, text in attributes.items():
            key, _, language = key.partition("@")
            if language and not _LANGUAGE.fullmatch(language):
                raise UserError(f"{name}: the attribute {key!r} has {language!r} for a language; expected de or pt-br")
            lines.append(f"{spell.own(key, 'attribute')} {_literal(text)}{'@' if language else ''}{language}")
        tails = collections.defaultdict(list)
        for _, relation, tail in graph.outgoing(node).tolist():
            tails[relation].append(spell(graph.nodes[tail]))
        yield lines + [f"{relations[relation]} {', '.join(names)}" for relation, names in tails.items()]


def _block(spell: _Speller, node: int, lines: list[str]) -> str:
    return f"\n{spell(spell.nodes[node])} " + " ;\n    ".join(lines) + " .\n"


def _literal(text: str) -> str:
    escaped = _ESCAPED.sub(lambda match: _ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04X}", text)
    return f'"{escaped}"'


def _split(name: str) -> tuple[str, str]:
    """Splits an IRI after its last `#` or `/`."""
    end = max(name.rfind("#"), name.rfind("/")) + 1
    return name[:end], name[end:]
