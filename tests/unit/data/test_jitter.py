"""Jitter moves and relights an image, by its own random numbers, and never mirrors it."""

import numpy as np

from kgv_jax.data.augment import make_augment
from kgv_jax.data.jitter import jitter


def _image() -> np.ndarray:
    image = np.full((32, 32, 3), 60, np.uint8)
    image[8:24, 4:14] = (220, 180, 40)
    return image


def test_no_strength_changes_nothing():
    np.testing.assert_array_equal(jitter(_image(), np.random.default_rng(0), 0.0), _image())


def test_left_stays_left_and_top_stays_top():
    image = np.full((32, 32, 3), 60, np.uint8)
    image[2:12, 2:12] = (220, 180, 40)
    for seed in range(200):
        shown = jitter(image, np.random.default_rng(seed), 1.0).astype(np.float64).mean(-1)
        assert shown[:, :16].mean() > shown[:, 16:].mean(), seed
        assert shown[:16].mean() > shown[16:].mean(), seed


def test_images_differ_by_more_with_strength():
    def change(strength: float) -> float:
        shown = [jitter(_image(), np.random.default_rng(seed), strength) for seed in range(20)]
        return float(np.abs(np.stack(shown).astype(float) - _image()).mean())

    assert 0 < change(0.3) < change(1.0) < change(2.0)


def test_rows_of_every_stream_are_jittered_by_their_position():
    augment = make_augment(seed=1, jitter=1.0)
    images = np.stack([_image()] * 4)
    part = {"image": images, "label": np.zeros(4, np.int32), "mask_ids": np.zeros((4, 1), np.int32)}
    positions = np.arange(10, 14)
    shown = augment(part, stream="compositions", positions=positions)["image"]
    assert len({row.tobytes() for row in shown}) == 4, "each row in its own way"
    later = augment({key: rows[2:] for key, rows in part.items()}, stream="compositions", positions=positions[2:])
    np.testing.assert_array_equal(later["image"], shown[2:])
    other = augment(part, stream="train", positions=positions)["image"]
    assert not np.array_equal(other, shown)
