"""Knowledge graphs: reading and checking them, the mask made of them, and the table of graphs that are known by name.

A module that writes a graph when it is asked for states so in a dictionary `GRAPHS`: name -> function that returns the
path of the file.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING

from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.registry import Registry

if TYPE_CHECKING:
    from kgv_jax.kg.graph import Graph

GRAPHS: Registry[Callable[[], pathlib.Path]] = Registry("graph", package=__name__, attribute="GRAPHS")


def graph_names() -> tuple[str, ...]:
    """Returns the names that stand for a graph: files of the package, and those that are written when asked for."""
    return tuple(sorted((*_shipped(), *GRAPHS)))


def load_named_graph(path: str, *, class_type: str) -> tuple[Graph, tuple[str, ...]]:
    """Loads a graph file, or a graph by its name.

    Args:
      path: a file with an ending, or one of `graph_names`.
      class_type: local name of the type of class nodes.

    Returns:
      The graph, and notes on what was dropped from it.

    Raises:
      UserError: no graph has the name, or the file cannot be read.
    """
    from kgv_jax.kg.load import load_graph  # a module of this subpackage, which is not yet imported at the top

    file = pathlib.Path(path)
    if not file.suffix:
        shipped = _shipped()
        if path not in shipped and path not in GRAPHS:
            names = graph_names()
            raise UserError(
                f"config.kg.path is {path!r}{nearest(path, names)}; expected a file (.ttl, .nt, "
                f".rdf, .csv, .tsv), or one that comes with the package: {', '.join(names)}."
            )
        file = shipped[path] if path in shipped else GRAPHS[path]()
    loaded = load_graph(file, class_types=(class_type,))
    notes = (
        f"{file.name}: dropped {count} ({reason}), first on line {loaded.report.lines[reason][0]}"
        for reason, count in loaded.report.dropped.items()
    )
    return loaded.graph, tuple(notes)


def _shipped() -> dict[str, pathlib.Path]:
    """Returns name -> file of the graphs that are in the package."""
    files = (resources.files("kgv_jax.kg") / "graphs").iterdir()
    return {pathlib.Path(file.name).stem: pathlib.Path(str(file)) for file in files if file.name.endswith(".ttl")}
