"""Images of which only feature vectors are there, as zero-shot benchmarks publish them."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from kgv_jax.data.types import ImageArray, ImageList, Reading, SourceImage, new_labels
from kgv_jax.util.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class Vectors(ImageList):
    """Feature vectors of images of one domain.

    Attributes:
      domain: of all of them.
      classes: names that `labels` count.
      labels: `[n]` int32.
      names: `[n]` names, unique within the domain.
      features: `[m, F]` float32 of a whole data set, shared by its parts.
      rows: `[n]` int64, the row of each image there.
    """

    domain: str
    classes: tuple[str, ...]
    labels: np.ndarray
    names: np.ndarray
    features: np.ndarray = dataclasses.field(repr=False)
    rows: np.ndarray = dataclasses.field(repr=False)

    @functools.cached_property
    def ids(self) -> np.ndarray:
        return np.array([f"{self.domain}/{name}" for name in self.names])

    def image(self, row: int) -> SourceImage:
        id = str(self.ids[row])
        return SourceImage(id, self.domain, self.classes[self.labels[row]], functools.partial(_refuse, id))

    def take(self, rows: np.ndarray) -> Vectors:
        return dataclasses.replace(self, labels=self.labels[rows], names=self.names[rows], rows=self.rows[rows])

    def relabelled(self, classes: tuple[str, ...]) -> Vectors:
        return dataclasses.replace(self, classes=classes, labels=new_labels(self.labels, self.classes, classes))

    def open(self, _reading: Reading) -> ImageArray:
        """Returns the vectors: one row per image, whatever the size or number of views."""
        no_labels = np.zeros((len(self), 0), np.int32)
        return ImageArray(self.features[self.rows], self.labels, self.ids, self.ids, no_labels)


def _refuse(id: str, size_px: int) -> np.ndarray:
    raise UserError(f"{id} is a feature vector and has no pixels, which would be shown at {size_px} px.")
