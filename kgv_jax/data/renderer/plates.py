"""Pictograms as the plates of the standards show them: bold, and as large as the sign's field.

The pictograms of the other modules are a play of drawing styles, thin ones among them, for domains that are drawn. On
photographs a sign has few pixels, and what is left of a legend is its mass. These forms follow the plates of the Vienna
Convention (1968, annex 3), the German catalogue (VzKat) and GB 5768.2; traffic keeps to the right, so roundabouts turn
anticlockwise. A pictogram may have several forms. One that is printed in colours has them as layers, from below.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

from kgv_jax.data.renderer.pen import DrawingStyle, Pen, mirrored, rasterise

Draw = Callable[[Pen], None]


@dataclasses.dataclass(frozen=True)
class Layer:
    """A part of a pictogram in a colour of its own; None is the legend's."""

    draw: Draw
    colour: str | None = None


Form = Sequence[Layer]

_SHEET_PX = 192

# How much painters differ: weight of strokes and proportions.
STYLES = (
    DrawingStyle(stroke=1.0, roundness=0.4),
    DrawingStyle(stroke=1.15, roundness=0.2, width=1.05, head=1.1),
    DrawingStyle(stroke=0.85, roundness=0.7, width=0.93, head=0.95),
)


def plate_patch(form: Form, drawing_style: DrawingStyle, size_px: int) -> np.ndarray:
    """Returns a form, cut to the square of its ink: alpha `[s, s]` uint8, or RGBA `[s, s, 4]` of one with colours."""
    coloured = any(layer.colour is not None for layer in form)
    # White on black gives holes their place in alpha; colours need a ground that is clear.
    ink, ground = ("#101012", None) if coloured else ("#fff", "#000")
    sheet = _raster(form, drawing_style, ink, ground, _SHEET_PX)
    patch = sheet if coloured else np.ascontiguousarray(sheet[..., 0])
    left, top, width, height = cv2.boundingRect((patch[..., 3] if coloured else patch) // 128)
    side, x, y = max(width, height), left + width // 2, top + height // 2
    patch = cv2.copyMakeBorder(patch, side, side, side, side, cv2.BORDER_CONSTANT)
    y, x = y + side - side // 2, x + side - side // 2
    return cv2.resize(patch[y : y + side, x : x + side], (size_px, size_px), interpolation=cv2.INTER_AREA)


def _raster(form: Form, drawing_style: DrawingStyle, ink: str, ground: str | None, size_px: int) -> np.ndarray:
    frame = 'viewBox="-20 -20 140 140"'  # strokes may end outside of the sheet
    parts = [f'<rect x="-20" y="-20" width="140" height="140" fill="{ground}"/>'] if ground else []
    for layer in form:
        pen = Pen(drawing_style, layer.colour or ink, ground or "#fff")
        layer.draw(pen)
        parts.append(pen.svg())
    return rasterise(f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>{"".join(parts)}</svg>', size_px)


def _head(pen: Pen, tip: tuple[float, float], direction: tuple[float, float], length: float, half: float) -> None:
    """Fills an arrow head."""
    (x, y), (dx, dy) = tip, direction
    norm = math.hypot(dx, dy)
    dx, dy = dx / norm, dy / norm
    base = (x - dx * length, y - dy * length)
    pen.fill(
        f"M{x:.1f} {y:.1f}L{base[0] - dy * half:.1f} {base[1] + dx * half:.1f}"
        f"L{base[0] + dy * half:.1f} {base[1] - dx * half:.1f}Z"
    )


def _straight(pen: Pen) -> None:
    pen.line((50, 108), (50, 30), width=19)
    _head(pen, (50, -10), (0, -1), 46, 36)


def _left(pen: Pen) -> None:
    pen.line((108, 50), (30, 50), width=19)
    _head(pen, (-10, 50), (-1, 0), 46, 36)


def _turn_left(pen: Pen) -> None:
    pen.stroke("M74 106V44H34", 18)
    _head(pen, (-4, 44), (-1, 0), 42, 32)


def _turn_left_round(pen: Pen) -> None:
    pen.stroke("M70 106V60Q70 42 52 42H34", 18)
    _head(pen, (-2, 42), (-1, 0), 40, 30)


def _straight_or_left(pen: Pen) -> None:
    pen.line((64, 108), (64, 20), width=16)
    _head(pen, (64, -10), (0, -1), 34, 25)
    pen.stroke("M64 76V58H26", 16)
    _head(pen, (-8, 58), (-1, 0), 34, 25)


def _straight_or_left_round(pen: Pen) -> None:
    pen.line((62, 108), (62, 20), width=16)
    _head(pen, (62, -10), (0, -1), 34, 25)
    pen.stroke("M62 98Q62 60 28 58", 16)
    _head(pen, (-8, 58), (-1, 0), 36, 25)


def _left_or_right(pen: Pen) -> None:
    pen.stroke("M50 104V48", 17)
    pen.line((22, 44), (78, 44), width=17)
    _head(pen, (-12, 44), (-1, 0), 36, 27)
    _head(pen, (112, 44), (1, 0), 36, 27)


def _keep_left(pen: Pen) -> None:
    pen.line((98, 2), (34, 66), width=20)
    _head(pen, (0, 100), (-1, 1), 54, 38)


def _keep_left_wide(pen: Pen) -> None:
    pen.line((94, 6), (30, 70), width=17)
    pen.fill("M2 98V40L22 60L60 98Z")


def _roundabout(radius: float, width: float, spread: float, head: float) -> Draw:
    def draw(pen: Pen) -> None:
        for turn in (0, 120, 240):
            start, end = math.radians(-40 - turn), math.radians(-40 - spread - turn)
            (x0, y0), (x1, y1) = ((50 + radius * math.cos(a), 50 + radius * math.sin(a)) for a in (start, end))
            pen.stroke(f"M{x0:.1f} {y0:.1f}A{radius} {radius} 0 0 0 {x1:.1f} {y1:.1f}", width)
            direction = (math.sin(end - 0.25), -math.cos(end - 0.25))
            length = head * 0.9
            _head(pen, (x1 + direction[0] * length, y1 + direction[1] * length), direction, head, head * 0.62)

    return draw


def _curve_left(pen: Pen) -> None:
    pen.stroke("M74 104V70Q74 46 44 46", 19)
    _head(pen, (4, 46), (-1, 0), 40, 29)


def _curve_left_steep(pen: Pen) -> None:
    pen.stroke("M68 104V70L40 36", 18)
    _head(pen, (16, 6), (-0.65, -0.8), 42, 28)


def _double_curve_left(pen: Pen) -> None:
    pen.stroke("M68 106V78L36 58L60 32", 17)
    _head(pen, (62, -6), (0.1, -1), 42, 26)


def _double_curve_left_bold(pen: Pen) -> None:
    pen.line((66, 104), (66, 70), (36, 56), (36, 44), (60, 30), (60, 14), width=20)
    _head(pen, (60, -8), (0, -1), 26, 24)


def _double_curve_left_round(pen: Pen) -> None:
    pen.stroke("M66 106Q70 80 50 70Q30 58 50 42Q58 36 58 30", 17)
    _head(pen, (58, -6), (0, -1), 38, 27)


def _roadworks(pen: Pen) -> None:
    pen.disc(38, 10, 11)
    pen.fill("M28 24L46 20L70 50L62 62L50 60L34 44Z")
    pen.line((60, 56), (42, 74), (36, 100), width=12)
    pen.line((62, 54), (72, 76), (70, 100), width=12)
    pen.line((40, 28), (60, 46), (76, 44), width=8)
    pen.line((44, 40), (96, 76), width=6)
    pen.fill("M70 100Q84 72 104 100Z")


def _roadworks_stooped(pen: Pen) -> None:
    pen.disc(66, 12, 11)
    pen.line((58, 28), (36, 48), width=20)
    pen.line((38, 48), (52, 70), (42, 100), width=12)
    pen.line((34, 50), (24, 74), (14, 100), width=12)
    pen.line((62, 30), (72, 52), (58, 58), width=8)
    pen.line((46, 44), (86, 84), width=6)
    pen.fill("M62 100Q82 62 104 100Z")


def _lights(radius: float) -> Form:
    def disc(y: float) -> Draw:
        return lambda pen: pen.disc(50, y, radius)

    spots = ((16, "#d01420"), (50, "#f0b400"), (84, "#0a8a3c"))
    return tuple(Layer(disc(y), colour) for y, colour in spots)


def _housing(pen: Pen) -> None:
    pen.fill("M50 -4Q76 -4 76 22V78Q76 104 50 104Q24 104 24 78V22Q24 -4 50 -4Z")


def _bicycle(pen: Pen) -> None:
    pen.ring(22, 66, 22, 5)
    pen.ring(78, 66, 22, 5)
    pen.line((78, 66), (64, 36), (36, 38), (50, 66), (78, 66), width=5)
    pen.line((22, 66), (36, 28), width=5)
    pen.line((50, 66), (66, 28), width=5)
    pen.line((56, 27), (76, 27), width=5)
    pen.line((26, 24), (40, 28), width=5)


def _truck(pen: Pen) -> None:
    pen.box(36, 22, 104, 70)
    pen.fill("M-4 72V46L6 32H32V72Z")
    pen.fill("M4 48L12 38H24V50H4Z", hole=True)
    for x in (14, 74, 92):
        pen.disc(x, 74, 10)
    pen.box(-4, 66, 104, 73)


def _car(pen: Pen) -> None:
    pen.fill("M-4 70V52L16 46L30 28H70L86 46L104 52V70Z")
    pen.fill("M26 46L36 34H48V46Z", hole=True)
    pen.fill("M54 46V34H66L76 46Z", hole=True)
    pen.disc(22, 70, 12)
    pen.disc(80, 70, 12)


def _car_front(pen: Pen) -> None:
    pen.fill("M26 20H74L86 48H94V82H82V92H68V82H32V92H18V82H6V48H14Z")
    pen.fill("M33 28H67L75 46H25Z", hole=True)
    pen.disc(22, 64, 7, hole=True)
    pen.disc(78, 64, 7, hole=True)


def _slippery(pen: Pen) -> None:
    with pen.moved("rotate(-8 50 30)"):
        pen.fill("M22 44V24L34 4H66L78 24V44H70V52H60V44H40V52H30V44Z")
        pen.fill("M32 22L39 11H61L68 22Z", hole=True)
    pen.stroke("M34 54Q62 66 30 78Q20 84 36 102", 7)
    pen.stroke("M64 54Q92 66 60 78Q50 84 66 102", 7)


def _walker(pen: Pen) -> None:
    pen.disc(54, 6, 11)
    pen.fill("M42 20H62L68 58H44Z")
    pen.line((50, 56), (42, 78), (26, 102), width=12)
    pen.line((60, 56), (66, 78), (80, 100), width=12)
    pen.line((46, 24), (28, 40), (24, 58), width=8)
    pen.line((60, 24), (76, 40), (84, 52), width=8)


def _crossing_walker(pen: Pen) -> None:
    with pen.moved("translate(10 0) scale(0.8)"):
        _walker(pen)
    for x in (0, 20, 40, 60, 80):
        pen.fill(f"M{x} 104L{x + 6} 86H{x + 16}L{x + 10} 104Z")


def _triangle(pen: Pen) -> None:
    pen.fill("M50 -14L112 100H-12Z")


def _small_crossing_walker(pen: Pen) -> None:
    with pen.moved("translate(24 26) scale(0.6)"):
        _crossing_walker(pen)


def _children(pen: Pen) -> None:
    for x, scale in ((-14, 0.86), (34, 1.0)):
        with pen.moved(f"translate({x} {100 - 100 * scale:.0f}) scale({scale})"):
            _walker(pen)


def _exclamation(pen: Pen) -> None:
    pen.fill("M38 -4H62L57 68H43Z")
    pen.disc(50, 88, 12)


def _number(value: str, height: float, weight: float, across: float) -> Draw:
    return lambda pen: pen.text(value, 50, 50, height, width=weight, across=across)


def _numbers() -> dict[str, tuple[Form, ...]]:
    found = {}
    for value in (5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 90, 100, 110, 120, 130):
        text = str(value)
        # Height, weight of the strokes, and width: of German plates, of Chinese ones, and of heavier ones.
        sizes = ((72, 12, 92), (82, 14, 104), (76, 16, 108)) if len(text) < 3 else ((58, 10, 104), (68, 11, 116))
        found[f"number-{value}"] = tuple((Layer(_number(text, *size)),) for size in sizes)
    return found


def _weight(text: str) -> Draw:
    return lambda pen: pen.text(text, 50, 50, 58, width=11, across=104)


def _height(text: str) -> Draw:
    def draw(pen: Pen) -> None:
        pen.fill("M50 24L24 -6H76Z")
        pen.fill("M50 76L24 106H76Z")
        pen.text(text, 50, 50, 36, width=9, across=104)

    return draw


def _width(text: str) -> Draw:
    def draw(pen: Pen) -> None:
        pen.fill("M20 50L-8 24V76Z")
        pen.fill("M80 50L108 24V76Z")
        pen.text(text, 50, 50, 40, width=9, across=54)

    return draw


def _axle(text: str) -> Draw:
    def draw(pen: Pen) -> None:
        pen.text(text, 50, 26, 46, width=10, across=100)
        pen.line((10, 86), (90, 86), width=7)
        pen.box(-2, 68, 16, 104)
        pen.box(84, 68, 102, 104)

    return draw


# The figure is another on every sign, so the pictogram shows many: metric tons and metres that such signs have.
_LIMITS: dict[str, tuple[Callable[[str], Draw], str]] = {
    "weight": (_weight, "2t 3.5t 5t 6t 7.5t 8t 10t 12t 15t 20t 30t 40t 50t 55t"),
    "axle-weight": (_axle, "5t 6t 7t 8t 10t 12t 13t 14t"),
    "height": (_height, "2m 2.2m 2.5m 2.8m 3m 3.2m 3.5m 3.8m 4m 4.2m 4.5m 4.8m 5m 5.3m"),
    "width": (_width, "2m 2.2m 2.5m 2.8m 3m 3.2m 3.5m 4m 4.5m"),
}


def _horn(pen: Pen) -> None:
    pen.stroke("M4 40Q4 24 22 24H44", 7)
    pen.stroke("M4 40Q4 58 22 58H44", 7)
    pen.fill("M40 34Q66 34 96 8V88Q66 48 40 48Z")


def _forms(*draws: Draw) -> tuple[Form, ...]:
    return tuple((Layer(draw),) for draw in draws)


_LEFT: dict[str, tuple[Draw, ...]] = {
    "arrow-left": (_left,),
    "turn-left": (_turn_left, _turn_left_round),
    "straight-or-left": (_straight_or_left, _straight_or_left_round),
    "keep-left": (_keep_left, _keep_left_wide),
    "curve-left": (_curve_left, _curve_left_steep),
    "double-curve-left": (_double_curve_left, _double_curve_left_bold, _double_curve_left_round),
}

PLATES: Mapping[str, tuple[Form, ...]] = {
    **{name: _forms(*draws) for name, draws in _LEFT.items()},
    **{name.replace("left", "right"): _forms(*map(mirrored, draws)) for name, draws in _LEFT.items()},
    **_numbers(),
    "straight": _forms(_straight),
    "left-or-right": _forms(_left_or_right),
    "roundabout": _forms(_roundabout(42, 9, 74, 24), _roundabout(40, 12, 66, 28), _roundabout(44, 8, 82, 20)),
    # Men at work and people face either way.
    "roadworks": _forms(_roadworks, _roadworks_stooped, mirrored(_roadworks), mirrored(_roadworks_stooped)),
    "traffic-light": (_lights(16), _lights(14), (Layer(_housing), *_lights(14)), (Layer(_housing), *_lights(12))),
    "bicycle": _forms(_bicycle, mirrored(_bicycle)),
    "truck": _forms(_truck, mirrored(_truck)),
    "car": _forms(_car, _car_front),
    "slippery-road": _forms(_slippery, mirrored(_slippery)),
    "pedestrian": _forms(_walker, mirrored(_walker)),
    # On a blue sign it stands in a white triangle (Vienna Convention, E, 12a).
    "pedestrian-crossing": (
        *_forms(_crossing_walker),
        *(
            (Layer(_triangle, "#f4f4f2"), Layer(draw, "#101012"))
            for draw in (_small_crossing_walker, mirrored(_small_crossing_walker))
        ),
    ),
    "children": _forms(_children, mirrored(_children)),
    "exclamation": _forms(_exclamation),
    "horn": _forms(_horn, mirrored(_horn)),
    **{name: _forms(*map(draw, figures.split())) for name, (draw, figures) in _LIMITS.items()},
}


def plate_patches(name: str) -> tuple[Callable[[int], np.ndarray], ...]:
    """Returns the forms of a pictogram in every painter's style, none if there are no plates of it."""
    return tuple(
        functools.partial(plate_patch, form, drawing_style) for form in PLATES.get(name, ()) for drawing_style in STYLES
    )
