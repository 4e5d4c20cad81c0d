"""Many photographs, kept encoded: bytes are read row by row when a batch asks for them.

A million images as files, or as records of shards; in memory are a name and a label each. A `Records` is a
sequence of `Image`, so whatever works on few images works on it too; training and evaluation read `encoded`.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np

from kgv_jax.data.decode import decode_bytes
from kgv_jax.data.encoded import CropReader
from kgv_jax.data.rows import Rows
from kgv_jax.util.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class Records(Rows):
    """Photographs of one domain.

    Attributes:
      domain: of all of them.
      classes: names that `label` counts.
      label: `[n]` int32.
      name: `[n]` names in ASCII (bytes), unique within the domain, such as b"n01440764/n01440764_10026.JPEG".
      read: rows `[m]` -> the encoded images.
      also: `[n, K]` int32 other labels that are right too, -1 pads; `[n, 0]` where every image has one.
      crop_share: share of the shorter side that an evaluation shows.
    """

    domain: str
    classes: tuple[str, ...]
    label: np.ndarray
    name: np.ndarray
    read: Callable[[np.ndarray], list[bytes]] = dataclasses.field(repr=False)
    also: np.ndarray | None = None
    crop_share: float = 224 / 256

    def __post_init__(self) -> None:
        if self.also is None:
            object.__setattr__(self, "also", np.zeros((len(self.label), 0), np.int32))
        counts = {len(self.label), len(self.name), len(self.also)}
        if len(counts) != 1:
            raise ValueError(f"{self.domain}: labels, names and other labels have lengths {counts}")

    def name_of(self, row: int) -> str:
        return self.name[row].decode()

    def load(self, row: int, size_px: int) -> np.ndarray:
        (data,) = self.read(np.array([row]))
        return decode_bytes(data, self.id(row), size_px)

    def take(self, rows: np.ndarray) -> Records:
        """Returns the records of some rows."""
        rows = np.asarray(rows)
        inner = self.read
        return dataclasses.replace(
            self,
            label=self.label[rows],
            name=self.name[rows],
            also=self.also[rows],
            read=lambda own: inner(rows[np.asarray(own)]),
        )

    def relabelled(self, classes: tuple[str, ...], label: np.ndarray) -> Records:
        """Returns the same images with labels of other classes; other right labels that are none of them go."""
        place = {name: index for index, name in enumerate(classes)}
        new = np.array([*(place.get(name, -1) for name in self.classes), -1], np.int32)
        return dataclasses.replace(self, classes=classes, label=label, also=new[self.also])


@dataclasses.dataclass(frozen=True, eq=False)
class Cropped:
    """Records as an array uint8 `[n, size, size, 3]` of which rows are read when they are asked for."""

    records: Records
    reader: CropReader

    def __len__(self) -> int:
        return len(self.records)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`[n, size, size, 3]`."""
        return len(self), self.reader.size_px, self.reader.size_px, 3

    @property
    def dtype(self) -> np.dtype:
        """Of the pixels."""
        return np.dtype(np.uint8)

    def __getitem__(self, rows: slice) -> np.ndarray:
        return self.rows(np.arange(len(self))[rows])

    def rows(self, rows: np.ndarray, positions: np.ndarray | None = None) -> np.ndarray:
        """Returns the crops of rows `[m]` at `positions` `[m]` of a stream; those of a pass in order if None."""
        places = rows if positions is None else positions
        return self.reader(self.records.read(rows), places, names=self.records.ids(rows))


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
