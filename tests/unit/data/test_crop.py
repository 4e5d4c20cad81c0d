"""Crops: their distribution, their fall-back, and that only (seed, stream, position) decides them."""

import dataclasses

import numpy as np
import pytest

from kgv_jax.data.crop import CentreCrop, Crop, RandomCrop
from kgv_jax.util.errors import UserError

HEIGHT, WIDTH = 375, 500


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    crop = RandomCrop(0, "train")
    return np.array([crop(position, HEIGHT, WIDTH) for position in range(4000)], float)


def test_every_crop_lies_in_the_image(crops):
    top, left, height, width = crops[:, :4].T
    assert (top >= 0).all() and (left >= 0).all() and (height > 0).all() and (width > 0).all()
    assert (top + height <= HEIGHT).all() and (left + width <= WIDTH).all()
    assert ((top == 0).any(), (left == 0).any()) == (True, True)
    assert (top + height == HEIGHT).any() and (left + width == WIDTH).any()


def test_area_and_aspect_have_the_stated_distributions(crops):
    """Large areas of extreme aspect do not fit and are sampled again, so both are uniform only where all fit."""
    height, width = crops[:, 2:4].T
    area, shape = height * width / (HEIGHT * WIDTH), np.log(width / height)
    assert area.min() > 0.078 and area.max() <= 1 and shape.min() > -0.3 and shape.max() < 0.3
    fits = area < 0.5
    share, _ = np.histogram(area[fits], 4, (0.08, 0.5))
    np.testing.assert_allclose(share / fits.sum(), 0.25, atol=0.035)
    share, _ = np.histogram(shape[fits], 4, (np.log(3 / 4), np.log(4 / 3)))
    np.testing.assert_allclose(share / fits.sum(), 0.25, atol=0.035)


def test_positions_and_mirrors_are_uniform(crops):
    top, left, height, width, mirrored = crops.T
    assert abs(mirrored.mean() - 0.5) < 0.03
    positions = ((top + 0.5) / (HEIGHT - height + 1), (left + 0.5) / (WIDTH - width + 1))
    np.testing.assert_allclose(np.mean(positions, 1), 0.5, atol=0.02)
    assert abs(np.corrcoef(mirrored, left)[0, 1]) < 0.05


def test_seed_stream_and_position_each_change_the_crop():
    crop = RandomCrop(1, "train")
    assert crop(7, HEIGHT, WIDTH) == RandomCrop(1, "train")(7, HEIGHT, WIDTH)
    others = [
        crop(8, HEIGHT, WIDTH),
        RandomCrop(2, "train")(7, HEIGHT, WIDTH),
        RandomCrop(1, "other")(7, HEIGHT, WIDTH),
    ]
    assert len({crop(7, HEIGHT, WIDTH), *others}) == 4


def test_numpy_integers_are_integers():
    assert RandomCrop(np.int64(3), "a")(np.int64(5), 90, 80) == RandomCrop(3, "a")(5, 90, 80)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (100, 1000, (0, 433, 100, 133)),
        (1000, 100, (433, 0, 133, 100)),
        (100, 100, (0, 0, 100, 100)),
        (1, 1, (0, 0, 1, 1)),
    ],
)
def test_an_image_that_no_crop_fits_gives_its_centre(height, width, expected):
    crop = RandomCrop(0, "train", scale=(1, 1), ratio=(3 / 4, 4 / 3), mirror=0)
    if height == width:  # the whole image is one of the crops
        crop = dataclasses.replace(crop, ratio=(1, 1))
    assert crop(0, height, width) == Crop(*expected)


def test_the_fall_back_is_mirrored_as_often():
    crop = RandomCrop(0, "train", scale=(1, 1))
    assert {crop(position, 10, 1000).mirrored for position in range(20)} == {False, True}


def test_the_central_square():
    assert CentreCrop()(3, 300, 256) == Crop(38, 16, 224, 224)
    assert CentreCrop(1)(3, 1, 5) == Crop(0, 2, 1, 1)


@pytest.mark.parametrize(
    "options",
    [
        {"scale": (0, 1)},
        {"scale": (0.5, 0.1)},
        {"scale": (0.5, 2)},
        {"ratio": (0, 1)},
        {"ratio": (2, 1)},
        {"mirror": 1.5},
    ],
)
def test_a_range_out_of_bounds_is_named(options):
    name, value = next(iter(options.items()))
    with pytest.raises(UserError, match=f"crop.{name} is") as error:
        RandomCrop(0, "train", **options)
    assert str(value) in str(error.value)
    with pytest.raises(UserError, match=r"crop\.share is 0"):
        CentreCrop(0)
