"""Pictures of which only feature vectors are there, as zero-shot benchmarks publish them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence

import numpy as np

from kgv_jax.data.types import Picture
from kgv_jax.util.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class Vectors(Sequence[Picture]):
    """Feature vectors of pictures of one domain.

    Attributes:
      domain: of all of them.
      classes: names that `label` counts.
      label: `[n]` int32.
      name: `[n]` names, unique within the domain.
      features: `[m, F]` float32 of a whole data set, shared by its parts.
      row: `[n]` int64, the row of each picture there.
      also: `[n, 0]` int32; a picture has one label.
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

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, index):
        """Returns the picture at an index, or the pictures of a slice as `Vectors`."""
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        row = range(len(self))[index]
        load = functools.partial(_no_pixels, self.id(row))
        return Picture(self.id(row), self.domain, self.classes[self.label[row]], load)

    def __iter__(self) -> Iterator[Picture]:
        return map(self.__getitem__, range(len(self)))

    def id(self, row: int) -> str:
        """Returns `domain/name`: unique and stable."""
        return f"{self.domain}/{self.name[row]}"

    def ids(self, rows: np.ndarray) -> list[str]:
        """Returns the ids of rows."""
        return [self.id(row) for row in rows]

    def take(self, rows: np.ndarray) -> Vectors:
        """Returns the pictures of some rows."""
        return dataclasses.replace(self, label=self.label[rows], name=self.name[rows], row=self.row[rows])

    def relabelled(self, classes: tuple[str, ...], label: np.ndarray) -> Vectors:
        """Returns the same pictures with labels of other classes."""
        return dataclasses.replace(self, classes=classes, label=label)


def _no_pixels(name: str, size_px: int) -> np.ndarray:
    raise UserError(f"{name} is a feature vector and has no pixels, which would be drawn at {size_px} px.")
