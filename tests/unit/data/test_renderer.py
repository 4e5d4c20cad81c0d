"""The renderer: every pictogram and plate exists, differs from all others, and lies where it belongs."""

import colorsys
import itertools

import numpy as np
import pytest

from kgv_jax.data.renderer.colours import COLOURS, HUES, hue, jittered, to_rgb
from kgv_jax.data.renderer.legends import LEGENDS, legend_alpha
from kgv_jax.data.renderer.pen import DrawingStyle
from kgv_jax.data.renderer.shapes import SHAPES
from kgv_jax.data.renderer.sign import SignSpec, render_sign
from kgv_jax.data.renderer.stated import find_colour, find_legend, find_shape
from kgv_jax.util.errors import UserError


def _alike(a, b):
    return np.abs(a.astype(int) - b.astype(int)).mean()


def test_every_pictogram_has_ink_and_none_is_another():
    masks = {name: legend_alpha(name, DrawingStyle(), 40) for name in LEGENDS}
    assert len(masks) >= 60
    for name, mask in masks.items():
        assert mask.shape == (40, 40) and mask.dtype == np.uint8
        assert 0.02 < (mask > 127).mean() < 0.8, name
    same = [(a, b) for a, b in itertools.combinations(masks, 2) if _alike(masks[a], masks[b]) < 5]
    # The one-way arrow is an arrow; the two signs differ in their plates.
    assert same in ([], [("arrow-left", "one-way-left"), ("arrow-right", "one-way-right")]), same


@pytest.mark.parametrize(
    "name",
    [
        "bicycle",
        "pedestrian-crossing",
        "car",
        "bus",
        "roadworks",
        "children",
        "deer",
        "train",
        "traffic-light",
        "keep-right",
        "crossroads",
        "hospital",
    ],
)
def test_common_pictograms_have_clearly_different_forms(name):
    masks = [legend_alpha(name, DrawingStyle(variant=v), 40) for v in range(4)]
    assert max(_alike(a, b) for a, b in itertools.combinations(masks, 2)) > 25
    assert _alike(masks[0], masks[1]) > 25 or _alike(masks[0], masks[2]) > 25


@pytest.mark.parametrize("change", [{"stroke": 1.4}, {"slant": 8.0}, {"roundness": 0.0}, {"width": 0.8}, {"head": 1.4}])
def test_each_trait_of_a_drawing_style_shows(change):
    assert (
        _alike(legend_alpha("turn-left", DrawingStyle(), 40), legend_alpha("turn-left", DrawingStyle(**change), 40)) > 1
    )


@pytest.mark.parametrize("left", ["turn-left", "curve-left", "keep-left", "side-road-left", "chevron-left"])
def test_right_is_left_mirrored(left):
    mirrored = legend_alpha(left, DrawingStyle(), 64)[:, ::-1]
    assert _alike(mirrored, legend_alpha(left.replace("left", "right"), DrawingStyle(), 64)) < 1


def test_vehicles_turn_round_and_arrows_never_do():
    there, back = DrawingStyle(), DrawingStyle(flipped=True)
    assert _alike(legend_alpha("truck", there, 64)[:, ::-1], legend_alpha("truck", back, 64)) < 1
    np.testing.assert_array_equal(legend_alpha("turn-left", there, 64), legend_alpha("turn-left", back, 64))


def test_plates_are_distinct_and_their_legend_boxes_lie_inside():
    plates = {name: render_sign(SignSpec(shape=name, fill="#ffffff"), 64) for name in SHAPES}
    for name, plate in plates.items():
        assert 0.1 < (plate[..., 3] > 127).mean() < 0.95, name
        left, top, right, bottom = (round(c * 0.64) for c in SHAPES[name].legend)
        middle = plate[(top + bottom) // 2, left:right, 3]
        assert (middle > 127).mean() > 0.9, name
    for a, b in itertools.combinations(plates, 2):
        assert _alike(plates[a][..., 3], plates[b][..., 3]) > 5, (a, b)


def test_colours_of_a_sign_lie_where_they_should():
    spec = SignSpec("circle", fill="#ffff00", border="#ff0000", legend="bar", legend_colour="#0000ff")
    sign = render_sign(spec, 100)
    assert tuple(sign[50, 50]) == (0, 0, 255, 255)
    assert tuple(sign[25, 50]) == (255, 255, 0, 255)
    assert tuple(sign[6, 50]) == (255, 0, 0, 255)
    assert sign[2, 2, 3] == 0


def test_rim_lies_outside_of_the_border():
    spec = SignSpec("square", fill="#ffff00", border="#000000", rim="#00ff00", rim_width=4, border_width=4)
    row = render_sign(spec, 200)[100, :, :3]
    assert tuple(row[12]) == (0, 255, 0) and tuple(row[20]) == (0, 0, 0) and tuple(row[30]) == (255, 255, 0)


@pytest.mark.parametrize("dtype,one", [(np.uint8, 255), (np.float32, 1)])
@pytest.mark.parametrize("size_px", [40, 200])
def test_a_patch_fills_its_legend_box_and_keeps_its_aspect(dtype, one, size_px):
    patch = np.full((32, 64), one, dtype)
    sign = render_sign(SignSpec("circle", fill="#ffffff", legend=patch, legend_colour="#0000ff"), size_px)
    blue = (sign[..., 0] < 128) & (sign[..., 3] > 127)
    rows, columns = np.nonzero(blue.any(1))[0], np.nonzero(blue.any(0))[0]
    left, _, right, _ = (c * size_px / 100 for c in SHAPES["circle"].legend)
    assert abs(columns[0] - left) <= 1 and abs(columns[-1] + 1 - right) <= 1
    assert abs((rows[-1] + 1 - rows[0]) * 2 - (right - left)) <= 2


def test_a_mark_covers_a_patch():
    patch = np.ones((8, 8), np.float32)
    spec = SignSpec("circle", legend=patch, legend_colour="#0000ff", marks=(("slash", "#ff0000"),))
    sign = render_sign(spec, 100)
    assert tuple(sign[50, 50, :3]) == (255, 0, 0)
    assert tuple(sign[35, 65, :3]) == (0, 0, 255)


def test_national_hues_are_called_by_their_names():
    for country, hues in HUES.items():
        for name in hues:
            distances = {
                other: np.abs(np.subtract(to_rgb(hue(name, country)), to_rgb(COLOURS[other]))).sum()
                for other in COLOURS
            }
            assert min(distances, key=distances.get) == name, (country, name)
    assert hue("brown", "de") == COLOURS["brown"]


def test_jitter_keeps_the_colour():
    rng = np.random.default_rng(0)
    for name in ("red", "orange", "yellow", "green", "blue"):
        plain, *_ = colorsys.rgb_to_hsv(*(c / 255 for c in to_rgb(COLOURS[name])))
        hues = [jittered(name, rng) for _ in range(200)]
        turns = [colorsys.rgb_to_hsv(*(c / 255 for c in to_rgb(h)))[0] - plain for h in hues]
        assert len(set(hues)) > 100
        assert max(abs((turn + 0.5) % 1 - 0.5) for turn in turns) < 0.03, name
    white, grey, black = ([sum(to_rgb(jittered(name, rng))) for _ in range(200)] for name in ("white", "grey", "black"))
    assert min(white) > max(grey) and min(grey) > max(black)


def test_names_are_found_as_graphs_write_them():
    assert find_legend("legend-bicycle") == find_legend("x", "Bicycle legend") == "bicycle"
    assert find_legend("pictogram.bicycles") == "bicycle"
    assert find_legend("river bank") == "quay" and find_legend("hand") == "stop-hand"
    assert find_legend("30") == find_legend("number 30") == "number-30"
    assert find_shape("Shape_Triangle") == find_shape("upward triangle") == "triangle"
    assert find_colour("colour-red") == find_colour("x", "Red") == "red"
    assert find_legend("dodo") is find_shape("blob") is find_colour("mauve") is None


def test_unknown_names_are_errors_that_help():
    with pytest.raises(UserError, match=r"bicycel.*did you mean 'bicycle'"):
        legend_alpha("bicycel", DrawingStyle(), 20)
    with pytest.raises(UserError, match=r"triangel.*did you mean 'triangle'"):
        render_sign(SignSpec("triangel"), 20)
