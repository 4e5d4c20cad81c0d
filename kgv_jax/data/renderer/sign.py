"""A road sign from its parts: plate, border, field, legend, and marks over the legend."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from kgv_jax.data.renderer.colours import to_rgb
from kgv_jax.data.renderer.legends import draw_legend
from kgv_jax.data.renderer.pen import DrawingStyle, rasterise
from kgv_jax.data.renderer.shapes import SHAPES, Box, Shape
from kgv_jax.util.errors import UserError, nearest


@dataclasses.dataclass(frozen=True, eq=False)
class SignSpec:
    """Everything that decides the look of one sign. Colours are `#rrggbb`; lengths are percent of the sheet.

    Attributes:
      shape: a key of `SHAPES`.
      fill: colour of the field.
      border: colour of the border line, or None for a plate without one.
      legend: a pictogram's name, an alpha patch `[h, w]` (float in [0, 1] or uint8), one with colours of its own
        `[h, w, 4]` uint8, or None.
      legend_colour: ink of the legend.
      marks: (pictogram name, colour) pairs laid over the legend: a slash, a cross.
      drawing_style: style of the pictogram and of the marks.
      border_width: thickness of the border line.
      rim: colour outside of the border line, or None for the colour of the field.
      rim_width: thickness of that edge; 0 puts the border on the edge.
      corner: how far corners are rounded.
      legend_scale: factor on the size of the legend.
    """

    shape: str
    fill: str = "#f4f4f2"
    border: str | None = None
    legend: str | np.ndarray | None = None
    legend_colour: str = "#101012"
    marks: tuple[tuple[str, str], ...] = ()
    drawing_style: DrawingStyle = dataclasses.field(default_factory=DrawingStyle)
    border_width: float = 9.0
    rim: str | None = None
    rim_width: float = 0.0
    corner: float = 5.0
    legend_scale: float = 1.0


def _in_box(group: str, box: Box, scale: float = 1.0) -> str:
    side = (box[2] - box[0]) * scale
    left, top = (box[0] + box[2] - side) / 2, (box[1] + box[3] - side) / 2
    return f'<g transform="translate({left:.2f} {top:.2f}) scale({side / 100:.4f})">{group}</g>'


def _svg(*parts: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">{"".join(parts)}</svg>'


def _edge(spec: SignSpec, shape: Shape, outline: str) -> str:
    lines = []
    if spec.border:
        lines.append((spec.border, spec.rim_width + spec.border_width * shape.border_scale))
    if spec.rim_width:
        lines.append((spec.rim or spec.fill, spec.rim_width))
    # Half of a line lies outside of the outline, and is clipped away.
    return "".join(
        f'<path d="{outline}" fill="none" stroke="{colour}" stroke-width="{2 * width:.2f}"/>' for colour, width in lines
    )


def _over(below: np.ndarray, colour: str, alpha: np.ndarray) -> np.ndarray:
    """Inks `colour` through `alpha` [s, s] in [0, 1] onto the opaque parts of `below`."""
    alpha = alpha[..., None].astype(np.float32)
    mixed = below[..., :3] * (1 - alpha) + np.array(to_rgb(colour), np.float32) * alpha
    return np.concatenate([np.rint(mixed).astype(np.uint8), below[..., 3:]], axis=-1)


def _placed(patch: np.ndarray, box: Box, scale: float, size_px: int) -> np.ndarray:
    """Returns the patch inside its box on a [size, size] sheet of alpha in [0, 1], its aspect kept."""
    alpha = patch.astype(np.float32) / (255 if patch.dtype == np.uint8 else 1)
    side = (box[2] - box[0]) * scale * size_px / 100
    factor = side / max(alpha.shape)
    x = (box[0] + box[2]) / 200 * size_px - alpha.shape[1] * factor / 2
    y = (box[1] + box[3]) / 200 * size_px - alpha.shape[0] * factor / 2
    # Pixel centres lie at +0.5 in both grids.
    move = np.array([[factor, 0, x + factor / 2 - 0.5], [0, factor, y + factor / 2 - 0.5]], np.float32)
    # warpAffine reads four pixels only; when it shrinks more, the patch is blurred first to prevent aliasing.
    if factor < 1:
        sigma = 0.4 * (1 / factor - 1)
        alpha = cv2.GaussianBlur(alpha, (0, 0), sigma) if sigma > 0.1 else alpha
    return np.clip(cv2.warpAffine(alpha, move, (size_px, size_px), flags=cv2.INTER_LINEAR), 0, 1)


def _print(below: np.ndarray, legend: np.ndarray, box: Box, scale: float) -> np.ndarray:
    """Prints a legend that has colours of its own, `[h, w, 4]` uint8, onto the opaque parts of `below`."""
    size_px, alpha = len(below), legend[..., 3:] / 255
    # Colours are resampled weighted by their alpha, so that none bleeds out of what is clear.
    inks = np.stack(
        [_placed(ink, box, scale, size_px) for ink in np.moveaxis(legend[..., :3] / 255 * alpha, -1, 0)], -1
    )
    cover = _placed(alpha[..., 0], box, scale, size_px)[..., None]
    mixed = below[..., :3] * (1 - cover) + 255 * inks
    return np.concatenate([np.rint(mixed).astype(np.uint8), below[..., 3:]], axis=-1)


def render_sign(spec: SignSpec, size_px: int) -> np.ndarray:
    """Returns the sign as [size, size, 4] uint8 RGBA, transparent outside of the plate.

    Raises:
      UserError: if the renderer has no such shape or pictogram.
    """
    if spec.shape not in SHAPES:
        raise UserError(
            f"There is no sign shape named {spec.shape!r}{nearest(spec.shape, SHAPES)}; "
            f"expected one of {', '.join(SHAPES)}."
        )
    # Everything is clipped to the plate. From below to above: field, legend, marks, border.
    shape = SHAPES[spec.shape]
    outline = shape.outline(spec.corner)
    open_clip = f'<clipPath id="plate"><path d="{outline}"/></clipPath><g clip-path="url(#plate)">'
    field = f'<path d="{outline}" fill="{spec.fill}"/>'
    marks = "".join(
        _in_box(draw_legend(name, spec.drawing_style, ink=ink, paper=spec.fill), shape.mark) for name, ink in spec.marks
    )
    edge = _edge(spec, shape, outline)
    if not isinstance(spec.legend, np.ndarray):
        legend = (
            ""
            if spec.legend is None
            else _in_box(
                draw_legend(spec.legend, spec.drawing_style, ink=spec.legend_colour, paper=spec.fill),
                shape.legend,
                spec.legend_scale,
            )
        )
        return rasterise(_svg(open_clip, field, legend, marks, edge, "</g>"), size_px)
    # A patch of pixels (a pictogram cut out of a source image) is inked onto the rendered plate, and marks go over it.
    plate = rasterise(_svg(open_clip, field, edge, "</g>"), size_px)
    if spec.legend.ndim == 3:
        plate = _print(plate, spec.legend, shape.legend, spec.legend_scale)
    else:
        alpha = _placed(spec.legend, shape.legend, spec.legend_scale, size_px)
        plate = _over(plate, spec.legend_colour, alpha)
    for name, ink in spec.marks:
        over = rasterise(_svg(open_clip, _in_box(draw_legend(name, spec.drawing_style), shape.mark), "</g>"), size_px)
        plate = _over(plate, ink, over[..., 3] / 255 * (over[..., 0] / 255))
    return plate
