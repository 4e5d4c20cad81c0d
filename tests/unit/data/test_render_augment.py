"""Photographs: seeded, unmirrored, as large as asked, different every time."""

import dataclasses

import cv2
import numpy as np
import pytest

from kgv_jax.data.render_augment import RenderAugmentation, background, object_box, render_view, view_rng
from kgv_jax.util.errors import UserError

STILL = RenderAugmentation(
    scale=(0.75, 0.75), shift=0, rotation_deg=0, tilt_deg=0, clutter=0, blur_px=(0, 0), motion_px=(0, 0),
    exposure=(0, 0), gamma=0, shade=0, cast=0, saturation=(1, 1), noise=(0, 0), jpeg_quality=(100, 100),
)  # fmt: skip


def half_and_half(size: int = 60, margin: int = 0) -> np.ndarray:
    """Left half red, right half blue, on a transparent margin."""
    pixels = np.zeros((size, size, 4), np.uint8)
    pixels[margin : size - margin, margin : size // 2] = (255, 0, 0, 255)
    pixels[margin : size - margin, size // 2 : size - margin] = (0, 0, 255, 255)
    return pixels


def shoot(pixels, render_augmentation, size_px=40, k=0):
    return render_view(pixels, size_px, view_rng(0, "test", "a/b/c", k), render_augmentation)


def red(photo):
    return (photo[..., 0].astype(int) - photo[..., 2] > 120) & (photo[..., 1] < 100)


@pytest.mark.parametrize("size_px", [1, 7, 32, 48, 224])
def test_size_and_type(size_px):
    photo = shoot(half_and_half(), RenderAugmentation(), size_px)
    assert photo.shape == (size_px, size_px, 3) and photo.dtype == np.uint8


def test_same_key_same_pixels():
    np.testing.assert_array_equal(
        shoot(half_and_half(), RenderAugmentation()), shoot(half_and_half(), RenderAugmentation())
    )


def test_the_drawing_is_left_alone():
    pixels = half_and_half()
    pixels.flags.writeable = False
    shoot(pixels, RenderAugmentation())


def test_each_part_of_the_key_matters():
    keys = [(0, "a", "b", 0), (1, "a", "b", 0), (0, "c", "b", 0), (0, "a", "c", 0), (0, "a", "b", 1)]
    assert len({view_rng(*key).integers(2**62) for key in keys}) == len(keys)


@pytest.mark.parametrize("margin", [0, 10])
def test_the_sign_fills_its_fraction_of_the_frame_whatever_its_margin(margin):
    photo = shoot(half_and_half(60, margin), STILL)
    assert abs(red(photo).any(1).sum() - 30) <= 2
    assert abs(red(photo).any(0).sum() - 15) <= 2


@pytest.mark.parametrize("margin", [0, 10])
def test_the_box_is_where_the_drawing_is(margin):
    """Every pose, on a camera that only moves: the box is that of the pixels that are not background."""
    pixels = half_and_half(60, margin)
    pixels[..., :3] = (255, 0, 0)
    moving = dataclasses.replace(STILL, shift=0.1, rotation_deg=20, tilt_deg=30, scale=(0.4, 0.7))
    boxes = set()
    for k in range(20):
        rows, columns = np.nonzero(red(shoot(pixels, moving, 80, k)))
        seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        found = object_box(pixels, 80, view_rng(0, "test", "a/b/c", k), moving)
        assert np.abs(np.subtract(found, seen)).max() <= 1, (k, found, seen)
        boxes.add(found)
    assert len(boxes) == 20


def test_a_transparent_drawing_has_an_empty_box():
    assert object_box(np.zeros((60, 60, 4), np.uint8), 32, view_rng(0, "a", "b", 0), RenderAugmentation()) == (
        0,
        0,
        0,
        0,
    )


def test_colours_survive_a_still_camera():
    photo = shoot(half_and_half(), STILL)
    np.testing.assert_allclose(photo[20, 10], (255, 0, 0), atol=12)
    np.testing.assert_allclose(photo[20, 30], (0, 0, 255), atol=12)


def test_never_mirrored():
    for k in range(50):
        photo = shoot(half_and_half(), dataclasses.replace(RenderAugmentation(), exposure=(0, 0)), k=k).astype(int)
        columns = np.arange(40)
        redness, blueness = (np.clip(photo[..., a] - photo[..., b], 0, None).sum(0) for a, b in ((0, 2), (2, 0)))
        assert (columns @ redness) / redness.sum() < (columns @ blueness) / blueness.sum()


def test_rotation_of_the_plane_turns_by_the_angle():
    turned = dataclasses.replace(STILL, rotation_deg=40)
    angles = []
    for k in range(30):
        rows, columns = np.nonzero(red(shoot(half_and_half(), turned, 80, k)))
        angles.append(np.rad2deg(np.arctan2(40 - rows.mean(), 40 - columns.mean())))
    assert -41 < min(angles) < -25 and 25 < max(angles) < 41


def test_tilt_makes_edges_converge():
    heights = []
    for k in range(30):
        photo = red(shoot(half_and_half(), dataclasses.replace(STILL, tilt_deg=45), 80, k))
        columns = np.nonzero(photo.any(0))[0]
        heights.append(photo[:, columns[3]].sum() - photo[:, columns[-4]].sum())
    assert min(heights) < -2 and max(heights) > 2


def test_shift_moves_the_sign():
    photo = [red(shoot(half_and_half(), dataclasses.replace(STILL, shift=0.1), k=k)) for k in range(20)]
    assert np.ptp([np.nonzero(mask)[1].mean() for mask in photo]) > 3


@pytest.mark.parametrize(
    "change",
    [
        {"blur_px": (1, 1)}, {"motion_px": (4, 4)}, {"exposure": (0.5, 0.5)}, {"gamma": 0.5}, {"shade": 0.5},
        {"cast": 0.3}, {"saturation": (0.3, 0.3)}, {"noise": (0.1, 0.1)}, {"jpeg_quality": (5, 5)},
        {"clutter": 0.3}, {"tilt_deg": 20}, {"rotation_deg": 20}, {"scale": (0.5, 0.5)}, {"shift": 0.1},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_every_entry_does_something(change):
    pixels = np.clip(half_and_half(), 60, 200)
    still, changed = (
        shoot(pixels, render_augmentation) for render_augmentation in (STILL, dataclasses.replace(STILL, **change))
    )
    assert np.abs(still.astype(int) - changed).max() > 10


def test_blur_spares_brightness():
    pixels = half_and_half()
    sharp, soft = (shoot(pixels, dataclasses.replace(STILL, blur_px=(s, s))).astype(float) for s in (0, 1.5))
    assert np.abs(np.diff(soft, axis=1)).max() < 0.7 * np.abs(np.diff(sharp, axis=1)).max()
    np.testing.assert_allclose(sharp.mean((0, 1)), soft.mean((0, 1)), atol=3)


def test_backgrounds_never_repeat():
    scenes = [background(32, view_rng(0, "scene", "x", k), 0.25) for k in range(40)]
    assert all(0 <= scene.min() and scene.max() <= 1 and scene.std() > 0.01 for scene in scenes)
    assert len({scene.tobytes() for scene in scenes}) == 40
    means = np.stack([scene.mean((0, 1)) for scene in scenes])
    assert (means.std(0) > 0.1).all()


def test_a_transparent_drawing_gives_a_background():
    assert shoot(np.zeros((60, 60, 4), np.uint8), RenderAugmentation()).std() > 1


def test_thread_count_of_opencv_does_not_matter():
    before = cv2.getNumThreads()
    try:
        photos = []
        for threads in (1, 4):
            cv2.setNumThreads(threads)
            photos.append(shoot(half_and_half(), RenderAugmentation(), 224))
    finally:
        cv2.setNumThreads(before)
    np.testing.assert_array_equal(*photos)


def test_values_of_a_config_are_taken():
    render_augmentation = RenderAugmentation(scale=[0.5, 1], tilt_deg=5)
    assert render_augmentation.scale == (0.5, 1.0) and render_augmentation == RenderAugmentation(
        scale=(0.5, 1.0), tilt_deg=5.0
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": (0.9, 0.6)}, {"scale": 0.9}, {"scale": (0.1, 0.2, 0.3)}, {"jpeg_quality": (0, 50)},
        {"tilt_deg": 90}, {"noise": (-0.1, 0.1)}, {"cast": float("nan")}, {"blur_px": (0, float("nan"))},
        {"shift": "far"},
    ],
    ids=str,
)  # fmt: skip
def test_values_out_of_range_are_named(wrong):
    with pytest.raises(UserError, match=f"render augmentation.{next(iter(wrong))} is .*expected"):
        RenderAugmentation(**wrong)
