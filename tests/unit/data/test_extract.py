"""Pictograms cut out of signs that are painted here, so that the right answer is known."""

import cv2
import numpy as np
import pytest

from kgv_jax.data.extract import ExtractedLegends, extract_legend
from kgv_jax.data.types import SourceImage
from kgv_jax.kg.graph import Graph

RED, WHITE, BLACK, BLUE, YELLOW = (200, 20, 30), (255, 255, 255), (0, 0, 0), (0, 80, 160), (250, 200, 0)
SIZE = 192


def _canvas(mask: np.ndarray, colour) -> np.ndarray:
    rgba = np.zeros((SIZE, SIZE, 4), np.uint8)
    rgba[mask > 0] = (*colour, 255)
    return rgba


def _paint(rgba, draw, colour):
    mask = np.zeros((SIZE, SIZE), np.uint8)
    draw(mask)
    rgba[mask > 0, :3] = colour
    return mask


def _disc(radius, *, centre=(96, 96)):
    return lambda mask: cv2.circle(mask, centre, radius, 255, -1)


def _arrow(mask):
    """An L, which no symmetry maps to itself."""
    cv2.rectangle(mask, (80, 60), (92, 130), 255, -1)
    cv2.rectangle(mask, (80, 118), (120, 130), 255, -1)


def _polygon(points):
    return lambda mask: cv2.fillPoly(mask, [np.array(points)], 255)


def _disc_sign(*, rim, ground, ink, draw=_arrow):
    mask = np.zeros((SIZE, SIZE), np.uint8)
    _disc(94)(mask)
    rgba = _canvas(mask, rim)
    _paint(rgba, _disc(72), ground)
    return rgba, _paint(rgba, draw, ink) if draw else None


def _tight(mask):
    rows, columns = np.nonzero(mask)
    return mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _overlap(found, painted):
    """Intersection over union of two pictograms, each cut to its ink and brought to one size."""
    a, b = (cv2.resize(_tight(m > 127).astype(np.uint8), (60, 60)) > 0 for m in (found, painted))
    return (a & b).sum() / (a | b).sum()


def test_the_pictogram_of_a_red_ring_is_found_tight_and_centred():
    rgba, painted = _disc_sign(rim=RED, ground=WHITE, ink=BLACK)
    found = extract_legend(rgba, border="red", fill="white")
    assert _overlap(found, painted) > 0.9
    rows, columns = np.nonzero(found > 127)
    assert abs(rows.min() + rows.max() + 1 - found.shape[0]) <= 2
    assert abs(columns.min() + columns.max() + 1 - found.shape[1]) <= 2
    assert np.ptp(rows) > 0.85 * found.shape[0]  # the taller side fills the square


def test_yellow_ground_counts_as_white():
    rgba, painted = _disc_sign(rim=RED, ground=YELLOW, ink=BLACK)
    assert _overlap(extract_legend(rgba, border="red", fill="white"), painted) > 0.9


def test_white_on_blue_without_a_border():
    rgba, painted = _disc_sign(rim=BLUE, ground=BLUE, ink=WHITE)
    assert _overlap(extract_legend(rgba, border="blue", fill="blue"), painted) > 0.9


def test_a_white_rim_outside_the_red_border_is_no_ink():
    mask = np.zeros((SIZE, SIZE), np.uint8)
    _polygon([(96, 8), (2, 184), (190, 184)])(mask)
    rgba = _canvas(mask, WHITE)
    _paint(rgba, _polygon([(96, 18), (11, 179), (181, 179)]), RED)
    _paint(rgba, _polygon([(96, 50), (38, 164), (154, 164)]), WHITE)
    painted = _paint(rgba, lambda m: cv2.rectangle(m, (86, 100), (104, 148), 255, -1), BLACK)
    assert _overlap(extract_legend(rgba, border="red", fill="white"), painted) > 0.9


def test_a_slash_is_removed_and_the_pictogram_continues_across_it():
    def wide(mask):
        cv2.rectangle(mask, (60, 80), (132, 112), 255, -1)

    rgba, painted = _disc_sign(rim=RED, ground=WHITE, ink=BLACK, draw=wide)
    _paint(rgba, lambda m: cv2.line(m, (40, 150), (152, 40), 255, 12), RED)
    found = extract_legend(rgba, border="red", fill="white")
    middle = cv2.resize(_tight(found > 127).astype(np.uint8), (60, 60))[20:40, 20:40]
    assert middle.all()
    assert _overlap(found, painted) > 0.6  # the slash's own corners stay uncertain


def test_red_that_does_not_touch_the_border_is_ink():
    rgba, painted = _disc_sign(rim=RED, ground=WHITE, ink=RED)
    assert _overlap(extract_legend(rgba, border="red", fill="white"), painted) > 0.9


def test_specks_are_dropped():
    rgba, painted = _disc_sign(rim=RED, ground=WHITE, ink=BLACK)
    _paint(rgba, _disc(2, centre=(140, 60)), BLACK)
    assert _overlap(extract_legend(rgba, border="red", fill="white"), painted) > 0.9


@pytest.mark.parametrize("draw", [None, _disc(2), _disc(70)], ids=["no pictogram", "only a speck", "nothing but ink"])
def test_signs_without_a_pictogram_give_none(draw):
    rgba, _ = _disc_sign(rim=RED, ground=WHITE, ink=BLACK, draw=draw)
    assert extract_legend(rgba, border="red", fill="white") is None


def test_a_sign_that_is_all_border_gives_none():
    rgba, _ = _disc_sign(rim=BLUE, ground=BLUE, ink=WHITE)
    assert extract_legend(rgba, border="blue", fill="white") is None


def _graph():
    facts = [
        ("ban", "hasLegend", "bicycle"),
        ("duty", "hasLegend", "bicycle"),
        ("pair", "hasLegend", "bicycle"),
        ("pair", "hasLegend", "bus"),
        ("end", "hasLegend", "bicycle"),
        ("end", "hasLegend", "end-bars"),
        ("plain", "broader", "signs"),
    ]
    for name, border, fill in [
        ("ban", "red", "white"),
        ("duty", "blue", "blue"),
        ("pair", "red", "white"),
        ("end", "red", "white"),
        ("plain", "red", "white"),
    ]:
        variant = f"{name}.here"
        facts += [
            (variant, "variantOf", name),
            (variant, "usedIn", "here"),
            (variant, "hasBorderColour", border),
            (variant, "hasFillColour", fill),
        ]
        facts += [
            (f"{name}.there", "variantOf", name),
            (f"{name}.there", "usedIn", "there"),
            (f"{name}.there", "hasBorderColour", "black"),
            (f"{name}.there", "hasFillColour", "yellow"),
        ]
    return Graph.from_triples(facts)


def _image(label, rgba, domain="here"):
    def load(size_px):
        return cv2.resize(rgba, (size_px, size_px), interpolation=cv2.INTER_AREA)

    return SourceImage(f"{domain}/{label}/0", domain, label, load)


@pytest.fixture
def signs():
    ring, _ = _disc_sign(rim=RED, ground=WHITE, ink=BLACK)
    disc, _ = _disc_sign(rim=BLUE, ground=BLUE, ink=WHITE)
    return [_image("ban", ring), _image("duty", disc), _image("pair", ring), _image("end", ring), _image("plain", ring)]


def test_a_legend_has_the_patches_of_every_class_that_shows_it_alone(signs):
    legends = ExtractedLegends(_graph(), signs)
    assert len(legends.patches("bicycle")) == 2
    assert legends.patches("bus") == () and legends.patches("unheard-of") == ()
    for patch in legends.patches("bicycle"):
        for size in (24, 64, 300):
            mask = patch(size)
            assert mask.shape == (size, size) and mask.dtype == np.uint8 and mask.max() == 255


def test_the_style_decides_which_variant_the_images_show(signs):
    assert len(ExtractedLegends(_graph(), signs[1:2], style="here").patches("bicycle")) == 1
    assert ExtractedLegends(_graph(), signs[1:2], style="there").patches("bicycle") == ()
