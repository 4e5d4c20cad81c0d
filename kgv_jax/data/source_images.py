"""A list of source images in memory, whose views are rendered, or whose pixels are decoded, once for all runs."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from kgv_jax.data.render_augment import RenderAugmentation
from kgv_jax.data.render_cache import build_render_cache
from kgv_jax.data.types import ImageArray, ImageList, Reading, SourceImage
from kgv_jax.util.cache import cache_dir


@dataclasses.dataclass(frozen=True)
class SourceImages(ImageList):
    """Images of any domains; drawings of the renderer, or a set of photographs that fits in memory.

    Attributes:
      images: any sequence of them, kept as a tuple.
      classes: names that `labels` count.
    """

    images: tuple[SourceImage, ...] = ()
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", tuple(self.images))

    @functools.cached_property
    def labels(self) -> np.ndarray:
        label_of = {name: label for label, name in enumerate(self.classes)}
        return np.array([label_of.get(image.label, -1) for image in self.images], np.int32)

    @property
    def ids(self) -> np.ndarray:
        return np.array([image.id for image in self.images], str)

    @property
    def groups(self) -> np.ndarray:
        """`[n]` names of their groups: an image without one is its own."""
        return np.array([image.group or image.id for image in self.images], str)

    def image(self, row: int) -> SourceImage:
        return self.images[row]

    def take(self, rows: np.ndarray) -> SourceImages:
        return SourceImages(tuple(self.images[row] for row in rows), self.classes)

    def relabelled(self, classes: tuple[str, ...]) -> SourceImages:
        return SourceImages(self.images, classes)

    def open(self, reading: Reading) -> ImageArray:
        """Renders `reading.views` views per image, or decodes each image once, into the user's render cache.

        The id of view k of an image is `ID#k`.
        """
        known = {None, *self.classes}
        if unknown := [image for image in self.images if image.label not in known]:
            raise ValueError(f"{unknown[0].id}: its class {unknown[0].label!r} is none of {self.classes}.")
        views = build_render_cache(
            self.images,
            size_px=reading.size_px,
            views_per_image=reading.views,
            render_augmentation=RenderAugmentation(scale=reading.extent) if reading.render else None,
            seed=reading.seed,
            stream=reading.stream,
            scenes=reading.scenes,
            cache_dir=cache_dir("views"),
        )
        return ImageArray(
            values=views,
            labels=np.repeat(self.labels, reading.views),
            ids=np.array([f"{id}#{k}" for id in self.ids for k in range(reading.views)], str),
            groups=np.repeat(self.groups, reading.views),
            alternative_labels=np.zeros((len(views), 0), np.int32),
        )
