"""Many photographs, kept encoded: bytes are read row by row when a batch asks for them.

There may be a million of them, as files or as records of shards. Only a name and a label per image are in memory.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable

import numpy as np

from kgv_jax.data.crop import CentreCrop
from kgv_jax.data.decode import decode_bytes
from kgv_jax.data.encoded import CropReader
from kgv_jax.data.types import ImageList, Reading, SourceImage, new_labels
from kgv_jax.util.cores import usable_cores
from kgv_jax.util.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class Records(ImageList):
    """Photographs of one domain.

    Attributes:
      domain: of all of them.
      classes: names that `labels` count.
      labels: `[n]` int32.
      names: `[n]` names in ASCII (bytes), unique within the domain, such as b"n01440764/n01440764_10026.JPEG".
      read_encoded: rows `[m]` -> the encoded images.
      alternative_labels: `[n, K]` int32 other labels that are right too, -1 pads; `[n, 0]` where every image has one.
      crop_share: share of the shorter side that an evaluation shows.
    """

    domain: str
    classes: tuple[str, ...]
    labels: np.ndarray
    names: np.ndarray
    read_encoded: Callable[[np.ndarray], list[bytes]] = dataclasses.field(repr=False)
    alternative_labels: np.ndarray | None = None
    crop_share: float = 224 / 256

    def __post_init__(self) -> None:
        if self.alternative_labels is None:
            object.__setattr__(self, "alternative_labels", np.zeros((len(self.labels), 0), np.int32))
        counts = {len(self.labels), len(self.names), len(self.alternative_labels)}
        if len(counts) != 1:
            raise ValueError(f"{self.domain}: labels, names and alternative labels have lengths {counts}.")

    @functools.cached_property
    def ids(self) -> np.ndarray:
        return np.array([self.id(row) for row in range(len(self))])

    def id(self, row: int) -> str:
        """Returns `domain/name`."""
        return f"{self.domain}/{self.names[row].decode()}"

    def image(self, row: int) -> SourceImage:
        load = functools.partial(self._load, row)
        return SourceImage(self.id(row), self.domain, self.classes[self.labels[row]], load)

    def _load(self, row: int, size_px: int) -> np.ndarray:
        (data,) = self.read_encoded(np.array([row]))
        return decode_bytes(data, self.id(row), size_px)

    def take(self, rows: np.ndarray) -> Records:
        rows = np.asarray(rows)
        inner = self.read_encoded
        return dataclasses.replace(
            self,
            labels=self.labels[rows],
            names=self.names[rows],
            alternative_labels=self.alternative_labels[rows],
            read_encoded=lambda own: inner(rows[np.asarray(own)]),
        )

    def relabelled(self, classes: tuple[str, ...]) -> Records:
        """See `ImageList.relabelled`; alternative labels that are none of the classes are dropped."""
        labels, alternatives = (
            new_labels(old, self.classes, classes) for old in (self.labels, self.alternative_labels)
        )
        return dataclasses.replace(self, classes=classes, labels=labels, alternative_labels=alternatives)

    def open(self, reading: Reading) -> Cropped:
        """Returns one crop per image, cut when a batch asks for it; views are never rendered."""
        crop = reading.crop or CentreCrop(self.crop_share)
        return Cropped(self, CropReader(reading.size_px, crop, threads=usable_cores()))


@dataclasses.dataclass(frozen=True, eq=False)
class Cropped:
    """An `ImageSet` of crops uint8 `[size, size, 3]` of encoded images, which are read when they are asked for."""

    records: Records
    reader: CropReader

    def __len__(self) -> int:
        return len(self.records)

    @property
    def labels(self) -> np.ndarray:
        return self.records.labels

    @property
    def ids(self) -> np.ndarray:
        return self.records.ids

    @property
    def groups(self) -> np.ndarray:
        return self.records.ids

    @property
    def alternative_labels(self) -> np.ndarray:
        return self.records.alternative_labels

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.reader.size_px, self.reader.size_px, 3

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint8)

    def take(self, rows: np.ndarray) -> Cropped:
        """See `ImageSet.take`."""
        return Cropped(self.records.take(rows), self.reader)

    def read(self, rows: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """See `ImageSet.read`."""
        names = [self.records.id(row) for row in rows]
        return self.reader(self.records.read_encoded(rows), positions, names=names)


def read_files(folder: pathlib.Path, paths: np.ndarray, rows: np.ndarray) -> list[bytes]:
    """Returns the bytes of some of the files `paths` `[n]` (bytes strings) below a folder."""
    found = []
    for path in paths[rows]:
        try:
            found.append((folder / path.decode()).read_bytes())
        except OSError as error:
            raise UserError(
                f"{folder / path.decode()}: cannot be read ({error.strerror}); the files under {folder} have"
                " changed since the run began. Start it again: it resumes."
            ) from error
    return found
