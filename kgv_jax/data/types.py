"""What the data rooms hand to each other: images, and a data set made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

# What classes are to training: shown, or held out to test generalised zero-shot recognition, or to choose with.
SEEN, UNSEEN = "seen", "unseen"
# The source's held-out images among the evaluated domains: choices are made on them, and they are no test domain.
VALIDATION = "validation"


@dataclasses.dataclass(frozen=True)
class SourceImage:
    """One image of a class or of graph elements, not yet photographed.

    Attributes:
      id: unique and stable, `domain/class/name`; the unit that intervals resample.
      domain: where it comes from: a country, a drawing convention, `elements`, ...
      label: class name, or None for an image without a class (an element image).
      depicts: (relation name, node name) pairs the image shows; `instanceOf` for an
        element that the image is an image of. Class images leave it empty.
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
      train: images of the source domain to learn from; many photographs are `data.records.Records`.
      validation: images of the source domain for every choice that is made.
      domains: test domain -> its images; the source domain is one of them.
      source: name of the source domain.
      render_views: whether images are drawings that must be photographed (True) or are
        photographs already (False).
      notes: what a user should be told (classes dropped, files not read, ...).
      published: classes that the publisher holds out, under `unseen` and `validation`.
      untrained: classes that the source has no images of.
    """

    classes: tuple[str, ...]
    train: Sequence[SourceImage]
    validation: Sequence[SourceImage]
    domains: Mapping[str, Sequence[SourceImage]]
    source: str
    render_views: bool
    notes: tuple[str, ...] = ()
    published: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    untrained: tuple[str, ...] = ()
