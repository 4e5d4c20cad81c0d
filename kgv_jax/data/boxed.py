"""Photographs listed in a table, each with a box and a published class: shared by loaders of published data sets."""

from __future__ import annotations

import csv
import dataclasses
import functools
import hashlib
import importlib.resources
import math
import os
import pathlib
from collections.abc import Iterable, Sequence

import numpy as np

from kgv_jax.data.decode import decode_box
from kgv_jax.data.types import SourceImage
from kgv_jax.util.errors import UserError
from kgv_jax.util.tables import Box

WHOLE: Box = (0, 0, math.inf, math.inf)  # the image is the crop

_NAMED = 3  # absent files that an error names; the others it counts


@dataclasses.dataclass(frozen=True)
class Boxed:
    """One object in a photograph.

    Attributes:
      path: the image file.
      name: unique in its data set, and the same wherever the set is unpacked.
      label: published class, as the data set writes it.
      box: (left, top, right, bottom) in pixels, right and bottom just outside.
      group: photographs of the same physical object share one.
    """

    path: pathlib.Path
    name: str
    label: str
    box: Box
    group: str


def require_files(table: pathlib.Path, entries: Iterable[Boxed]) -> None:
    """Raises a UserError if an image that the table names is absent.

    Each folder is listed once and no image is opened, so that a missing archive is reported before a run starts.
    """
    paths = sorted({entry.path for entry in entries})
    present = {folder: _names(folder) for folder in {path.parent for path in paths}}
    if absent := [path for path in paths if path.name not in present[path.parent]]:
        reported = ", ".join(map(str, absent[:_NAMED])) + (", ..." if len(absent) > _NAMED else "")
        raise UserError(
            f"{table}: {len(absent)} of the {len(paths)} images it names are absent: {reported}."
            " Unpack the archive with the images again, or remove the rows."
        )


def _names(folder: pathlib.Path) -> set[str]:
    return set(os.listdir(folder)) if folder.is_dir() else set()


def read_classes(file: str) -> dict[str, tuple[str, str]]:
    """Reads a table that kgv_jax carries: published class -> (its name, local name of the graph's class, or "")."""
    text = importlib.resources.files("kgv_jax.data.sources").joinpath(file).read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["published"]: (row["name"], row["class"]) for row in rows}


def to_image(entry: Boxed, *, domain: str, margin: float) -> SourceImage:
    """Returns the crop of an object as a source image of its class."""
    load = functools.partial(decode_box, entry.path, entry.box, margin=margin)
    return SourceImage(f"{domain}/{entry.label}/{entry.name}", domain, entry.label, load)


def split_groups(labels: Sequence[str], groups: Sequence[str], fraction: float, *, parts: int, seed: int) -> np.ndarray:
    """Returns the part of each entry, int8 `[n]`: 0 is kept, 1 to `parts` are held out.

    A group is in one part only: neighbouring frames of a video show the same object, and split between training and
    test they would measure memory. Of `n` groups of a label each part gets `fraction` of them, at least one where one
    is left to keep. Groups are ordered by a hash of (seed, group), so the order of the table does not matter.
    """
    of_label: dict[str, set[str]] = {}
    for label, group in zip(labels, groups, strict=True):
        of_label.setdefault(label, set()).add(group)
    part_of: dict[str, int] = {}
    for own in of_label.values():
        order = sorted(own, key=lambda group: _rank(seed, group))
        count = min(max(1, round(fraction * len(order))), (len(order) - 1) // parts)
        for part in range(parts):
            part_of.update(dict.fromkeys(order[part * count : (part + 1) * count], part + 1))
    return np.array([part_of.get(group, 0) for group in groups], np.int8)


def _rank(seed: int, name: str) -> bytes:
    return hashlib.blake2b(repr((int(seed), name)).encode(), digest_size=16).digest()
