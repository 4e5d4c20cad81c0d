"""Photographs listed in a table, each with a box and a published class: shared by loaders of published data sets."""

from __future__ import annotations

import concurrent.futures
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

from kgv_jax.data.decode import decode_box, image_size
from kgv_jax.data.types import SourceImage
from kgv_jax.util.cores import usable_cores
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
      size: (width, height) in pixels that the table says the image has; None where it says nothing.
    """

    path: pathlib.Path
    name: str
    label: str
    box: Box
    group: str
    size: tuple[int, int] | None = None


def fit_boxes(entries: Sequence[Boxed]) -> tuple[tuple[Boxed, ...], tuple[str, ...]]:
    """Returns the entries with boxes that fit the images as they are, and notes on those that were scaled.

    Headers are read and no pixels. A copy of a set whose images were all resized keeps the published table: its boxes
    are then scaled by as much as the images were.

    Raises:
      UserError: a file is empty or no image, or a box reaches out of its image.
    """
    paths = sorted({entry.path for entry in entries})
    with concurrent.futures.ThreadPoolExecutor(usable_cores()) as pool:
        size_of = dict(zip(paths, pool.map(image_size, paths), strict=True))
    fitted, scaled = [], []
    for entry in entries:
        size = size_of[entry.path]
        if entry.size not in (None, size):
            across, down = size[0] / entry.size[0], size[1] / entry.size[1]
            left, top, right, bottom = entry.box
            entry = dataclasses.replace(entry, box=(left * across, top * down, right * across, bottom * down))
            scaled.append(entry)
        _check_inside(entry, size)
        fitted.append(entry)
    if not scaled:
        return tuple(fitted), ()
    first, size = scaled[0], size_of[scaled[0].path]
    return tuple(fitted), (
        f"{len(scaled)} of {len(fitted)} images have another size than their table says, such as {first.path.name}, "
        f"{size[0]} x {size[1]} instead of {first.size[0]} x {first.size[1]}; their boxes were scaled.",
    )


def _check_inside(entry: Boxed, size: tuple[int, int]) -> None:
    left, top, right, bottom = entry.box
    if entry.box == WHOLE:
        return
    slack = 1.0  # published boxes count pixels from 0 or from 1
    if left < -slack or top < -slack or right > size[0] + slack or bottom > size[1] + slack:
        raise UserError(
            f"{entry.path}: the box {tuple(round(edge) for edge in entry.box)} (left, top, right, bottom) of "
            f"{entry.name} reaches out of the image, which is {size[0]} x {size[1]}. Fix the table, or remove the row."
        )


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
    group = f"{domain}/{entry.group}"
    return SourceImage(f"{domain}/{entry.label}/{entry.name}", domain, entry.label, load, group=group)


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
