"""A part of a JPEG, cut out by its restart markers, decodes to the pixels of the whole."""

import re

import cv2
import numpy as np
import pytest
import simplejpeg

from kgv_jax.data import jpeg, restarts
from kgv_jax.data.crop import Crop

SAMPLINGS = {name: getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{name}") for name in ("444", "422", "420", "440", "411")}
UNIT_WIDTHS = {"444": 8, "422": 16, "420": 16, "440": 8, "411": 32, "grey": 8}
MARKER = re.compile(b"\xff[\xd0-\xd7]")


def encode(height: int, width: int, interval: int, sampling: str = "420") -> bytes:
    """Colours that change slowly, with texture, so that neighbouring blocks differ."""
    y, x = np.mgrid[:height, :width] / 16
    waves = np.stack([np.sin(y), np.cos(x + y), np.sin(x * 1.7 - y)], -1)
    noise = np.random.default_rng(0).normal(0, 20, waves.shape)
    pixels = np.clip(127 + 90 * waves + noise, 0, 255).astype(np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_RST_INTERVAL, interval]
    if sampling == "grey":
        pixels = pixels[..., 0]
    else:
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLINGS[sampling]]
    return cv2.imencode(".jpg", pixels, options)[1].tobytes()


def cut(data: bytes, rows: tuple[int, int], columns: tuple[int, int]) -> restarts.Part | None:
    header = jpeg.read_header(data)
    at = {"size_at": header.size_at, "scan_at": header.scan_at}
    return restarts.cut(data, rows, columns, **at, interval=header.interval)


def decode_box(data: bytes, box: Crop, shrink: int = 1) -> tuple[np.ndarray, int, int]:
    header = jpeg.read_header(data)
    buffer = np.zeros(jpeg.buffer_bytes(header), np.uint8)
    return jpeg.decode_box(data, header, box, shrink=shrink, buffer=buffer)


def boxes(height: int, width: int, count: int) -> list[Crop]:
    """Random boxes, and the corners, where the context ends with the image."""
    rng = np.random.default_rng(height + width)
    boxes = []
    for _ in range(count):
        (top, bottom), (left, right) = (np.sort(rng.choice(side + 1, 2, replace=False)) for side in (height, width))
        boxes.append(Crop(int(top), int(left), int(bottom - top), int(right - left)))
    return boxes + [Crop(top, left, 1, 1) for top in (0, height - 1) for left in (0, width - 1)]


@pytest.mark.parametrize("shrink", [1, 2, 4, 8])
@pytest.mark.parametrize("sampling", UNIT_WIDTHS)
@pytest.mark.parametrize(("height", "width"), [(97, 61), (83, 200), (128, 128)])
def test_a_box_has_the_pixels_of_the_whole_image(sampling, shrink, height, width):
    across, parts = -(-width // UNIT_WIDTHS[sampling]), 0
    for interval in sorted({1, 2, 4, 5, across, 2 * across, 3 * across, across + 1}):
        data = encode(height, width, interval, sampling)
        assert jpeg.read_header(data).interval == interval
        sides = {"min_height": -(-height // shrink), "min_width": -(-width // shrink)}
        whole = simplejpeg.decode_jpeg(data, "RGB", **sides)
        for box in boxes(height, width, 12):
            pixels, top, left = decode_box(data, box, shrink)
            parts += pixels.size < whole.size
            rows = slice(box.top // shrink, -(-(box.top + box.height) // shrink))
            columns = slice(box.left // shrink, -(-(box.left + box.width) // shrink))
            assert rows.start >= top >= 0 and columns.start >= left >= 0
            found = pixels[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
            np.testing.assert_array_equal(found, whole[rows, columns], err_msg=f"interval {interval}, {box}")
    assert parts > 20


@pytest.mark.parametrize(
    ("interval", "part_px"),
    # 13 units per row, 6 rows
    [(1, (32, 48, 64, 16)), (13, (32, 0, 64, 200)), (26, (32, 0, 64, 200)), (39, (0, 0, 83, 200))],
)
def test_the_part_is_as_small_as_the_intervals_allow(interval, part_px):
    part = cut(encode(83, 200, interval), (40, 83), (48, 64))
    assert (part is None) == (part_px == (0, 0, 83, 200))
    if part is not None:
        top, left, height, width = part_px
        assert part[1:] == (top, left, min(height, 83 - top), width)
        assert simplejpeg.decode_jpeg_header(bytes(part.data))[:2] == part[3:]
        numbers = [int(mark[1]) - 0xD0 for mark in MARKER.findall(part.data)]
        assert numbers == [i % 8 for i in range(len(numbers))]


def test_the_factors_of_a_single_component_are_ignored():
    """A scan of one component is coded block by block (ITU-T T.81, section A.2.2)."""
    data = bytearray(encode(83, 200, 5, "grey"))
    factors_at = jpeg.read_header(data).size_at + 6
    assert data[factors_at] == 0x11
    data[factors_at] = 0x22
    assert cut(bytes(data), (40, 50), (60, 90))[1:] == (40, 40, 16, 80)


def test_a_part_that_is_nearly_the_whole_image_is_not_cut():
    data = encode(160, 160, 1)
    assert cut(data, (0, 160), (0, 160)) is None and cut(data, (0, 160), (0, 144)) is not None


@pytest.mark.parametrize("interval", [3, 14, 20])
def test_intervals_that_form_no_rectangles_are_not_cut(interval):
    data = encode(83, 200, interval)
    assert cut(data, (0, 16), (0, 16)) is None and decode_box(data, Crop(0, 0, 16, 16))[0].shape == (83, 200, 3)


def test_markers_that_are_not_those_of_the_header_are_not_trusted():
    data = encode(83, 200, 1)
    corner = (0, 16), (0, 16)
    assert cut(data, *corner) is not None
    middle = list(MARKER.finditer(data))[40]
    misnumbered = data[: middle.start() + 1] + bytes([0xD0 + (data[middle.start() + 1] + 1) % 8]) + data[middle.end() :]
    missing, twice = data[: middle.start()] + data[middle.end() :], data[: middle.end()] + data[middle.start() :]
    eight_less = data[: middle.start()] + data[list(MARKER.finditer(data))[48].start() :]
    for damaged in (misnumbered, missing, twice, eight_less):
        assert cut(damaged, *corner) is None
        with pytest.raises(ValueError):
            decode_box(damaged, Crop(0, 0, 16, 16))


def test_damage_inside_the_part_is_noticed():
    data = encode(83, 200, 1)
    first, second = (mark.end() for mark in list(MARKER.finditer(data))[1:3])
    for junk in (b"\xff\xd9", b"\xff\xda", b""):
        damaged = data[: first + 1] + junk + data[second - 2 :]
        assert cut(damaged, (0, 16), (0, 64)) is not None
        with pytest.raises(ValueError):
            decode_box(damaged, Crop(0, 0, 16, 64))
    # outside the part it is not read
    np.testing.assert_array_equal(decode_box(damaged, Crop(50, 100, 9, 9))[0], decode_box(data, Crop(50, 100, 9, 9))[0])


def test_bytes_after_the_end_change_nothing():
    data = encode(83, 200, 1)
    for more in (b"appended by a camera", encode(24, 24, 0)):
        pixels = decode_box(data + more, Crop(60, 180, 23, 20))[0]
        assert pixels.shape == (35, 24, 3)
        np.testing.assert_array_equal(pixels, decode_box(data, Crop(60, 180, 23, 20))[0])
    assert cut(data + data, (60, 83), (180, 200)) is None


def test_an_interval_that_changes_is_left_to_the_decoder():
    data = encode(83, 200, 1)
    at = data.index(b"\xff\xdd")
    changed = data[:at] + b"\xff\xdd\0\4\0\2" + data[at:]
    assert jpeg.read_header(data).size_at and not jpeg.read_header(changed).size_at
    assert jpeg.read_header(data[:at] + data[at : at + 6] + data[at:]).size_at  # the interval is defined twice
    switched_off = data[: at + 6] + b"\xff\xdd\0\4\0\0" + data[at + 6 :]
    assert not jpeg.read_header(switched_off).size_at
