"""`kgv check-graph` and `kgv build-graph wordnet|cars|attributes|merge`: graph files are examined and made."""

from __future__ import annotations

import collections
import pathlib
import time

from kgv_jax.config.flags import Options
from kgv_jax.kg import cars, wordnet_graph
from kgv_jax.kg.check import check
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.imagenet_ids import read_descriptions, read_ids
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.mapping import read_column
from kgv_jax.kg.merge import merge
from kgv_jax.kg.turtle import write_turtle
from kgv_jax.kg.wordnet import find_wordnet
from kgv_jax.util.errors import UserError


def check_graph(options: Options) -> int:
    """Examines a graph file: exit code 0 clean, 1 findings."""
    (file,) = options.operands
    return check(
        file, images=options.classes, class_type=options.class_type, hierarchy=options.hierarchy or None
    ).print()


def build_wordnet(options: Options) -> None:
    """Writes the part of WordNet 3.0 around a list of ImageNet ids."""
    start, out = time.perf_counter(), _turtle_path(options.out)
    ids = read_ids(options.ids)
    graph = wordnet_graph.make_graph(
        find_wordnet(options.wordnet),
        ids,
        relations=options.relations or wordnet_graph.RELATIONS,
        descriptions=read_descriptions(),
        source=options.ids,
    )
    for line in wordnet_graph.summary(graph):
        print(line)
    _write(graph, out, start)


def build_cars(options: Options) -> None:
    """Writes the graph of DVM-CAR's tables."""
    (root,) = options.operands
    out = _turtle_path(options.out)
    graph = cars.make_graph(root, shift=options.shift, domains=[name for name in options.domains if name])
    path = write_turtle(graph, out)
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(collections.Counter(graph.types).items()))
    print(f"{path}: {len(graph.nodes)} nodes ({kinds}), {len(graph.triples)} triples")


def build_attributes(options: Options) -> None:
    """Writes the graph of a zero-shot benchmark's classes and attributes."""
    # They read MATLAB files by scipy, which the other commands do without.
    from kgv_jax.kg import attributes
    from kgv_jax.kg.attribute_splits import read_splits

    (root,) = options.operands
    out = _turtle_path(options.out)
    names = attributes.read_names(options.names) if options.names else ()
    graph = attributes.attribute_graph(read_splits(root), names)
    write_turtle(graph, out)
    class_count, attribute_count = (len(graph.nodes_of_type(kind)) for kind in ("Class", "Attribute"))
    print(f"{out}: {class_count} classes, {attribute_count} attributes, {len(graph.triples)} facts")


def merge_graphs(options: Options) -> None:
    """Adds a graph to another, joined by owl:sameAs or a table."""
    start, out = time.perf_counter(), _turtle_path(options.out)
    file, added = options.operands
    names = read_column(pathlib.Path(options.mapping), "node") if options.mapping else None
    graph, other = load_graph(file).graph, load_graph(added).graph
    merged = merge(graph, other, names=names)
    print(f"{file}: {_size(graph)}")
    print(f"{added}: {_size(other)}")
    print(f"merged: {_size(merged)}")
    _write(merged, out, start)


def _turtle_path(text: str) -> pathlib.Path:
    if not text.endswith(".ttl"):
        raise UserError(f"--out is {text!r}; expected a name that ends in .ttl, because Turtle is what is written.")
    return pathlib.Path(text)


def _size(graph: Graph) -> str:
    counts = len(graph.nodes), len(graph.nodes_of_type("Class")), len(graph.relations), len(graph.triples)
    return "{} nodes ({} classes), {} relations, {} triples".format(*counts)


def _write(graph: Graph, path: pathlib.Path, start: float) -> None:
    write_turtle(graph, path)
    print(f"{path}: {path.stat().st_size} bytes, graph {graph.digest()[:16]}, {time.perf_counter() - start:.1f} s")
