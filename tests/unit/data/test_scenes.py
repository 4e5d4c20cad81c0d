"""A photograph's light, blur and ground are found again, and another sign stands in its place."""

import cv2
import numpy as np
import pytest

from kgv_jax.data.render_augment import RenderAugmentation, render_view
from kgv_jax.data.renderer.pen import DrawingStyle
from kgv_jax.data.renderer.sign import SignSpec, render_sign
from kgv_jax.data.scenes import find_scene, framed, in_scene

SIDE = 48
LIGHT = np.array([[0.5, 0.55, 0.6], [0.1, 0.08, 0.05], [0.05, 0.05, 0.05], [-0.04, -0.04, -0.04]], np.float32)


def _sign(**changes) -> np.ndarray:
    spec = {"shape": "circle", "fill": "#ffffff", "border": "#c01020", "legend": "number-50"}
    return framed(render_sign(SignSpec(**{**spec, **changes}), 2 * SIDE), SIDE)


def _associated(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return np.concatenate([rgba[..., :3] / np.float32(255) * alpha, alpha], -1)


def _photograph(rgba: np.ndarray, blur_px: float) -> np.ndarray:
    """The sign under `LIGHT`, before a ground of two colours, blurred: the model written out plainly."""
    line = np.linspace(-1, 1, SIDE, dtype=np.float32)
    u, v = line[None, :, None], line[:, None, None]
    lit = LIGHT[0] * rgba[..., :3] / 255 + LIGHT[1] + LIGHT[2] * u + LIGHT[3] * v
    ground = np.where(line[None, :, None] < 0, np.array((0.2, 0.5, 0.3)), np.array((0.6, 0.6, 0.7)))
    alpha = rgba[..., 3:] / 255
    image = (alpha * lit + (1 - alpha) * ground).astype(np.float32)
    return np.rint(255 * np.clip(cv2.GaussianBlur(image, (0, 0), blur_px), 0, 1)).astype(np.uint8)


@pytest.mark.parametrize("blur_px", [0.6, 1.3, 2.0])
def test_light_and_blur_are_found(blur_px):
    scene = find_scene(_photograph(_sign(), blur_px), _sign())
    # Where a sign shows two hues only, gains and offsets trade a little.
    np.testing.assert_allclose(scene.light, LIGHT, atol=0.09)
    assert abs(scene.blur_px - blur_px) <= 0.65


def test_a_sign_put_where_it_was_looks_as_it_did_and_another_takes_its_place():
    photograph = _photograph(_sign(), 0.9)
    scene = find_scene(photograph, _sign())
    again = in_scene(_associated(_sign()), scene)
    assert np.abs(again - photograph / 255).mean() < 0.04
    other = _sign(fill="#1040a0", border=None, legend="arrow-left", legend_colour="#ffffff")
    shown = in_scene(_associated(other), scene)
    centre = np.s_[10:14, 22:26]
    assert shown[centre][..., 2].mean() > shown[centre][..., 0].mean() + 0.1, "the field is blue now"
    corner = np.s_[:3, :3]
    np.testing.assert_allclose(shown[corner], photograph[corner] / 255, atol=0.09)


def test_a_photograph_of_something_else_has_no_scene():
    noise = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    assert find_scene(noise, _sign()) is None
    inverted = 255 - _photograph(_sign(), 0.6)
    assert find_scene(inverted, _sign()) is None, "light makes no white black"


def test_a_drawing_without_a_sign_has_no_scene():
    empty = np.zeros((SIDE, SIDE, 4), np.uint8)
    assert find_scene(_photograph(_sign(), 0.6), empty) is None


@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_a_drawing_is_framed_to_its_extent(margin):
    drawing = np.zeros((100, 80, 4), np.uint8)
    drawing[20:60, 30:50] = 255
    alpha = framed(drawing, SIDE, margin=margin)[..., 3] > 127
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    assert len(rows) == pytest.approx(SIDE / (1 + 2 * margin), abs=1.5)
    assert len(columns) == pytest.approx(len(rows) / 2, abs=1.5)
    assert rows[0] + rows[-1] == pytest.approx(SIDE - 1, abs=1)


def test_a_view_stands_in_one_of_the_scenes():
    scene = find_scene(_photograph(_sign(), 0.6), _sign())
    drawing = render_sign(SignSpec("triangle", legend="bump", drawing_style=DrawingStyle()), 2 * SIDE)
    view = render_view(drawing, SIDE, np.random.default_rng(0), RenderAugmentation(), [scene])
    again = render_view(drawing, SIDE, np.random.default_rng(0), RenderAugmentation(), [scene])
    np.testing.assert_array_equal(view, again)
    made_up = render_view(drawing, SIDE, np.random.default_rng(0), RenderAugmentation())
    ground = np.array((0.2, 0.5, 0.3)) * 255
    assert np.abs(view[:3, :3] - ground).mean() < 20 < np.abs(made_up[:3, :3] - ground).mean()
