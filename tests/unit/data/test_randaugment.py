"""Each operation against Pillow's of the same name, or against its published range."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from kgv_jax.data.randaugment import OPERATIONS, randaugment

WITHOUT_MAGNITUDE = ("autocontrast", "equalize")
GEOMETRIC = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")


def source_image(seed=0, height=40, width=56):
    """A smooth image of all levels from 20 to 230, so that interpolation and histograms both have work."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(20, 230, (7, 9, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def pillow(name, image, strength):
    image, factor = Image.fromarray(image), 1 + 0.9 * strength
    return np.asarray(
        {
            "autocontrast": lambda: ImageOps.autocontrast(image),
            "equalize": lambda: ImageOps.equalize(image),
            "posterize": lambda: ImageOps.posterize(image, 8 - int(4 * abs(strength))),
            "solarize": lambda: ImageOps.solarize(image, 256 - int(256 * abs(strength))),
            "brightness": lambda: ImageEnhance.Brightness(image).enhance(factor),
            "contrast": lambda: ImageEnhance.Contrast(image).enhance(factor),
            "colour": lambda: ImageEnhance.Color(image).enhance(factor),
            "sharpness": lambda: ImageEnhance.Sharpness(image).enhance(factor),
        }[name]()
    )


def difference(a, b):
    return np.abs(a.astype(int) - b.astype(int))


def test_the_papers_fourteen():
    assert len(OPERATIONS) == 14


@pytest.mark.parametrize("strength", [-1.0, -0.5, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in (*GEOMETRIC, "identity")])
def test_colours_as_pillow_does_them(name, strength):
    for seed in range(3):
        found, expected = (f(source_image(seed), strength) for f in (OPERATIONS[name], lambda *a: pillow(name, *a)))
        # Pillow rounds the blended image down, and the image it blends with before that.
        assert difference(found, expected).max() <= (0 if name in ("equalize", "posterize", "solarize") else 2)


@pytest.mark.parametrize("name", OPERATIONS)
def test_magnitude_zero_does_nothing(name):
    if name not in WITHOUT_MAGNITUDE:
        np.testing.assert_array_equal(OPERATIONS[name](source_image(), 0.0), source_image())


@pytest.mark.parametrize("name", OPERATIONS)
def test_more_magnitude_changes_more(name):
    # The pixels that a geometric operation uncovers are visible on white.
    image = np.full((40, 40, 3), 255, np.uint8) if name in GEOMETRIC else source_image()
    changes = [difference(OPERATIONS[name](image, strength), image).mean() for strength in (0.3, 0.9)]
    if name in (*WITHOUT_MAGNITUDE, "identity"):
        assert changes[0] == changes[1]
    else:
        assert 0 < changes[0] < changes[1]


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("strength", [-0.9, 0.9])
def test_shape_type_and_input(name, strength):
    image = source_image()
    image.setflags(write=False)
    found = OPERATIONS[name](image, strength)
    assert found.shape == image.shape and found.dtype == np.uint8
    np.testing.assert_array_equal(image, source_image())


@pytest.mark.parametrize("name", GEOMETRIC)
def test_uncovered_pixels_are_grey(name):
    white = np.full((40, 40, 3), 255, np.uint8)
    moved = OPERATIONS[name](white, 1.0)
    assert (moved == 128).all(-1).any() and (moved == 255).all(-1).any()
    assert (moved.min(-1) >= 128).all()


@pytest.mark.parametrize(("name", "axis"), [("translate_x", 1), ("translate_y", 0)])
def test_translation_is_a_share_of_the_side(name, axis):
    image = source_image(height=40, width=40)
    np.testing.assert_array_equal(OPERATIONS[name](image, 1.0).take(range(22), axis), image.take(range(18, 40), axis))


def test_rotation_is_up_to_thirty_degrees_about_the_centre():
    image = source_image(height=41, width=41)
    thrice = OPERATIONS["rotate"](OPERATIONS["rotate"](OPERATIONS["rotate"](image, 1.0), 1.0), 1.0)
    inner = slice(12, 29)
    assert difference(thrice, np.rot90(image))[inner, inner].mean() < 6
    np.testing.assert_array_equal(OPERATIONS["rotate"](image, 0.7)[20, 20], image[20, 20])


@pytest.mark.parametrize(("name", "axis"), [("shear_x", 1), ("shear_y", 0)])
def test_shear_moves_a_line_by_its_distance_from_the_centre(name, axis):
    image = np.zeros((41, 41, 3), np.uint8)
    image[(slice(None), 20) if axis == 1 else (20, slice(None))] = 255
    sheared = OPERATIONS[name](image, 1.0)[..., 0].astype(float)
    sheared = (sheared if axis == 1 else sheared.T)[:, 8:33]  # clear of the grey corners
    centres = (sheared * np.arange(8, 33)).sum(1) / sheared.sum(1)
    np.testing.assert_allclose(centres, 20 - 0.3 * (np.arange(41) - 20), atol=0.05)


@pytest.mark.parametrize("name", OPERATIONS)
def test_nothing_is_mirrored(name):
    """A dark left half stays darker than the right one, or becomes brighter at every position (solarize)."""
    image = np.full((32, 32, 3), 40, np.uint8)
    image[:, 16:] = 200
    for strength in (-0.6, 0.6):
        left, right = OPERATIONS[name](image, strength)[12:20].astype(float).reshape(8, 2, 16, 3).mean((0, 2, 3))
        assert left < right or name == "solarize"


@pytest.mark.parametrize("level", [0, 77, 255])
def test_one_flat_colour(level):
    flat = np.full((8, 8, 3), level, np.uint8)
    for name in WITHOUT_MAGNITUDE:
        np.testing.assert_array_equal(OPERATIONS[name](flat, 0.9), flat)


def test_the_same_generator_gives_the_same_image():
    first, again = (randaugment(source_image(), np.random.default_rng(3), ops=2, magnitude=9) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_every_operation_is_chosen(monkeypatch):
    chosen = []

    def spy(name):
        return lambda image, strength: (chosen.append((name, strength)), image)[1]

    spies = {name: spy(name) for name in OPERATIONS}
    monkeypatch.setattr("kgv_jax.data.randaugment.OPERATIONS", spies)
    rng = np.random.default_rng(0)
    for _ in range(700):
        randaugment(source_image(), rng, ops=2, magnitude=5)
    counts = {name: sum(other == name for other, _ in chosen) for name in OPERATIONS}
    assert len(chosen) == 1400 and min(counts.values()) > 60 and max(counts.values()) < 140
    assert {strength for _, strength in chosen} == {-0.5, 0.5}


def test_no_operation_at_all():
    np.testing.assert_array_equal(
        randaugment(source_image(), np.random.default_rng(0), ops=0, magnitude=9), source_image()
    )
