"""Every pictogram by name, and the marks that are laid over one: slashes, crosses, the bars that end a rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from kgv_jax.data.renderer.arrows import ARROWS
from kgv_jax.data.renderer.beings import BEINGS
from kgv_jax.data.renderer.pen import DrawingStyle, Pen, rasterise
from kgv_jax.data.renderer.things import THINGS
from kgv_jax.data.renderer.vehicles import VEHICLES
from kgv_jax.data.renderer.words import WORDS
from kgv_jax.util.errors import UserError, nearest


def _slash(pen: Pen) -> None:
    pen.line((14, 14), (86, 86), width=9)


def _cross(pen: Pen) -> None:
    pen.line((14, 14), (86, 86), width=9)
    pen.line((86, 14), (14, 86), width=9)


def _ring_slash(pen: Pen) -> None:
    pen.ring(50, 50, 44, 9)
    pen.line((19, 19), (81, 81), width=9)


def _end_bars(pen: Pen) -> None:
    if pen.pick(2):
        pen.line((86, 14), (14, 86), width=12)
    else:
        for shift in (-14, -7, 0, 7, 14):
            pen.line((84 + shift / 2, 16 + shift / 2), (16 + shift / 2, 84 + shift / 2), width=3)


# Laid over the sign's field, not inside the legend box, in a colour of their own (`MARK_COLOURS`).
MARKS: dict[str, Callable[[Pen], None]] = {
    "slash": _slash,
    "cross": _cross,
    "ring-slash": _ring_slash,
    "end-bars": _end_bars,
}

MARK_COLOURS: dict[str, str] = {"slash": "red", "cross": "red", "ring-slash": "red", "end-bars": "black"}

LEGENDS: Mapping[str, Callable[[Pen], None]] = {**ARROWS, **VEHICLES, **BEINGS, **THINGS, **WORDS, **MARKS}

# Pictograms that face right in a flipped style. Arrows keep their direction, which is their meaning; so do four
# pictograms of cars seen from the front or from behind.
_FACING = frozenset((*VEHICLES, *BEINGS)) - {"slippery-road", "overtaking", "truck-overtaking", "tilting-car"}


def draw_legend(name: str, drawing_style: DrawingStyle, *, ink: str = "#fff", paper: str = "#000") -> str:
    """Returns the pictogram as an SVG group on a 100 x 100 sheet.

    Raises:
      UserError: if the renderer has no pictogram of that name.
    """
    if name not in LEGENDS:
        raise UserError(
            f"There is no pictogram named {name!r}{nearest(name, LEGENDS)}; expected a key of "
            "kgv_jax.data.renderer.legends.LEGENDS."
        )
    pen = Pen(drawing_style, ink, paper)
    LEGENDS[name](pen)
    return pen.svg(flips=name in _FACING)


def legend_alpha(name: str, drawing_style: DrawingStyle, size_px: int) -> np.ndarray:
    """Returns the pictogram as an alpha mask, [size, size] uint8: 255 is ink."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><rect width="100" height="100"/>'
        f"{draw_legend(name, drawing_style)}</svg>"
    )
    return np.ascontiguousarray(rasterise(svg, size_px)[..., 0])
