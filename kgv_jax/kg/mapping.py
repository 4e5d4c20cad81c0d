"""Classes of a data set -> nodes of the graph."""

from __future__ import annotations

import csv
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name, plain
from kgv_jax.util.errors import UserError, nearest

BY = ("auto", "label", "iri", "local")


def find_nodes(graph: Graph, name: str, *, by: str = "auto", class_types: Sequence[str] = ("Class",)) -> list[int]:
    """Returns the nodes a class name may mean; one is the answer, several are an ambiguity.

    `auto` reads the name as an IRI, else a local name, else a label, else without regard to case and
    to the separators ` `, `_` and `-`. Nodes of a class type go before others of the same name.
    """
    if by == "iri":
        found = [graph.nodes.index(name)] if name in graph.nodes else []
    elif by in ("label", "local"):
        text_of = graph.labels.__getitem__ if by == "label" else lambda index: local_name(graph.nodes[index])
        alike = [index for index in graph.alike(name) if plain(text_of(index)) == plain(name)]
        found = [index for index in alike if text_of(index) == name] or alike
    else:
        # A class type decides before the reading does: a legend's local name may be a class's label.
        found = list(graph.candidates(name))
        if not any(graph.types[index] in class_types for index in found):
            found = [index for index in graph.alike(name) if graph.types[index] in class_types] or found
    typed = [index for index in found if graph.types[index] in class_types]
    return typed or found


def read_column(path: pathlib.Path, column: str) -> dict[str, str]:
    """Returns class name -> node name from a CSV or TSV table: its first column, and the one called `column`.

    Raises:
      UserError: if the file cannot be read, has no such column, or names a class twice.
    """
    delimiter = "\t" if path.suffix == ".tsv" else ","
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            header, *rows = [row for row in csv.reader(file, delimiter=delimiter) if row]
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UserError(f"The table of classes {path} cannot be read ({error}); expected a header and rows.") from error
    if column not in header[1:]:
        raise UserError(f"{path} has no column {column!r}{nearest(column, header[1:])}; it has {', '.join(header)}.")
    place = header.index(column)
    found: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        if len(row) <= place:
            raise UserError(f"{path}: row {number} has {len(row)} cells; expected {len(header)}, as the header.")
        if row[0] in found:
            raise UserError(f"{path}: row {number} names the class {row[0]!r} a second time; keep one.")
        found[row[0]] = row[place]
    return found


def map_classes(
    graph: Graph,
    classes: Sequence[str],
    *,
    by: str | Mapping[str, str] = "auto",
    class_types: Sequence[str] = ("Class",),
) -> np.ndarray:
    """Returns the node of every class, `[C]` int32.

    Args:
      graph: the graph.
      classes: class names, for example the names of folders.
      by: how names are read: `auto`, `label`, `iri`, `local` (see `find_nodes`), or a
        mapping class name -> node name, as a column of the user's own table.
      class_types: types that are preferred where a name has several meanings.

    Raises:
      UserError: listing every class that has no node, several nodes, or another class's node.
    """
    column = by if isinstance(by, Mapping) else None
    if column is None and by not in BY:
        raise UserError(f"Classes are mapped by {', '.join(BY)} or a column, not by {by!r}.")
    relations = {plain(local_name(name)) for name in graph.relations}
    nodes: list[int] = []
    problems: list[str] = []
    owner: dict[int, str] = {}
    for name in classes:
        wanted = name if column is None else column.get(name)
        if wanted is None:
            problems.append(f"{name!r}: not in the given column")
            continue
        found = find_nodes(graph, wanted, by="auto" if column is not None else by, class_types=class_types)
        if not found:
            kind = ": is a relation, not a class" if plain(wanted) in relations else graph.suggestion(wanted)
            problems.append(f"{name!r}{kind or ': nothing like it'}")
        elif len(found) > 1:
            problems.append(f"{name!r}: may mean {', '.join(graph.nodes[index] for index in found)}")
        elif found[0] in owner:
            problems.append(f"{name!r}: means the same node as {owner[found[0]]!r}, {graph.nodes[found[0]]}")
        else:
            owner[found[0]] = name
            nodes.append(found[0])
    if problems:
        raise UserError(
            f"{len(problems)} of {len(classes)} classes have no node of their own in the graph:\n  "
            + "\n  ".join(problems)
            + "\nAdd them to the graph file, rename the classes, or give a column that maps them."
        )
    return np.array(nodes, np.int32)
