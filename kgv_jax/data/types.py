"""What the data rooms hand to each other: pictures, and a data set made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Picture:
    """One picture of a class or of graph elements, not yet photographed.

    Attributes:
      id: unique and stable, `domain/class/name`; the unit that intervals resample.
      domain: where it comes from: a country, a drawing convention, `elements`, ...
      label: class name, or None for a picture without a class (an element picture).
      depicts: (relation name, node name) pairs the picture shows; `instanceOf` for an
        element that the picture is a picture of. Class pictures leave it empty.
      load: `load(size_px) -> [size, size, 4]` uint8 RGBA, straight (unassociated) alpha.
    """

    id: str
    domain: str
    label: str | None
    load: Callable[[int], np.ndarray] = dataclasses.field(repr=False, compare=False)
    depicts: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A source domain split in two, and the domains it is tested on.

    Attributes:
      classes: class names; a label's integer is its position here.
      train: pictures of the source domain to learn from; many photographs are `data.records.Records`.
      validation: pictures of the source domain for every choice that is made.
      domains: test domain -> its pictures; the source domain is one of them.
      source: name of the source domain.
      photographs: whether pictures are drawings that must be photographed (True) or are
        photographs already (False).
      notes: what a user should be told (classes dropped, files not read, ...).
      published: classes that the publisher holds out, under `unseen` and `validation`.
      untrained: classes that the source has no pictures of.
    """

    classes: tuple[str, ...]
    train: Sequence[Picture]
    validation: Sequence[Picture]
    domains: Mapping[str, Sequence[Picture]]
    source: str
    photographs: bool
    notes: tuple[str, ...] = ()
    published: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    untrained: tuple[str, ...] = ()
