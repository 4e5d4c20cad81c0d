"""Fake data and its graph: always the same, of ImageNet's shape."""

import collections

import numpy as np
import pytest

from kgv_jax.data.render_cache import build_render_cache
from kgv_jax.data.sources import fake
from kgv_jax.util.errors import UserError


def test_the_true_numbers():
    dataset = fake.load()
    assert len(dataset.classes) == len(set(dataset.classes)) == 1000
    assert [source_image.label for source_image in dataset.train] == list(dataset.classes)
    assert not dataset.render_views
    assert list(dataset.domains) == ["imagenet", "v2", "r", "a", "sketch"]
    assert all(len(source_images) == 20 for source_images in (dataset.validation, *dataset.domains.values()))


def test_so_many_of_each_class():
    dataset = fake.load(classes=30, images=4, test_images=60)
    assert set(collections.Counter(source_image.label for source_image in dataset.train).values()) == {4}
    classes = {
        name: {source_image.label for source_image in source_images} for name, source_images in dataset.domains.items()
    }
    assert {name: len(labels) for name, labels in classes.items()} == {
        "imagenet": 30, "v2": 30, "r": 6, "a": 6, "sketch": 30,
    }  # fmt: skip
    assert classes["r"] <= set(dataset.classes)


def test_few_test_images_are_spread_over_the_classes():
    labels = [source_image.label for source_image in fake.load(test_images=4).domains["v2"]]
    assert labels == ["class-0000", "class-0250", "class-0500", "class-0750"]


def test_ids_are_unique_over_all_parts():
    dataset = fake.load(classes=7, images=3)
    parts = (dataset.train, dataset.validation, *dataset.domains.values())
    ids = [source_image.id for part in parts for source_image in part]
    assert len(set(ids)) == len(ids)


def test_images_are_the_same_every_time_and_differ():
    first, again = (fake.load(classes=4, images=2) for _ in range(2))
    pixels = [[source_image.load(24) for source_image in dataset.train] for dataset in (first, again)]
    np.testing.assert_array_equal(*pixels)
    assert len({image.tobytes() for image in pixels[0]}) == 8
    assert (fake.load(classes=4, seed=1).train[0].load(24) != pixels[0][0]).any()


@pytest.mark.parametrize("size_px", [8, 33, 224])
def test_any_size(size_px):
    image = fake.load().train[5].load(size_px)
    assert image.shape == (size_px, size_px, 4) and image.dtype == np.uint8
    assert (image[..., 3] == 255).all()
    assert image[..., :3].std() > 20


def test_a_class_is_nearer_to_itself_than_to_others():
    dataset = fake.load(classes=20, images=2)
    images = np.stack([source_image.load(16)[..., :3].astype(float).ravel() for source_image in dataset.train])
    distances = np.square(images[:, None] - images[None]).sum(-1) + np.diag(np.full(40, np.inf))
    np.testing.assert_array_equal(distances.argmin(1), np.arange(40) ^ 1)


@pytest.mark.usefixtures("kgv_cache")
def test_a_render_cache_of_them():
    dataset = fake.load(classes=3)
    views = build_render_cache(
        dataset.train, size_px=16, views_per_image=1, render_augmentation=None, seed=0, stream="train"
    )
    np.testing.assert_array_equal(views[2], dataset.train[2].load(16)[..., :3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "de"}, "data.source is 'de'; .* 'imagenet'"),
        ({"targets": ("v2", "sketches")}, "'sketches', did you mean 'sketch'"),
        ({"targets": ("r", "r")}, "'r,r'; name each domain once"),
    ],
)
def test_unknown_domains(options, message):
    with pytest.raises(UserError, match=message):
        fake.load(**options)
