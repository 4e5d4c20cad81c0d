"""A pen that writes SVG in a drawing style: the same pictogram as different countries draw it.

A pictogram is a function of a `Pen`. It names strokes and areas; the style decides line widths, corners, slant and
which of several forms is used. One set of functions therefore gives every country's version of a sign: a domain shift
of which everything is known.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import resvg_py
from PIL import Image

Point = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class DrawingStyle:
    """How an artist draws: what differs between two official pictograms of one thing.

    Attributes:
      stroke: factor on every line width.
      slant: degrees by which a pictogram leans to the right.
      roundness: 0 for cut ends and sharp corners, 1 for round ones.
      width: horizontal proportion (0.8 is narrow).
      head: factor on arrow heads and on the heads of people.
      flipped: whether animals, people and vehicles face right instead of left. Arrows never flip.
      variant: which of its forms a pictogram uses (modulo how many it has).
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
        """Returns which of `count` forms this style uses."""
        return self.drawing_style.variant % count

    def svg(self, *, flips: bool = False) -> str:
        """Returns all strokes so far as one SVG group, with the style's slant and proportions."""
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
        """Draws a polyline, its corners rounded where the style is round."""
        self.stroke(fillet(points, 14 * self.drawing_style.roundness), width, hole=hole)

    def area(self, *points: Point, hole: bool = False) -> None:
        """Fills a polygon, its corners rounded where the style is round."""
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
        # Three forms of arrow head: short, long, and notched at its base.
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
        # Glyphs are on a grid 10 high. Heights keep their scale, widths are squeezed where the text is too long.
        scale = height / 10
        # A Chinese character has some ten strokes in one square, which need thinner lines.
        dense = max(_GLYPHS[c][0] for c in string) >= 10
        pen_width = width * self.drawing_style.stroke * (0.62 if dense else 1.0)
        gap = max(2.0, pen_width / scale * 1.35)
        span = sum(_GLYPHS[c][0] for c in string) + gap * (len(string) - 1)
        narrow = min(scale, across / (span + pen_width / scale))
        left = x - span * narrow / 2
        for character in string:
            advance, d = _GLYPHS[character]
            with self.moved(f"translate({left:.2f} {y - height / 2:.2f}) scale({narrow:.3f} {scale:.3f})"):
                colour = self._paper if hole else self._ink
                cap = "round" if self.drawing_style.roundness >= 0.5 else "square"
                self._parts.append(
                    f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{pen_width / scale:.3f}" '
                    f'stroke-linejoin="round" stroke-linecap="{cap}"/>'
                )
            left += (advance + gap) * narrow


def mirrored(draw: Callable[[Pen], None]) -> Callable[[Pen], None]:
    """Returns the pictogram with left and right exchanged."""

    def other(pen: Pen) -> None:
        with pen.moved("translate(100 0) scale(-1 1)"):
            draw(pen)

    return other


def rasterise(svg: str, size_px: int) -> np.ndarray:
    """Returns our own SVG markup as [size, size, 4] uint8 RGBA, straight alpha.

    System fonts stay unread: letters are paths (`_GLYPHS`), and finding fonts takes most of the time of a render.
    """
    png = resvg_py.svg_to_bytes(svg_string=svg, width=size_px, height=size_px, skip_system_fonts=True)
    with Image.open(io.BytesIO(png)) as image:
        return np.array(image.convert("RGBA"))


# The letters of road signs as strokes on a grid 10 high: character -> (advance, SVG path). Text in a font would depend
# on the fonts of the machine; paths give the same pixels everywhere.
_GLYPHS: dict[str, tuple[float, str]] = {
    "0": (6, "M0 3A3 3 0 0 1 6 3V7A3 3 0 0 1 0 7Z"),
    "1": (3, "M0 2.2L2.6 0V10"),
    "2": (6, "M0 3A3 3 0 0 1 6 3Q6 4.8 4.4 6.2L0 10H6"),
    "3": (6, "M0.3 1.9A2.8 2.5 0 0 1 3 0A2.5 2.4 0 0 1 3 4.7A2.7 2.65 0 0 1 3 10A2.9 2.6 0 0 1 0 8"),
    "4": (6, "M4.4 10V0L0 7H6"),
    "5": (6, "M5.5 0H1L0.5 4.7Q1.8 3.8 3 3.8A3 3.1 0 0 1 3 10A3 2.7 0 0 1 0 8.2"),
    "6": (6, "M5 0Q0 2 0 7A3 3 0 1 0 6 7A3 3 0 0 0 0 7"),
    "7": (6, "M0 0H6L2 10"),
    "8": (6, "M3 0A2.5 2.4 0 1 0 3 4.8A2.5 2.4 0 1 0 3 0M3 4.8A2.9 2.6 0 1 0 3 10A2.9 2.6 0 1 0 3 4.8"),
    "9": (6, "M1 10Q6 8 6 3A3 3 0 1 0 0 3A3 3 0 0 0 6 3"),
    "A": (6, "M0 10L3 0L6 10M1.2 6.5H4.8"),
    "B": (5, "M0 0V10H2.5A2.6 2.6 0 0 0 2.5 4.8H0M2.5 4.8A2.3 2.4 0 0 0 2.5 0H0"),
    "C": (6, "M6 2.5A3 3 0 0 0 0 3V7A3 3 0 0 0 6 7.5"),
    "D": (5.5, "M0 0V10H2.5A3 3 0 0 0 5.5 7V3A3 3 0 0 0 2.5 0Z"),
    "E": (5, "M5 0H0V10H5M0 5H4.2"),
    "F": (5, "M5 0H0V10M0 5H4.2"),
    "G": (6, "M6 2.5A3 3 0 0 0 0 3V7A3 3 0 0 0 6 7V5.5H3.5"),
    "H": (6, "M0 0V10M6 0V10M0 5H6"),
    "I": (0.5, "M0.2 0V10"),
    "K": (6, "M0 0V10M6 0L0 6M2 4.3L6 10"),
    "L": (5, "M0 0V10H5"),
    "M": (7, "M0 10V0L3.5 6L7 0V10"),
    "N": (6, "M0 10V0L6 10V0"),
    "O": (6, "M0 3A3 3 0 0 1 6 3V7A3 3 0 0 1 0 7Z"),
    "P": (5.5, "M0 10V0H2.8A2.7 2.8 0 0 1 2.8 5.6H0"),
    "R": (5.5, "M0 10V0H2.8A2.7 2.7 0 0 1 2.8 5.4H0M2.6 5.4L5.5 10"),
    "S": (6, "M5.8 2.4A2.8 2.4 0 0 0 3 0A2.6 2.4 0 0 0 3 4.9A2.7 2.5 0 0 1 3 10A2.9 2.5 0 0 1 0 7.6"),
    "T": (6, "M0 0H6M3 0V10"),
    "U": (6, "M0 0V7A3 3 0 0 0 6 7V0"),
    "V": (6, "M0 0L3 10L6 0"),
    "W": (8, "M0 0L2 10L4 2L6 10L8 0"),
    "X": (6, "M0 0L6 10M6 0L0 10"),
    "Y": (6, "M0 0L3 5L6 0M3 5V10"),
    "J": (5, "M5 0V7.5A2.5 2.5 0 0 1 0 7.5"),
    "Q": (6, "M0 3A3 3 0 0 1 6 3V7A3 3 0 0 1 0 7ZM3.6 7L6.4 10.4"),
    "Z": (6, "M0 0H6L0 10H6"),
    "i": (1, "M0.5 3.5V10M0.5 0.3V1"),
    "m": (7, "M0 4V10M0 6A1.75 2 0 0 1 3.5 6V10M3.5 6A1.75 2 0 0 1 7 6V10"),
    "t": (4, "M1.5 1V8.5Q1.5 10 3 10H4M0 4H4"),
    ".": (0.6, "M0.1 9.6H0.5"),
    " ": (2, ""),
    "停": (
        10,
        "M2.5 0L0 4M1.4 2.6V10M6.5 0V1.2M3.6 1.6H9.6M4.8 3H8.6V4.6H4.8ZM3.4 7.2V6H9.8V7.2M4.4 7.9H8.8M6.6 7.9V10",
    ),
    "让": (10, "M1 0.4L2.4 1.8M0 3.8H2.4V9L4 7.8M6.6 0.4V9M6.6 4.4H9.4M3.6 9.2H10"),
    "慢": (
        10,
        "M1.4 0V10M0 2.4V5M2.6 2L3 3.6M4.4 0.2H9V2.8H4.4ZM4.4 1.5H9"
        "M3.8 3.8H9.6V5.6H3.8ZM5.7 3.8V5.6M7.7 3.8V5.6M4.2 6.6H8.8Q7.4 9 3.8 10M5 7.6Q7 9.4 10 10",
    ),
}
