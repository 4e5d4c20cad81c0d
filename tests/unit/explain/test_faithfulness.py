"""Deletion and insertion on an image of four blocks, worked out by hand."""

import numpy as np
import pytest

from kgv_jax.explain.faithfulness import area, blurred, deletion_and_insertion, importance_ranks, replaced


def test_ranks_begin_with_the_most_important_position():
    np.testing.assert_array_equal(importance_ranks(np.array([[0.1, 3.0], [2.0, 0.0]])), [[2, 0], [1, 3]])


def test_equal_positions_have_one_order_that_is_not_row_by_row():
    ranks = importance_ranks(np.zeros((8, 8)))
    np.testing.assert_array_equal(ranks, importance_ranks(np.zeros((8, 8))))
    assert sorted(ranks.ravel()) == list(range(64))
    assert abs(ranks[:4].mean() - ranks[4:].mean()) < 16  # half of 32, the difference of ranks row by row


def test_pixels_are_replaced_by_rank():
    image, other = np.full((2, 2, 3), 9, np.uint8), np.zeros((2, 2, 3), np.uint8)
    ranks = np.array([[2, 0], [1, 3]])
    steps = replaced(image, other, ranks, steps=4)[..., 0]
    np.testing.assert_array_equal(steps[0], [[9, 9], [9, 9]])
    np.testing.assert_array_equal(steps[1], [[9, 0], [9, 9]])
    np.testing.assert_array_equal(steps[3], [[0, 0], [0, 9]])
    np.testing.assert_array_equal(steps[4], [[0, 0], [0, 0]])


def test_the_area_by_trapezoids():
    assert area(np.array([1.0, 0.5, 0.0])) == pytest.approx(0.5)
    assert area(np.array([1.0, 0.0, 0.0, 0.0])) == pytest.approx(1 / 6)


def test_both_areas_by_hand():
    """Class 1 is as likely as one position is bright; a map that ranks it first, and one that ranks it last."""
    image = np.zeros((16, 16, 3), np.uint8)
    image[0, 1] = 200
    saliency = np.zeros((16, 16))
    saliency[0, 1] = 1.0

    def probabilities(images):
        bright = images[:, 0, 1, 0] / 200
        return np.stack([1 - bright, bright], -1)

    start = blurred(image)[0, 1, 0] / 200
    assert 0 < start < 1
    own = {"label": 1, "mean": np.zeros(3, np.uint8), "steps": 4}
    deletion, insertion = deletion_and_insertion(probabilities, image, saliency, **own)
    assert deletion == pytest.approx(1 / 8)  # 1, then 0, 0, 0, 0
    assert insertion == pytest.approx((start + 1) / 8 + 3 / 4)
    deletion, insertion = deletion_and_insertion(probabilities, image, -saliency, **own)
    assert deletion == pytest.approx(7 / 8)
    assert insertion == pytest.approx(3 / 4 * start + (start + 1) / 8)


def test_blur_keeps_colours_and_removes_shapes():
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[::2] = (200, 100, 0)
    soft = blurred(stripes)
    assert soft.dtype == np.uint8 and np.ptp(soft[13:19], axis=(0, 1)).max() <= 2
    np.testing.assert_allclose(soft[13:19].mean((0, 1)), (100, 50, 0), atol=2)
