"""The sheet of maps: colours by value, boxes at their positions, the same bytes each time."""

import numpy as np
from PIL import Image

from kgv_jax.explain.overlay import draw_overlays, heat


def test_colours_go_from_cold_to_hot():
    colours = heat(np.array([[0.0, 2.0], [4.0, 0.0]]))
    np.testing.assert_allclose(colours[0, 0], colours[1, 1])
    assert colours[0, 0].argmax() == 2 and colours[0, 1].argmax() == 1 and colours[1, 0].argmax() == 0
    np.testing.assert_allclose(heat(np.zeros((2, 2))), np.broadcast_to(colours[0, 0], (2, 2, 3)))


def test_every_image_has_a_pair_with_box_and_caption(tmp_path):
    images, maps = np.full((5, 8, 8, 3), 100, np.uint8), np.zeros((5, 8, 8))
    maps[:, 0, 0] = 1.0
    boxes = np.array([[2, 2, 6, 6]] * 4 + [[0, 0, 0, 0]])
    for name in ("a/b/one.png", "two.png"):
        draw_overlays(tmp_path / name, images, maps, ["is stop\npredicted: yield"] * 5, boxes)
    assert (tmp_path / "a/b/one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    pixels = np.asarray(Image.open(tmp_path / "two.png")).astype(int)
    assert pixels.shape == (2 * 202, 4 * 338, 3)
    left, right = pixels[6:166, 6:166], pixels[6:166, 172:332]
    assert (left[:20] == 100).all() and (left[40, 40:120] == (255, 0, 255)).all()
    assert right[5, 5, 0] > right[100, 100, 0] and right[5, 5, 2] < right[100, 100, 2]  # hot, and cold
    assert (pixels[166:200, :330] == 0).any(), "a caption below"
    assert (pixels[202:, 338:] == 255).all(), "no sixth image"
