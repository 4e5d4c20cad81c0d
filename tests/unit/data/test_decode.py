"""Every image that a user may have is decoded, or named in a clear error."""

import base64
import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from kgv_jax.data import decode as module
from kgv_jax.data.decode import decode, decode_box, image_size
from kgv_jax.util.errors import UserError

RED = (255, 0, 0)


def svg(body: str, size: str = 'width="10" height="10"', head: str = "") -> str:
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f"{head}<svg {names} {size}>{body}</svg>"


def png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that declares any size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.JPG", "a.ppm"])
def test_aspect_is_kept_and_the_rest_transparent(tmp_path, name):
    Image.new("RGB", (40, 20), RED).save(tmp_path / name)
    pixels = decode(tmp_path / name, 16)
    assert pixels.shape == (16, 16, 4) and pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels[[0, 3, 12, 15], :, 3], 0)
    np.testing.assert_allclose(pixels[4:12], np.broadcast_to((*RED, 255), (8, 16, 4)), atol=3)


def test_transparent_pixels_do_not_bleed_into_the_colour(tmp_path):
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[16:48, 16:48] = (*RED, 255)  # around it: transparent black
    Image.fromarray(pixels).save(tmp_path / "a.png")
    small = decode(tmp_path / "a.png", 10)
    np.testing.assert_allclose(small[small[..., 3] > 30][:, :3], [RED] * (small[..., 3] > 30).sum(), atol=6)


def test_exif_orientation_is_honoured(tmp_path):
    image = Image.new("RGB", (32, 32), (0, 0, 255))
    image.paste(RED, (0, 0, 32, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise: the top is on the right
    image.save(tmp_path / "a.jpg", exif=exif, quality=95)
    pixels = decode(tmp_path / "a.jpg", 8)
    assert pixels[4, 7, 0] > 200 and pixels[4, 0, 2] > 200


def test_cmyk(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    np.testing.assert_allclose(decode(tmp_path / "a.jpg", 8)[4, 4], (*RED, 255), atol=4)


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path):
    wide = np.array([[0, 257 * 100], [257 * 200, 65535]], np.uint16)
    Image.fromarray(wide).save(tmp_path / "a.png")
    np.testing.assert_array_equal(decode(tmp_path / "a.png", 2)[..., 0], [[0, 100], [200, 255]])
    np.testing.assert_array_equal(decode(tmp_path / "a.png", 2)[..., 3], 255)


def test_sixteen_bit_colour(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((2, 2, 3), (257 * 10, 257 * 100, 257 * 200), np.uint16))
    np.testing.assert_array_equal(decode(tmp_path / "a.png", 2)[0, 0], (200, 100, 10, 255))


def test_palette_with_alpha(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, 0, 255, 0])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png", transparency=bytes([0, 128]))
    pixels = decode(tmp_path / "a.png", 2)[0]
    assert pixels[0, 3] == 0
    np.testing.assert_array_equal(pixels[1], (0, 255, 0, 128))


def test_one_pixel(tmp_path):
    Image.new("RGB", (1, 1), RED).save(tmp_path / "a.png")
    np.testing.assert_array_equal(decode(tmp_path / "a.png", 5), np.broadcast_to((*RED, 255), (5, 5, 4)))


def test_a_line_of_pixels(tmp_path):
    Image.new("RGB", (3000, 1), RED).save(tmp_path / "a.png")
    assert (decode(tmp_path / "a.png", 8)[..., 3] > 0).any(1).sum() == 1


@pytest.mark.parametrize("name", ["a.webp", "a.png"])
def test_animation_gives_its_first_frame(tmp_path, name):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, (0, 0, 255))]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=50)
    np.testing.assert_allclose(decode(tmp_path / name, 8)[4, 4], (*RED, 255), atol=6)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.svg"])
def test_zero_bytes(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match=rf"{name}: the file is empty \(0 bytes\)"):
        decode(tmp_path / name, 8)


@pytest.mark.parametrize("page", [b"<html><p>404", b"\n<!DOCTYPE HTML><svg/>", b"\xef\xbb\xbf<head>"])
def test_html_named_jpg(tmp_path, page):
    (tmp_path / "a.jpg").write_bytes(page)
    with pytest.raises(UserError, match=r"a\.jpg: this is an HTML page"):
        decode(tmp_path / "a.jpg", 8)


def test_any_other_file(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"%PDF-1.7 more")
    with pytest.raises(UserError, match=r"a\.jpg: not a PNG, JPEG, WebP or PPM image .*%PDF"):
        decode(tmp_path / "a.jpg", 8)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.ppm"])
@pytest.mark.parametrize("call", [lambda path: decode(path, 32), module.check])
def test_truncated(tmp_path, name, call):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "ppm": "PPM"}[name[2:]])
    data = buffer.getvalue()
    (tmp_path / name).write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(UserError, match=name.replace(".", r"\.")):
        call(tmp_path / name)


@pytest.mark.parametrize("size", [(7072, 7072), (60_000, 60_000), (10_000, 10_000)])
def test_size_is_checked_before_pixels_are_decoded(tmp_path, size):
    (tmp_path / "a.png").write_bytes(png_header(*size))
    with pytest.raises(UserError, match=r"the limit is 50 megapixels"):
        decode(tmp_path / "a.png", 8)


def test_just_below_the_limit_is_decoded(tmp_path):
    (tmp_path / "a.png").write_bytes(png_header(7071, 7071))
    with pytest.raises(UserError, match="truncated or damaged"):  # no pixels in this one
        decode(tmp_path / "a.png", 8)


def test_missing(tmp_path):
    with pytest.raises(UserError, match=r"none\.png: cannot be read \(No such file"):
        decode(tmp_path / "none.png", 8)


def test_svg_keeps_aspect_and_alpha(tmp_path):
    (tmp_path / "a.svg").write_text(
        svg('<rect width="40" height="20" fill="red" fill-opacity="0.5"/>', 'width="40" height="20"')
    )
    pixels = decode(tmp_path / "a.svg", 16)
    np.testing.assert_array_equal(pixels[..., 3].any(1), [*[False] * 4, *[True] * 8, *[False] * 4])
    np.testing.assert_array_equal(pixels[8, 8], (*RED, 128))


@pytest.mark.parametrize("size", ["1000000", "1e30", "0.001"])
def test_svg_of_extreme_size(tmp_path, size):
    (tmp_path / "a.svg").write_text(
        svg('<rect width="10" height="10" fill="red"/>', f'width="{size}" height="{size}" viewBox="0 0 10 10"')
    )
    np.testing.assert_array_equal(decode(tmp_path / "a.svg", 8)[4, 4], (*RED, 255))


def test_svg_taller_than_any_memory(tmp_path):
    (tmp_path / "a.svg").write_text(svg('<rect width="1" height="9" fill="red"/>', 'width="1" height="1e9"'))
    assert decode(tmp_path / "a.svg", 8).shape == (8, 8, 4)


def external_references(target) -> dict[str, str]:
    nested = base64.b64encode(svg(f'<image href="{target}" width="10" height="10"/>').encode()).decode()
    return {
        "path": svg(f'<image href="{target}" width="10" height="10"/>'),
        "xlink": svg(f'<image xlink:href="{target}" width="10" height="10"/>'),
        "relative": svg('<image xlink:href="secret.png" width="10" height="10"/>'),
        "url": svg(f'<image href="file://{target}" width="10" height="10"/>'),
        "entity": svg('<image href="&x;" width="10" height="10"/>', head=f'<!DOCTYPE svg [<!ENTITY x "{target}">]>'),
        "filter": svg(
            f'<filter id="f"><feImage href="{target}"/></filter>'
            '<rect width="10" height="10" fill-opacity="0" filter="url(#f)"/>'
        ),
        "nested": svg(f'<image href="data:image/svg+xml;base64,{nested}" width="10" height="10"/>'),
    }


@pytest.mark.parametrize("kind", external_references(""))
def test_svg_reads_no_other_file(tmp_path, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (10, 10), (0, 255, 0)).save(tmp_path / "secret.png")
    (tmp_path / "a.svg").write_text(external_references(tmp_path / "secret.png")[kind])
    assert not decode(tmp_path / "a.svg", 8).any()


def test_svg_entity_does_not_read_a_file(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    head = f'<!DOCTYPE svg [<!ENTITY x SYSTEM "file://{tmp_path}/secret.txt">]>'
    (tmp_path / "a.svg").write_text(svg("<text>&x;</text>", head=head))
    with pytest.raises(UserError, match="not well-formed"):
        decode(tmp_path / "a.svg", 8)


def test_svg_keeps_fragments_and_embedded_images(tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), RED).save(buffer, "PNG")
    embedded = base64.b64encode(buffer.getvalue()).decode()
    (tmp_path / "a.svg").write_text(
        svg(
            f'<defs><image id="i" width="5" height="10" href="data:image/png;base64,{embedded}"'
            ' preserveAspectRatio="none"/></defs><use xlink:href="#i"/><use href="#i" x="5"/>'
        )
    )
    np.testing.assert_array_equal(decode(tmp_path / "a.svg", 8)[4, [1, 6]], [(*RED, 255)] * 2)


def test_svg_in_another_encoding(tmp_path):
    (tmp_path / "a.svg").write_bytes(
        ('<?xml version="1.0" encoding="iso-8859-1"?>' + svg('<title>é</title><rect width="9" height="9"/>')).encode(
            "latin-1"
        )
    )
    assert decode(tmp_path / "a.svg", 8)[2, 2, 3] == 255


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<svg", "not well-formed SVG"),
        ("<a/>", "the root element is <a>"),
        (svg("", 'width="0" height="0"'), "cannot be rendered"),
        ("a sign", "not well-formed SVG"),
    ],
)
def test_bad_svg(tmp_path, text, message):
    (tmp_path / "a.svg").write_text(text)
    with pytest.raises(UserError, match=rf"a\.svg: .*{message}"):
        decode(tmp_path / "a.svg", 8)


def test_svg_bomb(tmp_path):
    entities = '<!ENTITY a "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    (tmp_path / "a.svg").write_text(svg("<text>&i;</text>", head=f"<!DOCTYPE svg [{entities}]>"))
    with pytest.raises(UserError, match="not well-formed"):
        decode(tmp_path / "a.svg", 8)


def test_svg_too_many_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_SVG_BYTES", 100)
    (tmp_path / "a.svg").write_text(svg("<g/>" * 100))
    with pytest.raises(UserError, match="of SVG; the limit is"):
        decode(tmp_path / "a.svg", 8)


@pytest.fixture
def halves(tmp_path):
    """An image 40 x 20: its columns 10 to 20 are red, the others blue."""
    image = Image.new("RGB", (40, 20), (0, 0, 255))
    image.paste(RED, (10, 0, 20, 20))
    image.save(tmp_path / "a.ppm")
    return tmp_path / "a.ppm"


def test_a_box_is_the_whole_square(halves):
    pixels = decode_box(halves, (10, 5, 20, 15), 10)
    np.testing.assert_array_equal(pixels, np.broadcast_to((*RED, 255), (10, 10, 4)))


def test_a_margin_shows_what_is_around_the_box(halves):
    pixels = decode_box(halves, (10, 5, 20, 15), 20, margin=0.5)  # columns 5 to 25
    np.testing.assert_array_equal(pixels[:, 10], np.broadcast_to((*RED, 255), (20, 4)))
    np.testing.assert_array_equal(pixels[:, [0, 19], 2], 255)


def test_the_shorter_side_of_a_box_grows(halves):
    pixels = decode_box(halves, (12, 5, 14, 15), 10)  # columns 8 to 18
    assert pixels[5, 0, 2] == 255 and pixels[5, 9, 0] == 255


@pytest.mark.parametrize("box", [(-5, -5, 10, 10), (0, 0, 10, 10)])
def test_a_box_that_overhangs_is_cut(halves, box):
    np.testing.assert_array_equal(decode_box(halves, box, 10)[..., 2], 255)


def test_a_square_at_the_edge_is_moved_inside(halves):
    pixels = decode_box(halves, (0, 5, 2, 15), 10)  # columns 0 to 10, not -4 to 6
    np.testing.assert_array_equal(pixels[..., 2], 255)


def test_a_square_larger_than_the_image_is_all_of_it(halves):
    pixels = decode_box(halves, (0, 0, 40, 20), 8)
    assert pixels.shape == (8, 8, 4) and pixels[4, 2, 0] > 200 and pixels[4, 7, 2] == 255


@pytest.mark.parametrize("box", [(50, 0, 60, 10), (0, 0, 0, 10), (10, 12, 20, 3)])
def test_a_box_without_a_pixel_is_reported(halves, box):
    with pytest.raises(UserError, match=r"a\.ppm: the box .* has no pixel of the image, which is 40 x 20"):
        decode_box(halves, box, 8)


def test_a_damaged_image_with_a_box_is_reported(halves):
    halves.write_bytes(halves.read_bytes()[:100])
    with pytest.raises(UserError, match=r"a\.ppm: the PPM data cannot be decoded"):
        decode_box(halves, (0, 0, 8, 8), 8)


def test_the_size_of_an_image_is_read_from_its_header(tmp_path):
    sideways = Image.new("RGB", (30, 20))
    exif = sideways.getexif()
    exif[0x0112] = 6
    sideways.save(tmp_path / "sideways.jpg", exif=exif)
    sideways.save(tmp_path / "upright.ppm")
    assert image_size(tmp_path / "upright.ppm") == (30, 20)
    assert image_size(tmp_path / "sideways.jpg") == (20, 30), "as it is decoded"
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "page.png").write_bytes(b"<html>not found</html>")
    for name, reported in (("empty.png", "is empty"), ("page.png", "HTML page"), ("none.png", "cannot be read")):
        with pytest.raises(UserError, match=reported):
            image_size(tmp_path / name)
