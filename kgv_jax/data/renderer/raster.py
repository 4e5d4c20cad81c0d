"""SVG markup to pixels."""

from __future__ import annotations

import io

import numpy as np
import resvg_py
from PIL import Image


def rasterise(svg: str, size_px: int) -> np.ndarray:
    """Returns our own SVG markup as [size, size, 4] uint8 RGBA, straight alpha.

    System fonts stay unread: our letters are paths, and finding fonts takes most of a render.
    """
    png = resvg_py.svg_to_bytes(svg_string=svg, width=size_px, height=size_px, skip_system_fonts=True)
    with Image.open(io.BytesIO(png)) as image:
        return np.array(image.convert("RGBA"))
