"""Copies are near, other images are far, and the search finds what comparing every pair finds."""

import cv2
import numpy as np
import pytest

from kgv_jax.data.fingerprint import NEAR, WORDS, fingerprint, fingerprints, near_pairs, views
from kgv_jax.data.render_cache import over_white
from kgv_jax.data.sources import rendered_signs as drawn
from kgv_jax.data.types import SourceImage


@pytest.fixture(scope="module")
def signs():
    """One German drawing of every class, as RGB."""
    dataset = drawn.load(source="de", targets=("cn",))
    first = {image.label: image for image in dataset.train}
    return {label: over_white(image.load(96)) for label, image in first.items()}


def jpeg(rgb, quality=70):
    ok, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert ok
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


COPIES = {
    "smaller": lambda rgb: cv2.resize(rgb, (53, 53), interpolation=cv2.INTER_AREA),
    "larger": lambda rgb: cv2.resize(rgb, (200, 200), interpolation=cv2.INTER_LINEAR),
    "tiny": lambda rgb: cv2.resize(rgb, (31, 31), interpolation=cv2.INTER_AREA),
    "JPEG": jpeg,
    "brighter": lambda rgb: (rgb * 0.9 + 12).astype(np.uint8),
    "cropped": lambda rgb: rgb[3:-3, 3:-3],
    "cropped more": lambda rgb: rgb[6:-6, 6:-6],
}


def search(ours, theirs):
    return near_pairs(np.stack([views(x) for x in ours]), np.stack([views(x) for x in theirs]))


@pytest.mark.parametrize("copy", COPIES)
def test_copies_are_near(signs, copy):
    originals = list(signs.values())
    pairs = search(originals, [COPIES[copy](rgb) for rgb in originals])
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    missed = [label for i, label in enumerate(signs) if (i, i) not in found]
    assert len(missed) <= 0.02 * len(signs), missed


def test_classes_are_far_apart(signs):
    """Some signs differ in an arrow's direction alone, so a pair in a thousand is let pass."""
    pairs = near_pairs(np.stack([views(rgb) for rgb in signs.values()]))
    count = len(signs)
    assert count > 60 and len(pairs.first) <= 1e-3 * count * (count - 1) / 2


def test_colours_without_any_shape_are_distinguished():
    colours = [(255, 255, 255), (0, 0, 0), (200, 0, 0), (230, 120, 0), (0, 0, 200), (0, 140, 0), (128, 128, 128)]
    flat = [np.full((40, 40, 3), colour, np.uint8) for colour in colours]
    pairs = near_pairs(np.stack([views(rgb) for rgb in flat]))
    assert not len(pairs.first)
    assert near_pairs(views(flat[2])[None], views(jpeg(flat[2]))[None]).distance.max() <= NEAR


def test_the_search_finds_every_pair_once():
    rng = np.random.default_rng(0)
    ours = rng.integers(0, 2**63, (300, 2, WORDS), dtype=np.uint64)
    theirs = rng.integers(0, 2**63, (200, 2, WORDS), dtype=np.uint64)
    flips = {(7, 3): 5, (8, 3): 20, (9, 4): 21}  # (row of ours, row of theirs): bits
    for (i, j), bits in flips.items():
        ours[i, 0] = theirs[j, 0]
        ours[i, 0, :bits] ^= np.uint64(1)
    theirs[50, 1] = ours[60, 0]  # what is left of one is the other
    pairs = near_pairs(ours, theirs)
    assert pairs.first.tolist() == [60, 7, 8] and pairs.second.tolist() == [50, 3, 3]
    assert pairs.distance.tolist() == [0, 5, 20]
    assert near_pairs(ours, theirs, max_distance=4).first.tolist() == [60]
    own = near_pairs(ours)
    assert (own.first.tolist(), own.second.tolist(), own.distance.tolist()) == ([7], [8], [15])


def test_nothing_is_near_nothing():
    none = np.empty((0, 2, WORDS), np.uint64)
    assert not len(near_pairs(none).first) and not len(near_pairs(none, none).first)


def test_images_are_laid_on_white(signs):
    rgb = signs["stop"]
    clear = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
    clear[(rgb == 255).all(axis=2)] = (7, 7, 7, 0)
    (prints,) = fingerprints([SourceImage("a", "de", None, lambda size_px: clear)])
    np.testing.assert_array_equal(prints[0], fingerprint(rgb))
