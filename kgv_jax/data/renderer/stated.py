"""What a graph states about a sign, in the renderer's words."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from kgv_jax.data.renderer.colours import find_colour
from kgv_jax.data.renderer.legends import find_legend
from kgv_jax.data.renderer.marks import MARKS
from kgv_jax.data.renderer.shapes import find_shape
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name

_PARENTS = ("variantOf", "broader", "subClassOf")


@dataclasses.dataclass(frozen=True)
class Stated:
    """The look of a class or variant, as far as the graph gives it and the renderer knows it.

    Attributes:
      shape: a key of `SHAPES`, or None.
      border, fill, legend_colour: keys of `COLOURS`, or None.
      legends: Legend nodes to be drawn in the legend box.
      marks: (node, pictogram name) pairs to be laid over the legend.
      facts: (relation local name, node name) of the shape and the colours.
    """

    shape: str | None
    border: str | None
    fill: str | None
    legend_colour: str | None
    legends: tuple[int, ...]
    marks: tuple[tuple[int, str], ...]
    facts: tuple[tuple[str, str], ...]


def tails(graph: Graph, node: int, relations: Sequence[str]) -> list[int]:
    """Returns the objects of a node under relations given by local name; one the graph lacks has none."""
    return [int(t) for _, r, t in graph.outgoing(node) if local_name(graph.relations[r]) in relations]


def stated_objects(graph: Graph, node: int, relation: str) -> list[int]:
    """Returns the objects of a relation, the node's own first, then those of its ancestors, nearest first.

    What a class or a category states holds for every variant below it.
    """
    found, level, seen = [], [node], {node}
    while level:
        found.extend(tail for n in level for tail in tails(graph, n, (relation,)))
        level = [p for n in level for p in tails(graph, n, _PARENTS) if p not in seen]
        seen.update(level)
    return list(dict.fromkeys(found))


def stated_sign(graph: Graph, node: int) -> Stated:
    """Returns what the graph states about the look of a class or variant."""
    facts: list[tuple[str, str]] = []

    def nearest_known(relation: str, find: Callable[..., str | None]) -> str | None:
        for tail in stated_objects(graph, node, relation):
            if found := find(local_name(graph.nodes[tail]), graph.labels[tail]):
                facts.append((relation, graph.nodes[tail]))
                return found
        return None

    shape = nearest_known("hasShape", find_shape)
    border = nearest_known("hasBorderColour", find_colour)
    fill = nearest_known("hasFillColour", find_colour)
    ink = nearest_known("hasLegendColour", find_colour)
    legends, marks = [], []
    for tail in stated_objects(graph, node, "hasLegend"):
        name = find_legend(local_name(graph.nodes[tail]), graph.labels[tail])
        if name in MARKS:
            marks.append((tail, name))
        else:
            legends.append(tail)
    return Stated(shape, border, fill, ink, tuple(legends), tuple(marks), tuple(facts))
