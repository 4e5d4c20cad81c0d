"""Outlines of sign plates on a 100 x 100 sheet, y downwards."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from kgv_jax.data.renderer.pen import Point, fillet

Box = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True)
class Shape:
    """A plate: its corners, and where on it a legend and a mark over the legend belong.

    Attributes:
      corners: polygon of the outline; a circle has none.
      legend: box (left, top, right, bottom) for the legend.
      mark: box for a slash or cross over the legend.
      border_scale: factor on border widths; a plate with narrow arms takes a thin line.
    """

    corners: tuple[Point, ...]
    legend: Box
    mark: Box
    border_scale: float = 1.0

    def outline(self, corner: float = 0.0) -> str:
        """Returns the outline as an SVG path, with corners rounded by about `corner`."""
        if not self.corners:
            return "M50 2A48 48 0 0 1 50 98A48 48 0 0 1 50 2Z"
        return fillet(self.corners, corner, closed=True)


def _square(x: float, y: float, half: float) -> Box:
    return (x - half, y - half, x + half, y + half)


def _regular(sides: int, turn_degrees: float, radius: float = 49.0) -> tuple[Point, ...]:
    angles = [math.radians(turn_degrees + 360 * i / sides) for i in range(sides)]
    return tuple((50 + radius * math.sin(a), 50 - radius * math.cos(a)) for a in angles)


def _rectangle(half_width: float, half_height: float) -> tuple[Point, ...]:
    left, right, top, bottom = 50 - half_width, 50 + half_width, 50 - half_height, 50 + half_height
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def _cross_buck(arm: float = 9.0, reach: float = 46.0) -> tuple[Point, ...]:
    plus = (
        (-arm, -reach),
        (arm, -reach),
        (arm, -arm),
        (reach, -arm),
        (reach, arm),
        (arm, arm),
        (arm, reach),
        (-arm, reach),
        (-arm, arm),
        (-reach, arm),
        (-reach, -arm),
        (-arm, -arm),
    )
    c, s = math.cos(math.radians(45)), math.sin(math.radians(45))
    return tuple((50 + 1.15 * (c * x - s * y), 50 + 0.95 * (s * x + c * y)) for x, y in plus)


SHAPES: Mapping[str, Shape] = {
    "triangle": Shape(((50, 6), (99, 91), (1, 91)), _square(50, 64, 20.5), _square(50, 62, 24)),
    "inverted-triangle": Shape(((50, 94), (1, 9), (99, 9)), _square(50, 36, 20.5), _square(50, 38, 24)),
    "circle": Shape((), _square(50, 50, 29), _square(50, 50, 46)),
    "diamond": Shape(_regular(4, 0), _square(50, 50, 22), _square(50, 50, 24)),
    "square": Shape(_rectangle(46, 46), _square(50, 50, 33), _square(50, 50, 40)),
    "rectangle": Shape(_rectangle(36, 48), _square(50, 50, 28), _square(50, 50, 32)),
    "wide-rectangle": Shape(_rectangle(49, 30), _square(50, 50, 23), _square(50, 50, 27)),
    "octagon": Shape(_regular(8, 22.5, 51), _square(50, 50, 33), _square(50, 50, 40)),
    "hexagon": Shape(_regular(6, 0), _square(50, 50, 30), _square(50, 50, 34)),
    "pentagon": Shape(((50, 3), (96, 42), (96, 97), (4, 97), (4, 42)), _square(50, 62, 27), _square(50, 60, 34)),
    "pennant": Shape(((2, 10), (98, 50), (2, 90)), _square(32, 50, 20), _square(32, 50, 24)),
    "cross-buck": Shape(_cross_buck(), _square(50, 50, 8), _square(50, 50, 20), border_scale=0.45),
}
