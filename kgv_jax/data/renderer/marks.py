"""Marks that are laid over another legend: slashes, crosses, the bars that end a rule."""

from __future__ import annotations

from collections.abc import Callable

from kgv_jax.data.renderer.pen import Pen


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


# Laid over the sign's field, not inside the legend box; drawn in their own colour.
MARKS: dict[str, Callable[[Pen], None]] = {
    "slash": _slash,
    "cross": _cross,
    "ring-slash": _ring_slash,
    "end-bars": _end_bars,
}

MARK_COLOURS: dict[str, str] = {"slash": "red", "cross": "red", "ring-slash": "red", "end-bars": "black"}
