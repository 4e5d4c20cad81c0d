"""Parts of a JPEG by its restart markers: a smaller JPEG of the blocks wanted, cut out without decoding any.

The entropy code of a JPEG can be read only from its start or from a restart marker: there the prediction of the mean
values restarts and the bits begin at a whole byte (ITU-T T.81, sections E.1.4 and F.1.1.5.1). A file with markers every
few units (MCUs: the blocks of 8 x 8 to 16 x 16 pixels that are coded together) consists of intervals. The intervals of
a rectangle, with markers renumbered and a header of their height and width, are a JPEG too.

Cameras write no markers. libjpeg-turbo adds them to any JPEG without loss, here after every 2 units:

    jpegtran -restart 2B -copy all in.jpg > out.jpg

and Pillow as it writes one: `image.save(path, quality=90, restart_marker_blocks=2)`. An image can be cut between its
columns if the interval divides the units of a row (32 for 500 pixels at 16 pixels per unit), and between its rows if it
divides them or is a multiple of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_BLOCK_PX = 8
_RESTART_0, _END = 0xD0, 0xD9
# Share of the intervals from which cutting no longer pays: finding the markers costs as much as it saves.
_NEARLY_ALL = 0.9


class Part(NamedTuple):
    """A JPEG of the rows [top, top + height) and columns [left, left + width) of another."""

    data: bytearray
    top: int
    left: int
    height: int
    width: int


def cut(
    data: bytes, rows: tuple[int, int], columns: tuple[int, int], *, size_at: int, scan_at: int, interval: int
) -> Part | None:
    """Returns the smallest part that holds the pixels of [start, stop) rows and columns, if cutting it out pays.

    Args:
      data: a sequential JPEG with one scan.
      rows, columns: inside the image, not empty.
      size_at: offset of height, width and components in the bytes.
      scan_at: offset of the entropy-coded data.
      interval: units from one restart marker to the next.

    Returns:
      The part, or None if it is nearly all of the image, if the intervals form no rectangles, or if the markers are
      not those of the header.
    """
    # The grid of units of the image, and whether intervals tile it.
    height, width = (int.from_bytes(data[at : at + 2], "big") for at in (size_at, size_at + 2))
    unit_height, unit_width = _unit_px(data, size_at + 4)
    units_down, units_across = -(-height // unit_height), -(-width // unit_width)
    if interval % units_across and units_across % interval:
        return None
    # The image as a grid of intervals, each a part of a row of units or some whole rows of them.
    down_px = max(1, interval // units_across) * unit_height
    across_px = min(interval, units_across) * unit_width
    grid = -(-units_down * unit_height // down_px), units_across // min(interval, units_across)
    top, bottom = rows[0] // down_px, -(-rows[1] // down_px)
    left, right = columns[0] // across_px, -(-columns[1] // across_px)
    if (bottom - top) * (right - left) > _NEARLY_ALL * grid[0] * grid[1]:
        return None
    bounds = _bounds(data, scan_at, grid[0] * grid[1])
    if bounds is None:
        return None
    # The header and the intervals of the rectangle, one after another.
    intervals = np.arange(len(bounds) - 1).reshape(grid)[top:bottom, left:right]
    firsts, lasts = bounds[intervals[:, 0]].tolist(), bounds[intervals[:, -1] + 1].tolist()
    view = memoryview(data)
    small = bytearray().join([view[:scan_at], *(view[first:last] for first, last in zip(firsts, lasts, strict=True))])
    # Markers are numbered 0 to 7 in turn, in the second byte of the marker that ends each interval.
    ends = scan_at - 1 + np.cumsum(np.diff(bounds)[intervals])
    np.frombuffer(small, np.uint8)[ends] = _RESTART_0 + np.arange(len(ends)) % 8
    small[-1] = _END
    top, left = top * down_px, left * across_px
    height, width = min(bottom * down_px, height) - top, min(right * across_px, width) - left
    small[size_at : size_at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return Part(small, top, left, height, width)


def _unit_px(data: bytes, components_at: int) -> tuple[int, int]:
    """Returns height and width of a unit: a block of the only component, or all that its largest factors span."""
    count = data[components_at]
    if count == 1:
        return _BLOCK_PX, _BLOCK_PX
    factors = data[components_at + 2 : components_at + 2 + 3 * count : 3]
    return max(factor & 15 for factor in factors) * _BLOCK_PX, max(factor >> 4 for factor in factors) * _BLOCK_PX


def _bounds(data: bytes, scan_at: int, count: int) -> np.ndarray | None:
    """Returns the offsets of the intervals, [count + 1] with the end of the last; None if the markers do not fit."""
    coded = np.frombuffer(data, np.uint8, offset=scan_at)
    # In the entropy code a byte of 255 is followed by 0. Bytes below the first marker wrap around to 8 and more.
    marks = np.flatnonzero((coded[:-1] == 0xFF) & (coded[1:] - np.uint8(_RESTART_0) < 8))
    numbers = coded[marks + 1] - _RESTART_0
    if len(marks) != count - 1 or (numbers != np.arange(count - 1) % 8).any():
        return None
    end = data.rfind(bytes([0xFF, _END]), scan_at) - scan_at
    return np.concatenate([[0], marks + 2, [end + 2]]) + scan_at
