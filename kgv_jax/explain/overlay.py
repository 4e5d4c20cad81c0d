"""Images with their maps laid over them, as one PNG."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_BOX = (255, 0, 255)  # a colour that no sign has
_SIDE, _GAP, _TEXT, _PAIRS_A_ROW = 160, 6, 30, 4
_CARD, _LINE, _CARD_CHARACTERS = 230, 15, 38
_CHARACTERS = 44  # per line of a caption
# From cold to hot: red, green and blue at equal distances of the map's value.
_HEAT = np.array([[0.1, 0.1, 0.5], [0.0, 0.6, 0.8], [0.4, 0.9, 0.4], [1.0, 0.85, 0.1], [0.85, 0.1, 0.05]])


def heat(saliency: np.ndarray) -> np.ndarray:
    """Returns colours `[S, S, 3]` in [0, 1] of a map `[S, S]`, its maximum hottest, zero coldest."""
    value = saliency / max(float(saliency.max()), 1e-12)
    stops = np.linspace(0, 1, len(_HEAT))
    return np.stack([np.interp(value, stops, _HEAT[:, channel]) for channel in range(3)], -1)


def draw_overlays(
    path: pathlib.Path, images: np.ndarray, maps: np.ndarray, captions: Sequence[str], boxes: np.ndarray | None
) -> None:
    """Writes pairs of each image alone and under its map, with a caption and the object's box.

    Args:
      path: the PNG; its folder is made.
      images: `[n, S, S, 3]` uint8.
      maps: `[n, S, S]`, values of zero or more.
      captions: of each pair, two lines at most.
      boxes: `[n, 4]` (left, top, right, bottom), or None.
    """
    columns = min(_PAIRS_A_ROW, len(images))
    rows = -(-len(images) // columns)
    cell = 2 * _SIDE + 3 * _GAP, _SIDE + 2 * _GAP + _TEXT
    sheet = Image.new("RGB", (columns * cell[0], rows * cell[1]), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, (image, saliency, caption) in enumerate(zip(images, maps, captions, strict=True)):
        left, top = (number % columns) * cell[0] + _GAP, (number // columns) * cell[1] + _GAP
        mixed = (127.5 * heat(saliency) + 0.5 * image).round().astype(np.uint8)
        sheet.paste(_scaled(image), (left, top))
        sheet.paste(_scaled(mixed), (left + _SIDE + _GAP, top))
        if boxes is not None:
            scale = _SIDE / len(image)
            x0, y0, x1, y1 = boxes[number] * scale
            # The box of an object outside the frame is empty.
            draw.rectangle((left + x0, top + y0, left + max(x0, x1 - 1), top + max(y0, y1 - 1)), outline=_BOX)
        caption = "\n".join(line[:_CHARACTERS] for line in caption.splitlines())
        draw.text((left, top + _SIDE + 2), caption, fill="black", font=font, spacing=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, "PNG")


def draw_cards(path: pathlib.Path, images: Sequence[np.ndarray], captions: Sequence[Sequence[str]]) -> None:
    """Writes images in a row, each over the lines of its caption.

    Args:
      path: the PNG; its folder is made.
      images: uint8 `[s, s, 3]` each.
      captions: lines of each.
    """
    lines = max(map(len, captions))
    width, height = _CARD + _GAP, _SIDE + 2 * _GAP + lines * _LINE
    sheet = Image.new("RGB", (len(images) * width + _GAP, height + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left = number * width + _GAP
        sheet.paste(_scaled(image), (left, _GAP))
        for place, line in enumerate(caption):
            draw.text((left, _SIDE + 2 * _GAP + place * _LINE), line[:_CARD_CHARACTERS], fill="black", font=font)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, "PNG")


def _scaled(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image).resize((_SIDE, _SIDE), Image.Resampling.NEAREST)
