"""Decoding that ends with the crop gives the same rows as decoding the whole JPEG."""

import io

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from kgv_jax.data import jpeg
from kgv_jax.data.crop import Crop


def scene(height: int, width: int) -> Image.Image:
    """Colours that change slowly, with texture, so that neighbouring blocks differ."""
    y, x = np.mgrid[:height, :width] / 16
    waves = np.stack([np.sin(y), np.cos(x + y), np.sin(x * 1.7 - y)], -1)
    noise = np.random.default_rng(0).normal(0, 20, waves.shape)
    return Image.fromarray(np.clip(127 + 90 * waves + noise, 0, 255).astype(np.uint8))


def encode(image: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", **{"quality": 90, **options})
    return file.getvalue()


def rows(data: bytes, stop: int, shrink: int = 1) -> np.ndarray:
    """Decodes the upper rows, in all their width."""
    header = jpeg.read_header(data)
    box, buffer = Crop(0, 0, stop, header.width), np.zeros(jpeg.buffer_bytes(header), np.uint8)
    pixels, top, left = jpeg.decode_box(data, header, box, shrink=shrink, buffer=buffer)
    assert (top, left) == (0, 0)
    return pixels


KINDS = {
    "chroma 4:2:0": {"subsampling": "4:2:0"},
    "chroma 4:2:2": {"subsampling": "4:2:2"},
    "chroma 4:4:4": {"subsampling": "4:4:4"},
    "progressive": {"progressive": True},
    "restart markers": {"restart_marker_rows": 1},
    "own tables": {"optimize": True},
}


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("shrink", [1, 2, 4, 8])
def test_the_upper_rows_are_those_of_the_whole_image(options, shrink):
    data = encode(scene(93, 70), **options)
    whole = simplejpeg.decode_jpeg(data, min_height=-(-93 // shrink), min_width=-(-70 // shrink))
    assert whole.shape == (-(-93 // shrink), -(-70 // shrink), 3)
    for stop in (1, 15, 16, 17, 32, 47, 90, 92, 93):
        upper = rows(data, stop, shrink)
        wanted = -(-stop // shrink)
        assert len(upper) >= wanted and upper.shape[1:] == whole.shape[1:]
        np.testing.assert_array_equal(upper[:wanted], whole[:wanted])


def test_rows_below_are_not_decoded():
    data = encode(scene(160, 32))
    assert len(rows(data, 16)) == 18
    header = jpeg.read_header(data)
    start = data.rfind(b"\xff\xda")
    junk = data[: start + 14 + (len(data) - start) // 2] + b"\0" * 200 + b"\xff\xd9"
    np.testing.assert_array_equal(rows(junk, 30)[:30], rows(data, 30)[:30])
    assert header.size_at == jpeg.read_header(junk).size_at > 0


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_blocks": 3}])
def test_images_whose_rows_are_not_in_one_piece_are_not_shortened(options):
    assert len(rows(encode(scene(64, 32), **options), 5)) == 64


def test_grey_becomes_three_channels():
    pixels = rows(encode(scene(20, 30).convert("L")), 20)
    assert pixels.shape == (20, 30, 3)
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


def test_the_header():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert jpeg.read_header(encode(scene(20, 30)))[:4] == (20, 30, 1, 3)
    assert jpeg.read_header(encode(scene(20, 30), exif=exif))[:4] == (20, 30, 6, 3)
    assert jpeg.read_header(encode(scene(20, 30).convert("L"))).components == 1
    assert jpeg.read_header(encode(scene(20, 30).convert("CMYK"))).components == 4


def test_damaged_tags_give_no_orientation():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(scene(20, 30), exif=exif)
    at = data.index(b"Exif\0\0") + 6
    assert jpeg.read_header(data[:at] + b"\xff" * 8 + data[at + 8 :]).orientation == 1


def test_incomplete_jpegs_have_no_header():
    data = encode(scene(64, 64))
    for other in (b"", b"\xff\xd8", data[:100], data[: len(data) // 2], data[:-2], b"\x89PNG\r\n\x1a\n" + data):
        assert jpeg.read_header(other) is None
    assert jpeg.read_header(data + b"appended by a camera") is not None
    # the end of a thumbnail is not that of the image
    thumbnail = data[:2] + b"\xff\xe2\0\x0cthumb\xff\xd9123" + data[2:]
    assert jpeg.read_header(thumbnail) is not None and jpeg.read_header(thumbnail[:-2]) is None


@pytest.mark.parametrize("stop", [40, 64])
def test_a_marker_among_the_rows_is_damage(stop):
    data = bytearray(encode(scene(64, 64)))
    middle = data.rfind(b"\xff\xda") + 200
    data[middle : middle + 2] = b"\xff\xd9"
    with pytest.raises(ValueError, match="premature end"):
        rows(bytes(data), stop)
