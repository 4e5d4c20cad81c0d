"""Photographs that a table names, with a box and a published class each: what loaders of published sets share."""

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

_NAMED = 3  # files that an error names before it only counts


@dataclasses.dataclass(frozen=True)
class Boxed:
    """One object in a photograph.

    Attributes:
      path: the image.
      name: unique in its set and stable wherever the set lies.
      label: published class, as the set writes it.
      box: (left, top, right, bottom) in pixels, right and bottom just outside.
      group: what shows the same physical object has the same one.
    """

    path: pathlib.Path
    name: str
    label: str
    box: Box
    group: str


def require_files(table: pathlib.Path, entries: Iterable[Boxed]) -> None:
    """Raises a UserError if an image that the table names is absent: one listing a folder, no image opened."""
    paths = sorted({entry.path for entry in entries})
    present = {folder: _names(folder) for folder in {path.parent for path in paths}}
    if absent := [path for path in paths if path.name not in present[path.parent]]:
        reported = ", ".join(map(str, absent[:_NAMED])) + (", ..." if len(absent) > _NAMED else "")
        raise UserError(
            f"{table}: {len(absent)} of the {len(paths)} images it names are absent: {reported}."
            " Unpack the archive with the images again, or take the rows out."
        )


def _names(folder: pathlib.Path) -> set[str]:
    return set(os.listdir(folder)) if folder.is_dir() else set()


def read_classes(file: str) -> dict[str, tuple[str, str]]:
    """Returns published class -> (its name, local name of the graph's class, or "") from a table of the package."""
    text = importlib.resources.files("kgv_jax.data.sources").joinpath(file).read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["published"]: (row["name"], row["class"]) for row in rows}


def to_image(entry: Boxed, *, domain: str, margin: float) -> SourceImage:
    """Returns the crop of an object as an image of its class."""
    load = functools.partial(decode_box, entry.path, entry.box, margin=margin)
    return SourceImage(f"{domain}/{entry.label}/{entry.name}", domain, entry.label, load)


def split_groups(labels: Sequence[str], groups: Sequence[str], fraction: float, *, parts: int, seed: int) -> np.ndarray:
    """Returns the part of each entry, int8 `[n]`: 0 is kept, 1 to `parts` are held out; a group is in one part only.

    Of `n` groups of a label each part gets `fraction` of them, at least one where one is left to keep. The order is a
    hash of (seed, group).
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
