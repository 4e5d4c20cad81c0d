"""Fake data of ImageNet's shape: class-coloured noise, made when asked for, at any size.

For runs and tests without data. The domains are called as ImageNet and its shifts are:
  imagenet   trained on; its test part has val's place
  v2, sketch shifts that hold every class
  r, a       shifts that hold a fifth of the classes (200 of 1,000)
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import cv2
import numpy as np

from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.sources.source import Source
from kgv_jax.data.types import Dataset, SourceImage
from kgv_jax.kg.fake import class_names
from kgv_jax.util.errors import UserError, nearest

SOURCE = "imagenet"
# Target -> every how-many-th class it holds.
TARGETS: Mapping[str, int] = MappingProxyType({"v2": 1, "r": 5, "a": 5, "sketch": 1})

_CELLS = 4  # a class is a grid of colours, so that far more than a few can be distinguished
_GRAIN = 32  # cells of an image's own noise
_NOISE = 0.5


def load(
    *,
    source: str = SOURCE,
    targets: Sequence[str] = tuple(TARGETS),
    classes: int = 1000,
    images: int = 1,
    test_images: int = 20,
    seed: int = 0,
) -> Dataset:
    """Returns the data set; an image is made when it is loaded.

    Args:
      source: domain to learn from: `imagenet`.
      targets: domains to be tested on.
      classes: how many; the first classes of the graph `fake`.
      images: training images of each class.
      test_pictures: images of validation and of each test domain in all, spread over its classes.
      seed: of the colours and the noise.

    Raises:
      UserError: an unknown domain, or one that is named twice.
    """
    if source != SOURCE:
        raise UserError(f"config.data.source is {source!r}; the fake data set has one source, {SOURCE!r}.")
    if unknown := [name for name in targets if name not in TARGETS]:
        raise UserError(f"config.data.targets has {unknown[0]!r}{nearest(unknown[0], TARGETS)}; the targets of the "
                        f"fake data set are {', '.join(TARGETS)}.")  # fmt: skip
    if len(set(targets)) != len(targets):
        raise UserError(f"config.data.targets is {','.join(targets)!r}; name each domain once.")
    names = class_names()[:classes]

    def part(name: str, own: Sequence[str], count: int) -> SourceImages:
        return SourceImages(_images(name, own, count, seed=seed), names)

    return Dataset(
        classes=names,
        train=part("train", names, images * len(names)),
        validation=part("validation", names, test_images),
        domains={name: part(name, names[:: TARGETS.get(name, 1)], test_images) for name in (source, *targets)},
        source=source,
        render_views=False,
    )


def _images(part: str, classes: Sequence[str], count: int, *, seed: int) -> tuple[SourceImage, ...]:
    """Returns `count` images, spread evenly over the classes."""
    domain = SOURCE if part in ("train", "validation") else part
    labels = [classes[index * len(classes) // count] for index in range(count)]
    ids = [(f"{part}/{label}/{index}", label) for index, label in enumerate(labels)]
    return tuple(SourceImage(id, domain, label, functools.partial(draw, id, label, seed=seed)) for id, label in ids)


def draw(id: str, label: str, size_px: int, *, seed: int = 0) -> np.ndarray:
    """Returns uint8 [size_px, size_px, 4]: the class's grid of colours under the image's own noise."""
    grid = _noise((seed, label), _CELLS)
    grain = _noise((seed, id), _GRAIN)
    shape = (size_px, size_px)
    image = cv2.addWeighted(
        cv2.resize(grid, shape, interpolation=cv2.INTER_NEAREST),
        1 - _NOISE,
        cv2.resize(grain, shape, interpolation=cv2.INTER_LINEAR),
        _NOISE,
        0,
    )
    return np.dstack((image, np.full(shape, 255, np.uint8)))


def _noise(key: tuple[int, str], cells: int) -> np.ndarray:
    """Returns uniform noise that depends on the key alone, uint8 [cells, cells, 3]."""
    digest = hashlib.blake2b(repr(("fake", *key)).encode(), digest_size=16).digest()
    rng = np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
    return rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8)


SOURCES = {
    "fake": Source(
        load, settings={"classes": "fake_classes", "images": "fake_images", "test_images": "fake_test_images"}
    )
}
