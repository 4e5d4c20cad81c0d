"""Pictograms taken out of source drawings, by what the graph says of the drawings.

The graph knows that a sign has a red border and that a bicycle is drawn on it: what lies inside the
border and is not of the ground's colour is then a drawing of that bicycle, in the hand of the source.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np

from kgv_jax.data.renderer.legends import MARKS
from kgv_jax.data.renderer.stated import find_legend
from kgv_jax.data.synthetic import Patch
from kgv_jax.data.types import SourceImage
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name

_WORK_PX = 192
_RIM = 0.03  # of the sign's width: its outermost line, and what a renderer blurs
_SPECK = 0.0015  # of the sign's area: smaller islands of ink are dust
_GROUND = 0.3  # of the sign's area at least lies inside its border
_INK = (0.01, 0.75)  # of the ground's area: less is dust, more is not a pictogram
_BEGINS, _ENDS = 0.05, 0.18  # of the sign's width, from its edge: where borders begin and end at the latest
_CONTRAST = 40  # RGB distance: less is one colour printed unevenly

# Hue in degrees; saturation and value tell the colours without one.
_HUES = {
    "red": (-22, 14),
    "orange": (14, 42),
    "brown": (14, 42),
    "yellow": (36, 70),
    "green": (80, 190),
    "blue": (190, 265),
}


class ExtractedLegends:
    """Pictograms in the hand of the source: a `LegendSource` made of its training drawings.

    A drawing gives a patch to a Legend node where that is all that its class shows; of a class with
    several legends the whole pictogram stays with the class. Marks that lie over a pictogram
    (end bars) spoil it: such classes give none.
    """

    def __init__(self, graph: Graph, images: Sequence[SourceImage], *, style: str | None = None):
        """Takes the pictograms out.

        Args:
          graph: with `hasLegend`, and `hasBorderColour`, `hasFillColour` of the variants.
          images: labelled drawings of the source, training ones only.
          style: Style node whose variants the images show; the domain's name by default.
        """
        self._by_node: dict[str, list[Patch]] = {}
        facts = _Facts(graph)
        for image in images:
            if image.label is None:
                continue
            node = graph.node(image.label)
            legends = facts.tails(node, "hasLegend")
            named = [find_legend(local_name(graph.nodes[e]), graph.labels[e]) for e in legends]
            drawn = [e for e, name in zip(legends, named, strict=True) if name not in MARKS]
            if not drawn or len(drawn) < len(legends):
                continue
            border, fill = facts.colours(node, style or image.domain)
            mask = extract_legend(image.load(_WORK_PX), border=border, fill=fill)
            if mask is None:
                continue
            patch = functools.partial(_resized, mask)
            if len(drawn) == 1:
                self._by_node.setdefault(graph.nodes[drawn[0]], []).append(patch)

    def patches(self, node_name: str) -> Sequence[Patch]:
        """See `LegendSource.patches`: drawings of a Legend node, in every class that shows it alone."""
        return tuple(self._by_node.get(node_name, ()))


def extract_legend(rgba: np.ndarray, *, border: str | None, fill: str | None) -> np.ndarray | None:
    """Takes the pictogram out of a drawing of a sign.

    Args:
      rgba: uint8 [s, s, 4], straight alpha.
      border: name of the border's colour; what joins it (the slash of a ban) is border too.
      fill: name of the ground's colour; the colour drawn decides, since countries differ.

    Returns:
      Alpha mask of the pictogram, uint8 [t, t], tight and centred, 255 is ink; None where
      what was found is no pictogram.
    """
    solid = rgba[..., 3] > 200
    depth = cv2.distanceTransform(np.pad(solid, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    ground = depth > _RIM * rgba.shape[0]
    if border is not None and border != fill:
        ground = _inside_border(rgba, ground, depth, border)
    area = int(ground.sum())
    if area < _GROUND * solid.sum():
        return None
    paper = rgba[ground & _may_be(rgba, fill)]
    if len(paper) < 0.1 * area:
        return None
    distance = np.linalg.norm(rgba[..., :3].astype(np.float32) - _commonest(paper), axis=-1)
    contrast = np.quantile(distance[ground], 0.99)
    if contrast < _CONTRAST:
        return None
    alpha = np.clip(1.25 * distance / contrast, 0, 1) * ground
    alpha *= _without_specks(alpha > 0.5, smallest=_SPECK * solid.sum())
    if not _INK[0] <= (alpha > 0.5).sum() / area <= _INK[1]:
        return None
    cut = ~ground & (depth > _ENDS * rgba.shape[0])
    return _tight(_bridged(np.round(255 * alpha).astype(np.uint8), cut))


def _inside_border(rgba: np.ndarray, ground: np.ndarray, depth: np.ndarray, border: str) -> np.ndarray:
    """Returns what the border encloses, without the border's own blurred edge."""
    coloured = _is_colour(rgba, border) & (rgba[..., 3] > 200)
    _, islands = cv2.connectedComponents(coloured.astype(np.uint8), connectivity=8)
    near_edge = coloured & (depth < _BEGINS * rgba.shape[0])
    frame = np.isin(islands, np.setdiff1d(islands[near_edge], 0))
    frame = cv2.dilate(frame.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    _, rest, stats, _ = cv2.connectedComponentsWithStats((ground & ~frame).astype(np.uint8), connectivity=4)
    inner = np.unique(rest[depth > 2 * _BEGINS * rgba.shape[0]])  # the rest is a rim outside the border
    large = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] > _SPECK * depth.size)
    return np.isin(rest, np.setdiff1d(np.intersect1d(inner, large), 0))


def _may_be(rgba: np.ndarray, fill: str | None) -> np.ndarray:
    """Returns where the ground may show: white and yellow stand for each other, as the convention allows."""
    if fill is None:
        return np.ones(rgba.shape[:2], bool)
    names = ("white", "yellow", "orange") if fill in ("white", "yellow") else (fill,)
    return np.any([_is_colour(rgba, name) for name in names], axis=0)


def _bridged(mask: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Continues a pictogram across the slash cut out of it: each pixel is as the nearest one beside."""
    gap = cv2.dilate(gap.astype(np.uint8), np.ones((3, 3), np.uint8))
    _, nearest = cv2.distanceTransformWithLabels(gap, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    beside = np.zeros(nearest.max() + 1, np.uint8)
    beside[nearest[gap == 0]] = mask[gap == 0]
    return beside[nearest]


def _is_colour(rgba: np.ndarray, name: str) -> np.ndarray:
    hsv = cv2.cvtColor(np.ascontiguousarray(rgba[..., :3]), cv2.COLOR_RGB2HSV).astype(np.int32)
    hue, saturation, value = 2 * hsv[..., 0], hsv[..., 1], hsv[..., 2]
    if name == "black":
        return value < 80
    if name in ("white", "grey"):
        return (saturation < 70) & ((value > 190) if name == "white" else (80 <= value) & (value <= 190))
    low, high = _HUES.get(name, (0, 360))
    wrapped = (hue - low) % 360 <= high - low
    return wrapped & (saturation > 90) & (value > 60)


def _commonest(pixels: np.ndarray) -> np.ndarray:
    """Returns the most frequent colour of [n, 4] pixels, found on a grid of 8 x 8 x 8 colours."""
    cells = (pixels[:, :3] >> 5).astype(np.int32) @ np.array([64, 8, 1])
    cell = np.bincount(cells, minlength=512).argmax()
    return np.median(pixels[cells == cell, :3], axis=0)


def _without_specks(ink: np.ndarray, *, smallest: float) -> np.ndarray:
    """Returns the ink's islands of some size, grown by the width of a blurred edge."""
    _, islands, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    kept = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] >= smallest)
    return cv2.dilate(np.isin(islands, kept[kept > 0]).astype(np.uint8), np.ones((3, 3), np.uint8))


def _tight(mask: np.ndarray) -> np.ndarray:
    """Crops to the ink and centres it in a square with a margin of a twentieth."""
    rows, columns = np.nonzero(mask > 127)
    patch = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    side = round(1.1 * max(patch.shape))
    top, left = (side - patch.shape[0]) // 2, (side - patch.shape[1]) // 2
    square = np.zeros((side, side), np.uint8)
    square[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
    return square


def _resized(mask: np.ndarray, size_px: int) -> np.ndarray:
    shrinks = size_px < mask.shape[0]
    return cv2.resize(mask, (size_px, size_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


class _Facts:
    """What a graph says by local names of relations; a relation it lacks says nothing."""

    def __init__(self, graph: Graph):
        self._graph = graph
        self._relations = {local_name(name): index for index, name in enumerate(graph.relations)}

    def tails(self, node: int, relation: str) -> list[int]:
        index = self._relations.get(relation)
        rows = self._graph.outgoing(node)
        return [int(tail) for tail in rows[rows[:, 1] == index, 2]] if index is not None else []

    def colours(self, node: int, style: str) -> tuple[str | None, str | None]:
        """Returns the border's and the fill's colour of a class's variant in a style, else of the class."""
        names = self._graph.nodes
        if "variantOf" in self._relations:
            for variant in self._graph.heads(self._relations["variantOf"], node):
                if local_name(style) in {local_name(names[s]) for s in self.tails(variant, "usedIn")}:
                    node = variant
                    break
        border, fill = (self.tails(node, relation) for relation in ("hasBorderColour", "hasFillColour"))
        return tuple(local_name(names[found[0]]) if found else None for found in (border, fill))
