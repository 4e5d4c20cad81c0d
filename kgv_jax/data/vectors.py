"""Images of which only feature vectors are there, as zero-shot benchmarks publish them."""

from __future__ import annotations

import dataclasses

import numpy as np

from kgv_jax.data.rows import Rows
from kgv_jax.util.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class Vectors(Rows):
    """Feature vectors of images of one domain.

    Attributes:
      domain: of all of them.
      classes: names that `label` counts.
      label: `[n]` int32.
      name: `[n]` names, unique within the domain.
      features: `[m, F]` float32 of a whole data set, shared by its parts.
      row: `[n]` int64, the row of each image there.
      also: `[n, 0]` int32; an image has one label.
    """

    domain: str
    classes: tuple[str, ...]
    label: np.ndarray
    name: np.ndarray
    features: np.ndarray = dataclasses.field(repr=False)
    row: np.ndarray = dataclasses.field(repr=False)

    @property
    def also(self) -> np.ndarray:
        return np.zeros((len(self.label), 0), np.int32)

    @property
    def vectors(self) -> np.ndarray:
        """`[n, F]` float32."""
        return self.features[self.row]

    def name_of(self, row: int) -> str:
        return str(self.name[row])

    def load(self, row: int, size_px: int) -> np.ndarray:
        raise UserError(f"{self.id(row)} is a feature vector and has no pixels, which would be drawn at {size_px} px.")

    def take(self, rows: np.ndarray) -> Vectors:
        """Returns the images of some rows."""
        return dataclasses.replace(self, label=self.label[rows], name=self.name[rows], row=self.row[rows])

    def relabelled(self, classes: tuple[str, ...], label: np.ndarray) -> Vectors:
        """Returns the same images with labels of other classes."""
        return dataclasses.replace(self, classes=classes, label=label)
