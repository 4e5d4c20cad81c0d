"""`python -m kgv_jax.kg check|wordnet|merge`: exit code 0 done or clean, 1 findings, 2 a mistake of the user."""

from __future__ import annotations

import argparse
import pathlib
import sys
import time
from collections.abc import Sequence

from kgv_jax.kg import wordnet_graph
from kgv_jax.kg.check import HIERARCHY, check
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.imagenet_ids import read_descriptions, read_ids
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.mapping import read_column
from kgv_jax.kg.merge import merge
from kgv_jax.kg.turtle import write_turtle
from kgv_jax.kg.wordnet import SYSTEM_FOLDER, find_wordnet
from kgv_jax.util.errors import UserError

_FORMATS = ".ttl .nt .rdf .xml .owl .csv .tsv"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    options = _parser().parse_args(argv)
    try:
        return options.run(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kgv_jax.kg", description="Knowledge graph files.")
    commands = parser.add_subparsers(dest="command", required=True)

    doctor = commands.add_parser("check", help="examine a graph: exit code 0 clean, 1 findings, 2 unreadable")
    doctor.set_defaults(run=_check)
    doctor.add_argument("file", help=f"graph: {_FORMATS}")
    doctor.add_argument("--classes", metavar="DIR", help="images in DIR/<class>/ or DIR/<domain>/<class>/")
    doctor.add_argument("--class-type", default="Class", help="type of class nodes (default: %(default)s)")
    doctor.add_argument(
        "--hierarchy",
        metavar="NAME,...",
        help=f"hierarchical relations (default: those of {','.join(HIERARCHY)} that occur)",
    )

    maker = commands.add_parser("wordnet", help="write the part of WordNet 3.0 around a list of ImageNet ids")
    maker.set_defaults(run=_wordnet)
    maker.add_argument("--ids", required=True, metavar="mini|1k|22k|FILE", help="classes; in FILE one id a line")
    maker.add_argument("--out", required=True, metavar="FILE.ttl", type=_turtle_path, help="where the graph goes")
    maker.add_argument(
        "--wordnet",
        metavar="DIR",
        help=f"folder with data.noun of WordNet 3.0 (default: {SYSTEM_FOLDER}, else Debian's wordnet-base is fetched)",
    )
    maker.add_argument(
        "--relations",
        metavar="NAME,...",
        default=",".join(wordnet_graph.RELATIONS),
        help="what to have (default: %(default)s)",
    )

    merger = commands.add_parser("merge", help="add a graph to another, joined by owl:sameAs or a table")
    merger.set_defaults(run=_merge)
    merger.add_argument("file", help=f"graph whose names stay: {_FORMATS}")
    merger.add_argument("other", help="graph to add")
    merger.add_argument("--out", required=True, metavar="FILE.ttl", type=_turtle_path, help="where the result goes")
    merger.add_argument(
        "--mapping", metavar="CSV", help="first column: name in OTHER; column `node`: node or relation in FILE"
    )
    return parser


def _turtle_path(text: str) -> pathlib.Path:
    if not text.endswith(".ttl"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .ttl, and what is written is Turtle")
    return pathlib.Path(text)


def _check(options: argparse.Namespace) -> int:
    hierarchy = options.hierarchy.split(",") if options.hierarchy else None
    return check(options.file, images=options.classes, class_type=options.class_type, hierarchy=hierarchy).print()


def _wordnet(options: argparse.Namespace) -> int:
    start = time.perf_counter()
    ids = read_ids(options.ids)
    graph = wordnet_graph.make_graph(
        find_wordnet(options.wordnet),
        ids,
        relations=options.relations.split(","),
        descriptions=read_descriptions(),
        source=options.ids,
    )
    for line in wordnet_graph.summary(graph):
        print(line)
    _write(graph, options.out, start)
    return 0


def _merge(options: argparse.Namespace) -> int:
    start = time.perf_counter()
    names = read_column(pathlib.Path(options.mapping), "node") if options.mapping else None
    graph, other = load_graph(options.file).graph, load_graph(options.other).graph
    merged = merge(graph, other, names=names)
    print(f"{options.file}: {_size(graph)}")
    print(f"{options.other}: {_size(other)}")
    print(f"merged: {_size(merged)}")
    _write(merged, options.out, start)
    return 0


def _size(graph: Graph) -> str:
    counts = len(graph.nodes), len(graph.nodes_of_type("Class")), len(graph.relations), len(graph.triples)
    return "{} nodes ({} classes), {} relations, {} triples".format(*counts)


def _write(graph: Graph, path: pathlib.Path, start: float) -> None:
    write_turtle(graph, path)
    print(f"{path}: {path.stat().st_size} bytes, graph {graph.digest()[:16]}, {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
