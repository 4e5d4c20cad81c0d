"""The embedded road signs: every national variant of the graph, in the drawing style and hues of its country."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.resources
from collections.abc import Mapping, Sequence

import numpy as np

from kgv_jax.data.renderer.colours import hue
from kgv_jax.data.renderer.legends import MARK_COLOURS
from kgv_jax.data.renderer.pen import DrawingStyle
from kgv_jax.data.renderer.sign import SignSpec, render_sign
from kgv_jax.data.renderer.stated import find_legend, stated_sign, tails
from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.sources.source import HELD_OUT, Source
from kgv_jax.data.types import Dataset, SourceImage
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError, nearest


@dataclasses.dataclass(frozen=True)
class Drawing:
    """One way in which a country draws its signs.

    Attributes:
      drawing_style: how the legend is drawn.
      red_border: width of a red border line, percent of the sheet.
      thin_border: width of a border line of any other colour.
      rim_width: width of the edge outside of the border line.
      corner: how far corners are rounded.
      legend_scale: factor on the size of the legend.
    """

    drawing_style: DrawingStyle
    red_border: float
    thin_border: float
    rim_width: float
    corner: float
    legend_scale: float = 1.0


# As a source a country needs more than two: some to train on, one to choose with, one to report. Drawing 0 is
# the present official one; the others are older and simplified forms, as they stand beside real roads.
DRAWINGS: Mapping[str, tuple[Drawing, ...]] = {
    "de": (
        Drawing(DrawingStyle(), red_border=9, thin_border=4, rim_width=1.0, corner=5),
        Drawing(
            DrawingStyle(stroke=0.85, roundness=0.2, width=0.93, head=0.9),
            red_border=11,
            thin_border=5,
            rim_width=0.0,
            corner=3,
            legend_scale=0.93,
        ),
        Drawing(
            DrawingStyle(stroke=1.12, roundness=0.8, width=1.03, head=1.05, variant=3),
            red_border=8,
            thin_border=4,
            rim_width=1.5,
            corner=7,
        ),
        Drawing(
            DrawingStyle(stroke=0.95, roundness=0.4, width=0.98, variant=3),
            red_border=10,
            thin_border=3.5,
            rim_width=0.0,
            corner=4,
            legend_scale=1.06,
        ),
    ),
    "cn": (
        Drawing(
            DrawingStyle(stroke=0.92, roundness=0.0, width=0.86, head=0.85, variant=1),
            red_border=10,
            thin_border=6,
            rim_width=2.0,
            corner=8,
            legend_scale=1.02,
        ),
        Drawing(
            DrawingStyle(stroke=0.8, roundness=0.25, width=0.9, slant=-4, variant=1),
            red_border=8.5,
            thin_border=5,
            rim_width=3.0,
            corner=10,
            legend_scale=0.94,
        ),
        Drawing(
            DrawingStyle(stroke=1.0, roundness=0.1, width=0.84, head=0.95, variant=1),
            red_border=9.5,
            thin_border=7,
            rim_width=1.5,
            corner=6,
        ),
        Drawing(
            DrawingStyle(stroke=0.88, roundness=0.3, width=0.88, slant=2, variant=1),
            red_border=11,
            thin_border=5.5,
            rim_width=2.5,
            corner=9,
            legend_scale=0.97,
        ),
    ),
    "ru": (
        Drawing(
            DrawingStyle(stroke=1.18, roundness=1.0, width=1.08, head=1.12, flipped=True, variant=2),
            red_border=7,
            thin_border=4,
            rim_width=2.5,
            corner=3,
            legend_scale=1.05,
        ),
        Drawing(
            DrawingStyle(stroke=1.3, roundness=0.7, width=1.02, head=1.2, variant=2),
            red_border=9,
            thin_border=5,
            rim_width=1.0,
            corner=6,
            legend_scale=0.95,
        ),
        Drawing(
            DrawingStyle(stroke=1.22, roundness=0.9, width=1.12, flipped=True, variant=2),
            red_border=8,
            thin_border=4.5,
            rim_width=2.0,
            corner=4,
        ),
        Drawing(
            DrawingStyle(stroke=1.1, roundness=0.6, width=1.05, head=1.15, slant=2, variant=2),
            red_border=7.5,
            thin_border=5,
            rim_width=1.5,
            corner=5,
            legend_scale=1.02,
        ),
    ),
    "us": (
        Drawing(
            DrawingStyle(stroke=1.28, roundness=0.6, width=1.12, head=1.28, flipped=True, variant=5),
            red_border=6,
            thin_border=2.2,
            rim_width=2.2,
            corner=6,
            legend_scale=1.12,
        ),
        Drawing(
            DrawingStyle(stroke=1.08, roundness=0.1, width=1.06, head=1.35, slant=3, variant=5),
            red_border=8,
            thin_border=3,
            rim_width=1.6,
            corner=9,
        ),
        Drawing(
            DrawingStyle(stroke=1.2, roundness=0.3, width=1.1, head=1.2, flipped=True, variant=5),
            red_border=7,
            thin_border=2.6,
            rim_width=1.9,
            corner=7,
            legend_scale=1.06,
        ),
        Drawing(
            DrawingStyle(stroke=1.35, roundness=0.8, width=1.08, head=1.3, variant=5),
            red_border=7,
            thin_border=2.0,
            rim_width=2.5,
            corner=8,
            legend_scale=1.03,
        ),
    ),
}


def graph_path() -> str:
    """Returns the road-sign graph file of the package."""
    return str(importlib.resources.files("kgv_jax.kg") / "graphs" / "roadsigns.ttl")


def load(
    *,
    source: str = "de",
    targets: Sequence[str] = ("cn", "ru", "us"),
    validation_fraction: float = 0.25,
    drawings_per_target: int = 2,
    seed: int = 0,
) -> Dataset:
    """Returns the rendered road signs of a source country and of target countries.

    Of the source's drawings of a class, a share of `validation_fraction` (at least one, where it is above
    zero) goes to validation and as many to the source's own test domain; the rest is for training.

    Args:
      source: country to learn from: `de`, `cn`, `ru` or `us`.
      targets: countries to test on; a class that the source does not have is left out, and noted.
      validation_fraction: in [0, 0.5).
      drawings_per_target: images of a class in a target country, the official one first.
      seed: which drawing of a class is held out.

    Raises:
      UserError: if a country is unknown or named twice, there are fewer drawings than asked for, or the
        split leaves nothing to train on.
    """
    for country in (source, *targets):
        if country not in DRAWINGS:
            raise UserError(
                f"No signs of the country {country!r} can be rendered{nearest(country, DRAWINGS)}; expected one of "
                f"{', '.join(DRAWINGS)}."
            )
    if len({source, *targets}) != 1 + len(targets):
        raise UserError(f"Source {source!r} and targets {tuple(targets)!r} name a country twice; name each once.")
    most = min(len(DRAWINGS[country]) for country in targets) if targets else 1
    if not 1 <= drawings_per_target <= most:
        raise UserError(f"drawings_per_target is {drawings_per_target}; expected 1 to {most}.")
    graph = load_graph(graph_path()).graph
    drawings = {source: len(DRAWINGS[source]), **dict.fromkeys(targets, drawings_per_target)}
    images = {country: country_images(graph, country, drawings=n) for country, n in drawings.items()}
    classes = tuple(sorted({image.label for image in images[source]}))
    train, validation, test = _split(images[source], validation_fraction, seed)
    domains, notes = {source: SourceImages(test, classes)}, []
    for country in targets:
        domains[country] = SourceImages((p for p in images[country] if p.label in classes), classes)
        if dropped := sorted({p.label for p in images[country]} - set(classes)):
            notes.append(
                f"{country}: {len(dropped)} classes that {source} does not have are left out: {', '.join(dropped)}"
            )
    train, validation = SourceImages(train, classes), SourceImages(validation, classes)
    return Dataset(classes, train, validation, domains, source, render_views=True, notes=tuple(notes))


def country_images(graph: Graph, country: str, *, drawings: int) -> tuple[SourceImage, ...]:
    """Returns every sign of one country in its first `drawings` drawings, sorted by class."""
    style = next(i for i in graph.nodes_of_type("Style") if local_name(graph.nodes[i]) == country)
    images = []
    for variant in graph.nodes_of_type("Variant"):
        if style not in tails(graph, variant, ("usedIn",)):
            continue
        name = local_name(graph.nodes[tails(graph, variant, ("variantOf",))[0]])
        for k, drawing in enumerate(DRAWINGS[country][:drawings]):
            load_image = functools.partial(render_sign, sign_spec(graph, variant, country, drawing))
            images.append(SourceImage(f"{country}/{name}/{k}", country, name, load_image))
    return tuple(sorted(images, key=lambda image: image.id))


def sign_spec(graph: Graph, variant: int, country: str, drawing: Drawing) -> SignSpec:
    """Returns how a country draws one variant."""
    stated = stated_sign(graph, variant)
    fill = hue(stated.fill, country)
    red_edge = stated.border == "red"
    legends = [find_legend(local_name(graph.nodes[n]), graph.labels[n]) for n in stated.legends]
    return SignSpec(
        shape=stated.shape,
        fill=fill,
        border=hue(stated.border, country) if stated.border else None,
        legend=legends[0] if legends else None,
        legend_colour=hue(stated.legend_colour or "black", country),
        marks=tuple((mark, hue(MARK_COLOURS[mark], country)) for _, mark in stated.marks),
        drawing_style=drawing.drawing_style,
        border_width=drawing.red_border if red_edge else drawing.thin_border,
        rim=hue("white", country) if red_edge or stated.border is None else fill,
        rim_width=drawing.rim_width,
        corner=drawing.corner,
        legend_scale=drawing.legend_scale,
    )


def _split(
    images: Sequence[SourceImage], validation_fraction: float, seed: int
) -> tuple[tuple[SourceImage, ...], tuple[SourceImage, ...], tuple[SourceImage, ...]]:
    """Returns (train, validation, test), class by class, so that no class is missing from a part."""
    by_class: dict[str, list[SourceImage]] = {}
    for image in images:
        by_class.setdefault(image.label, []).append(image)
    parts: tuple[list[SourceImage], ...] = ([], [], [])
    for label, drawings in by_class.items():
        held = max(1, round(validation_fraction * len(drawings))) if validation_fraction > 0 else 0
        if len(drawings) - 2 * held < 1:
            raise UserError(
                f"validation_fraction {validation_fraction} holds out {2 * held} of the {len(drawings)} "
                f"drawings of {label!r} for validation and test, and leaves none to train on; "
                "expected a share below 0.5"
            )
        digest = hashlib.sha256(f"{seed}/{label}".encode()).digest()
        order = np.random.default_rng(np.frombuffer(digest, np.uint32)).permutation(len(drawings))
        for position, index in enumerate(order):
            part = 1 if position < held else 2 if position < 2 * held else 0
            parts[part].append(drawings[index])
    return tuple(tuple(part) for part in parts)


SOURCES = {"rendered": Source(load, settings=HELD_OUT)}
