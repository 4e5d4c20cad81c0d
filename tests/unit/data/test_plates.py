"""Pictograms as the plates of the standards show them."""

import numpy as np
import pytest

from kgv_jax.data.renderer.legends import LEGENDS
from kgv_jax.data.renderer.plates import PLATES, plate_patches
from kgv_jax.data.renderer.sign import SignSpec, render_sign
from kgv_jax.data.synthetic import RenderedLegends


def _alpha(patch: np.ndarray) -> np.ndarray:
    return (patch[..., 3] if patch.ndim == 3 else patch) / 255


@pytest.mark.parametrize("name", PLATES)
def test_every_form_fills_its_square_and_no_more(name):
    assert name in LEGENDS, "a plate is another form of a pictogram that the renderer has"
    for patch in plate_patches(name):
        alpha = _alpha(patch(64))
        assert alpha.shape == (64, 64) and 0.04 < alpha.mean() < 0.95
        rows, columns = np.flatnonzero((alpha > 0.5).any(1)), np.flatnonzero((alpha > 0.5).any(0))
        assert max(np.ptp(rows), np.ptp(columns)) >= 60


@pytest.mark.parametrize("name", ["arrow", "turn", "straight-or", "keep", "curve", "double-curve"])
def test_right_is_left_mirrored(name):
    for left, right in zip(plate_patches(f"{name}-left"), plate_patches(f"{name}-right"), strict=True):
        assert np.abs(_alpha(left(64))[:, ::-1] - _alpha(right(64))).mean() < 0.04
        assert np.abs(_alpha(left(64)) - _alpha(right(64))).mean() > 0.05


def test_traffic_turns_anticlockwise():
    """On a ring that turns anticlockwise, each head lies before its arc's middle when angles grow clockwise."""
    alpha = _alpha(plate_patches("roundabout")[0](128))
    y, x = np.mgrid[:128, :128] - 63.5
    angle = np.rad2deg(np.arctan2(y, x)) % 120  # of one third, clockwise on the screen
    width = [alpha[(angle >= a) & (angle < a + 10)].sum() for a in range(0, 120, 10)]
    gap, head = int(np.argmin(width)), int(np.argmax(width))
    # Going anticlockwise from the gap (falling angles), the tail comes first and the head last.
    assert (gap - head) % 12 > 6


def test_traffic_lights_are_printed_in_colours():
    patches = [patch(64) for patch in plate_patches("traffic-light")]
    assert all(patch.shape == (64, 64, 4) for patch in patches)
    sign = render_sign(SignSpec("triangle", border="#c01020", legend=patches[0], legend_scale=1.2), 128)
    hues = [sign[y, 64, :3].astype(int) for y in (60, 82, 104)]
    assert [int(np.argmax(hue)) for hue in (hues[0], hues[2])] == [0, 1] and hues[1][0] > 180 > hues[1][2]


def test_a_number_is_the_number_alone():
    """The drawn forms of a limit have one with the words SPEED LIMIT; no plate has."""
    for patch in plate_patches("number-50"):
        rows = (_alpha(patch(96)) > 0.5).any(1)
        filled = np.flatnonzero(np.diff(np.concatenate([[0], rows, [0]]).astype(int)))
        assert len(filled) == 2, "one block of rows"


def test_plates_stand_in_where_there_are_some():
    styles = RenderedLegends().drawing_styles
    plates = RenderedLegends(plates=True)
    assert len(plates.patches("legend-roundabout")) == len(plate_patches("roundabout"))
    assert len(plates.patches("legend-cow")) == len(styles) and "cow" not in PLATES
