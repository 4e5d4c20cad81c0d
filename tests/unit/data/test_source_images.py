"""Lists of source images: labels, parts by class, and the rows that a run reads of them."""

import numpy as np
import pytest

from kgv_jax.data.render_augment import RenderAugmentation
from kgv_jax.data.render_cache import build_render_cache
from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.types import Reading, SourceImage

pytestmark = pytest.mark.usefixtures("kgv_cache")
CLASSES = ("stop", "yield")


def _image(name, label, value=200):
    def load(size_px):
        pixels = np.zeros((size_px, size_px, 4), np.uint8)
        pixels[1:-1, 1:-1] = (value, 255 - value, 30, 255)
        return pixels

    return SourceImage(f"de/{name}", "de", label, load)


IMAGES = SourceImages((_image("0", "yield", 10), _image("1", "stop", 90), _image("2", "yield", 170)), CLASSES)


def test_labels_count_the_classes_and_images_without_one_have_none():
    assert IMAGES.labels.tolist() == [1, 0, 1] and IMAGES.labels.dtype == np.int32
    assert IMAGES.relabelled(("a", "yield", "stop")).labels.tolist() == [1, 2, 1]
    assert SourceImages((_image("3", None),), CLASSES).labels.tolist() == [-1]


def test_images_are_chosen_by_row_and_by_class():
    assert IMAGES.take(np.array([2, 0])).ids.tolist() == ["de/2", "de/0"]
    assert IMAGES.of_classes({"stop"}).ids.tolist() == IMAGES.without_classes({"yield"}).ids.tolist() == ["de/1"]
    assert IMAGES[1:] == IMAGES.take([1, 2]) and IMAGES[-1] == IMAGES.images[2] and [*IMAGES] == [*IMAGES.images]
    assert len(IMAGES.of_classes(())) == 0 and IMAGES.of_classes(()).ids.shape == (0,)


def test_rendered_views_are_rows_of_their_source_image():
    views = IMAGES.open(Reading(16, "train", seed=3, views=2, render=True))
    assert (len(views), views.shape, views.dtype) == (6, (16, 16, 3), np.uint8)
    assert views.labels.tolist() == [1, 1, 0, 0, 1, 1]
    assert views.ids.tolist() == ["de/0#0", "de/0#1", "de/1#0", "de/1#1", "de/2#0", "de/2#1"]
    assert views.groups.tolist() == ["de/0", "de/0", "de/1", "de/1", "de/2", "de/2"]
    assert views.alternative_labels.shape == (6, 0)
    expected = build_render_cache(
        IMAGES, size_px=16, views_per_image=2, render_augmentation=RenderAugmentation(), seed=3, stream="train"
    )
    rows = np.array([5, 0])
    np.testing.assert_array_equal(views.read(rows, rows), expected[rows])
    part = views.take(rows)
    np.testing.assert_array_equal(part.read(np.arange(2), rows), expected[rows])
    assert part.ids.tolist() == ["de/2#1", "de/0#0"] and part.labels.tolist() == [1, 1]


def test_images_that_are_not_rendered_lie_on_white_as_they_are():
    rows = np.arange(3)
    read = IMAGES.open(Reading(16, "test-de", seed=0)).read(rows, rows)
    assert read[:, 8, 8, 0].tolist() == [10, 90, 170] and (read[:, 0] == 255).all()


def test_a_class_that_the_data_set_lacks_is_an_error():
    with pytest.raises(ValueError, match=r"de/3: its class 'sotp' is none of \('stop', 'yield'\)"):
        SourceImages((_image("3", "sotp"),), CLASSES).open(Reading(8, "train", seed=0))
