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
from collections.abc import Iterable

from kgv_jax.data.decode import decode_box
from kgv_jax.data.types import Picture
from kgv_jax.util.errors import UserError
from kgv_jax.util.tables import Box

WHOLE: Box = (0, 0, math.inf, math.inf)  # the picture is the crop

_NAMED = 3  # files that an error names before it only counts


@dataclasses.dataclass(frozen=True)
class Boxed:
    """One object in a photograph.

    Attributes:
      path: the picture.
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
    """Raises a UserError if a picture that the table names is absent: one listing a folder, no picture opened."""
    paths = sorted({entry.path for entry in entries})
    present = {folder: _names(folder) for folder in {path.parent for path in paths}}
    if absent := [path for path in paths if path.name not in present[path.parent]]:
        told = ", ".join(map(str, absent[:_NAMED])) + (", ..." if len(absent) > _NAMED else "")
        raise UserError(
            f"{table}: {len(absent)} of the {len(paths)} pictures it names are absent: {told}."
            " Unpack the archive with the pictures again, or take the rows out."
        )


def _names(folder: pathlib.Path) -> set[str]:
    return set(os.listdir(folder)) if folder.is_dir() else set()


def read_classes(file: str) -> dict[str, tuple[str, str]]:
    """Returns published class -> (its name, local name of the graph's class, or "") from a table of the package."""
    text = importlib.resources.files("kgv_jax.data.sources").joinpath(file).read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["published"]: (row["name"], row["class"]) for row in rows}


def to_picture(entry: Boxed, *, domain: str, margin: float) -> Picture:
    """Returns the crop of an object as a picture of its class."""
    load = functools.partial(decode_box, entry.path, entry.box, margin=margin)
    return Picture(f"{domain}/{entry.label}/{entry.name}", domain, entry.label, load)


def split_groups(entries: Iterable[Boxed], fraction: float, *, parts: int, seed: int) -> tuple[list[Boxed], ...]:
    """Returns (kept, part 1, ..., part n): whole groups only, so that no object is on two sides.

    Of `n` groups of a label each part gets `fraction` of them, at least one where one is left to keep. The order is a
    hash of (seed, group).
    """
    groups: dict[str, dict[str, list[Boxed]]] = {}
    for entry in entries:
        groups.setdefault(entry.label, {}).setdefault(entry.group, []).append(entry)
    kept: list[Boxed] = []
    held: list[list[Boxed]] = [[] for _ in range(parts)]
    for label in sorted(groups):
        order = sorted(groups[label], key=lambda group: _rank(seed, group))
        count = min(max(1, round(fraction * len(order))), (len(order) - 1) // parts)
        for k, group in enumerate(order):
            part = k // count if count else parts
            (held[part] if part < parts else kept).extend(groups[label][group])
    return kept, *held


def _rank(seed: int, name: str) -> bytes:
    return hashlib.blake2b(repr((int(seed), name)).encode(), digest_size=16).digest()
