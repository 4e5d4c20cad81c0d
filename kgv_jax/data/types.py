"""The types of this subpackage: a source image, lists of them, the images that a run reads, and a data set.

A data set names its images as an `ImageList`: labels and ids are there, pixels are not. `ImageList.open` is asked for a
way to read them and gives an `ImageSet`. Training batches and evaluations read every kind of image through that one
protocol.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from kgv_jax.data.crop import Crop
from kgv_jax.data.scenes import Scene

# Roles of classes: trained on, held out to test generalised zero-shot recognition, or held out to choose with.
SEEN, UNSEEN = "seen", "unseen"
# The source's held-out images among the evaluated domains: choices are made on them, and they are no test domain.
VALIDATION = "validation"


@dataclasses.dataclass(frozen=True)
class SourceImage:
    """One image of a class or of graph elements, before a view of it is rendered.

    Attributes:
      id: unique and stable, `domain/class/name`.
      domain: where it comes from: a country, a drawing convention, `elements`, ...
      label: class name, or None for an image without a class (an element image).
      depicts: (relation name, node name) pairs the image shows; `instanceOf` for an
        element that the image is an image of. Class images leave it empty.
      group: what intervals resample, and splits and low-data subsets take whole: images of one physical object share
        it, such as the frames of a track. Empty: the image is on its own, and its id is its group.
      load: `load(size_px) -> [size, size, 4]` uint8 RGBA, straight (unassociated) alpha.
    """

    id: str
    domain: str
    label: str | None
    load: Callable[[int], np.ndarray] = dataclasses.field(repr=False, compare=False)
    depicts: tuple[tuple[str, str], ...] = ()
    group: str = ""


class ImageSet(Protocol):
    """What the encoder is trained and tested on, as rows: rendered views, decoded images, crops, or feature vectors.

    Attributes:
      labels: `[n]` int32; -1 for images without a class.
      ids: `[n]` unique names.
      groups: `[n]` names of the groups of the source images that rows show: the unit that intervals resample.
      alternative_labels: `[n, K]` int32 other labels that are right too, -1 pads.
      shape: of one image, `(S, S, 3)`, or of one feature vector, `(F,)`.
      dtype: of the values: uint8 pixels, or float32 features.
    """

    @property
    def labels(self) -> np.ndarray: ...

    @property
    def ids(self) -> np.ndarray: ...

    @property
    def groups(self) -> np.ndarray: ...

    @property
    def alternative_labels(self) -> np.ndarray: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __len__(self) -> int: ...

    def take(self, rows: np.ndarray) -> ImageSet:
        """Returns the images of some rows."""
        ...

    def read(self, rows: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Returns the values `[m, *shape]` of rows `[m]`.

        `positions` `[m]` are those in a stream's endless order. A random crop follows from them, so that an image is
        cropped anew in every epoch, and again in the same way when a run resumes.
        """
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class ImageArray:
    """An `ImageSet` whose values are one array `[n, *shape]`, in memory or memory-mapped."""

    values: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    groups: np.ndarray
    alternative_labels: np.ndarray

    def __post_init__(self) -> None:
        lengths = {field.name: len(getattr(self, field.name)) for field in dataclasses.fields(self)}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"The arrays of a set of images have the lengths {lengths}; expected one length.")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape[1:]

    @property
    def dtype(self) -> np.dtype:
        return self.values.dtype

    def take(self, rows: np.ndarray) -> ImageArray:
        """See `ImageSet.take`."""
        return ImageArray(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))

    def read(self, rows: np.ndarray, _positions: np.ndarray) -> np.ndarray:
        """See `ImageSet.read`."""
        return self.values[rows]


@dataclasses.dataclass(frozen=True)
class Reading:
    """How a run reads a list of images.

    Attributes:
      size_px: side of the square images.
      stream: name of what reads them. It seeds the views that are rendered.
      seed: of the rendered views.
      views: rows per image: rendered views that differ, where `render` is on.
      render: whether views are rendered of images that are drawings.
      extent: of what a rendered view shows, its longer side as a share of the view's: (low, high).
      scenes: photographs that rendered views stand in; empty: their ground and light are made up.
      crop: `(position, height, width) -> Crop` of images that stay encoded; None shows the central square.
    """

    size_px: int
    stream: str
    seed: int
    views: int = 1
    render: bool = False
    extent: tuple[float, float] = (0.75, 0.95)
    scenes: Sequence[Scene] = ()
    crop: Callable[[int, int, int], Crop] | None = None


class ImageList(Sequence[SourceImage]):
    """The images of one part of a data set; iterating gives `SourceImage`s.

    Attributes:
      classes: names that `labels` count.
      labels: `[n]` int32; -1 for images without a class.
      ids: `[n]` ids of the source images.
    """

    classes: tuple[str, ...]
    labels: np.ndarray
    ids: np.ndarray

    @abc.abstractmethod
    def image(self, row: int) -> SourceImage:
        """Returns one image."""

    @abc.abstractmethod
    def take(self, rows: np.ndarray) -> ImageList:
        """Returns the images of some rows."""

    @abc.abstractmethod
    def relabelled(self, classes: tuple[str, ...]) -> ImageList:
        """Returns the same images with labels that count other classes, every image's own class among them."""

    @abc.abstractmethod
    def open(self, reading: Reading) -> ImageSet:
        """Returns what a run reads: `reading.views` rows per image, image by image, where views are rendered."""

    def of_classes(self, names: Collection[str]) -> ImageList:
        """Returns the images of some classes."""
        return self.take(np.flatnonzero(self._is_of(names)))

    def without_classes(self, names: Collection[str]) -> ImageList:
        """Returns the images of all other classes."""
        return self.take(np.flatnonzero(~self._is_of(names)))

    def _is_of(self, names: Collection[str]) -> np.ndarray:
        names = set(names)
        return np.isin(self.labels, [label for label, name in enumerate(self.classes) if name in names])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index):
        """Returns the image at an index, or the list of a slice."""
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        return self.image(range(len(self))[index])

    def __iter__(self) -> Iterator[SourceImage]:
        return map(self.image, range(len(self)))


def source_of_row(id: str) -> str:
    """Returns the id of the source image of a row: view k of it has the id `ID#k`."""
    source, view, number = id.rpartition("#")
    return source if view and number.isdecimal() else id


def new_labels(labels: np.ndarray, old: Sequence[str], new: Sequence[str]) -> np.ndarray:
    """Returns labels that count the classes `new` for labels that count `old`; -1 where the class is none of `new`."""
    label_of = {name: label for label, name in enumerate(new)}
    return np.array([*(label_of.get(name, -1) for name in old), -1], np.int32)[labels]


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A source domain split in two, and the domains it is tested on.

    Attributes:
      classes: class names; a label's integer is its position here.
      train: images of the source domain to learn from.
      validation: images of the source domain for every choice that is made.
      domains: test domain -> its images; the source domain is one of them.
      source: name of the source domain.
      render_views: whether images are drawings, of which views are rendered.
      fixed_split: whether the source's test and validation parts hold every class, so that no image changes its part
        when a class is held out. Else the training images of a held-out class are tested or chosen with too.
      notes: what a user should know (classes dropped, files not read, ...).
      published: classes that the publisher holds out, under `unseen` and `validation`.
      untrained: classes that the source has no images of.
    """

    classes: tuple[str, ...]
    train: ImageList
    validation: ImageList
    domains: Mapping[str, ImageList]
    source: str
    render_views: bool
    fixed_split: bool = False
    notes: tuple[str, ...] = ()
    published: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    untrained: tuple[str, ...] = ()
