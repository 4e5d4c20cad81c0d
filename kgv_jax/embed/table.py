"""A plain table as a source of node vectors: a CSV or TSV file with a node and its numbers per line.

    node,x1,x2,x3
    stop,0.1,-2,0.5
    https://example.org/sign#yield,0.3,1,0

The line of names may be missing. A node is named by its IRI, local name or label, as `Graph.candidates` reads it.
"""

from __future__ import annotations

import csv
import math
import os
import pathlib
from collections.abc import Iterator

import numpy as np

from kgv_jax.embed.file import Embeddings
from kgv_jax.kg.graph import Graph
from kgv_jax.util.errors import UserError

DELIMITERS = {".csv": ",", ".tsv": "\t"}


def read_table(path: str | os.PathLike, graph: Graph) -> Embeddings:
    """Returns the vectors `nodes.mu` of a table under the names of the graph; lines about other nodes are passed over.

    Raises:
      UserError: the file is missing or no table of numbers, a name may mean several nodes, or two lines mean one.
    """
    path = pathlib.Path(path)
    vectors: dict[int, list[float]] = {}
    line_of: dict[int, int] = {}
    for line, name, numbers in _rows(path):
        found = graph.candidates(name)
        if len(found) > 1:
            names = ", ".join(graph.nodes[node] for node in found)
            raise UserError(f"{path}, line {line}: {name!r} may mean {names}; write one of these.")
        for node in found:
            if node in line_of:
                twice = f"{name!r} is {graph.nodes[node]}, as on line {line_of[node]}"
                raise UserError(f"{path}, line {line}: {twice}; keep one of them.")
            vectors[node], line_of[node] = numbers, line
    rows = np.array([*vectors.values()], np.float32) if vectors else np.zeros((0, 0), np.float32)
    return Embeddings(tuple(graph.nodes[node] for node in vectors), (), {"nodes.mu": rows})


def _rows(path: pathlib.Path) -> Iterator[tuple[int, str, list[float]]]:
    """Yields line, name and numbers; as many numbers in each line."""
    width = 0
    for line, (name, *cells) in _lines(path):
        numbers = [_number(cell) for cell in cells]
        if not width and (not cells or all(number is None for number in numbers)):
            if line == 1 and cells:
                continue  # the names of the columns
            raise UserError(
                f"{path}, line {line}: no number after {name!r}; expected a node and its numbers, cells apart by "
                f"{DELIMITERS[path.suffix]!r}."
            )
        width = width or len(cells)
        if len(cells) != width:
            raise UserError(f"{path}, line {line}: {len(cells)} numbers for {name!r}; expected {width}, as before.")
        for place, number in enumerate(numbers, 1):
            if number is None or not math.isfinite(number):
                found = f"number {place} of {name!r} is {cells[place - 1]!r}"
                raise UserError(f"{path}, line {line}: {found}; expected a finite number.")
        yield line, name, [number for number in numbers if number is not None]
    if not width:
        raise UserError(f"{path}: no vector in it; expected lines of a node and its numbers, such as stop,0.1,-2,0.5.")


def _lines(path: pathlib.Path) -> Iterator[tuple[int, list[str]]]:
    """Yields the number and the cells of every line that has any."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=DELIMITERS[path.suffix])
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, [cell.strip() for cell in cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be read as a table ({reason}); expected a CSV or TSV file.") from error


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
