"""Many images of one domain as arrays, one row an image: what sequences of them have in common."""

from __future__ import annotations

import abc
import functools
from collections.abc import Iterator, Sequence

import numpy as np

from kgv_jax.data.types import SourceImage


class Rows(Sequence[SourceImage]):
    """A sequence of `Image` that keeps a label and a name each, and makes an image when it is asked for.

    Attributes:
      domain: of all of them.
      classes: names that `label` counts.
      label: `[n]` int32.
    """

    domain: str
    classes: tuple[str, ...]
    label: np.ndarray

    @abc.abstractmethod
    def name_of(self, row: int) -> str:
        """Returns the name of a row, unique within the domain."""

    @abc.abstractmethod
    def load(self, row: int, size_px: int) -> np.ndarray:
        """Returns the pixels of a row, uint8 `[size_px, size_px, 4]`."""

    @abc.abstractmethod
    def take(self, rows: np.ndarray) -> Rows:
        """Returns the images of some rows."""

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, index):
        """Returns the image at an index, or the images of a slice as `Rows`."""
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        row = range(len(self))[index]
        return SourceImage(self.id(row), self.domain, self.classes[self.label[row]], functools.partial(self.load, row))

    def __iter__(self) -> Iterator[SourceImage]:
        return map(self.__getitem__, range(len(self)))

    def id(self, row: int) -> str:
        """Returns `domain/name`: unique and stable."""
        return f"{self.domain}/{self.name_of(row)}"

    def ids(self, rows: np.ndarray) -> list[str]:
        """Returns the ids of rows."""
        return [self.id(row) for row in rows]
