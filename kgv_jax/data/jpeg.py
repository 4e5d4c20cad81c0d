"""JPEG bytes to pixels, fast: pixels outside the crop are not decoded, and a large image is decoded at reduced size.

Shrunk decoding: a JPEG stores blocks of 8 x 8 frequencies, and an inverse transform of the low ones alone gives the
image at 1/2, 1/4 or 1/8 of its size. A crop that is resized to 224 pixels anyway needs no more.

Shortened decoding: most of the time goes into the entropy code, which can only be read from its start. A 500 x 375
image of 110 kB takes 0.6 ms for it and 0.2 ms for all that follows. The rows of a sequential JPEG come one after
another, and their number is in its header: a copy with a smaller number is a JPEG of the upper rows, and decoding ends
with the crop. With restart markers decoding also begins with the crop: see `data.restarts`, which says how to add them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import simplejpeg
from PIL import Image

from kgv_jax.data import restarts
from kgv_jax.data.crop import Crop

SHRINKS = (8, 4, 2)  # the factors for which the decoder has inverse transforms in vector code
_START, _END = b"\xff\xd8", b"\xff\xd9"
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), 0xC2
_SCAN, _RESTARTS, _APP1 = 0xDA, 0xDD, 0xE1
_ORIENTATION = 0x0112
# Pixels beyond the box that must be decoded with it. Chroma at half resolution is interpolated from its neighbours:
# from the rows above and below, and from the columns on both sides unless there are less than three of them.
_CONTEXT_ROWS, _CONTEXT_COLUMNS = 2, 4
# The decoder's complaint about the rows that a shortened image leaves unread; 0xd9 marks the end of the file.
_LEFT_OVER = re.compile(r"\d+ extraneous bytes before marker 0xd9")


class Header(NamedTuple):
    """What the header of a JPEG says.

    Attributes:
      height, width: of the stored image, pixels.
      orientation: as the camera recorded it (Exif 2.3, tag 0x0112); 1 is upright.
      components: 1 is grey, 3 YCbCr, 4 CMYK.
      size_at: offset of height and width in the bytes, or 0 if the image cannot be shortened by changing them.
      scan_at: offset of the entropy-coded data.
      interval: units from one restart marker to the next, or 0.
    """

    height: int
    width: int
    orientation: int
    components: int
    size_at: int
    scan_at: int
    interval: int


def read_header(data: bytes) -> Header | None:
    """Returns the header of a complete JPEG with 8 bits per sample, or None for anything else."""
    if data[:2] != _START:
        return None
    offset, orientation, frame, intervals = 2, 1, 0, set()
    # Segment by segment up to the first scan: a marker of two bytes, then a length that counts itself.
    while offset + 12 <= len(data) and data[offset] == 0xFF:
        marker, length = data[offset + 1], data[offset + 2] << 8 | data[offset + 3]
        if marker == 0xFF:  # a fill byte
            offset += 1
            continue
        if marker in _SEQUENTIAL or marker == _PROGRESSIVE:
            frame = offset
        elif marker == _RESTARTS:
            intervals.add(data[offset + 4] << 8 | data[offset + 5])
        elif marker == _APP1 and data[offset + 4 : offset + 10] == b"Exif\0\0":
            orientation = _orientation(data[offset + 4 : offset + 2 + length])
        elif marker == _SCAN:
            break
        offset += 2 + length
    else:
        return None
    # Truncated data has no end marker; the end marker of an embedded thumbnail stands before the scan.
    if not frame or data[frame + 4] != 8 or data.rfind(_END, offset) < 0:
        return None
    height, width = (int.from_bytes(data[frame + at : frame + at + 2], "big") for at in (5, 7))
    components = data[frame + 9]
    # If the first scan holds all components it is the only one. Between several scans the restart interval may change.
    one_scan = data[frame + 1] in _SEQUENTIAL and data[offset + 4] == components and len(intervals) < 2
    size_at = frame + 5 if one_scan else 0
    header = Header(height, width, orientation, components, size_at, offset + 2 + length, max(intervals, default=0))
    return header if height and width else None


def _orientation(exif: bytes) -> int:
    tags = Image.Exif()
    try:
        tags.load(exif)
        return tags.get(_ORIENTATION, 1)
    except Exception:  # damaged tags raise exceptions of many types; an image is valid without them
        return 1


def decode_box(
    data: bytes, header: Header, box: Crop, *, shrink: int, buffer: np.ndarray
) -> tuple[np.ndarray, int, int]:
    """Decodes the pixels of a box, and some around it.

    Args:
      data: a JPEG of 1 or 3 components.
      header: `read_header` of the same bytes.
      box: the pixels wanted, counted at full size; whether it is mirrored does not matter.
      shrink: 1, or the factor of `SHRINKS` by which both sides are decoded smaller.
      buffer: uint8, `buffer_bytes(header)` bytes or more; the result is a view of it.

    Returns:
      uint8 [rows, columns, 3] RGB, inside the box equal to decoding the whole image at this size, and the position of
      its first row and column in that image.

    Raises:
      ValueError: the data are damaged.
    """
    part, shortened = _part(data, header, box, shrink)
    height, width = -(-part.height // shrink), -(-part.width // shrink)
    try:
        simplejpeg.decode_jpeg(part.data, "RGB", min_height=height, min_width=width, buffer=buffer)
    except ValueError as error:
        # The unread rows are reported as an error, but only after the last row was written.
        if not (shortened and _LEFT_OVER.search(str(error))):
            raise
    pixels = buffer[: height * width * 3].reshape(height, width, 3)
    return pixels, part.top // shrink, part.left // shrink


def _part(data: bytes, header: Header, box: Crop, shrink: int) -> tuple[restarts.Part, bool]:
    """Returns a JPEG of the box and its surroundings, and whether it is a shortened one, which leaves data unread."""
    height, width = header.height, header.width
    bottom = min(box.top + box.height + _CONTEXT_ROWS * shrink, height)
    # With restart markers: the intervals around the box. Without: all rows from the first to the last one needed.
    if header.size_at and header.interval:
        rows = max(0, box.top - _CONTEXT_ROWS * shrink), bottom
        around = _CONTEXT_COLUMNS * shrink
        columns = max(0, box.left - around), min(box.left + box.width + around, width)
        at = {"size_at": header.size_at, "scan_at": header.scan_at}
        part = restarts.cut(data, rows, columns, **at, interval=header.interval)
        if part is not None:
            return part, False
    elif header.size_at and bottom < height:
        upper = bytearray(data)
        upper[header.size_at : header.size_at + 2] = bottom.to_bytes(2, "big")
        return restarts.Part(upper, 0, 0, bottom, width), True
    return restarts.Part(data, 0, 0, height, width), False


def buffer_bytes(header: Header) -> int:
    """Returns how many bytes `decode_box` may write."""
    return 3 * header.height * header.width
