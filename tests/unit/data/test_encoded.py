"""Encoded images become rows of a batch that depend on their bytes and positions alone."""

import io
import threading

import cv2
import numpy as np
import pytest
from PIL import Image

from kgv_jax.data import decode, encoded
from kgv_jax.data.crop import CentreCrop, Crop, RandomCrop
from kgv_jax.data.encoded import CropReader
from kgv_jax.data.pipeline import Stream, make_pipeline
from kgv_jax.data.records import Cropped, Records
from kgv_jax.util.errors import UserError

WHOLE = CentreCrop(1)


def scene(height: int, width: int, seed: int = 0) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    return Image.fromarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def encode(image: Image.Image, kind: str = "JPEG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **{"quality": 95, **options})
    return file.getvalue()


IMAGES = [encode(scene(60 + 7 * i, 90 - 6 * i, seed=i)) for i in range(7)]
IMAGES += [encode(scene(50, 40, seed=8), "PNG"), encode(scene(64, 64, seed=9), progressive=True)]
POSITIONS = [100, 3, 7, 4, 90, 11, 12, 0, 5]


@pytest.mark.parametrize("threads", [2, 3, 16])
def test_threads_change_nothing(threads):
    crop = RandomCrop(0, "train")
    expected = CropReader(24, crop)(IMAGES, POSITIONS)
    read = CropReader(24, crop, threads=threads)
    for _ in range(2):  # the second time in scratch memory that other images were in
        np.testing.assert_array_equal(read(IMAGES, POSITIONS), expected)


def test_a_row_depends_on_its_bytes_and_position_alone():
    read = CropReader(24, RandomCrop(0, "train"), threads=2)
    batch = read(IMAGES, POSITIONS)
    order = np.random.default_rng(0).permutation(len(IMAGES))
    again = read([IMAGES[i] for i in order], np.array(POSITIONS)[order])
    np.testing.assert_array_equal(again, batch[order])
    for row in (0, 4, 7):
        np.testing.assert_array_equal(read([IMAGES[row]], [POSITIONS[row]])[0], batch[row])
    assert (read(IMAGES, np.array(POSITIONS) + 1) != batch).any()


def test_a_pipeline_reads_the_same_images_with_any_number_of_threads_and_processes():
    labels = np.arange(6, dtype=np.int32)
    names = np.array([b"%d" % k for k in labels])
    records = Records("train", tuple("abcdef"), labels, names, lambda rows: [IMAGES[row] for row in rows])

    def pipeline(threads=1, **options):
        read = CropReader(16, RandomCrop(3, "train"), threads=threads)
        rendered = np.zeros((2, 16, 16, 3), np.uint8)
        streams = [
            Stream("train", {"label": labels}, 4, Cropped(records, read)),
            Stream("rendered", {"image": rendered, "label": labels[:2]}, 2),
        ]
        return make_pipeline(streams, seed=3, **options)

    expected = [pipeline()[step] for step in range(4)]
    assert expected[0]["image"].shape == (6, 16, 16, 3) and expected[0]["image"].dtype == np.uint8
    for _, batch in pipeline(threads=2).iterate(2, 3, prefetch=2, threads=2):
        np.testing.assert_array_equal(batch["image"], expected[2]["image"])
    parts = [pipeline(process_index=p, process_count=2)[2]["image"][:2] for p in range(2)]
    np.testing.assert_array_equal(np.concatenate(parts), expected[2]["image"][:4])
    # the same image is cropped anew in the next epoch
    labels_seen = [batch["label"][:4].tolist() for batch in expected]
    first, later = labels_seen[0][0], labels_seen[1][2:] + labels_seen[2]
    row = 2 + later.index(first)
    assert (expected[1 + row // 4]["image"][row % 4] != expected[0]["image"][0]).any()


def test_the_crop_is_cut_resized_and_mirrored():
    image = scene(80, 100)
    data, whole = encode(image), np.asarray(image)
    for mirrored in (False, True):
        crop = Crop(10, 20, 40, 40, mirrored)
        pixels = CropReader(40, lambda *_, crop=crop: crop)([data], [0])[0]
        expected = whole[10:50, 20:60]
        assert np.abs(pixels - expected[:, :: -1 if mirrored else 1].astype(int)).mean() < 3
    np.testing.assert_array_equal(
        CropReader(40, lambda *_: Crop(10, 20, 40, 40, True))([data], [0])[0][:, ::-1],
        CropReader(40, lambda *_: Crop(10, 20, 40, 40))([data], [0])[0],
    )


@pytest.mark.parametrize("side", [100, 250, 900])
def test_large_images_are_decoded_small_and_show_the_same(side):
    image = scene(side, side + 37)
    crop = Crop(side // 7, side // 5, side // 2 + 9, side // 2)
    pixels = CropReader(24, lambda *_: crop)([encode(image)], [0])[0]
    shrink = next(k for k in (8, 4, 2, 1) if side // 2 >= 24 * k)
    top, left, height, width = (length // shrink * shrink for length in crop[:4])
    box = (left, top, left + width, top + height)
    expected = np.asarray(image.resize((24, 24), Image.Resampling.BILINEAR, box=box))
    assert np.abs(pixels - expected.astype(int)).mean() < 4


@pytest.mark.parametrize("size_px", [16, 48, 160])
def test_restart_markers_change_no_pixel(size_px):
    """The entropy code is another, its numbers are the same, and so are the pixels."""
    image, crop = scene(300, 400), RandomCrop(0, "train")
    plain, marked = encode(image), encode(image, restart_marker_blocks=5)
    read = CropReader(size_px, crop, threads=2)
    np.testing.assert_array_equal(read([marked] * 40, range(40)), read([plain] * 40, range(40)))


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("WEBP", {"lossless": True}), ("JPEG", {"progressive": True}), ("JPEG", {"subsampling": 0})],
)
def test_every_format_shows_the_same(kind, options):
    image = scene(48, 48)
    pixels = CropReader(48, WHOLE)([encode(image, kind, **options)], [0])[0]
    assert np.abs(pixels - np.asarray(image).astype(int)).mean() < 3


def test_grey_cmyk_and_transparent_images():
    image = scene(48, 48)
    grey = CropReader(48, WHOLE)([encode(image.convert("L"))], [0])[0]
    assert np.abs(grey - np.asarray(image.convert("L").convert("RGB")).astype(int)).mean() < 3
    cmyk = CropReader(48, WHOLE)([encode(image.convert("CMYK"))], [0])[0]
    assert np.abs(cmyk - np.asarray(image.convert("CMYK").convert("RGB")).astype(int)).mean() < 3
    clear = Image.new("RGBA", (48, 48), (255, 0, 0, 0))
    assert (CropReader(48, WHOLE)([encode(clear, "PNG")], [0]) == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_cropped_upright(orientation):
    """The crop is chosen on the upright image, whose sides are exchanged where it lay on its side."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    image, seen = scene(40, 60), []

    def crop(position, height, width):
        seen.append((height, width))
        return WHOLE(position, height, width)

    pixels = CropReader(40, crop)([encode(image, exif=exif)], [0])[0]
    upright = Image.open(io.BytesIO(encode(image, exif=exif)))
    upright = np.asarray(decode.ImageOps.exif_transpose(upright))
    assert seen == [upright.shape[:2]]
    top, left = (upright.shape[0] - 40) // 2, (upright.shape[1] - 40) // 2
    assert np.abs(pixels - upright[top : top + 40, left : left + 40].astype(int)).mean() < 3


JPEG = encode(scene(200, 200, seed=4))
DAMAGED = {
    "empty": (b"", "empty"),
    "cut in the header": (JPEG[:200], "truncated or damaged|not a PNG"),
    "cut in the middle": (JPEG[: len(JPEG) // 2], "truncated or damaged"),
    "a page": (b"<html>not found</html>", "not a PNG, JPEG, WebP or PPM"),
    "no image": (b"\0" * 64, "not a PNG, JPEG, WebP or PPM"),
    "a PNG cut short": (encode(scene(50, 50), "PNG")[:-40], "truncated or damaged"),
}


@pytest.mark.parametrize(("data", "message"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_image_is_named(data, message):
    read = CropReader(16, RandomCrop(0, "train"), threads=2)
    names = [f"shard-0, record {i}" for i in range(3)]
    with pytest.raises(UserError, match=f"^shard-0, record 1: .*({message}).*(it|convert|remove)"):
        read([IMAGES[0], data, IMAGES[1]], [0, 1, 2], names=names)
    with pytest.raises(UserError, match="the image at position 70"):
        read([data], [70])


def test_a_image_that_the_quick_decoder_refuses_is_left_to_the_other(monkeypatch):
    """Bytes before the end marker, as some cameras write: nothing is missing."""
    data = JPEG[:-2] + b"\0" * 9 + JPEG[-2:]
    calls = []
    monkeypatch.setattr(encoded, "decode_rgb", lambda *given: calls.append(given) or decode.decode_rgb(*given))
    assert np.abs(CropReader(200, WHOLE)([data], [0])[0] - np.asarray(scene(200, 200, seed=4)).astype(int)).mean() < 3
    assert len(calls) == 1


def test_a_image_of_too_many_pixels_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(encoded, "MAX_PIXELS", 30_000)
    monkeypatch.setattr(decode, "MAX_PIXELS", 30_000)
    with pytest.raises(UserError, match=r"a\.jpg: 200 x 200 is 0\.0 megapixels; the limit is"):
        CropReader(16, WHOLE)([JPEG], [0], names=["a.jpg"])


def test_the_batch_is_written_where_told():
    out = np.zeros((2, 16, 16, 3), np.uint8)
    read = CropReader(16, WHOLE)
    assert read(IMAGES[:2], [0, 1], out=out) is out and out.any()
    np.testing.assert_array_equal(out, read(IMAGES[:2], [0, 1]))
    for bad in (out[:1], out.astype(np.float32)):
        with pytest.raises(ValueError, match="out is"):
            read(IMAGES[:2], [0, 1], out=bad)
    with pytest.raises(ValueError, match="2 images, 3 positions"):
        read(IMAGES[:2], [0, 1, 2])
    assert read([], []).shape == (0, 16, 16, 3)


def test_numbers_out_of_range_are_named():
    with pytest.raises(UserError, match="size_px is 0 and threads 1"):
        CropReader(0, WHOLE)
    with pytest.raises(UserError, match="threads 0"):
        CropReader(16, WHOLE, threads=0)


def test_no_thread_outlives_a_batch():
    before = threading.active_count()
    CropReader(16, WHOLE, threads=3)(IMAGES, POSITIONS)
    assert threading.active_count() == before
