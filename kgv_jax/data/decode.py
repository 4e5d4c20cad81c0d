"""The only file that opens images: bytes of unknown origin become RGBA pixels of one size.

Data sets and a user's folder hold files that nobody has checked. Each limit here answers an attack or an accident: a
PNG of a few bytes may declare a gigapixel, an SVG may refer to other files or expand without end, a download may be an
error page named `.jpg`. What is wrong is reported with the file's name, before any memory is taken for its pixels.
"""

from __future__ import annotations

import io
import logging
import math
import os
import pathlib
import re
from xml.etree import ElementTree

import numpy as np
import resvg_py
from PIL import Image, ImageOps

from kgv_jax.util.errors import UserError

_log = logging.getLogger(__name__)

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".ppm", ".svg")
MAX_PIXELS = 50_000_000  # 200 MB as RGBA
MAX_SVG_BYTES = 16 * 2**20  # the XML tree takes several times as much memory
# Pillow opens some forty formats; fewer parsers read untrusted bytes if only these are allowed.
_FORMATS = ("PNG", "JPEG", "WEBP", "PPM")
_SIDES = ("width", "height")
_ORIENTATION = 0x0112  # EXIF


def decode(path: str | os.PathLike, size_px: int) -> np.ndarray:
    """Reads an image, its aspect kept, centred in a transparent square.

    Of an animation the first frame is read; the orientation that a camera recorded is applied.
    The declared size is checked before any pixel is decoded. Nothing outside the file is
    ever read: references of an SVG to other files are dropped.

    Args:
      path: a PNG, JPEG, WebP, PPM or SVG file.
      size_px: side of the square.

    Returns:
      uint8 [size_px, size_px, 4] RGBA, straight alpha.

    Raises:
      UserError: the file is missing, empty, damaged, too large, or not an image.
    """
    path = pathlib.Path(path)
    data = _read(path)
    if path.suffix.lower() == ".svg":
        return _letterbox(_render_svg(path, data, size_px), size_px)
    return decode_bytes(data, path, size_px)


def decode_bytes(data: bytes, name: str | os.PathLike, size_px: int) -> np.ndarray:
    """Decodes a PNG, JPEG, WebP or PPM image as `decode` does; `name` names its file or record, for errors."""
    image = _open(name, data)
    try:
        image.draft(None, (2 * size_px, 2 * size_px))  # a large JPEG is decoded at 1/2, 1/4 or 1/8 of its size
        return _letterbox(_to_rgba(image), size_px)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise exceptions of many types on damaged files
        raise _damaged(name, image.format, error) from error


def decode_box(
    path: str | os.PathLike, box: tuple[float, float, float, float], size_px: int, *, margin: float = 0.0
) -> np.ndarray:
    """Reads a square around a box of an image: its side is the box's longer one plus `margin` of it at both ends.

    A square that overhangs an edge is moved inside; one that is larger than the image is cut, and stretched.

    Args:
      path: a PNG, JPEG, WebP or PPM file.
      box: (left, top, right, bottom) in pixels, right and bottom just outside.
      size_px: side of the result.
      margin: share of the longer side.

    Returns:
      uint8 [size_px, size_px, 4] RGBA, straight alpha.

    Raises:
      UserError: as `decode`, or no pixel of the image is in the box.
    """
    path = pathlib.Path(path)
    image = _open(path, _read(path))
    try:
        image = _to_rgba(image)
    except MemoryError:
        raise
    except Exception as error:  # as in decode
        raise _damaged(path, image.format, error) from error
    width, height = image.size
    left, top, right, bottom = max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height)
    if left >= right or top >= bottom:
        raise UserError(
            f"{path}: the box {tuple(box)} (left, top, right, bottom) has no pixel of the image, which is {width} x"
            f" {height}. Fix the table that names it, or remove the row."
        )
    side = max(right - left, bottom - top) * (1 + 2 * margin)
    across, down = _window((left + right) / 2, side, width), _window((top + bottom) / 2, side, height)
    square = image.resize((size_px, size_px), Image.Resampling.LANCZOS, box=(across[0], down[0], across[1], down[1]))
    return np.asarray(square).copy()


def _window(centre: float, side: float, length: int) -> tuple[float, float]:
    """Returns the ends of a window of a side about a centre, moved and cut to lie in [0, length]."""
    side = min(side, length)
    start = min(max(centre - side / 2, 0), length - side)
    return start, start + side


def image_size(path: str | os.PathLike) -> tuple[int, int]:
    """Returns the (width, height) of an image in pixels, upright, from the header of a PNG, JPEG, WebP or PPM file.

    Raises:
      UserError: the file is missing, empty, or not an image.
    """
    path = pathlib.Path(path)
    try:
        with open(path, "rb") as file:
            if not file.read(1):
                raise UserError(
                    f"{path}: the file is empty (0 bytes). Copy or download it again, or remove it from its table."
                )
            file.seek(0)
            with Image.open(file, formats=_FORMATS) as image:
                # A camera's orientation of 5 to 8 lies the image on its side.
                return image.size[::-1] if image.getexif().get(_ORIENTATION, 1) >= 5 else image.size
    except UserError:
        raise
    except Exception:  # what is wrong with it is found by reading it whole
        return _open(path, _read(path)).size


def check(path: str | os.PathLike) -> None:
    """Raises the UserError that `decode` would raise for a file.

    A raster image is decoded in full (JPEG at an eighth of its size), since a truncated
    file has an intact header; an SVG is rendered small.
    """
    decode(path, 8)


def decode_rgb(data: bytes, name: str) -> np.ndarray:
    """Decodes a PNG, JPEG, WebP or PPM image at its own size, upright, on white.

    It reads what `data.jpeg` does not: other formats, CMYK, images that a camera stored sideways, and damaged files,
    which are refused here.

    Args:
      data: the encoded image.
      name: of its file or record, for errors.

    Returns:
      uint8 [height, width, 3] RGB.

    Raises:
      UserError: it is empty, damaged, too large, or not such an image.
    """
    if not data:
        raise UserError(f"{name}: the image is empty (0 bytes). Copy or download it again, or remove it.")
    image = _open(name, data)
    try:
        image = _to_rgba(image)
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return np.asarray(Image.alpha_composite(white, image).convert("RGB"))
    except MemoryError:
        raise
    except Exception as error:  # as in decode
        raise _damaged(name, image.format, error) from error


def _damaged(name: str | os.PathLike, kind: str | None, error: Exception) -> UserError:
    return UserError(
        f"{name}: the {kind} data cannot be decoded ({error}): the file is truncated or damaged."
        " Copy or export it again."
    )


def _read(path: pathlib.Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Check the path and its permissions.") from error
    if not data:
        raise UserError(f"{path}: the file is empty (0 bytes). Copy or download it again, or remove it.")
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        raise UserError(f"{path}: this is an HTML page, not an image: the download gave an error page. Fetch it again.")
    return data


def _open(path: str | os.PathLike, data: bytes) -> Image.Image:
    """Reads the header; no pixel is decoded yet."""
    too_large = f"the limit is {MAX_PIXELS / 1e6:.0f} megapixels. Scale the image down."
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UserError(f"{path}: {error}; {too_large}") from error
    except MemoryError:
        raise
    except Exception as error:  # as in decode
        raise UserError(
            f"{path}: not a PNG, JPEG, WebP or PPM image (it starts with {data[:8]!r}). Convert it to one of"
            " these, or remove it."
        ) from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UserError(f"{path}: {width} x {height} is {width * height / 1e6:.1f} megapixels; {too_large}")
    return image


def _to_rgba(image: Image.Image) -> Image.Image:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        # Pillow's own conversion clips 16 bits at 255 instead of scaling them.
        wide = np.asarray(image).astype(np.uint32)
        opaque = np.full(wide.shape, 255, np.uint8)
        if isinstance(clear := image.info.get("transparency"), int):
            opaque[wide == clear] = 0
        grey = ((wide + 128) // 257).clip(0, 255).astype(np.uint8)
        return Image.fromarray(np.dstack([grey, grey, grey, opaque]))
    return image.convert("RGBA")


def _letterbox(image: Image.Image, size_px: int) -> np.ndarray:
    scale = size_px / max(image.size)
    size = tuple(max(1, round(side * scale)) for side in image.size)
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    square = np.zeros((size_px, size_px, 4), np.uint8)
    left, top = (size_px - size[0]) // 2, (size_px - size[1]) // 2
    square[top : top + size[1], left : left + size[0]] = image
    return square


def _render_svg(path: pathlib.Path, data: bytes, size_px: int) -> Image.Image:
    if len(data) > MAX_SVG_BYTES:
        raise UserError(f"{path}: {len(data) >> 20} MiB of SVG; the limit is {MAX_SVG_BYTES >> 20} MiB. Simplify it.")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise UserError(f"{path}: not well-formed SVG ({error}). Export it again.") from error
    if _local(root) != "svg":
        raise UserError(f"{path}: the root element is <{_local(root)}>, not <svg>. Export it again as SVG.")
    _drop_references(path, root)
    _make_size_sane(root)
    # Looking for the system's fonts takes most of a render, so only an SVG with text pays for it.
    text = any(_local(node) == "text" for node in root.iter())
    try:
        # With both sides given, the image is fitted into them whatever size it declares.
        png = resvg_py.svg_to_bytes(
            svg_string=ElementTree.tostring(root, encoding="unicode"),
            width=size_px,
            height=size_px,
            skip_system_fonts=not text,
        )
    except ValueError as error:
        raise UserError(f"{path}: the SVG cannot be rendered ({error}). Export it again.") from error
    return Image.open(io.BytesIO(png)).convert("RGBA")


def _make_size_sane(root: ElementTree.Element) -> None:
    """Keeps only the ratio of the declared sides: the renderer shows nothing below a pixel or above 1e13."""
    sides = [re.fullmatch(r"\s*(\d*\.?\d+(?:[eE][+-]?\d+)?)\s*([a-z]*)\s*", root.get(k, "")) for k in _SIDES]
    if "viewBox" not in root.attrib or None in sides or sides[0][2] != sides[1][2]:
        return
    lengths = [float(side[1]) for side in sides]
    if 0 < min(lengths) and max(lengths) < math.inf:
        for name, length in zip(_SIDES, lengths, strict=True):
            root.set(name, str(1000 * length / max(lengths)))


def _drop_references(path: pathlib.Path, root: ElementTree.Element) -> None:
    """Removes every link to another file; fragments and embedded data stay."""
    for node in root.iter():
        for name, value in list(node.attrib.items()):
            if name.rpartition("}")[2] == "href" and not value.lstrip().startswith(("#", "data:")):
                del node.attrib[name]
                if _local(node) in ("image", "use", "feImage"):
                    _log.warning("%s: its reference to %r is not followed.", path, value)


def _local(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]
