"""Synthetic images of what a graph speaks of: its elements one by one, and the signs that its facts compose.

To bring pictograms of your own, implement `LegendSource` and pass it in place of `DrawnLegends`.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import cv2
import numpy as np

from kgv_jax.data.draw.colours import COLOURS, find_colour, jittered, to_rgb
from kgv_jax.data.draw.legends import find_legend, legend_alpha
from kgv_jax.data.draw.pen import Hand
from kgv_jax.data.draw.raster import rasterise
from kgv_jax.data.draw.shapes import SHAPES, find_shape
from kgv_jax.data.draw.sign import SignSpec, render_sign
from kgv_jax.data.draw.things import MARKS
from kgv_jax.data.types import Picture
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError, nearest

Patch = Callable[[int], np.ndarray]

# No country of the drawn data set draws like this (a test compares them), and the target countries' own drawings
# of a pictogram (variants 1, 2, 5) are left to them: compositions may not leak what a test set looks like.
PLAIN_HANDS = (
    Hand(stroke=0.95, roundness=0.6, width=0.96, head=0.95),
    Hand(stroke=1.2, roundness=0.3, width=1.06, head=1.08, variant=3),
    Hand(stroke=0.78, roundness=0.9, width=0.9, head=1.15, flipped=True, slant=3.0),
    Hand(stroke=1.08, roundness=0.1, width=1.0, head=0.85, slant=-3.0, flipped=True, variant=3),
)

_PARENTS = ("variantOf", "broader", "subClassOf")


class LegendSource(Protocol):
    """Where the pictograms of synthetic images come from."""

    def patches(self, node_name: str) -> Sequence[Patch]:
        """Returns drawings of a Legend node: each maps a size to an alpha mask [s, s] uint8; empty if unknown."""
        ...


@dataclasses.dataclass(frozen=True)
class DrawnLegends:
    """The renderer's own pictograms, in hands that no country uses.

    Attributes:
      hands: who draws; one patch a hand.
      labels: labels of nodes, tried where a local name says nothing to the renderer.
    """

    hands: Sequence[Hand] = PLAIN_HANDS
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def for_graph(cls, graph: Graph, hands: Sequence[Hand] = PLAIN_HANDS) -> DrawnLegends:
        """Returns a source that also knows the labels of the graph's nodes."""
        return cls(hands, dict(zip(graph.nodes, graph.labels, strict=True)))

    def patches(self, node_name: str) -> Sequence[Patch]:
        """See `LegendSource.patches`."""
        name = find_legend(local_name(node_name), self.labels.get(node_name, ""))
        if name is None:
            return ()
        return tuple(functools.partial(legend_alpha, name, hand) for hand in self.hands)


def element_pictures(graph: Graph, *, legends: LegendSource, per_element: int, seed: int) -> tuple[Picture, ...]:
    """Returns isolated pictures of every Shape, Colour and Legend node that can be drawn.

    A shape is grey, a colour has no shape, a legend stands on plain ground: each picture says one thing.
    """
    pictures = []
    for node in _elements(graph):
        draw = _element_drawing(graph, node, legends)
        if draw is None:
            continue
        name = graph.nodes[node]
        for k in range(per_element):
            identity = f"elements/{local_name(name)}/{k}"
            load = functools.partial(_draw_with_rng, draw, seed, identity)
            pictures.append(Picture(identity, "elements", None, load, (("instanceOf", name),)))
    return tuple(pictures)


def unknown_elements(graph: Graph, legends: LegendSource) -> tuple[str, ...]:
    """Returns the Shape, Colour and Legend nodes that cannot be drawn."""
    return tuple(graph.nodes[n] for n in _elements(graph) if _element_drawing(graph, n, legends) is None)


def composition_pictures(
    graph: Graph,
    classes: Sequence[str],
    *,
    legends: LegendSource,
    styles: Sequence[str] | None = None,
    per_variant: int,
    seed: int,
) -> tuple[Picture, ...]:
    """Returns signs drawn from facts: for each class, each of its variants as the graph states it.

    Args:
      graph: with `hasShape`, `hasBorderColour`, `hasFillColour`, `hasLegendColour`, `hasLegend`.
      classes: names of class nodes. One without variants is drawn by its own facts.
      legends: where pictograms come from.
      styles: Style nodes whose variants are drawn (names or local names); None draws all.
      per_variant: pictures a variant.
      seed: of hues, proportions and choice of pictogram.

    Returns:
      Pictures of domain `compositions`; `depicts` lists the facts drawn, `label` is the class's local name.

    Raises:
      UserError: if a style is none of the graph's.
    """
    pictures = []
    for name, variant in _variants(graph, classes, styles):
        plan = _plan(graph, variant, legends)
        if plan is None:
            continue
        for k in range(per_variant):
            identity = f"compositions/{local_name(name)}/{local_name(graph.nodes[variant])}-{k}"
            load = functools.partial(_draw_with_rng, functools.partial(_compose, plan), seed, identity)
            pictures.append(Picture(identity, "compositions", local_name(name), load, plan.facts))
    return tuple(pictures)


def unknown_compositions(
    graph: Graph, classes: Sequence[str], *, legends: LegendSource, styles: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Returns the variants (or classes without variants) that cannot be drawn: no shape, or no such pictogram."""
    return tuple(graph.nodes[v] for _, v in _variants(graph, classes, styles) if _plan(graph, v, legends) is None)


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What the graph says about one variant, in the renderer's words."""

    shape: str
    fill: str | None
    border: str | None
    legend_colour: str | None
    legends: tuple[Sequence[Patch], ...]
    marks: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


def _plan(graph: Graph, node: int, legends: LegendSource) -> _Plan | None:
    facts: list[tuple[str, str]] = []

    def known(relation: str, find: Callable[..., str | None]) -> str | None:
        for tail in _stated(graph, node, relation):
            if found := find(local_name(graph.nodes[tail]), graph.labels[tail]):
                facts.append((relation, graph.nodes[tail]))
                return found
        return None

    shape = known("hasShape", find_shape)
    border, fill = known("hasBorderColour", find_colour), known("hasFillColour", find_colour)
    ink = known("hasLegendColour", find_colour)
    patches, marks = [], []
    for tail in _stated(graph, node, "hasLegend"):
        if (mark := find_legend(local_name(graph.nodes[tail]), graph.labels[tail])) in MARKS:
            marks.append(mark)
        elif drawings := legends.patches(graph.nodes[tail]):
            patches.append(drawings)
        else:
            return None
        facts.append(("hasLegend", graph.nodes[tail]))
    return _Plan(shape, fill, border, ink, tuple(patches), tuple(marks), tuple(facts)) if shape else None


def _compose(plan: _Plan, rng: np.random.Generator, size_px: int) -> np.ndarray:
    fill = jittered(plan.fill or "white", rng)
    dark_ground = sum(to_rgb(fill)) < 330
    patch_px = max(32, size_px)
    patches = [drawings[rng.integers(len(drawings))](patch_px) for drawings in plan.legends]
    on_edge = rng.random() < 0.5
    spec = SignSpec(
        shape=plan.shape,
        fill=fill,
        border=jittered(plan.border, rng) if plan.border else None,
        legend=_stretched(np.concatenate(patches, axis=1), rng) if patches else None,
        legend_colour=jittered(plan.legend_colour or ("white" if dark_ground else "black"), rng),
        marks=tuple((mark, jittered("black" if mark == "end-bars" else "red", rng)) for mark in plan.marks),
        hand=PLAIN_HANDS[rng.integers(len(PLAIN_HANDS))],
        border_width=rng.uniform(6, 12) if on_edge else rng.uniform(3, 6),
        rim_width=0.0 if on_edge else rng.uniform(1.5, 4),
        corner=rng.uniform(2, 9),
        legend_scale=rng.uniform(0.9, 1.15),
    )
    return render_sign(spec, size_px)


def _stretched(patch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Changes the proportions of a legend by up to a tenth."""
    height, width = patch.shape
    size = (round(width * rng.uniform(0.9, 1.1)), round(height * rng.uniform(0.9, 1.1)))
    return cv2.resize(patch, size, interpolation=cv2.INTER_AREA)


def _elements(graph: Graph) -> list[int]:
    return [n for n, kind in enumerate(graph.types) if kind in ("Shape", "Colour", "Legend")]


Drawing = Callable[[np.random.Generator, int], np.ndarray]


def _element_drawing(graph: Graph, node: int, legends: LegendSource) -> Drawing | None:
    names = (local_name(graph.nodes[node]), graph.labels[node])
    if graph.types[node] == "Shape":
        return functools.partial(_draw_shape, name) if (name := find_shape(*names)) else None
    if graph.types[node] == "Colour":
        return functools.partial(_draw_colour, name) if (name := find_colour(*names)) else None
    patches = legends.patches(graph.nodes[node])
    if not patches and (mark := find_legend(*names)) in MARKS:
        patches = tuple(functools.partial(legend_alpha, mark, hand) for hand in PLAIN_HANDS)
    return functools.partial(_draw_legend, patches) if patches else None


def _draw_with_rng(draw: Drawing, seed: int, identity: str, size_px: int) -> np.ndarray:
    """A picture is a function of (seed, its id): loading it twice gives the same pixels."""
    digest = hashlib.sha256(f"{seed}/{identity}".encode()).digest()
    return draw(np.random.default_rng(np.frombuffer(digest, np.uint32)), size_px)




def _neutral(rng: np.random.Generator, low: int, high: int) -> str:
    value = rng.integers(low, high + 1)
    return "#" + f"{value:02x}" * 3


def _draw_shape(name: str, rng: np.random.Generator, size_px: int) -> np.ndarray:
    dark, light = _neutral(rng, 20, 110), _neutral(rng, 150, 245)
    inner, outer = (dark, light) if rng.random() < 0.5 else (light, dark)
    spec = SignSpec(
        shape=name,
        fill=inner,
        border=outer if rng.random() < 0.7 else None,
        border_width=rng.uniform(3, 13),
        corner=rng.uniform(1, 9),
    )
    return render_sign(spec, size_px)


def _draw_colour(name: str, rng: np.random.Generator, size_px: int) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = 38 + sum(rng.uniform(-9, 9) / k * np.cos(k * angles + rng.uniform(0, 6.3)) for k in (1, 2, 3, 5))
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(50 + radius * np.cos(angles), 50 + radius * np.sin(angles)))
    ink = jittered(name, rng)
    if rng.random() < 0.3:
        body = f'<rect width="100" height="100" fill="{ink}"/>'
    else:
        body = f'<polygon points="{points}" fill="{ink}"/>'
    return rasterise(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">{body}</svg>', size_px)


def _draw_legend(patches: Sequence[Patch], rng: np.random.Generator, size_px: int) -> np.ndarray:
    patch = patches[rng.integers(len(patches))](max(32, size_px))
    dark, light = _neutral(rng, 0, 70), _neutral(rng, 180, 255)
    ink, ground = (dark, light) if rng.random() < 0.5 else (light, dark)
    spec = SignSpec(
        shape="square" if rng.random() < 0.5 else "circle",
        fill=ground,
        legend=_stretched(patch, rng),
        legend_colour=ink,
        legend_scale=rng.uniform(1.0, 1.25),
    )
    return render_sign(spec, size_px)


def _tails(graph: Graph, node: int, names: Sequence[str]) -> list[int]:
    return [int(t) for _, r, t in graph.outgoing(node) if local_name(graph.relations[r]) in names]


def _stated(graph: Graph, node: int, relation: str) -> list[int]:
    """Returns the objects of a relation, the node's own first, then those of its ancestors, nearest first.

    What a class or a category states holds for every variant below it.
    """
    found, level, seen = [], [node], {node}
    while level:
        found.extend(tail for n in level for tail in _tails(graph, n, (relation,)))
        level = [p for n in level for p in _tails(graph, n, _PARENTS) if p not in seen]
        seen.update(level)
    return list(dict.fromkeys(found))


def _variants(graph: Graph, classes: Sequence[str], styles: Sequence[str] | None) -> list[tuple[str, int]]:
    """Returns (class name, node to draw) pairs."""
    wanted = None if styles is None else {_style(graph, style) for style in styles}
    pairs = []
    for name in classes:
        node = graph.node(name)
        own = [int(h) for h, r, _ in graph.incoming(node) if local_name(graph.relations[r]) == "variantOf"]
        drawn = [v for v in own if wanted is None or wanted & set(_tails(graph, v, ("usedIn",)))]
        pairs.extend((name, v) for v in (drawn if own else [node]))
    return pairs


def _style(graph: Graph, name: str) -> int:
    styles = {graph.nodes[i]: i for i, kind in enumerate(graph.types) if kind == "Style"}
    styles.update({local_name(full): i for full, i in styles.items()})
    if name not in styles:
        raise UserError(f"no style named {name!r} in the graph{nearest(name, styles)}; it has "
                        f"{', '.join(sorted(local_name(s) for s in styles)) or 'none'}")
    return styles[name]
