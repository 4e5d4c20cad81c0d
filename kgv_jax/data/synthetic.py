"""Synthetic images of a graph's content: its elements one by one, and signs composed from the facts of a class.

An element image shows one Shape, Colour or Legend node and nothing else, so it pulls an embedding towards that node
alone. A composition puts the shape, colours and legends that the graph states for a class onto one sign: the image of a
class of which no photograph exists, with every fact that it shows known (`SourceImage.depicts`). Both are rendered in
styles that no test domain has, so they add knowledge of the graph and no knowledge of a target.

Images of your own are made by `kgv prepare elements FILE.py:FUNCTION`, or by any generator; a run reads
their folder with `--config.synthetic.manifest=DIR` (`docs/data.md`).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from kgv_jax.data.renderer.colours import jittered, to_rgb
from kgv_jax.data.renderer.elements import Patch, draw_colour, draw_legend_alone, draw_shape, stretched
from kgv_jax.data.renderer.legends import MARK_COLOURS, MARKS, legend_alpha
from kgv_jax.data.renderer.pen import DrawingStyle
from kgv_jax.data.renderer.plates import plate_patches
from kgv_jax.data.renderer.sign import SignSpec, render_sign
from kgv_jax.data.renderer.stated import Stated, find_colour, find_legend, find_shape, stated_sign, tails
from kgv_jax.data.types import SourceImage
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError, nearest

# No country of the rendered data set has one of these styles, and forms that belong to a target country (variants 1, 2
# and 5) are left out: compositions must not leak the look of a test set.
PLAIN_STYLES = (
    DrawingStyle(stroke=0.95, roundness=0.6, width=0.96, head=0.95),
    DrawingStyle(stroke=1.2, roundness=0.3, width=1.06, head=1.08, variant=3),
    DrawingStyle(stroke=0.78, roundness=0.9, width=0.9, head=1.15, flipped=True, slant=3.0),
    DrawingStyle(stroke=1.08, roundness=0.1, width=1.0, head=0.85, slant=-3.0, flipped=True, variant=3),
)

# For data sets whose images this renderer did not make, so that no form can leak: all forms, in styles far apart.
VARIED_STYLES = (
    *PLAIN_STYLES,
    DrawingStyle(stroke=0.85, roundness=0.2, width=0.88, head=0.9, variant=1),
    DrawingStyle(stroke=1.15, roundness=0.9, width=1.1, head=1.2, variant=2, flipped=True),
    DrawingStyle(stroke=1.0, roundness=0.5, width=0.95, head=1.1, variant=4, flipped=True),
    DrawingStyle(stroke=1.3, roundness=0.4, width=1.12, head=1.3, variant=5),
)

LEGEND_SCALE = (0.9, 1.15)

Draw = Callable[[np.random.Generator, int], np.ndarray]

_USED_AS = {
    "hasShape": "Shape",
    "hasBorderColour": "Colour",
    "hasFillColour": "Colour",
    "hasLegendColour": "Colour",
    "hasLegend": "Legend",
}


class LegendSource(Protocol):
    """Where the pictograms of synthetic images come from."""

    def patches(self, node_name: str) -> Sequence[Patch]:
        """Returns pictograms of a Legend node, none if it is unknown; each maps a size to alpha [s, s] uint8."""
        ...


@dataclasses.dataclass(frozen=True)
class RenderedLegends:
    """The renderer's own pictograms.

    Attributes:
      drawing_styles: one patch per style; by default styles that no country of the rendered data set uses.
      labels: labels of nodes, tried where the renderer does not know the local name.
      plates: whether the forms of `renderer.plates` stand in for the styles, where a pictogram has some.
    """

    drawing_styles: Sequence[DrawingStyle] = PLAIN_STYLES
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    plates: bool = False

    @classmethod
    def for_graph(
        cls, graph: Graph, drawing_styles: Sequence[DrawingStyle] = PLAIN_STYLES, *, plates: bool = False
    ) -> RenderedLegends:
        """Returns a source that also knows the labels of the graph's nodes."""
        return cls(drawing_styles, dict(zip(graph.nodes, graph.labels, strict=True)), plates)

    def patches(self, node_name: str) -> Sequence[Patch]:
        """See `LegendSource.patches`."""
        name = find_legend(local_name(node_name), self.labels.get(node_name, ""))
        if name is None:
            return ()
        if self.plates and (patches := plate_patches(name)):
            return patches
        return tuple(functools.partial(legend_alpha, name, drawing_style) for drawing_style in self.drawing_styles)


def element_images(graph: Graph, *, legends: LegendSource, per_element: int, seed: int) -> tuple[SourceImage, ...]:
    """Returns isolated images of every Shape, Colour and Legend node that can be rendered.

    A shape has no colour, a colour has no shape, a legend lies on plain ground: each image shows one fact.
    """
    images = []
    for node, kind in _elements(graph).items():
        draw = _draw_of_element(graph, node, kind, legends)
        if draw is None:
            continue
        name = graph.nodes[node]
        for k in range(per_element):
            identity = f"elements/{local_name(name)}/{k}"
            load = functools.partial(_draw_with_rng, draw, seed, identity)
            images.append(SourceImage(identity, "elements", None, load, (("instanceOf", name),)))
    return tuple(images)


def unknown_elements(graph: Graph, legends: LegendSource) -> tuple[str, ...]:
    """Returns the Shape, Colour and Legend nodes that cannot be rendered."""
    return tuple(
        graph.nodes[node]
        for node, kind in _elements(graph).items()
        if _draw_of_element(graph, node, kind, legends) is None
    )


def composition_images(
    graph: Graph,
    classes: Sequence[str],
    *,
    legends: LegendSource,
    styles: Sequence[str] | None = None,
    per_variant: int,
    seed: int,
    legend_scale: tuple[float, float] = LEGEND_SCALE,
) -> tuple[SourceImage, ...]:
    """Returns signs composed from facts: for each class, each of its variants as the graph states it.

    Args:
      graph: with `hasShape`, `hasBorderColour`, `hasFillColour`, `hasLegendColour`, `hasLegend`.
      classes: names of class nodes. One without variants is composed from its own facts.
      legends: where pictograms come from.
      styles: Style nodes whose variants are composed (names or local names); None takes all.
      per_variant: images per variant.
      seed: of hues, proportions and choice of pictogram.
      legend_scale: least and greatest factor on the size of a pictogram in its place on the sign.

    Returns:
      Images of domain `compositions`; `depicts` lists the facts they show, `label` is the class's local name.

    Raises:
      UserError: if a class or a style is none of the graph's.
    """
    images = []
    for name, variant in _variants(graph, classes, styles):
        plan = _plan(graph, variant, legends, legend_scale)
        if plan is None:
            continue
        draw = functools.partial(_compose, plan)
        for k in range(per_variant):
            identity = f"compositions/{local_name(name)}/{local_name(graph.nodes[variant])}-{k}"
            load = functools.partial(_draw_with_rng, draw, seed, identity)
            images.append(SourceImage(identity, "compositions", local_name(name), load, plan.facts))
    return tuple(images)


def unknown_compositions(
    graph: Graph, classes: Sequence[str], *, legends: LegendSource, styles: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Returns the variants (or classes without variants) that cannot be composed: no shape, or no pictogram."""
    pairs = _variants(graph, classes, styles)
    return tuple(graph.nodes[variant] for _, variant in pairs if _plan(graph, variant, legends) is None)


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What a composition of a variant shows: its stated look, the patches of each legend, and the facts."""

    stated: Stated
    patches: tuple[Sequence[Patch], ...]
    facts: tuple[tuple[str, str], ...]
    legend_scale: tuple[float, float]


def _plan(
    graph: Graph, node: int, legends: LegendSource, legend_scale: tuple[float, float] = LEGEND_SCALE
) -> _Plan | None:
    stated = stated_sign(graph, node)
    patches = tuple(legends.patches(graph.nodes[legend]) for legend in stated.legends)
    if stated.shape is None or not all(patches):
        return None
    # Only facts that the image shows are listed: a fact of the graph that the renderer cannot show is no positive.
    shown = (*stated.legends, *(node for node, _ in stated.marks))
    return _Plan(stated, patches, (*stated.facts, *(("hasLegend", graph.nodes[n]) for n in shown)), legend_scale)


def _compose(plan: _Plan, rng: np.random.Generator, size_px: int) -> np.ndarray:
    # Whatever the graph states is kept; whatever it leaves open is random, so that only the stated facts are common to
    # the images of a class. The order of the random numbers decides the pixels.
    stated = plan.stated
    fill = jittered(stated.fill or "white", rng)
    readable = "white" if sum(to_rgb(fill)) < 330 else "black"  # ink where the graph states none
    patches = [choice[rng.integers(len(choice))](max(32, size_px)) for choice in plan.patches]
    on_edge = rng.random() < 0.5
    spec = SignSpec(
        shape=stated.shape,
        fill=fill,
        border=jittered(stated.border, rng) if stated.border else None,
        legend=stretched(np.concatenate(patches, axis=1), rng) if patches else None,
        legend_colour=jittered(stated.legend_colour or readable, rng),
        marks=tuple((mark, jittered(MARK_COLOURS[mark], rng)) for _, mark in stated.marks),
        drawing_style=PLAIN_STYLES[rng.integers(len(PLAIN_STYLES))],
        border_width=rng.uniform(6, 12) if on_edge else rng.uniform(3, 6),
        rim_width=0.0 if on_edge else rng.uniform(1.5, 4),
        corner=rng.uniform(2, 9),
        legend_scale=rng.uniform(*plan.legend_scale) * (1.3 if len(patches) > 1 else 1.0),
    )
    return render_sign(spec, size_px)


def _elements(graph: Graph) -> dict[int, str]:
    """Returns the kind of every element node: its type or, in a table without types, the relation it is a tail of."""
    kinds = {n: kind for n, kind in enumerate(graph.types) if kind in ("Shape", "Colour", "Legend")}
    for _, relation, tail in graph.triples:
        if used_as := _USED_AS.get(local_name(graph.relations[relation])):
            kinds.setdefault(int(tail), used_as)
    return dict(sorted(kinds.items()))


def _draw_of_element(graph: Graph, node: int, kind: str, legends: LegendSource) -> Draw | None:
    names = (local_name(graph.nodes[node]), graph.labels[node])
    if kind == "Shape":
        return functools.partial(draw_shape, name) if (name := find_shape(*names)) else None
    if kind == "Colour":
        return functools.partial(draw_colour, name) if (name := find_colour(*names)) else None
    patches = legends.patches(graph.nodes[node])
    if not patches and (mark := find_legend(*names)) in MARKS:
        # A mark alone, such as a slash: sources of legends leave marks out of signs, the renderer has them all.
        patches = tuple(functools.partial(legend_alpha, mark, drawing_style) for drawing_style in PLAIN_STYLES)
    return functools.partial(draw_legend_alone, patches) if patches else None


def _draw_with_rng(draw: Draw, seed: int, identity: str, size_px: int) -> np.ndarray:
    """Returns the pixels of an image as a function of (seed, its id): loading it twice gives the same."""
    digest = hashlib.sha256(f"{seed}/{identity}".encode()).digest()
    return draw(np.random.default_rng(np.frombuffer(digest, np.uint32)), size_px)


def _variants(graph: Graph, classes: Sequence[str], styles: Sequence[str] | None) -> list[tuple[str, int]]:
    """Returns (class name, node to compose) pairs."""
    wanted = None if styles is None else {_style(graph, style) for style in styles}
    pairs = []
    for name in classes:
        node = graph.node(name)
        own = [int(h) for h, r, _ in graph.incoming(node) if local_name(graph.relations[r]) == "variantOf"]
        chosen = [v for v in own if wanted is None or wanted & set(tails(graph, v, ("usedIn",)))]
        pairs.extend((name, v) for v in (chosen if own else [node]))
    return pairs


def _style(graph: Graph, name: str) -> int:
    styles = {graph.nodes[i]: i for i in graph.nodes_of_type("Style")}
    known = {**styles, **{local_name(full): i for full, i in styles.items()}}
    if name not in known:
        raise UserError(
            f"There is no style named {name!r} in the graph{nearest(name, known)}; expected one of: "
            f"{', '.join(sorted(map(local_name, styles))) or 'none'}."
        )
    return known[name]
