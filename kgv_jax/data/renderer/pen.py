"""A pen that writes SVG, and the hand that holds it: the same pictogram, drawn by different countries."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence

from kgv_jax.data.renderer.glyphs import GLYPHS

Point = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class DrawingStyle:
    """How somebody draws: what differs between two official drawings of one thing.

    Attributes:
      stroke: factor on every line width.
      slant: degrees by which a drawing leans to the right.
      roundness: 0 for cut ends and sharp corners, 1 for round ones.
      width: horizontal proportion (0.8 is a narrow hand).
      head: factor on arrow heads and on the heads of people.
      flipped: whether animals, people and vehicles face right instead of left. Arrows never flip.
      variant: which of its drawings a pictogram uses (modulo how many it has).
    """

    stroke: float = 1.0
    slant: float = 0.0
    roundness: float = 0.5
    width: float = 1.0
    head: float = 1.0
    flipped: bool = False
    variant: int = 0


def fillet(points: Sequence[Point], radius: float, *, closed: bool = False) -> str:
    """Returns the SVG path of a polyline whose corners are rounded by at most `radius`."""
    n = len(points)
    corners = range(n) if closed else range(1, n - 1)
    parts = [] if closed else [f"M{points[0][0]:.2f} {points[0][1]:.2f}"]
    for i in corners:
        (x0, y0), (x, y), (x1, y1) = points[i - 1], points[i], points[(i + 1) % n]
        before, after = math.hypot(x0 - x, y0 - y) or 1e-6, math.hypot(x1 - x, y1 - y) or 1e-6
        r = min(radius, before / 2, after / 2)
        start = f"{x + (x0 - x) * r / before:.2f} {y + (y0 - y) * r / before:.2f}"
        end = f"{x + (x1 - x) * r / after:.2f} {y + (y1 - y) * r / after:.2f}"
        parts.append(f"{'L' if parts else 'M'}{start}Q{x:.2f} {y:.2f} {end}")
    return "".join(parts) + ("Z" if closed else f"L{points[-1][0]:.2f} {points[-1][1]:.2f}")


class Pen:
    """Collects SVG elements on a 100 x 100 sheet, y downwards.

    `hole=True` draws with the colour of the paper: a window in a car, a gap between two wheels.
    """

    def __init__(self, drawing_style: DrawingStyle, ink: str = "#fff", paper: str = "#000"):
        self.drawing_style = drawing_style
        self._ink, self._paper = ink, paper
        self._parts: list[str] = []

    def pick(self, count: int) -> int:
        """Returns which of `count` drawings this hand uses."""
        return self.drawing_style.variant % count

    def svg(self, *, flips: bool = False) -> str:
        """Returns what was drawn as one SVG group, leaning and proportioned as the hand does."""
        across = self.drawing_style.width * (-1 if flips and self.drawing_style.flipped else 1)
        lean = f"skewX({-self.drawing_style.slant:.2f})"
        frame = f"translate(50 50) scale({across:.3f} 1) {lean} translate(-50 -50)"
        return f'<g transform="{frame}">{"".join(self._parts)}</g>'

    @contextlib.contextmanager
    def moved(self, transform: str) -> Iterator[None]:
        """Draws inside an SVG transform, such as `scale(0.5)`."""
        self._parts.append(f'<g transform="{transform}">')
        yield
        self._parts.append("</g>")

    def stroke(self, d: str, width: float = 10, *, hole: bool = False) -> None:
        """Draws along an SVG path."""
        cap, join = ("round", "round") if self.drawing_style.roundness >= 0.5 else ("butt", "miter")
        colour = self._paper if hole else self._ink
        self._parts.append(
            f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width * self.drawing_style.stroke:.2f}" '
            f'stroke-linecap="{cap}" stroke-linejoin="{join}"/>'
        )

    def fill(self, d: str, *, hole: bool = False) -> None:
        """Fills an SVG path."""
        self._parts.append(f'<path d="{d}" fill="{self._paper if hole else self._ink}"/>')

    def line(self, *points: Point, width: float = 10, hole: bool = False) -> None:
        """Draws a polyline; a round hand rounds its corners."""
        self.stroke(fillet(points, 14 * self.drawing_style.roundness), width, hole=hole)

    def area(self, *points: Point, hole: bool = False) -> None:
        """Fills a polygon; a round hand rounds its corners."""
        self.fill(fillet(points, 5 * self.drawing_style.roundness, closed=True), hole=hole)

    def disc(self, x: float, y: float, radius: float, *, hole: bool = False) -> None:
        """Fills a circle."""
        colour = self._paper if hole else self._ink
        self._parts.append(f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{radius:.2f}" fill="{colour}"/>')

    def ring(self, x: float, y: float, radius: float, width: float = 6) -> None:
        """Draws a circle line."""
        self._parts.append(
            f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{radius:.2f}" fill="none" stroke="{self._ink}" '
            f'stroke-width="{width * self.drawing_style.stroke:.2f}"/>'
        )

    def box(self, x0: float, y0: float, x1: float, y1: float, *, hole: bool = False) -> None:
        """Fills an upright rectangle."""
        self.area((x0, y0), (x1, y0), (x1, y1), (x0, y1), hole=hole)

    def arrow(self, *points: Point, width: float = 12, head: float = 30) -> None:
        """Draws a polyline that ends in an arrow head whose tip is the last point."""
        (x0, y0), (x, y) = points[-2], points[-1]
        length = math.hypot(x - x0, y - y0)
        dx, dy = (x - x0) / length, (y - y0) / length
        head = head * self.drawing_style.head
        half, depth = head * 0.62, head * (0.75, 0.95, 0.8)[self.pick(3)]
        notch = (0.0, 0.0, 0.25)[self.pick(3)] * depth
        neck = (x - dx * (depth - notch - 1), y - dy * (depth - notch - 1))
        self.line(*points[:-1], neck, width=width)
        base = (x - dx * depth, y - dy * depth)
        self.area(
            (x, y),
            (base[0] - dy * half, base[1] + dx * half),
            (x - dx * (depth - notch), y - dy * (depth - notch)),
            (base[0] + dy * half, base[1] - dx * half),
        )

    def text(
        self,
        string: str,
        x: float,
        y: float,
        height: float,
        *,
        width: float = 12,
        across: float = 96,
        hole: bool = False,
    ) -> None:
        """Writes `string` around (x, y) in stroked capitals, squeezed to at most `across`."""
        scale = height / 10
        dense = max(GLYPHS[c][0] for c in string) >= 10  # ten strokes of a Chinese character in one square
        pen_width = width * self.drawing_style.stroke * (0.62 if dense else 1.0)
        gap = max(2.0, pen_width / scale * 1.35)
        span = sum(GLYPHS[c][0] for c in string) + gap * (len(string) - 1)
        narrow = min(scale, across / (span + pen_width / scale))
        left = x - span * narrow / 2
        for character in string:
            advance, d = GLYPHS[character]
            with self.moved(f"translate({left:.2f} {y - height / 2:.2f}) scale({narrow:.3f} {scale:.3f})"):
                colour = self._paper if hole else self._ink
                cap = "round" if self.drawing_style.roundness >= 0.5 else "square"
                self._parts.append(
                    f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{pen_width / scale:.3f}" '
                    f'stroke-linejoin="round" stroke-linecap="{cap}"/>'
                )
            left += (advance + gap) * narrow


def mirrored(draw: Callable[[Pen], None]) -> Callable[[Pen], None]:
    """Returns the drawing with left and right exchanged."""

    def other(pen: Pen) -> None:
        with pen.moved("translate(100 0) scale(-1 1)"):
            draw(pen)

    return other
