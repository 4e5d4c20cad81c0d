"""Pointing game and energy in box, by hand."""

import numpy as np
import pytest

from kgv_jax.explain.localisation import centre_map, energy_in_box, inside, pointing_game

BOXES = np.array([[1, 0, 3, 2], [0, 0, 4, 4]])


def test_pixels_of_a_box():
    np.testing.assert_array_equal(inside(BOXES[:1], 4)[0].astype(int), [[0, 1, 1, 0]] * 2 + [[0, 0, 0, 0]] * 2)


def test_both_by_hand():
    maps = np.zeros((2, 4, 4))
    maps[0, 1, 2], maps[0, 3, 3] = 3.0, 1.0  # the maximum lies in the box, a quarter of the energy outside
    maps[1, 0, 0] = 0.5
    np.testing.assert_array_equal(pointing_game(maps, BOXES), [True, True])
    np.testing.assert_allclose(energy_in_box(maps, BOXES), [0.75, 1.0])
    np.testing.assert_array_equal(pointing_game(maps[:, ::-1], BOXES), [False, True])
    np.testing.assert_allclose(energy_in_box(maps[:, ::-1], BOXES), [0.0, 1.0])


def test_a_map_of_zeros_points_nowhere():
    nothing = np.zeros((2, 4, 4))
    assert not pointing_game(nothing, BOXES).any() and not energy_in_box(nothing, BOXES).any()


@pytest.mark.parametrize("size_px", [4, 5])
def test_the_middle(size_px):
    middle = centre_map(size_px)
    np.testing.assert_allclose(middle, middle[::-1, ::-1])
    np.testing.assert_allclose(middle, middle.T)
    assert middle.argmax() in (size_px * size_px // 2, 5)
