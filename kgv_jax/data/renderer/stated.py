"""What a graph states about a sign's look, in the names that the renderer knows.

A graph calls its nodes as it likes: `ex:Legend.Bicycles`, "two way traffic", `shape-round`. The tables of other names
here map them to shapes, colours and pictograms of the renderer.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from kgv_jax.data.renderer.colours import COLOURS
from kgv_jax.data.renderer.legends import LEGENDS, MARKS
from kgv_jax.data.renderer.shapes import SHAPES
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name

_PARENTS = ("variantOf", "broader", "subClassOf")

_COLOUR_ALIASES = {"gray": "grey", "amber": "orange"}

_SHAPE_ALIASES = {
    "up-triangle": "triangle",
    "upward-triangle": "triangle",
    "triangle-up": "triangle",
    "down-triangle": "inverted-triangle",
    "triangle-down": "inverted-triangle",
    "downward-triangle": "inverted-triangle",
    "round": "circle",
    "disc": "circle",
    "disk": "circle",
    "rhombus": "diamond",
    "lozenge": "diamond",
    "portrait-rectangle": "rectangle",
    "vertical-rectangle": "rectangle",
    "tall-rectangle": "rectangle",
    "landscape-rectangle": "wide-rectangle",
    "horizontal-rectangle": "wide-rectangle",
    "crossbuck": "cross-buck",
    "saltire": "cross-buck",
    "st-andrews-cross": "cross-buck",
    "house": "pentagon",
}

# What graphs and artwork call the same pictogram.
_LEGEND_ALIASES = {
    alias: name
    for name, aliases in {
        "airplane": "aeroplane aircraft low-flying-aircraft",
        "curve-left": "bend-left",
        "curve-right": "bend-right",
        "bicycle": "bicycles bike cyclist cycles",
        "bus": "buses",
        "car": "motor-vehicle motor-vehicles cars",
        "truck": "lorry heavy-goods-vehicle heavy-goods-vehicles trucks",
        "motorcycle": "motorcycles moped mopeds",
        "tractor": "tractors agricultural-vehicle",
        "cart": "carts handcart",
        "tram": "trams",
        "train": "locomotive steam-train",
        "trailer": "trailers caravan",
        "pedestrian": "pedestrians walker",
        "pedestrian-crossing": "pedestrians-crossing",
        "children": "child school playground",
        "roadworks": "digger worker construction",
        "parent-and-child": "adult-and-child",
        "horse-rider": "equestrian equestrians rider",
        "deer": "wild-animal wild-animals",
        "cow": "domestic-animals cattle",
        "traffic-light": "traffic-lights traffic-signal traffic-signals",
        "bump": "road-bump hump speed-bump",
        "uneven-road": "uneven bumps",
        "slippery-road": "slippery slippery-road-surface skidding-car",
        "gravel": "loose-gravel loose-road-surface loose-chippings",
        "falling-rocks": "rocks falling-rocks-or-debris",
        "steep-descent": "hill steep-hill descent",
        "steep-ascent": "ascent",
        "swing-bridge": "opening-bridge opening-or-swing-bridge",
        "wind-sock": "windsock crosswind dangerous-crosswinds crosswinds",
        "quay": "river-bank quay-or-river-bank",
        "waves": "wave water",
        "snowflake": "ice snow",
        "exclamation": "exclamation-mark other-danger danger",
        "fuel-pump": "fuel gas-station petrol-pump",
        "telephone": "phone",
        "gate": "fence barrier",
        "parking": "p letter-p",
        "hospital": "h letter-h",
        "overtaking": "two-cars passing-cars",
        "queue": "traffic-queue traffic-queues",
        "two-way": "two-way-traffic opposite-arrows",
        "narrows": "road-narrows",
        "narrows-left": "road-narrows-left",
        "narrows-right": "road-narrows-right",
        "t-road": "t-roads t-junction",
        "y-road": "y-roads",
        "crossroads": "cross-roads crossing-roads",
        "roundabout": "circular-arrows",
        "straight": "straight-arrow arrow-up ahead arrow-straight",
        "arrow-left": "left-arrow",
        "arrow-right": "right-arrow",
        "double-curve-left": "winding-road",
        "stop-hand": "hand",
        "bar": "horizontal-bar white-bar",
        "stop-text": "stop",
        "yield-text": "yield",
        "weight": "weight-limit",
        "height": "height-limit",
        "width": "width-limit",
        "length": "length-limit",
        "electricity": "lightning",
        "tent": "tents camping",
        "skier": "skiers",
        "blind-person": "blind",
        "information": "i",
        "snow-chains": "snow-chain",
        "slash": "diagonal-bar red-slash",
        "cross": "red-cross",
        "end-bars": "end",
    }.items()
    for alias in aliases.split()
}
# A speed limit may be named by its figure alone: "50" is the pictogram "number-50".
_LEGEND_ALIASES |= {name.removeprefix("number-"): name for name in LEGENDS if name.startswith("number-")}


def find_shape(*names: str) -> str | None:
    """Returns the shape that one of `names` (a node's local name, its label) means, or None."""
    return _find(names, SHAPES, _SHAPE_ALIASES, r"^shape[-.]|[-.]shape$")


def find_colour(*names: str) -> str | None:
    """Returns the colour that one of `names` (a node's local name, its label) means, or None."""
    return _find(names, COLOURS, _COLOUR_ALIASES, r"^colou?r[-.]|[-.]colou?r$")


def find_legend(*names: str) -> str | None:
    """Returns the pictogram that one of `names` (a node's local name, its label) means, or None."""
    affixes = r"^legend[-.]|^pictogram[-.]|[-.]legend$|-pictogram$|-symbol$"
    return _find(names, LEGENDS, _LEGEND_ALIASES, affixes)


def _find(names: Sequence[str], known: Collection[str], aliases: Mapping[str, str], affixes: str) -> str | None:
    """Returns the first known name, with case, spaces, underscores and the `affixes` (a pattern) left out."""
    for name in names:
        plain = re.sub(affixes, "", re.sub(r"[\s_]+", "-", name.strip().lower()))
        for candidate in (plain, aliases.get(plain)):
            if candidate in known:
                return candidate
    return None


@dataclasses.dataclass(frozen=True)
class Stated:
    """The look of a class or variant, as far as the graph gives it and the renderer knows it.

    Attributes:
      shape: a key of `SHAPES`, or None.
      border, fill, legend_colour: keys of `COLOURS`, or None.
      legends: Legend nodes whose pictograms go in the legend box.
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
    """Returns the tails of a node's triples under relations given by local name; unknown relations have none."""
    return [int(t) for _, r, t in graph.outgoing(node) if local_name(graph.relations[r]) in relations]


def stated_objects(graph: Graph, node: int, relation: str) -> list[int]:
    """Returns the tails of a relation, the node's own first, then those of its ancestors, nearest first.

    What a class or a category states holds for every variant below it.
    """
    # Breadth first, so that a statement of the variant precedes and thereby overrides one of its class.
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
        # A legend that the renderer does not know is kept: another `LegendSource` may have patches of it.
        name = find_legend(local_name(graph.nodes[tail]), graph.labels[tail])
        if name in MARKS:
            marks.append((tail, name))
        else:
            legends.append(tail)
    return Stated(shape, border, fill, ink, tuple(legends), tuple(marks), tuple(facts))
