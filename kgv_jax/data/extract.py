"""Pictograms cut out of labelled source images, guided by what the graph states about them.

The graph knows that a sign has a red border and shows a bicycle. What lies inside the border and differs from the
ground's colour is then a bicycle in the source's drawing style. No annotation of pixels is needed: colours and the
legend of a class are facts of the graph, and the label says which facts hold. Synthetic images composed from these
pictograms look like the source domain, while pictograms of the renderer's own look like none.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np

from kgv_jax.data.renderer.legends import MARKS
from kgv_jax.data.renderer.stated import find_legend, tails
from kgv_jax.data.synthetic import Patch
from kgv_jax.data.types import SourceImage
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name

_WORK_PX = 192
_RIM = 0.03  # of the sign's width: its outermost line, with the blurred edge of a render
_SPECK = 0.0015  # of the sign's area: smaller islands of ink are artefacts
_GROUND = 0.3  # of the sign's area: what is inside a border is at least this large
_INK = (0.01, 0.75)  # of the ground's area: less is an artefact, more is not a pictogram
_BEGINS, _ENDS = 0.05, 0.18  # of the sign's width, from its edge: where borders begin and end at the latest
_CONTRAST = 40  # RGB distance: less is unevenness of one colour

# Ranges of hue in degrees. Black, white and grey have none; saturation and value decide there.
_HUES = {
    "red": (-22, 14),
    "orange": (14, 42),
    "brown": (14, 42),
    "yellow": (36, 70),
    "green": (80, 190),
    "blue": (190, 265),
}


class ExtractedLegends:
    """Pictograms in the drawing style of the source: a `LegendSource` made of its training images.

    An image gives a patch to a Legend node if that is the only legend of its class: of several, nothing says which part
    of the pictogram is which. Marks that lie over a pictogram (end bars) spoil it, so such classes give none.
    """

    def __init__(self, graph: Graph, images: Sequence[SourceImage], *, style: str | None = None):
        """Cuts the pictograms out.

        Args:
          graph: with `hasLegend`, and `hasBorderColour`, `hasFillColour` of the variants.
          images: labelled training images of the source. Validation images would leak into training.
          style: Style node whose variants the images show; the domain's name by default.
        """
        self._by_node: dict[str, list[Patch]] = {}
        for image in images:
            if image.label is None:
                continue
            node = graph.node(image.label)
            legends = tails(graph, node, ("hasLegend",))
            if len(legends) != 1 or find_legend(local_name(graph.nodes[legends[0]]), graph.labels[legends[0]]) in MARKS:
                continue
            border, fill = _colours(graph, node, style or image.domain)
            mask = extract_legend(image.load(_WORK_PX), border=border, fill=fill)
            if mask is not None:
                patch = functools.partial(_resized, mask)
                self._by_node.setdefault(graph.nodes[legends[0]], []).append(patch)

    def patches(self, node_name: str) -> Sequence[Patch]:
        """See `LegendSource.patches`: one pictogram per image of a class whose only legend is this node."""
        return tuple(self._by_node.get(node_name, ()))


def extract_legend(rgba: np.ndarray, *, border: str | None, fill: str | None) -> np.ndarray | None:
    """Cuts the pictogram out of an image of a sign.

    Args:
      rgba: uint8 [s, s, 4], straight alpha.
      border: name of the border's colour; what is connected to it (the slash of a ban) is border too.
      fill: name of the ground's colour. It says where to look; the exact hue is read from the image, since countries
        differ.

    Returns:
      Alpha mask of the pictogram, uint8 [t, t], tight and centred, 255 is ink; None where
      what was found is no pictogram.
    """
    # The ground: the opaque part without its rim, inside the border if there is one. `depth` is the distance in pixels
    # from the edge of the sign.
    solid = rgba[..., 3] > 200
    depth = cv2.distanceTransform(np.pad(solid, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    ground = depth > _RIM * rgba.shape[0]
    if border is not None and border != fill:
        ground = _inside_border(rgba, ground, depth, border)
    area = int(ground.sum())
    if area < _GROUND * solid.sum():
        return None

    # The paper: the commonest colour among pixels that may be ground. Ink is what differs from it, softly at the edges;
    # the contrast is scaled to the 99th percentile, so that pale ink counts as much as black.
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

    # A slash belongs to the border, so it was cut out with it and has split the pictogram.
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
    inner = np.unique(rest[depth > 2 * _BEGINS * rgba.shape[0]])  # a rim outside the border lies less deep
    large = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] > _SPECK * depth.size)
    return np.isin(rest, np.setdiff1d(np.intersect1d(inner, large), 0))


def _may_be(rgba: np.ndarray, fill: str | None) -> np.ndarray:
    """Returns where the ground may be visible: white may be yellow and the reverse, as the Vienna convention allows."""
    if fill is None:
        return np.ones(rgba.shape[:2], bool)
    names = ("white", "yellow", "orange") if fill in ("white", "yellow") else (fill,)
    return np.any([_is_colour(rgba, name) for name in names], axis=0)


def _bridged(mask: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Continues a pictogram across the slash cut out of it: each pixel takes the value of the nearest one outside."""
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


def _colours(graph: Graph, node: int, style: str) -> tuple[str | None, str | None]:
    """Returns the colours of border and fill of a class's variant in a style, or of the class if it has none."""
    variants = (int(head) for head, r, _ in graph.incoming(node) if local_name(graph.relations[r]) == "variantOf")
    for variant in variants:
        if local_name(style) in {local_name(graph.nodes[used]) for used in tails(graph, variant, ("usedIn",))}:
            node = variant
            break
    border, fill = (tails(graph, node, (relation,)) for relation in ("hasBorderColour", "hasFillColour"))
    return tuple(local_name(graph.nodes[found[0]]) if found else None for found in (border, fill))
